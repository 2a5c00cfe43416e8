"""People in care: who sees them, who takes them in, and what can be changed."""

import datetime
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection

from clinic.models import CareTeamMember, Client
from clinic.models.care_team import CareTeamKind
from clinic.services.clients import change_client
from clinic.tenancy.scope import acting_as
from tests.refusals import nothing_written, problem, without_id
from tests.world import Person, World

CLIENTS = "/api/v1/clients"
RANDOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def names(person: Person, query: str = "") -> list[str]:
    response = person.api.get(f"{CLIENTS}{query}")
    assert response.status_code == 200, response.content
    return sorted(one["full_name"] for one in response.json()["results"])


def address(person: Person) -> str:
    return f"{CLIENTS}/{person.actor.client_id}"


def change(by: Person, client: Person, changes: dict[str, Any], etag: str | None = None) -> Any:
    """PATCH with the present ETag, or the one given."""
    etag = etag or by.api.get(address(client))["ETag"]
    return by.api.patch(address(client), changes, headers={"if-match": etag})


def kept(client: Person, field: str) -> Any:
    """What the table holds now."""
    with acting_as(client.actor):
        return getattr(Client.objects.get(pk=client.actor.client_id), field)


def membership(person: Person) -> str:
    return str(person.actor.membership_id)


# --- Who sees whom


def test_a_therapist_sees_their_caseload(w: World) -> None:
    assert names(w.alice) == ["Carol Quill"]
    assert names(w.bob) == ["Eve Ferris"]


def test_an_admin_sees_the_names_of_all_clients_of_the_clinic(w: World) -> None:
    assert names(w.ada) == ["Carol Quill", "Eve Ferris"]


def test_a_client_sees_their_own_record_and_no_other(w: World) -> None:
    assert names(w.carol) == ["Carol Quill"]
    problem(w.carol.api.get(address(w.eve)), 404)


def test_caution_flags_are_for_therapists(w: World) -> None:
    change(w.alice, w.carol, {"caution_flags": ["trauma_or_dissociation"]})

    assert w.alice.api.get(address(w.carol)).json()["caution_flags"] == ["trauma_or_dissociation"]
    for person in (w.ada, w.carol):
        for response in (person.api.get(CLIENTS), person.api.get(address(w.carol))):
            assert response.status_code == 200
            assert "caution" not in response.content.decode()
            assert "trauma" not in response.content.decode()


def test_a_stranger_gets_404_for_a_client_as_for_one_who_is_not_there(w: World) -> None:
    for person in (w.charlie, w.dora, w.bob, w.eve):
        foreign = person.api.get(address(w.carol))
        missing = person.api.get(f"{CLIENTS}/{RANDOM_ID}")
        problem(foreign, 404, "not_found")
        assert without_id(foreign) == without_id(missing)


def test_a_record_says_whether_its_person_signs_in(w: World) -> None:
    without = w.new_client()

    assert w.alice.api.get(address(w.carol)).json()["has_login"] is True
    assert w.alice.api.get(f"{CLIENTS}/{without.pk}").json()["has_login"] is False


def test_a_value_that_does_not_open_is_named_and_the_rest_is_shown(w: World) -> None:
    w.new_client(full_name="Ash Vale")
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE clinic_client SET full_name = "
            "set_byte(full_name, length(full_name) - 1, 255 - get_byte(full_name, length(full_name) - 1)) "
            "WHERE id = %s",
            [w.carol.actor.client_id],
        )

    shown = w.alice.api.get(CLIENTS).json()["results"]

    [damaged] = [one for one in shown if one["id"] == str(w.carol.actor.client_id)]
    assert damaged["full_name"] is None
    assert damaged["unreadable"] == ["full_name"]
    assert damaged["email"] == w.carol.email
    assert [one["full_name"] for one in shown if "unreadable" not in one] == ["Ash Vale"]


# --- Taking somebody in


