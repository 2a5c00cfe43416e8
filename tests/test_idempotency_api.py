"""`Idempotency-Key`: a POST that is sent again makes nothing again."""

import datetime
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone

from clinic.models import CareTeamMember, Client, IdempotencyKey, Job
from clinic.tasks import forget_old_keys
from clinic.tenancy.actor import Role
from clinic.tenancy.scope import acting_as
from exercises.models import Assignment, Exercise
from tests import world
from tests.refusals import nothing_written, problem
from tests.world import Api, Person, World, staff

CLIENTS = "/api/v1/clients"
KEY = "0b8f3a52-one-of-a-kind"


def post(person: Person, body: dict[str, Any], key: str | None = KEY, path: str = CLIENTS) -> Any:
    headers = {} if key is None else {"idempotency-key": key}
    return person.api.post(path, body, headers=headers)


def count(person: Person, model: type[models.Model]) -> int:
    with acting_as(person.actor):
        return model._default_manager.count()


def new_client(w: World) -> dict[str, Any]:
    return {"full_name": "Wren Holt", "phone": "1"}


def new_part(w: World) -> dict[str, Any]:
    return {
        "client": str(w.carol.actor.client_id),
        "therapist": str(w.bob.actor.membership_id),
        "kind": "covering",
        "starts_on": "2036-03-10",
        "ends_on": "2036-03-11",
    }


def new_assignment(w: World) -> dict[str, Any]:
    return {
        "client": str(w.carol.actor.client_id),
        "exercise": str(w.exercise().pk),
        "reason": "It helped.",
        "rhythm": "once",
        "start_on": "2036-03-10",
    }


def new_summary(w: World) -> dict[str, Any]:
    return {"client": str(w.carol.actor.client_id), "week": "2026-W20"}


CREATING = [
    pytest.param("clients", new_client, Client, 201, id="clients"),
    pytest.param("care-team", new_part, CareTeamMember, 201, id="care-team"),
    pytest.param("assignments", new_assignment, Assignment, 201, id="assignments"),
    pytest.param("summaries", new_summary, Job, 202, id="summaries"),
]


@pytest.mark.parametrize(("path", "body", "model", "status"), CREATING)
def test_the_same_request_again_is_answered_again_and_makes_nothing(
    w: World,
    path: str,
    body: Callable[[World], dict[str, Any]],
    model: type[models.Model],
    status: int,
) -> None:
    before = count(w.alice, model)
    first = post(w.alice, body(w), path=f"/api/v1/{path}")

    with nothing_written(w):
        again = post(w.alice, body(w), path=f"/api/v1/{path}")

    assert first.status_code == again.status_code == status
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert again.get("ETag") == first.get("ETag")
    assert again.get("Location") == first.get("Location")
    assert count(w.alice, model) == before + 1


@pytest.mark.parametrize(("path", "body", "model", "status"), CREATING)
def test_without_a_key_the_same_request_makes_a_second_one(
    w: World,
    path: str,
    body: Callable[[World], dict[str, Any]],
    model: type[models.Model],
    status: int,
) -> None:
    first = post(w.alice, body(w), key=None, path=f"/api/v1/{path}")
    again = post(w.alice, body(w), key=None, path=f"/api/v1/{path}")

    assert first.status_code == again.status_code == status
    assert first.json()["id"] != again.json()["id"]


def test_the_order_of_fields_does_not_make_another_request(w: World) -> None:
    first = post(w.alice, {"full_name": "Wren Holt", "phone": "1"})
    again = post(w.alice, {"phone": "1", "full_name": "Wren Holt"})

    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    "body",
    [
        {"full_name": "Wren Holt", "phone": "2"},
        {"full_name": "Wren Holt"},
        {"full_name": "Wren Holt", "phone": "1", "pronouns": ""},
        {"full_name": "wren holt", "phone": "1"},
    ],
)
def test_a_key_that_came_with_another_body_is_refused(w: World, body: dict[str, Any]) -> None:
    post(w.alice, new_client(w))

    with nothing_written(w):
        refused = post(w.alice, body)

    problem(refused, 422, "idempotency_key_reused")


def test_a_key_that_came_to_another_address_is_refused(w: World) -> None:
    post(w.alice, new_client(w))

    with nothing_written(w):
        refused = post(w.alice, new_summary(w), path="/api/v1/summaries")

    problem(refused, 422, "idempotency_key_reused")


def test_another_key_makes_another_one(w: World) -> None:
    first, other = post(w.alice, new_client(w)), post(w.alice, new_client(w), key="another")

    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


def test_the_case_of_a_key_counts(w: World) -> None:
    first, other = post(w.alice, new_client(w)), post(w.alice, new_client(w), key=KEY.upper())

    assert other.json()["id"] != first.json()["id"]


def test_a_refused_request_leaves_no_key(w: World) -> None:
    with nothing_written(w):
        problem(post(w.alice, {"full_name": ""}), 400)
        problem(post(w.alice, {"full_name": "Wren", "nonsense": 1}), 400)

    assert post(w.alice, new_client(w)).status_code == 201


def test_a_request_that_the_service_refuses_leaves_no_key(w: World) -> None:
    unfit = {**new_assignment(w), "rhythm": "weekdays"}
    with nothing_written(w):
        problem(post(w.alice, unfit, path="/api/v1/assignments"), 400, at="/weekdays")

    taken = post(w.alice, new_assignment(w), path="/api/v1/assignments")

    assert taken.status_code == 201
    assert "Idempotency-Replayed" not in taken


