"""The care team: the one reason for which a therapist sees a client, and for how long."""

import datetime
from typing import Any

import pytest
import time_machine

from clinic.models import CareTeamMember, Client, Membership
from clinic.tenancy.actor import Role
from clinic.tenancy.scope import acting_as
from tests.refusals import nothing_written, problem, without_id
from tests.world import Person, World, staff

CARE_TEAM = "/api/v1/care-team"
RANDOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
# Far enough ahead that no token of today's counts days with it: PostgreSQL's clock stays put.
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (f"2036-03-{day}" for day in (10, 11, 12, 13))


def change(person: Person, part: object, body: dict[str, object]) -> Any:
    """Change a part as somebody who has just read it."""
    address = f"{CARE_TEAM}/{part}"
    etag = person.api.get(address).headers.get("ETag", '"nothing"')
    return person.api.patch(address, body, headers={"if-match": etag})


def on(day: str, time: str = "12:00") -> time_machine.travel:
    return time_machine.travel(f"{day}T{time}:00Z", tick=False)


def add(by: Person, client: Person, therapist: Person, kind: str, **days: Any) -> Any:
    return by.api.post(
        CARE_TEAM,
        {
            "client": str(client.actor.client_id),
            "therapist": str(therapist.actor.membership_id),
            "kind": kind,
            **days,
        },
    )


def part_of(therapist: Person, client: Person) -> CareTeamMember:
    with acting_as(therapist.actor):
        return CareTeamMember.objects.get(
            client_id=client.actor.client_id, membership_id=therapist.actor.membership_id
        )


def sees(therapist: Person, client: Person) -> bool:
    """Whether a therapist has access, which list and address agree on."""
    shown = therapist.api.get(f"/api/v1/clients/{client.actor.client_id}").status_code
    listed = therapist.api.get("/api/v1/clients").json()["results"]
    assert shown in (200, 404)
    assert (shown == 200) == (str(client.actor.client_id) in [one["id"] for one in listed])
    return bool(shown == 200)


# --- Cover: from a day until a day


@pytest.mark.parametrize(
    ("day", "covered"), [(MONDAY, False), (TUESDAY, True), (WEDNESDAY, True), (THURSDAY, False)]
)
def test_cover_lets_a_colleague_in_from_its_first_day_to_its_last(
    w: World, day: str, covered: bool
) -> None:
    made = add(w.alice, w.carol, w.bob, "covering", starts_on=TUESDAY, ends_on=WEDNESDAY)
    assert made.status_code == 201

    with on(day):
        assert sees(w.bob, w.carol) is covered
        assert sees(w.alice, w.carol)


def test_the_last_day_ends_at_midnight_where_the_clinic_is(w: World) -> None:
    # London is an hour ahead of UTC in July.
    add(w.alice, w.carol, w.bob, "covering", starts_on="2036-07-01", ends_on="2036-07-10")

    with on("2036-07-10", "22:59"):
        assert sees(w.bob, w.carol)
    with on("2036-07-10", "23:00"):
        assert not sees(w.bob, w.carol)


def test_cover_begins_today_unless_said_otherwise(w: World) -> None:
    with on(MONDAY):
        body = add(w.alice, w.carol, w.bob, "covering", ends_on=TUESDAY).json()

        assert body["starts_on"] == MONDAY
        assert sees(w.bob, w.carol)


def test_cover_that_has_yet_to_begin_gives_nothing(w: World) -> None:
    assignment = w.assignment()
    entry = w.entry(assignment=assignment, share_level="shared")
    add(w.alice, w.carol, w.bob, "covering", starts_on=TUESDAY, ends_on=WEDNESDAY)

    with on(MONDAY), nothing_written(w):
        for address in (
            f"clients/{w.carol.actor.client_id}",
            f"clients/{w.carol.actor.client_id}/progress",
            f"assignments/{assignment.pk}",
            f"assignments/{assignment.pk}/progress",
            f"entries/{entry.pk}",
        ):
            problem(w.bob.api.get(f"/api/v1/{address}"), 404, "not_found")
        assert w.bob.api.get("/api/v1/assignments").json()["results"] == []
        assert w.bob.api.get("/api/v1/entries").json()["results"] == []
        problem(w.bob.api.post(f"/api/v1/assignments/{assignment.pk}/end"), 404)