def test_a_therapist_who_takes_a_client_in_becomes_the_primary_therapist(w: World) -> None:
    response = w.alice.api.post(CLIENTS, {"full_name": "Wren Holt"})

    assert response.status_code == 201
    with acting_as(w.alice.actor):
        [part] = CareTeamMember.objects.filter(client_id=response.json()["id"])
    assert part.kind == CareTeamKind.PRIMARY
    assert part.membership_id == w.alice.actor.membership_id
    assert part.starts_on == w.today
    assert part.ends_on is None
    assert "Wren Holt" in names(w.alice)
    assert "Wren Holt" not in names(w.bob)


def test_a_new_client_has_the_clinics_zone_and_language_and_starts_today(w: World) -> None:
    body = w.alice.api.post(CLIENTS, {"full_name": "Wren Holt"}).json()

    assert body["time_zone"] == "Europe/London"
    assert body["language"] == "en"
    assert body["state"] == "active"
    assert body["care_started_on"] == w.today.isoformat()
    assert body["care_ended_on"] is None
    assert body["caution_flags"] == []
    assert body["has_login"] is False
    assert body["version"] == 1


def test_everything_about_a_new_client_is_kept(w: World) -> None:
    said = {
        "full_name": "Ngọc Ánh Phạm",
        "preferred_name": "Ánh",
        "pronouns": "they/them",
        "email": "anh@example.org",
        "phone": "+44 20 7946 0000",
        "address": "1 Quay Street\nHarwich",
        "birth_date": "1987-04-23",
        "emergency_contact": {"name": "Minh", "phone": "111", "relation": "brother"},
        "time_zone": "Asia/Ho_Chi_Minh",
        "language": "vi",
        "state": "paused",
        "care_started_on": "2025-02-01",
        "caution_flags": ["over_giving", "under_18"],
    }

    made = w.alice.api.post(CLIENTS, said)

    assert made.status_code == 201
    read = w.alice.api.get(f"{CLIENTS}/{made.json()['id']}").json()
    assert {name: read[name] for name in said} == said


@pytest.mark.parametrize(
    "name",
    [
        "  Wren  Holt ",
        "O'Brien; DROP TABLE clinic_client; --",
        "<script>alert(1)</script>",
        "\u202eright to left",
        "👩‍👩‍👧 Lu",
        "e\u0301 is not é",
        "%s {} \\ %(x)s",
        "x" * 200,
    ],
)
def test_a_name_is_kept_as_it_was_typed(w: World, name: str) -> None:
    made = w.alice.api.post(CLIENTS, {"full_name": name}).json()

    assert w.alice.api.get(f"{CLIENTS}/{made['id']}").json()["full_name"] == name


def test_nothing_that_tells_who_a_client_is_stands_in_the_table_in_clear(w: World) -> None:
    made = w.alice.api.post(
        CLIENTS, {"full_name": "Wren Holt", "phone": "0123456", "birth_date": "1987-04-23"}
    ).json()

    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute(
            "SELECT concat_ws(' ', c::text, encode(full_name, 'escape'), encode(phone, 'escape'), "
            "encode(birth_date, 'escape')) FROM clinic_client c WHERE id = %s",
            [made["id"]],
        )
        [(row,)] = cursor.fetchall()
    assert made["id"] in row
    assert not any(word in row for word in ("Wren", "Holt", "0123456", "1987"))


@pytest.mark.parametrize(
    ("said", "code"),
    [({}, "required"), ({"full_name": ""}, "blank"), ({"full_name": None}, "null")],
)
def test_a_client_is_not_taken_in_without_a_name(w: World, said: dict[str, Any], code: str) -> None:
    with nothing_written(w):
        problem(w.alice.api.post(CLIENTS, said), 400, code, at="/full_name")


def test_a_name_of_spaces_alone_is_no_name(w: World) -> None:
    with nothing_written(w):
        problem(w.alice.api.post(CLIENTS, {"full_name": "   "}), 400, at="/full_name")


