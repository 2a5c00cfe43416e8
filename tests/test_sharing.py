"""What of an entry a therapist reads is the client's to say, and what they are told holds."""

import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from clinic.models import CareTeamMember
from clinic.models.care_team import CareTeamKind
from clinic.tenancy.actor import Role
from clinic.tenancy.scope import acting_as
from exercises.models import Entry
from tests.world import Person, World

ALWAYS = {
    "id",
    "client_uuid",
    "client",
    "assignment",
    "exercise_version",
    "exercise_title",
    "status",
    "practised_on",
    "share_level",
    "recorded_by_therapist",
    "support_reasons",
    "version",
    "created_at",
    "updated_at",
}
"""Clients are told: "that something was recorded, how it ended, and the date"."""

DISTRESS = {"distress_before", "distress_after"}
NUMBERS = DISTRESS | {
    "warmth_before",
    "warmth_after",
    "shame_before",
    "shame_after",
    "critic_before",
    "critic_after",
    "helpful",
    "embodied",
    "unwanted",
}
ALL_OF_IT = {
    "answers",
    "note",
    "unwanted_note",
    "needs_now",
    "not_yet_reasons",
    # How, when and where in the world it was done: neither a date nor a number that was given.
    "variant",
    "started_at",
    "ended_at",
    "stopped_at_step",
    "time_zone",
}
TOLD = {
    "private": ALWAYS,
    "ratings_only": ALWAYS | NUMBERS,
    "shared": ALWAYS | NUMBERS | ALL_OF_IT,
}
WORDS = ("By the window", "An old picture", "slow_10s", "quiet", "felt_too_much")


def whole(w: World, level: str, **values: Any) -> Entry:
    """An entry of Carol's in which everything that can be said is said."""
    return w.entry(
        **{
            "status": "tried_and_stopped",
            "variant": "smaller",
            "started_at": datetime.datetime(2026, 1, 5, 3, 12, tzinfo=datetime.UTC),
            "ended_at": datetime.datetime(2026, 1, 5, 3, 20, tzinfo=datetime.UTC),
            "stopped_at_step": 2,
            "unwanted": True,
            "answers": {"pace": "slow_10s", "eyes": "open", "practice": 61},
            "note": "By the window.",
            "unwanted_note": "An old picture.",
            "needs_now": ["quiet"],
            "not_yet_reasons": ["felt_too_much"],
            "share_level": level,
            **{name: 4 for name in NUMBERS if name != "unwanted"},
            **values,
        }
    )


def shown(person: Person, entry: Entry) -> dict[str, Any]:
    """The entry as this person gets it, alone."""
    response = person.api.get(reverse("api:entries-detail", args=[entry.pk]))
    assert response.status_code == 200
    return dict(response.json())


def listed(person: Person) -> list[dict[str, Any]]:
    """The entries as this person gets them, in a list."""
    response = person.api.get(reverse("api:entries-list"))
    assert response.status_code == 200
    return list(response.json()["results"])


def cover(w: World, *, until: datetime.date | None = None) -> Person:
    """Bob covers for Alice in Carol's care."""
    with acting_as(w.ada.actor):
        CareTeamMember.objects.create(
            clinic_id=w.clinic.pk,
            client_id=w.carol.actor.client_id,
            membership_id=w.bob.actor.memberships[Role.THERAPIST],
            kind=CareTeamKind.COVERING,
            starts_on=w.today - datetime.timedelta(days=9),
            ends_on=until or w.today + datetime.timedelta(days=3),
        )
    return w.bob


def share(w: World, entry: Entry, level: str) -> Any:
    """Carol sets the share level of an entry, knowing its present state."""
    address = reverse("api:entries-detail", args=[entry.pk])
    etag = w.carol.api.get(address)["ETag"]
    return w.carol.api.patch(address, {"share_level": level}, headers={"If-Match": etag})


def told(found: dict[str, Any]) -> str:
    """The level that what was shown amounts to."""
    if "note" in found:
        return "shared"
    return "ratings_only" if "helpful" in found else "private"


def level_of(w: World, entry: Entry) -> str:
    with acting_as(w.carol.actor):
        return Entry.objects.get(pk=entry.pk).share_level


def was_read(w: World, entry: Entry) -> bool:
    with acting_as(w.carol.actor):
        return Entry.objects.get(pk=entry.pk).first_read_at is not None


# --- What is read --------------------------------------------------------------------------


@pytest.mark.parametrize("level", TOLD)
def test_a_therapist_reads_what_the_level_says_and_nothing_beside_it(w: World, level: str) -> None:
    assert set(shown(w.alice, whole(w, level))) == TOLD[level]