def test_keys_are_each_callers_own(w: World) -> None:
    made = [post(person, new_client(w)) for person in (w.alice, w.bob, w.charlie)]

    assert [one.status_code for one in made] == [201, 201, 201]
    assert len({one.json()["id"] for one in made}) == 3
    assert all("Idempotency-Replayed" not in one for one in made)


def test_a_key_belongs_to_the_membership_and_not_to_the_token(w: World) -> None:
    first = post(w.alice, new_client(w))
    other_token = w.alice.api.post(
        "/api/v1/tokens", {"email": w.alice.email, "password": world.PASSWORD}
    ).json()["token"]

    again = Api(other_token).post(CLIENTS, new_client(w), headers={"idempotency-key": KEY})

    assert again.json()["id"] == first.json()["id"]
    assert again["Idempotency-Replayed"] == "true"


def test_two_roles_of_one_person_keep_their_keys_apart(w: World) -> None:
    solo = staff(w.clinic, "solo@tidewater.example", "Sol Ortiz", Role.THERAPIST, Role.ADMIN)
    as_admin = solo.api.post(
        "/api/v1/tokens", {"email": solo.email, "password": world.PASSWORD, "role": "admin"}
    ).json()["token"]
    body = {**new_client(w), "therapist": str(solo.actor.memberships[Role.THERAPIST])}

    first = post(solo, body)
    other = Api(as_admin).post(CLIENTS, body, headers={"idempotency-key": KEY})

    assert first.status_code == other.status_code == 201
    assert first.json()["id"] != other.json()["id"]


@pytest.mark.parametrize("key", ["", "k" * 256, "k" * 5000, "a\x01b", "a\tb", "a\x7fb"])
def test_a_key_that_cannot_be_is_refused(w: World, key: str) -> None:
    with nothing_written(w):
        problem(post(w.alice, new_client(w), key=key), 400, at="/Idempotency-Key")


@pytest.mark.parametrize("key", ["k", "k" * 255, '"quoted"', "a b", "\u00e9"])
def test_a_key_at_the_edge_is_taken(w: World, key: str) -> None:
    first, again = (post(w.alice, new_client(w), key=key) for _ in range(2))

    assert first.status_code == 201
    assert again["Idempotency-Replayed"] == "true"


def test_the_table_keeps_neither_key_nor_body_nor_answer(w: World) -> None:
    made = post(w.alice, {"full_name": "Wren Holt", "phone": "0123456"}).json()

    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute(
            "SELECT k::text, object_id::text, octet_length(key_digest), octet_length(request_digest) "
            "FROM clinic_idempotencykey k"
        )
        [(row, object_id, key_length, request_length)] = cursor.fetchall()
    assert object_id == made["id"]
    assert (key_length, request_length) == (32, 32)
    for text in (KEY, "Wren", "Holt", "0123456"):
        assert text not in row
        assert text.encode().hex() not in row


def test_a_repeat_shows_what_is_there_now(w: World) -> None:
    made = post(w.alice, new_client(w))
    w.alice.api.patch(
        f"{CLIENTS}/{made.json()['id']}", {"phone": "2"}, headers={"if-match": made["ETag"]}
    )

    again = post(w.alice, new_client(w))

    assert again.json()["phone"] == "2"
    assert again["ETag"] != made["ETag"]


def test_a_repeat_does_not_show_what_the_caller_may_not_see_any_more(w: World) -> None:
    made = post(w.alice, new_client(w)).json()
    with acting_as(w.ada.actor):
        CareTeamMember.objects.filter(client_id=made["id"]).update(
            membership_id=w.bob.actor.membership_id
        )

    with nothing_written(w):
        refused = post(w.alice, new_client(w))

    problem(refused, 404, "not_found")
    assert "Wren" not in refused.content.decode()


def test_a_key_is_forgotten_after_a_day(w: World) -> None:
    older, newer = post(w.alice, new_client(w)), post(w.alice, new_client(w), key="newer")
    with acting_as(w.alice.actor):
        IdempotencyKey.objects.filter(object_id=older.json()["id"]).update(
            created_at=timezone.now() - datetime.timedelta(hours=24, minutes=1)
        )

    forget_old_keys()

    assert post(w.alice, new_client(w), key="newer").json()["id"] == newer.json()["id"]
    assert post(w.alice, new_client(w)).json()["id"] != older.json()["id"]


def test_a_key_on_what_is_safe_to_repeat_is_not_needed_and_not_kept(w: World) -> None:
    assignment = w.assignment()
    path = f"/api/v1/assignments/{assignment.pk}/pause"

    assert post(w.alice, {}, path=path).status_code == 200
    assert post(w.alice, {}, path=path).status_code == 200
    assert count(w.alice, IdempotencyKey) == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_at_once_makes_one() -> None:
    w = world.build()
    start = threading.Barrier(2)
    answers: list[Any] = []

    def send() -> None:
        try:
            start.wait(timeout=30)
            answers.append(post(w.alice, new_client(w)))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert sorted("Idempotency-Replayed" in one for one in answers) == [False, True]
    with acting_as(w.alice.actor):
        assert sum(one.full_name == "Wren Holt" for one in Client.objects.all()) == 1


def test_a_repeat_is_known_though_the_world_has_changed(w: World) -> None:
    plan = {
        "client": str(w.carol.actor.client_id),
        "exercise": str(w.exercise().pk),
        "reason": "It helped.",
        "rhythm": "once",
        "start_on": str(w.today),
    }
    first = w.alice.api.post("/api/v1/assignments", plan, headers={"idempotency-key": "once"})
    with acting_as(w.alice.actor):
        Exercise.objects.update(is_offered=False)

    again = w.alice.api.post("/api/v1/assignments", plan, headers={"idempotency-key": "once"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert again["Idempotency-Replayed"] == "true"