def test_a_therapist_does_not_take_a_client_in_for_a_colleague(w: World) -> None:
    with nothing_written(w):
        response = w.alice.api.post(
            CLIENTS, {"full_name": "Wren Holt", "therapist": membership(w.bob)}
        )

    problem(response, 400, at="/therapist")


def test_a_client_takes_nobody_in(w: World) -> None:
    with nothing_written(w):
        problem(w.carol.api.post(CLIENTS, {"full_name": "Wren Holt"}), 403, "permission_denied")


def test_an_admin_names_the_therapist_who_will_care(w: World) -> None:
    with nothing_written(w):
        problem(
            w.ada.api.post(CLIENTS, {"full_name": "Wren Holt"}), 400, "required", at="/therapist"
        )

    response = w.ada.api.post(CLIENTS, {"full_name": "Wren Holt", "therapist": membership(w.bob)})

    assert response.status_code == 201
    assert "therapist" not in response.json()
    assert "Wren Holt" in names(w.bob)
    assert "Wren Holt" not in names(w.alice)


def test_an_admin_cannot_name_somebody_of_another_clinic_or_without_that_role(w: World) -> None:
    with nothing_written(w):
        refusals = [
            w.ada.api.post(CLIENTS, {"full_name": "Wren Holt", "therapist": therapist})
            for therapist in (
                RANDOM_ID,
                membership(w.charlie),
                membership(w.ada),
                membership(w.carol),
            )
        ]

    problem(refusals[0], 400, "does_not_exist", at="/therapist")
    assert all(without_id(one) == without_id(refusals[0]) for one in refusals)


def test_an_admin_writes_no_caution_flags(w: World) -> None:
    with nothing_written(w):
        made = w.ada.api.post(
            CLIENTS,
            {"full_name": "Wren", "therapist": membership(w.bob), "caution_flags": ["under_18"]},
        )
        changed = change(w.ada, w.carol, {"caution_flags": []})

    problem(made, 400, "unknown_field", at="/caution_flags")
    problem(changed, 400, "unknown_field", at="/caution_flags")


# --- Changing a record


def test_a_change_needs_the_etag_that_was_read(w: World) -> None:
    with nothing_written(w):
        response = w.alice.api.patch(address(w.carol), {"phone": "1"})

    problem(response, 428, "if_match_required")


def test_a_change_with_the_present_etag_counts_up(w: World) -> None:
    before = w.alice.api.get(address(w.carol))

    response = change(w.alice, w.carol, {"phone": "0123"}, before["ETag"])

    assert response.status_code == 200
    assert response.json()["phone"] == "0123"
    assert response.json()["version"] == before.json()["version"] + 1
    assert response["ETag"] != before["ETag"]
    after = w.alice.api.get(address(w.carol))
    assert after["ETag"] == response["ETag"]
    assert after.json() == response.json()
    unchanged = set(before.json()) - {"phone", "version", "updated_at"}
    assert all(after.json()[name] == before.json()[name] for name in unchanged)


@pytest.mark.parametrize("stale", ['"nonsense"', "*", "W/{etag}", "{bare}", '"{id}.0"'])
def test_another_etag_is_refused_with_the_present_one(w: World, stale: str) -> None:
    etag = w.alice.api.get(address(w.carol))["ETag"]
    said = stale.format(etag=etag, bare=etag.strip('"'), id=w.carol.actor.client_id)

    with nothing_written(w):
        response = change(w.alice, w.carol, {"phone": "1"}, said)

    problem(response, 412, "changed_meanwhile")
    assert response["ETag"] == etag


def test_of_two_changes_to_the_same_state_the_second_is_refused(w: World) -> None:
    etag = w.alice.api.get(address(w.carol))["ETag"]
    first = change(w.alice, w.carol, {"phone": "1"}, etag)
    assert first.status_code == 200

    second = change(w.ada, w.carol, {"phone": "2"}, etag)

    problem(second, 412, "changed_meanwhile")
    assert second["ETag"] == first["ETag"]
    assert kept(w.carol, "phone") == "1"


