"""Who this token speaks for, who works here, and how far long work is."""

import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from clinic.models import CrisisResource, Job, Membership
from clinic.models.job import JobState
from clinic.services import jobs
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.summaries.weeks import Week
from sessions.summaries.writing import PURPOSE, write_week
from tests.refusals import nothing_written, problem, without_id
from tests.world import Api, Person, World, staff

ME = "/api/v1/me"
MEMBERS = "/api/v1/members"
JOBS = "/api/v1/jobs"
SUMMARIES = "/api/v1/summaries"
RANDOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
WEEK = "2026-W20"

# --- /me


@pytest.mark.parametrize(
    ("person", "role", "name"),
    [
        ("alice", "therapist", "Alice Ames"),
        ("ada", "admin", "Ada Archer"),
        ("carol", "client", "Carol"),
    ],
)
def test_me_says_who_the_token_speaks_for(w: World, person: str, role: str, name: str) -> None:
    who: Person = getattr(w, person)

    body = who.api.get(ME).json()

    assert body["user"] == str(who.user_id)
    assert body["clinic"] == {
        "id": str(w.clinic.pk),
        "name": "Tidewater",
        "time_zone": "Europe/London",
        "language": "en",
    }
    assert body["memberships"] == [{"id": str(who.actor.membership_id), "role": role, "name": name}]
    assert body["client"] == (str(who.actor.client_id) if who.actor.client_id else None)


def test_me_names_the_one_membership_of_the_token(w: World) -> None:
    solo = staff(w.clinic, "solo@tidewater.example", "Sol Ortiz", Role.THERAPIST, Role.ADMIN)

    body = solo.api.get(ME).json()

    assert [one["role"] for one in body["memberships"]] == ["therapist"]


def test_me_is_nobody_without_a_token(anonymous: Api, w: World) -> None:
    problem(anonymous.get(ME), 401, "not_authenticated")


def test_me_shows_neither_address_nor_login_name(w: World) -> None:
    shown = w.alice.api.get(ME).content.decode()

    assert w.alice.email not in shown
    assert "id.invalid" not in shown


# --- /members


@pytest.mark.parametrize("person", ["alice", "ada"])
def test_staff_see_who_works_in_their_clinic_and_no_clients(w: World, person: str) -> None:
    shown = getattr(w, person).api.get(MEMBERS).json()["results"]

    assert {(one["name"], one["role"]) for one in shown} == {
        ("Alice Ames", "therapist"),
        ("Bob Byrne", "therapist"),
        ("Ada Archer", "admin"),
    }
    assert all(set(one) == {"id", "role", "name"} for one in shown)


def test_a_client_does_not_list_who_works_here(w: World) -> None:
    problem(w.carol.api.get(MEMBERS), 403, "permission_denied")
    problem(w.carol.api.get(f"{MEMBERS}/{w.alice.actor.membership_id}"), 403, "permission_denied")


def test_members_are_found_by_role(w: World) -> None:
    admins = w.alice.api.get(f"{MEMBERS}?role=admin").json()["results"]

    assert [one["name"] for one in admins] == ["Ada Archer"]


@pytest.mark.parametrize("role", ["client", "owner", "ADMIN"])
def test_a_role_that_is_none_of_staff_is_refused(w: World, role: str) -> None:
    problem(w.ada.api.get(f"{MEMBERS}?role={role}"), 400, "invalid_choice", at="/role")


def test_one_member_can_be_read(w: World) -> None:
    body = w.alice.api.get(f"{MEMBERS}/{w.bob.actor.membership_id}").json()

    assert body["name"] == "Bob Byrne"


def test_a_client_and_a_member_of_another_clinic_are_no_members(w: World) -> None:
    missing = w.ada.api.get(f"{MEMBERS}/{RANDOM_ID}")
    for person in (w.carol, w.charlie, w.dora):
        refused = w.ada.api.get(f"{MEMBERS}/{person.actor.membership_id}")
        problem(refused, 404, "not_found")
        assert without_id(refused) == without_id(missing)