def test_who_covers_works_with_the_client_as_their_therapist_does(w: World) -> None:
    assignment = w.assignment()
    add(w.alice, w.carol, w.bob, "covering", starts_on=MONDAY, ends_on=TUESDAY)

    with on(MONDAY):
        paused = w.bob.api.post(f"/api/v1/assignments/{assignment.pk}/pause")
        listed = w.bob.api.get("/api/v1/assignments").json()["results"]

    assert paused.status_code == 200
    assert [one["id"] for one in listed] == [str(assignment.pk)]
    assert listed[0]["state"] == "paused"


@pytest.mark.parametrize("person", ["alice", "ada"])
def test_cover_needs_a_last_day(w: World, person: str) -> None:
    with nothing_written(w):
        problem(add(getattr(w, person), w.carol, w.bob, "covering"), 400, at="/ends_on")
        problem(
            add(getattr(w, person), w.carol, w.bob, "covering", ends_on=None), 400, at="/ends_on"
        )


def test_supervision_may_go_on_without_a_last_day(w: World) -> None:
    body = add(w.alice, w.carol, w.bob, "supervisor").json()

    assert body["ends_on"] is None
    assert sees(w.bob, w.carol)


def test_the_last_day_does_not_come_before_the_first(w: World) -> None:
    with nothing_written(w):
        response = add(w.alice, w.carol, w.bob, "covering", starts_on=WEDNESDAY, ends_on=TUESDAY)

    problem(response, 400, at="/ends_on")


def test_cover_of_a_single_day_is_cover(w: World) -> None:
    assert (
        add(w.alice, w.carol, w.bob, "covering", starts_on=TUESDAY, ends_on=TUESDAY).status_code
        == 201
    )
    with on(TUESDAY):
        assert sees(w.bob, w.carol)
    with on(WEDNESDAY):
        assert not sees(w.bob, w.carol)


# --- Who may name whom


def test_a_therapist_does_not_hand_a_client_over(w: World) -> None:
    with nothing_written(w):
        problem(add(w.alice, w.carol, w.bob, "primary"), 400, at="/kind")

    assert not sees(w.bob, w.carol)


def test_an_admin_hands_a_client_over(w: World) -> None:
    alices = part_of(w.alice, w.carol)
    with on(TUESDAY):
        added = add(w.ada, w.carol, w.bob, "primary")
        ended = change(w.ada, alices.pk, {"ends_on": MONDAY})

        assert added.status_code == 201
        assert added.json()["kind"] == "primary"
        assert ended.status_code == 200
        assert ended.json()["ends_on"] == MONDAY
        assert sees(w.bob, w.carol)
        assert not sees(w.alice, w.carol)


def test_an_admin_who_names_others_does_not_get_in_themselves(w: World) -> None:
    with nothing_written(w):
        problem(add(w.ada, w.carol, w.ada, "supervisor"), 400, "does_not_exist", at="/therapist")
    problem(w.ada.api.get(f"/api/v1/clients/{w.carol.actor.client_id}/progress"), 403)


def test_a_therapist_adds_nobody_to_a_client_who_is_not_theirs(w: World) -> None:
    with nothing_written(w):
        colleagues = add(w.alice, w.eve, w.alice, "covering", ends_on=WEDNESDAY)
        elsewhere = add(w.alice, w.dora, w.alice, "covering", ends_on=WEDNESDAY)
        random = w.alice.api.post(
            CARE_TEAM,
            {
                "client": RANDOM_ID,
                "therapist": str(w.alice.actor.membership_id),
                "kind": "covering",
                "ends_on": WEDNESDAY,
            },
        )

    problem(random, 400, "does_not_exist", at="/client")
    assert without_id(colleagues) == without_id(elsewhere) == without_id(random)
    assert not sees(w.alice, w.eve)