def test_one_of_several_etags_may_be_the_present_one(w: World) -> None:
    etag = w.alice.api.get(address(w.carol))["ETag"]

    assert change(w.alice, w.carol, {"phone": "1"}, f'"older", {etag}').status_code == 200


def test_an_admin_changes_contacts(w: World) -> None:
    assert change(w.ada, w.eve, {"phone": "0123", "preferred_name": "Evie"}).status_code == 200
    assert kept(w.eve, "phone") == "0123"


def test_a_client_changes_no_record_here_not_even_their_own(w: World) -> None:
    with nothing_written(w):
        problem(change(w.carol, w.carol, {"phone": "1"}), 403, "permission_denied")


def test_a_therapist_who_does_not_care_for_a_client_cannot_change_their_record(
    w: World,
) -> None:
    etag = w.alice.api.get(address(w.carol))["ETag"]

    with nothing_written(w):
        for person in (w.bob, w.charlie):
            problem(change(person, w.carol, {"phone": "1"}, etag), 404, "not_found")


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "clinic",
        "clinic_id",
        "user",
        "user_id",
        "has_login",
        "version",
        "created_at",
        "updated_at",
        "care_team",
        "therapist",
        "pk",
        "_state",
        "__class__",
        "sealing_client_id",
        "nonsense",
    ],
)
def test_what_is_not_a_field_to_write_is_refused_in_a_change(w: World, field: str) -> None:
    with nothing_written(w):
        response = change(w.alice, w.carol, {"phone": "1", field: RANDOM_ID})

    problem(response, 400, "unknown_field", at=f"/{field}")


@pytest.mark.parametrize("field", ["id", "clinic", "user", "version", "nonsense"])
def test_what_is_not_a_field_to_write_is_refused_in_a_new_record(w: World, field: str) -> None:
    with nothing_written(w):
        response = w.alice.api.post(CLIENTS, {"full_name": "Wren Holt", field: RANDOM_ID})

    problem(response, 400, "unknown_field", at=f"/{field}")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Europe/Atlantis"),
        ("time_zone", "europe/london"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", ""),
        ("time_zone", None),
        ("time_zone", "UTC+1"),
        ("language", "english"),
        ("language", "EN"),
        ("language", "en_GB"),
        ("language", ""),
        ("state", "gone"),
        ("state", None),
        ("birth_date", "23.04.1987"),
        ("birth_date", "1987-4-3"),
        ("birth_date", "1987-02-30"),
        ("birth_date", "1899-12-31"),
        ("birth_date", "3000-01-01"),
        ("birth_date", "1987-04-23T00:00"),
        ("birth_date", ["1987-04-23"]),
        ("care_started_on", "soon"),
        ("care_started_on", 20260101),
        ("care_started_on", "2026-13-01"),
        ("care_started_on", None),
        ("care_ended_on", "2026-02-30"),
        ("caution_flags", "under_18"),
        ("caution_flags", {"under_18": True}),
        ("caution_flags", None),
        ("emergency_contact", "Minh"),
        ("emergency_contact", []),
        ("emergency_contact", None),
        ("phone", {"number": "1"}),
        ("phone", ["1"]),
        ("phone", None),
        ("phone", True),
        ("phone", "1" * 61),
        ("full_name", "x" * 201),
        ("preferred_name", "x" * 101),
        ("pronouns", "x" * 61),
        ("email", "x" * 255),
        ("address", "x" * 501),
    ],
)
def test_a_value_that_cannot_be_is_refused_at_its_field(
    w: World, field: str, value: object
) -> None:
    with nothing_written(w):
        problem(change(w.alice, w.carol, {field: value}), 400, at=f"/{field}")
        problem(
            w.alice.api.post(CLIENTS, {"full_name": "Wren Holt"} | {field: value}),
            400,
            at=f"/{field}",
        )


