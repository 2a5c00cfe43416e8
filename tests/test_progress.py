"""How practice goes is told in counts and middle values, and never as a share of an ideal."""

import datetime
from typing import Any

import pytest
from django.urls import reverse

from clinic.kind_words import banned_in, words_of
from clinic.tenancy.scope import acting_as
from exercises.codes import EntryStatus, Rating
from exercises.models import Assignment
from exercises.services.progress import FEWEST, progress_of
from tests.world import Person, World


def of_assignment(person: Person, assignment: Assignment) -> dict[str, Any]:
    response = person.api.get(reverse("api:assignments-progress", args=[assignment.pk]))
    assert response.status_code == 200
    return dict(response.json())


def of_client(person: Person, client: Person) -> dict[str, Any]:
    response = person.api.get(reverse("api:clients-progress", args=[client.actor.client_id]))
    assert response.status_code == 200
    return dict(response.json())


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {one["status"]: one["count"] for one in found["states"]}


def distress(found: dict[str, Any]) -> dict[str, Any] | None:
    return next((one for one in found["changes"] if one["rating"] == "distress"), None)


def rated(w: World, *pairs: tuple[int | None, int | None], level: str = "shared") -> None:
    for before, after in pairs:
        w.entry(distress_before=before, distress_after=after, share_level=level)


# --- Counts --------------------------------------------------------------------------------


def test_each_state_is_counted_by_name(w: World) -> None:
    for status, n in (("done", 3), ("adapted", 1), ("not_this_time", 2)):
        for _ in range(n):
            w.entry(status=status)

    assert counts(of_client(w.carol, w.carol)) == {"done": 3, "adapted": 1, "not_this_time": 2}


def test_a_state_that_did_not_occur_is_not_shown_as_nought(w: World) -> None:
    w.entry(status="tried_and_stopped")

    assert [one["count"] for one in of_client(w.carol, w.carol)["states"]] == [1]


def test_states_come_in_the_same_order_and_with_words(w: World) -> None:
    for status in reversed(EntryStatus):
        w.entry(status=status.value)
    states = of_client(w.carol, w.carol)["states"]

    assert [one["status"] for one in states] == [status.value for status in EntryStatus]
    assert all(one["label"].strip() for one in states)


def test_no_state_has_a_name_that_shames() -> None:
    assert [banned_in(str(status.label)) for status in EntryStatus] == [[]] * 6


def test_without_entries_there_is_nothing_and_no_nought(w: World) -> None:
    assert of_client(w.carol, w.carol) == {
        "states": [],
        "changes": [],
        "helpful": {"median": None, "n": 0},
        "embodied": {"median": None, "n": 0},
        "last_entries": [],
    }


def names_of(value: Any) -> list[str]:
    """Every field's name inside nested content."""
    if isinstance(value, dict):
        return [*value, *(name for part in value.values() for name in names_of(part))]
    if isinstance(value, list):
        return [name for part in value for name in names_of(part)]
    return []


@pytest.mark.parametrize("who", ["carol", "alice"])
def test_nowhere_is_there_a_percentage_or_a_measure_against_a_plan(w: World, who: str) -> None:
    assignment = w.assignment(rhythm="times_per_week", times_per_week=4)
    for status in EntryStatus:
        w.entry(assignment=assignment, status=status.value, helpful=5, share_level="shared")
    found = of_assignment(getattr(w, who), assignment)

    assert not [text for text in words_of(found) if banned_in(text)]
    measured = ("percent", "rate", "ratio", "target", "goal", "streak", "missed", "expected")
    assert not [
        name
        for name in names_of(found)
        if any(word in name.split("_") for word in measured) or "percent" in name
    ]


# --- Middle values -------------------------------------------------------------------------


def test_a_middle_value_needs_three_entries() -> None:
    assert FEWEST == 3


@pytest.mark.parametrize("n", [1, 2])
def test_of_fewer_than_three_the_number_is_told_and_no_middle_value(w: World, n: int) -> None:
    rated(w, *[(6, 2)] * n)
    for _ in range(n):
        w.entry(helpful=7, embodied=4)
    found = of_client(w.carol, w.carol)

    assert distress(found) == {"rating": "distress", "before": None, "after": None, "n": n}
    assert found["helpful"] == {"median": None, "n": n}
    assert found["embodied"] == {"median": None, "n": n}