def test_only_a_therapist_who_works_here_now_can_be_named(w: World) -> None:
    gone = staff(w.clinic, "gone@tidewater.example", "Gil Moss", Role.THERAPIST)
    with acting_as(w.ada.actor):
        Membership.objects.filter(pk=gone.actor.membership_id).update(is_active=False)

    with nothing_written(w):
        refusals = [
            add(w.alice, w.carol, therapist, "covering", ends_on=WEDNESDAY)
            for therapist in (w.charlie, w.ada, w.carol, w.eve, gone)
        ]

    for response in refusals:
        problem(response, 400, "does_not_exist", at="/therapist")
        assert without_id(response) == without_id(refusals[0])


def test_a_client_changes_nothing_about_their_care_team(w: World) -> None:
    with nothing_written(w):
        problem(add(w.carol, w.carol, w.bob, "covering", ends_on=WEDNESDAY), 403)
        problem(
            change(w.carol, part_of(w.alice, w.carol).pk, {"ends_on": WEDNESDAY}),
            403,
        )


@pytest.mark.parametrize("kind", ["owner", "", None, ["covering"]])
def test_a_kind_that_is_not_there_is_refused(w: World, kind: object) -> None:
    with nothing_written(w):
        problem(add(w.alice, w.carol, w.bob, kind, ends_on=WEDNESDAY), 400, at="/kind")  # type: ignore[arg-type]


# --- The end of a part


def test_a_part_that_has_ended_opens_nothing_at_once(w: World) -> None:
    assignment = w.assignment()
    part = part_of(w.alice, w.carol)
    with on(TUESDAY):
        assert sees(w.alice, w.carol)
        response = change(w.ada, part.pk, {"ends_on": MONDAY})

        assert response.status_code == 200
        assert not sees(w.alice, w.carol)
        problem(w.alice.api.get(f"/api/v1/assignments/{assignment.pk}"), 404)
        problem(w.alice.api.get(f"{CARE_TEAM}/{part.pk}"), 404)
        assert w.alice.api.get(CARE_TEAM).json()["results"] == []


def test_a_therapist_does_not_end_a_primary_part_not_even_their_own(w: World) -> None:
    with nothing_written(w):
        response = change(w.alice, part_of(w.alice, w.carol).pk, {"ends_on": WEDNESDAY})

    problem(response, 403, "permission_denied")


def test_a_therapist_ends_cover_of_their_own_client_early(w: World) -> None:
    made = add(w.alice, w.carol, w.bob, "covering", starts_on=MONDAY, ends_on=THURSDAY).json()

    with on(WEDNESDAY):
        response = change(w.alice, made["id"], {"ends_on": TUESDAY})

        assert response.status_code == 200
        assert not sees(w.bob, w.carol)


def test_who_covers_may_step_back(w: World) -> None:
    made = add(w.alice, w.carol, w.bob, "covering", starts_on=MONDAY, ends_on=THURSDAY).json()

    with on(WEDNESDAY):
        response = change(w.bob, made["id"], {"ends_on": TUESDAY})

        assert response.status_code == 200
        assert not sees(w.bob, w.carol)


def test_who_covers_does_not_prolong_their_own_cover(w: World) -> None:
    made = add(w.alice, w.carol, w.bob, "covering", starts_on=MONDAY, ends_on=TUESDAY).json()

    with on(TUESDAY):
        longer = change(w.bob, made["id"], {"ends_on": "2099-12-31"})
        again = add(w.bob, w.carol, w.bob, "supervisor")

    with on(WEDNESDAY):
        assert not sees(w.bob, w.carol)
    assert {longer.status_code, again.status_code} <= {400, 403}


def test_a_part_does_not_end_before_it_began(w: World) -> None:
    made = add(w.alice, w.carol, w.bob, "covering", starts_on=TUESDAY, ends_on=THURSDAY).json()

    with nothing_written(w):
        response = change(w.alice, made["id"], {"ends_on": MONDAY})

    problem(response, 400, at="/ends_on")