@pytest.mark.parametrize("day", ["19870423", "1987-W17-4", 19870423])
def test_a_birth_date_has_one_form(w: World, day: object) -> None:
    with nothing_written(w):
        problem(change(w.alice, w.carol, {"birth_date": day}), 400, at="/birth_date")


def test_a_birth_date_may_be_taken_back(w: World) -> None:
    change(w.alice, w.carol, {"birth_date": "1987-04-23"})

    assert change(w.alice, w.carol, {"birth_date": ""}).status_code == 200
    assert kept(w.carol, "birth_date") == ""


def test_nobody_is_born_tomorrow(w: World) -> None:
    tomorrow = w.today + datetime.timedelta(days=1)

    problem(change(w.alice, w.carol, {"birth_date": tomorrow.isoformat()}), 400, at="/birth_date")


def test_a_name_cannot_be_taken_away(w: World) -> None:
    with nothing_written(w):
        for person in (w.alice, w.ada):
            problem(change(person, w.carol, {"full_name": ""}), 400, at="/full_name")


def test_a_part_of_the_emergency_contact_is_named_by_its_pointer(w: World) -> None:
    with nothing_written(w):
        unknown = change(w.alice, w.carol, {"emergency_contact": {"mail": "m@example.org"}})
        long = change(w.alice, w.carol, {"emergency_contact": {"name": "x" * 201}})
        flag = change(w.alice, w.carol, {"caution_flags": ["under_18", "sad"]})

    problem(unknown, 400, "unknown_field", at="/emergency_contact/mail")
    problem(long, 400, "max_length", at="/emergency_contact/name")
    problem(flag, 400, "invalid_choice", at="/caution_flags/1")


# --- The end of care


def test_ending_care_says_when_it_ended(w: World) -> None:
    response = change(w.alice, w.carol, {"state": "ended"})

    assert response.status_code == 200
    assert response.json()["state"] == "ended"
    assert response.json()["care_ended_on"] == w.today.isoformat()


def test_the_last_day_of_care_may_be_another_than_today(w: World) -> None:
    started = change(w.alice, w.carol, {"care_started_on": "2025-01-06"})
    assert started.status_code == 200

    response = change(w.alice, w.carol, {"state": "ended", "care_ended_on": "2025-06-30"})

    assert response.json()["care_ended_on"] == "2025-06-30"


def test_care_does_not_end_before_it_started(w: World) -> None:
    with nothing_written(w):
        response = change(
            w.alice, w.carol, {"care_started_on": "2025-01-06", "care_ended_on": "2025-01-05"}
        )

    problem(response, 400, at="/care_ended_on")


def test_a_new_clients_care_does_not_end_before_it_started_either(w: World) -> None:
    with nothing_written(w):
        response = w.alice.api.post(
            CLIENTS,
            {
                "full_name": "Wren Holt",
                "care_started_on": "2025-01-06",
                "care_ended_on": "2025-01-05",
            },
        )

    problem(response, 400, at="/care_ended_on")


def test_care_that_is_taken_up_again_has_no_last_day(w: World) -> None:
    change(w.alice, w.carol, {"state": "ended"})

    response = change(w.alice, w.carol, {"state": "active"})

    assert response.json()["state"] == "active"
    assert response.json()["care_ended_on"] is None


def test_a_client_far_west_can_be_taken_in_and_let_go_on_the_same_day(w: World) -> None:
    # Half past midnight of the 11th in the clinic's London is still the 10th in Honolulu.
    with time_machine.travel("2036-03-11T00:30:00Z", tick=False):
        made = w.alice.api.post(
            CLIENTS, {"full_name": "Wren Holt", "time_zone": "Pacific/Honolulu"}
        )
        ended = w.alice.api.patch(
            f"{CLIENTS}/{made.json()['id']}",
            {"state": "ended"},
            headers={"if-match": made["ETag"]},
        )

    assert ended.status_code == 200, ended.content
    assert ended.json()["care_ended_on"] >= ended.json()["care_started_on"]