@pytest.mark.parametrize("level", ["private", "ratings_only"])
def test_no_word_of_what_is_not_shared_reaches_a_therapist(w: World, level: str) -> None:
    entry = whole(w, level)
    address = reverse("api:entries-detail", args=[entry.pk])

    for response in (w.alice.api.get(address), w.alice.api.get(reverse("api:entries-list"))):
        assert not [word for word in WORDS if word in response.content.decode()]


@pytest.mark.parametrize("level", TOLD)
def test_a_list_shows_of_each_entry_what_it_shows_alone(w: World, level: str) -> None:
    entry = whole(w, level)

    assert listed(w.alice) == [shown(w.alice, entry)]


def test_each_entry_of_a_list_is_read_by_its_own_level(w: World) -> None:
    made = {str(whole(w, level).pk): level for level in TOLD}

    found = {made[one["id"]]: "note" in one for one in listed(w.alice)}
    assert found == {"private": False, "ratings_only": False, "shared": True}


@pytest.mark.parametrize("level", TOLD)
def test_status_and_date_are_told_at_every_level(w: World, level: str) -> None:
    entry = whole(w, level)
    found = shown(w.alice, entry)

    assert (found["status"], found["practised_on"]) == ("tried_and_stopped", str(w.today))
    assert found["share_level"] == level


@pytest.mark.parametrize("level", TOLD)
def test_the_covering_therapist_reads_what_the_primary_one_reads(w: World, level: str) -> None:
    bob, entry = cover(w), whole(w, level)

    assert shown(bob, entry) == shown(w.alice, entry)


@pytest.mark.parametrize("level", TOLD)
def test_when_cover_is_over_nothing_is_read(w: World, level: str) -> None:
    bob = cover(w, until=w.today - datetime.timedelta(days=1))
    entry = whole(w, level)

    assert bob.api.get(reverse("api:entries-detail", args=[entry.pk])).status_code == 404
    assert listed(bob) == []


@pytest.mark.parametrize("level", TOLD)
def test_an_admin_reads_no_entry(w: World, level: str) -> None:
    entry = whole(w, level)

    assert w.ada.api.get(reverse("api:entries-detail", args=[entry.pk])).status_code == 403
    assert w.ada.api.get(reverse("api:entries-list")).status_code == 403


@pytest.mark.parametrize("who", ["bob", "eve", "charlie", "dora"])
def test_a_stranger_gets_for_an_entry_what_they_get_for_none(w: World, who: str) -> None:
    stranger, entry = getattr(w, who), whole(w, "shared")
    there = stranger.api.get(reverse("api:entries-detail", args=[entry.pk]))
    nowhere = stranger.api.get(reverse("api:entries-detail", args=[uuid4()]))

    assert (there.status_code, nowhere.status_code) == (404, 404)
    traces = ("instance", "request_id")
    assert {k: v for k, v in there.json().items() if k not in traces} == {
        k: v for k, v in nowhere.json().items() if k not in traces
    }
    assert listed(stranger) == []


@pytest.mark.parametrize("level", TOLD)
def test_a_client_reads_all_of_their_own_entry(w: World, level: str) -> None:
    found = shown(w.carol, whole(w, level))

    assert set(found) == TOLD["shared"]
    assert (found["note"], found["distress_after"]) == ("By the window.", 4)


def test_an_entry_is_private_until_its_client_says_otherwise(w: World) -> None:
    entry = w.entry(note="By the window.")

    assert shown(w.carol, entry)["share_level"] == "private"
    assert "note" not in shown(w.alice, entry)


# --- The announced exception ---------------------------------------------------------------


def test_very_high_distress_is_told_of_a_private_entry_and_nothing_else(w: World) -> None:
    found = shown(w.alice, whole(w, "private", distress_before=5, distress_after=9))

    assert set(found) == ALWAYS | DISTRESS | {"support", "support_told"}
    assert (found["distress_before"], found["distress_after"]) == (5, 9)
    assert found["support_reasons"] == ["high_distress"]


def test_a_rise_of_distress_is_told_of_a_private_entry(w: World) -> None:
    found = shown(w.alice, whole(w, "private", distress_before=1, distress_after=4))

    assert (found["distress_before"], found["distress_after"]) == (1, 4)


def test_ordinary_distress_is_not_told_of_a_private_entry(w: World) -> None:
    found = shown(w.alice, whole(w, "private", distress_before=5, distress_after=7))

    assert not DISTRESS & set(found)
    assert found["support_reasons"] == []


def test_a_covering_therapist_is_told_of_very_high_distress_too(w: World) -> None:
    bob, entry = cover(w), whole(w, "private", distress_after=9)

    assert shown(bob, entry)["distress_after"] == 9