def test_who_has_left_is_no_member_any_more(w: World) -> None:
    with acting_as(w.ada.actor):
        Membership.objects.filter(pk=w.bob.actor.membership_id).update(is_active=False)

    shown = w.alice.api.get(MEMBERS).json()["results"]

    assert "Bob Byrne" not in [one["name"] for one in shown]
    problem(w.alice.api.get(f"{MEMBERS}/{w.bob.actor.membership_id}"), 404)


# --- /jobs


def ask(person: Person, client: Person, week: str = WEEK) -> Any:
    return person.api.post(SUMMARIES, {"client": str(client.actor.client_id), "week": week})


def job_of(person: Person, **values: Any) -> Job:
    """A job that a person asked for, as far as said."""
    with acting_as(person.actor):
        job = jobs.queue_job(
            kind=WRITE_SUMMARIES,
            arguments={"week": WEEK, "clients": [str(person.actor.client_id or RANDOM_ID)]},
            unit="clients",
            clinic_id=person.actor.clinic_id,
            by=person.actor,
        )
        Job.objects.filter(pk=job.pk).update(**values)
        return job


def test_long_work_is_answered_with_where_to_ask_about_it(w: World) -> None:
    response = ask(w.alice, w.carol)

    assert response.status_code == 202
    assert response["Location"] == f"{JOBS}/{response.json()['id']}"
    shown = w.alice.api.get(response["Location"]).json()
    assert shown == response.json()
    assert (shown["state"], shown["done"], shown["total"]) == ("queued", 0, None)
    assert shown["eta_seconds"] is shown["result_url"] is shown["finished_at"] is None


def test_a_job_is_its_owners_alone(w: World) -> None:
    address = ask(w.alice, w.carol)["Location"]

    for person in (w.bob, w.ada, w.carol, w.charlie, w.dora):
        refused = person.api.get(address)
        problem(refused, 404, "not_found")
        assert without_id(refused) == without_id(person.api.get(f"{JOBS}/{RANDOM_ID}"))
        assert person.api.get(JOBS).json()["results"] == []
    assert len(w.alice.api.get(JOBS).json()["results"]) == 1


def test_a_client_asks_for_their_own_summary(w: World) -> None:
    response = ask(w.carol, w.carol)

    assert response.status_code == 202
    assert w.carol.api.get(response["Location"]).status_code == 200
    problem(w.alice.api.get(response["Location"]), 404)


def test_nobody_asks_for_the_summary_of_somebody_who_is_not_theirs(w: World) -> None:
    for person, client in ((w.alice, w.eve), (w.alice, w.dora), (w.carol, w.eve)):
        with nothing_written(w):
            refused = ask(person, client)
            missing = person.api.post(SUMMARIES, {"client": RANDOM_ID, "week": WEEK})
        problem(refused, 400, "does_not_exist", at="/client")
        assert without_id(refused) == without_id(missing)


def test_an_admin_asks_for_no_summary(w: World) -> None:
    with nothing_written(w):
        problem(ask(w.ada, w.carol), 403, "permission_denied")


@pytest.mark.parametrize(
    "week",
    [
        "2026-20",
        "2026-W60",
        "2026-W00",
        "2025-W53",
        "0000-W01",
        "20-W20",
        "2026-W20 x",
        "",
        None,
        202620,
        ["2026-W20"],
        "2999-W01",
        "9999-W52",
    ],
)
def test_a_week_that_is_none_or_is_not_over_is_refused(w: World, week: Any) -> None:
    with nothing_written(w):
        problem(ask(w.alice, w.carol, week), 400, at="/week")


def test_a_week_is_over_when_it_is_over_for_the_client(w: World) -> None:
    this_week = str(Week.of(w.today))
    last_week = str(Week.of(w.today - datetime.timedelta(days=7)))

    problem(ask(w.alice, w.carol, this_week), 400, at="/week")
    assert ask(w.alice, w.carol, last_week).status_code == 202