def test_a_therapist_still_sees_a_client_whose_care_ended(w: World) -> None:
    change(w.alice, w.carol, {"state": "ended"})

    assert names(w.alice) == ["Carol Quill"]


# --- Finding


def test_clients_are_found_by_state(w: World) -> None:
    w.new_client(full_name="Ash Vale", state="paused")

    assert names(w.alice, "?state=paused") == ["Ash Vale"]
    assert names(w.alice, "?state=active") == ["Carol Quill"]
    assert names(w.alice, "?state=ended") == []


def test_a_filter_shows_no_more_than_the_list_does(w: World) -> None:
    assert names(w.bob, "?state=active") == ["Eve Ferris"]
    assert names(w.carol, "?state=active") == ["Carol Quill"]


def test_clients_are_found_by_what_changed_since(w: World) -> None:
    with acting_as(w.alice.actor):
        Client.objects.update(updated_at="2026-01-01T00:00Z")
        carol = Client.objects.get(pk=w.carol.actor.client_id)
        change_client(client=carol, changes={"phone": "1"}, by=w.alice.actor)

    assert names(w.ada, "?updated_since=2026-02-01T00:00:00Z") == ["Carol Quill"]
    assert names(w.ada, "?updated_since=2026-01-01T00:00:00Z") == ["Carol Quill", "Eve Ferris"]
    assert names(w.ada, "?updated_since=2999-01-01T00:00:00Z") == []


def test_a_filter_that_is_not_there_is_refused_and_those_that_are_are_named(w: World) -> None:
    body = problem(w.alice.api.get(f"{CLIENTS}?stat=active"), 400, "unknown_parameter", at="/stat")

    assert "state" in body["errors"][0]["detail"]
    assert "updated_since" in body["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=2026-02-30T00:00:00Z", "updated_since"),
        ("updated_since=%00", "updated_since"),
    ],
)
def test_a_filters_value_that_cannot_be_is_refused_at_its_name(
    w: World, query: str, field: str
) -> None:
    problem(w.alice.api.get(f"{CLIENTS}?{query}"), 400, at=f"/{field}")


def test_a_name_is_not_searched_for_in_the_database(w: World) -> None:
    problem(
        w.alice.api.get(f"{CLIENTS}?full_name=Carol"), 400, "unknown_parameter", at="/full_name"
    )


def test_ids_are_of_version_seven(w: World) -> None:
    made = w.alice.api.post(CLIENTS, {"full_name": "Wren Holt"}).json()

    assert UUID(made["id"]).version == 7


# --- What nobody mentions stays


def test_a_part_of_the_emergency_contact_changes_without_the_rest(w: World) -> None:
    change(w.alice, w.carol, {"emergency_contact": {"name": "Minh", "phone": "01632 960 1"}})

    response = change(w.alice, w.carol, {"emergency_contact": {"phone": "01632 960 2"}})

    assert response.json()["emergency_contact"] == {"name": "Minh", "phone": "01632 960 2"}


def test_a_change_of_nothing_makes_nobodys_etag_stale(w: World) -> None:
    before = w.alice.api.get(f"{CLIENTS}/{w.carol.actor.client_id}")["ETag"]

    response = change(w.alice, w.carol, {})

    assert response.status_code == 200
    assert response["ETag"] == before


def test_a_client_whose_care_ended_before_it_was_recorded_has_a_last_day(w: World) -> None:
    response = w.alice.api.post(CLIENTS, {"full_name": "Wren Holt", "state": "ended"})

    assert response.status_code == 201
    assert response.json()["care_ended_on"] == response.json()["care_started_on"]