def test_the_exception_tells_no_word(w: World) -> None:
    entry = whole(w, "private", distress_after=9)
    response = w.alice.api.get(reverse("api:entries-detail", args=[entry.pk]))

    assert not [word for word in WORDS if word in response.content.decode()]


# --- Changing one's mind -------------------------------------------------------------------

LESS = [("shared", "ratings_only"), ("shared", "private"), ("ratings_only", "private")]
MORE = [(more, less) for less, more in LESS]


@pytest.mark.parametrize(("before", "after"), LESS)
def test_less_can_be_shared_while_nobody_has_read_it(w: World, before: str, after: str) -> None:
    entry = whole(w, before)

    assert share(w, entry, after).status_code == 200
    assert level_of(w, entry) == after
    assert told(shown(w.alice, entry)) == after


@pytest.mark.parametrize(("before", "after"), LESS)
@pytest.mark.parametrize("read", [shown, lambda person, entry: listed(person)], ids=["one", "list"])
def test_less_cannot_be_shared_once_a_therapist_has_read_it(
    w: World, read: Any, before: str, after: str
) -> None:
    entry = whole(w, before)
    read(w.alice, entry)
    response = share(w, entry, after)

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/share_level", "already_read")
    assert level_of(w, entry) == before


def test_it_counts_as_read_when_the_covering_therapist_reads_it(w: World) -> None:
    bob, entry = cover(w), whole(w, "shared")
    shown(bob, entry)

    assert share(w, entry, "private").status_code == 400


@pytest.mark.parametrize(("before", "after"), MORE)
@pytest.mark.parametrize("was_read_before", [True, False])
def test_more_can_be_shared_at_any_time(
    w: World, before: str, after: str, was_read_before: bool
) -> None:
    entry = whole(w, before)
    if was_read_before:
        shown(w.alice, entry)

    assert share(w, entry, after).status_code == 200
    assert level_of(w, entry) == after
    assert told(shown(w.alice, entry)) == after


def test_what_a_client_reads_themselves_does_not_count_as_read(w: World) -> None:
    entry = whole(w, "shared")
    shown(w.carol, entry)
    listed(w.carol)

    assert not was_read(w, entry)
    assert share(w, entry, "private").status_code == 200


def test_status_and_date_of_a_private_entry_are_not_yet_reading_it(w: World) -> None:
    entry = whole(w, "private")
    shown(w.alice, entry)
    listed(w.alice)

    assert not was_read(w, entry)
    share(w, entry, "shared")
    assert share(w, entry, "private").status_code == 200


@pytest.mark.parametrize("who", ["ada", "bob", "eve", "charlie"])
def test_asking_in_vain_does_not_count_as_read(w: World, who: str) -> None:
    entry = whole(w, "shared")
    getattr(w, who).api.get(reverse("api:entries-detail", args=[entry.pk]))
    getattr(w, who).api.get(reverse("api:entries-list"))

    assert not was_read(w, entry)


def test_the_first_reading_is_remembered_and_not_the_last(w: World) -> None:
    entry = whole(w, "shared")
    shown(w.alice, entry)
    with acting_as(w.carol.actor):
        first = Entry.objects.get(pk=entry.pk).first_read_at
    shown(w.alice, entry)

    with acting_as(w.carol.actor):
        assert Entry.objects.get(pk=entry.pk).first_read_at == first


def test_reading_changes_nothing_that_the_client_has_in_hand(w: World) -> None:
    entry = whole(w, "shared")
    address = reverse("api:entries-detail", args=[entry.pk])
    etag = w.carol.api.get(address)["ETag"]
    shown(w.alice, entry)
    response = w.carol.api.patch(address, {"note": "Later."}, headers={"If-Match": etag})

    assert response.status_code == 200


def test_what_was_read_can_still_be_worded_anew(w: World) -> None:
    entry = whole(w, "shared")
    shown(w.alice, entry)
    address = reverse("api:entries-detail", args=[entry.pk])
    etag = w.carol.api.get(address)["ETag"]
    w.carol.api.patch(address, {"note": "Said better."}, headers={"If-Match": etag})

    assert shown(w.alice, entry)["note"] == "Said better."


def test_what_a_therapist_recorded_stays_shared_with_them(w: World) -> None:
    wren = w.new_client()
    entry = w.entry(by=w.alice, client=wren)
    address = reverse("api:entries-detail", args=[entry.pk])
    etag = w.alice.api.get(address)["ETag"]
    response = w.alice.api.patch(address, {"share_level": "private"}, headers={"If-Match": etag})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/share_level")
    assert set(shown(w.alice, entry)) == TOLD["shared"]