def test_of_three_the_middle_one_is_told_with_its_number(w: World) -> None:
    rated(w, (6, 2), (3, 3), (7, 6))

    assert distress(of_client(w.carol, w.carol)) == {
        "rating": "distress",
        "before": 6.0,
        "after": 3.0,
        "n": 3,
    }


def test_of_four_it_lies_between_the_two_in_the_middle(w: World) -> None:
    rated(w, (1, 1), (4, 2), (5, 5), (7, 7))

    found = distress(of_client(w.carol, w.carol))
    assert found is not None
    assert (found["before"], found["after"], found["n"]) == (4.5, 3.5, 4)


def test_a_change_rests_on_entries_that_have_both_numbers(w: World) -> None:
    rated(w, (6, 2), (6, 2), (6, 2), (0, None), (None, 10), (0, None))

    assert distress(of_client(w.carol, w.carol)) == {
        "rating": "distress",
        "before": 6.0,
        "after": 2.0,
        "n": 3,
    }


def test_a_rating_that_nobody_gave_is_left_out(w: World) -> None:
    w.entry(warmth_before=2, warmth_after=3)

    assert [one["rating"] for one in of_client(w.carol, w.carol)["changes"]] == ["warmth"]


def test_each_rating_has_its_own_middle_value(w: World) -> None:
    for _ in range(3):
        w.entry(
            **{f"{rating}_before": place for place, rating in enumerate(Rating)},
            **{f"{rating}_after": place + 1 for place, rating in enumerate(Rating)},
            helpful=7,
            embodied=2,
        )
    found = of_client(w.carol, w.carol)

    assert {one["rating"]: (one["before"], one["after"], one["n"]) for one in found["changes"]} == {
        rating.value: (float(place), float(place + 1), 3) for place, rating in enumerate(Rating)
    }
    assert found["helpful"] == {"median": 7.0, "n": 3}
    assert found["embodied"] == {"median": 2.0, "n": 3}


def test_a_zero_is_a_number_that_was_given(w: World) -> None:
    rated(w, (0, 0), (0, 0), (0, 0))

    assert distress(of_client(w.carol, w.carol)) == {
        "rating": "distress",
        "before": 0.0,
        "after": 0.0,
        "n": 3,
    }


# --- Who reads which numbers ---------------------------------------------------------------


def test_a_clients_own_numbers_rest_on_all_entries(w: World) -> None:
    rated(w, (2, 1), (4, 3), level="private")
    rated(w, (6, 5))

    found = distress(of_client(w.carol, w.carol))
    assert found is not None
    assert (found["before"], found["after"], found["n"]) == (4.0, 3.0, 3)


def test_a_therapists_numbers_leave_private_entries_out(w: World) -> None:
    rated(w, (6, 5), (6, 5), level="shared")
    rated(w, (6, 5), level="ratings_only")
    rated(w, (0, 0), (0, 0), (0, 0), (0, 0), level="private")

    found = distress(of_client(w.alice, w.carol))
    assert found is not None
    assert (found["before"], found["after"], found["n"]) == (6.0, 5.0, 3)


def test_a_therapist_gets_no_middle_value_that_private_entries_would_complete(w: World) -> None:
    rated(w, (6, 5), (6, 5), level="ratings_only")
    rated(w, (6, 5), level="private")
    for level in ("shared", "shared", "private"):
        w.entry(helpful=8, embodied=8, share_level=level)
    found = of_client(w.alice, w.carol)

    assert distress(found) == {"rating": "distress", "before": None, "after": None, "n": 2}
    assert found["helpful"] == {"median": None, "n": 2}
    assert found["embodied"] == {"median": None, "n": 2}


def test_very_high_distress_of_a_private_entry_enters_no_middle_value(w: World) -> None:
    rated(w, (6, 5), (6, 5), (6, 5), level="shared")
    rated(w, (9, 10), level="private")

    found = distress(of_client(w.alice, w.carol))
    assert found is not None
    assert (found["after"], found["n"]) == (5.0, 3)