@pytest.mark.parametrize("field", ["client", "therapist", "kind", "starts_on", "id", "clinic"])
def test_of_a_part_only_the_last_day_can_be_changed(w: World, field: str) -> None:
    made = add(w.alice, w.carol, w.bob, "covering", starts_on=MONDAY, ends_on=THURSDAY).json()

    with nothing_written(w):
        response = change(
            w.alice, made["id"], {"ends_on": TUESDAY, field: made.get(field, RANDOM_ID)}
        )

    problem(response, 400, "unknown_field", at=f"/{field}")


@pytest.mark.parametrize("day", [None, "", "soon", 20360311, "2036-02-30"])
def test_a_last_day_is_a_date(w: World, day: object) -> None:
    made = add(w.alice, w.carol, w.bob, "covering", starts_on=MONDAY, ends_on=THURSDAY).json()

    with nothing_written(w):
        response = change(w.alice, made["id"], {"ends_on": day})

    problem(response, 400, at="/ends_on")


def test_a_stranger_gets_404_for_a_part(w: World) -> None:
    part = part_of(w.alice, w.carol)

    with nothing_written(w):
        for person in (w.bob, w.charlie, w.eve, w.dora):
            foreign = person.api.get(f"{CARE_TEAM}/{part.pk}")
            missing = person.api.get(f"{CARE_TEAM}/{RANDOM_ID}")
            problem(foreign, 404, "not_found")
            assert without_id(foreign) == without_id(missing)
        for person in (w.bob, w.charlie):
            problem(change(person, part.pk, {"ends_on": WEDNESDAY}), 404)


# --- Who reads about it


def test_a_client_sees_who_cares_for_them_and_for_nobody_else(w: World) -> None:
    [shown] = w.carol.api.get(CARE_TEAM).json()["results"]

    assert shown["client"] == str(w.carol.actor.client_id)
    assert shown["therapist"] == str(w.alice.actor.membership_id)
    assert shown["therapist_name"] == "Alice Ames"
    assert shown["kind"] == "primary"


def test_a_therapist_sees_the_whole_team_of_their_own_clients(w: World) -> None:
    add(w.alice, w.carol, w.bob, "covering", starts_on=MONDAY, ends_on=TUESDAY)

    shown = w.alice.api.get(CARE_TEAM).json()["results"]

    assert {one["therapist_name"] for one in shown} == {"Alice Ames", "Bob Byrne"}
    assert {one["client"] for one in shown} == {str(w.carol.actor.client_id)}


def test_an_admin_sees_the_teams_of_the_clinic_and_of_no_other(w: World) -> None:
    shown = w.ada.api.get(CARE_TEAM).json()["results"]

    assert {one["client"] for one in shown} == {
        str(w.carol.actor.client_id),
        str(w.eve.actor.client_id),
    }


def test_parts_are_found_by_client_and_by_therapist(w: World) -> None:
    by_client = w.ada.api.get(f"{CARE_TEAM}?client={w.eve.actor.client_id}").json()["results"]
    by_therapist = w.ada.api.get(f"{CARE_TEAM}?therapist={w.alice.actor.membership_id}").json()

    assert [one["therapist_name"] for one in by_client] == ["Bob Byrne"]
    assert [one["therapist_name"] for one in by_therapist["results"]] == ["Alice Ames"]


@pytest.mark.parametrize("of", ["eve", "dora"])
def test_a_filter_by_somebody_who_is_not_ones_own_finds_nothing(w: World, of: str) -> None:
    client_id = getattr(w, of).actor.client_id

    assert w.alice.api.get(f"{CARE_TEAM}?client={client_id}").json()["results"] == []


def test_nobody_of_a_clinic_is_in_care_twice_by_being_on_two_parts(w: World) -> None:
    day = datetime.date.fromisoformat(THURSDAY)
    add(w.alice, w.carol, w.alice, "covering", ends_on=day.isoformat())
    add(w.alice, w.carol, w.alice, "supervisor")

    listed = w.alice.api.get("/api/v1/clients").json()["results"]

    assert [one["id"] for one in listed] == [str(w.carol.actor.client_id)]
    with acting_as(w.alice.actor):
        assert Client.objects.visible_to(w.alice.actor).count() == 1