def test_a_job_says_how_far_it_is_and_how_long_it_may_take(w: World) -> None:
    with time_machine.travel("2036-03-10T12:00:00Z", tick=False):
        job = job_of(
            w.alice,
            state=JobState.RUNNING,
            done=50,
            total=200,
            started_at=timezone.now() - datetime.timedelta(seconds=100),
        )

        body = w.alice.api.get(f"{JOBS}/{job.pk}").json()

    assert (body["done"], body["total"], body["unit"]) == (50, 200, "clients")
    assert body["eta_seconds"] == 300


def test_a_job_that_is_done_says_where_its_result_is(w: World) -> None:
    address = ask(w.carol, w.carol)["Location"]
    worker = TaskActor(w.clinic.pk, PURPOSE)
    with acting_as(worker):
        assert w.carol.actor.client_id is not None
        write_week(week=Week.parse(WEEK), clients=[w.carol.actor.client_id], actor=worker)
    with acting_as(w.carol.actor):
        Job.objects.update(state=JobState.DONE, done=1, total=1)

    result_url = w.carol.api.get(address).json()["result_url"]

    assert urlsplit(result_url).path == SUMMARIES
    [summary] = w.carol.api.get(result_url).json()["results"]
    assert (summary["week"], summary["kind"]) == (WEEK, "client_week")


def test_a_job_that_failed_says_so_with_a_code_and_has_no_result(w: World) -> None:
    job = job_of(w.alice, state=JobState.FAILED, problem="given_up")

    body = w.alice.api.get(f"{JOBS}/{job.pk}").json()

    assert (body["state"], body["problem"], body["result_url"]) == ("failed", "given_up", None)


def test_a_job_shows_nothing_of_how_it_is_run(w: World) -> None:
    body = w.alice.api.get(f"{JOBS}/{job_of(w.alice).pk}").json()

    assert set(body) == {
        "id",
        "kind",
        "state",
        "done",
        "total",
        "unit",
        "eta_seconds",
        "problem",
        "result_url",
        "created_at",
        "finished_at",
    }


def test_the_servers_own_work_is_nobodys_to_see(w: World) -> None:
    with acting_as(TaskActor(w.clinic.pk, "jobs")):
        job = jobs.queue_job(
            kind=WRITE_SUMMARIES,
            arguments={"week": WEEK},
            unit="clients",
            clinic_id=w.clinic.pk,
            by=None,
        )

    for person in (w.alice, w.ada, w.carol):
        assert person.api.get(JOBS).json()["results"] == []
        problem(person.api.get(f"{JOBS}/{job.pk}"), 404)


def test_jobs_are_found_by_state(w: World) -> None:
    waiting, done = job_of(w.alice), job_of(w.alice, state=JobState.DONE)

    def found(state: str) -> list[str]:
        return [one["id"] for one in w.alice.api.get(f"{JOBS}?state={state}").json()["results"]]

    assert found("queued") == [str(waiting.pk)]
    assert found("done") == [str(done.pk)]
    assert found("failed") == []
    problem(w.alice.api.get(f"{JOBS}?state=gone"), 400, "invalid_choice", at="/state")


def test_a_job_is_asked_about_and_not_changed(w: World) -> None:
    address = f"{JOBS}/{job_of(w.alice).pk}"

    with nothing_written(w):
        for response in (
            w.alice.api.patch(address, {"state": "done"}),
            w.alice.api.put(address, {"state": "done"}),
            w.alice.api.delete(address),
            w.alice.api.post(JOBS, {"kind": WRITE_SUMMARIES}),
        ):
            problem(response, 405, "method_not_allowed")


# --- Support


def test_everyone_finds_whom_to_turn_to(w: World) -> None:
    for person in (w.alice, w.ada, w.carol):
        response = person.api.get("/api/v1/support")
        assert response.status_code == 200
        assert response.json()["support"][0]["name"] == "Emergency services"


def test_a_clinic_that_named_nobody_still_says_whom_to_call(w: World) -> None:
    with acting_as(w.alice.actor):
        CrisisResource.objects.all().delete()

    support = w.carol.api.get("/api/v1/support").json()["support"]

    assert [(one["name"], one["phone"]) for one in support] == [("Your local emergency number", "")]


def test_support_is_for_those_who_are_signed_in(w: World, anonymous: Api) -> None:
    problem(anonymous.get("/api/v1/support"), 401)