def test_a_therapist_knows_of_each_state_also_of_private_entries(w: World) -> None:
    w.entry(status="done", share_level="private")
    w.entry(status="done", share_level="shared")

    assert counts(of_client(w.alice, w.carol)) == {"done": 2}


def test_looking_at_progress_does_not_count_as_reading_an_entry(w: World) -> None:
    entry = w.entry(share_level="shared")
    of_client(w.alice, w.carol)
    address = reverse("api:entries-detail", args=[entry.pk])
    etag = w.carol.api.get(address)["ETag"]

    taken_back = w.carol.api.patch(address, {"share_level": "private"}, headers={"If-Match": etag})
    assert taken_back.status_code == 200


# --- The last entries ----------------------------------------------------------------------


def test_the_last_three_entries_are_shown_newest_day_first(w: World) -> None:
    made = {
        ago: w.entry(practised_on=w.today - datetime.timedelta(days=ago)) for ago in (4, 0, 2, 9)
    }

    found = of_client(w.carol, w.carol)["last_entries"]
    assert [one["id"] for one in found] == [str(made[ago].pk) for ago in (0, 2, 4)]


def test_of_one_day_the_entry_that_was_recorded_last_comes_first(w: World) -> None:
    first, second = w.entry(), w.entry()

    found = of_client(w.carol, w.carol)["last_entries"]
    assert [one["id"] for one in found] == [str(second.pk), str(first.pk)]


def test_a_last_entry_says_what_it_was_and_how_it_went_and_no_more(w: World) -> None:
    w.entry(status="adapted", note="By the window.", share_level="shared")

    [found] = of_client(w.alice, w.carol)["last_entries"]
    assert set(found) == {"id", "status", "practised_on", "exercise_title"}
    assert (found["status"], found["practised_on"]) == ("adapted", str(w.today))
    assert found["exercise_title"] == w.exercise().current.title  # type: ignore[union-attr]


# --- Of one assignment ---------------------------------------------------------------------


def test_progress_of_an_assignment_rests_on_its_own_entries(w: World) -> None:
    breathing, grounding = w.assignment(), w.assignment(exercise="grounding_soles")
    for _ in range(3):
        w.entry(assignment=breathing, helpful=8)
    w.entry(assignment=grounding, status="adapted", helpful=1)
    w.entry(status="not_this_time")
    found = of_assignment(w.carol, breathing)

    assert counts(found) == {"done": 3}
    assert found["helpful"] == {"median": 8.0, "n": 3}
    assert len(found["last_entries"]) == 3


def test_progress_of_a_client_rests_on_all_of_their_entries_and_nobody_elses(w: World) -> None:
    w.entry(assignment=w.assignment())
    w.entry(exercise="grounding_soles")
    w.entry(by=w.eve)

    assert counts(of_client(w.alice, w.carol)) == {"done": 2}


@pytest.mark.parametrize(
    ("who", "status"),
    [("bob", 404), ("eve", 404), ("charlie", 404), ("dora", 404), ("ada", 403)],
)
def test_progress_is_told_to_the_client_and_their_care_team_alone(
    w: World, who: str, status: int
) -> None:
    assignment = w.assignment()
    w.entry(assignment=assignment)
    api = getattr(w, who).api

    for address in (
        reverse("api:assignments-progress", args=[assignment.pk]),
        reverse("api:clients-progress", args=[w.carol.actor.client_id]),
    ):
        assert api.get(address).status_code == status


def test_progress_asked_for_past_the_door_holds_the_same_line(w: World) -> None:
    """The service itself shows a stranger nothing, whatever its caller forgot to ask."""
    w.entry(helpful=5)

    client_id = w.carol.actor.client_id
    assert client_id is not None
    for person in (w.bob, w.ada, w.eve, w.charlie):
        with acting_as(person.actor):
            found = progress_of(actor=person.actor, client_id=client_id)
        assert (found["states"], found["last_entries"]) == ([], [])
