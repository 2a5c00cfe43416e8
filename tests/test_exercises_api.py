"""The library: what a therapist chooses from, and what of it a client sees."""

import dataclasses
import datetime
from typing import Any

import pytest

from clinic.tenancy.scope import acting_as
from exercises.library.catalogue import catalogue
from exercises.models import Exercise
from exercises.services.library import add_version
from tests.refusals import nothing_written, problem, without_id
from tests.world import Person, World

EXERCISES = "/api/v1/exercises"
RANDOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
TOGETHER_FIRST = {"safe_place", "body_face_voice"}


def library(person: Person, query: str = "") -> list[dict[str, Any]]:
    response = person.api.get(f"{EXERCISES}{query}")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def ids(exercises: list[dict[str, Any]]) -> set[str]:
    return {one["catalogue_id"] for one in exercises}


def newer_words(w: World, catalogue_id: str, purpose: str) -> None:
    """Give an exercise a new version, as a new release of the catalogue would."""
    [item] = [one for one in catalogue() if one.catalogue_id == catalogue_id]
    with acting_as(w.alice.actor):
        add_version(
            exercise=Exercise.objects.get(catalogue_id=catalogue_id),
            item=dataclasses.replace(
                item, content={**item.content, "purpose": purpose}, digest="0" * 64
            ),
        )


def test_a_therapist_sees_the_whole_library_with_its_cautions(w: World) -> None:
    shown = library(w.alice)

    assert len(shown) == len(catalogue()) >= 10
    assert ids(shown) >= TOGETHER_FIRST
    assert all({"cautions", "frequency", "evidence"} <= set(one["for_therapist"]) for one in shown)


def test_a_client_sees_what_they_may_begin_alone(w: World) -> None:
    shown = library(w.carol)

    assert ids(shown) == ids(library(w.alice)) - TOGETHER_FIRST
    assert {one["start"] for one in shown} == {"client_may_start"}


def test_a_client_never_sees_what_is_for_therapists(w: World) -> None:
    assignment = w.assignment(exercise="safe_place")
    cautions = {one["for_therapist"]["cautions"] for one in library(w.alice)}

    for response in (
        w.carol.api.get(EXERCISES),
        w.carol.api.get(f"{EXERCISES}/{w.exercise('safe_place').pk}"),
        w.carol.api.get("/api/v1/assignments"),
        w.carol.api.get(f"/api/v1/assignments/{assignment.pk}"),
    ):
        assert response.status_code == 200
        assert "for_therapist" not in response.content.decode()
        assert not any(one in str(response.json()) for one in cautions)


def test_what_was_assigned_is_seen_by_its_client_and_by_no_other(w: World) -> None:
    w.assignment(exercise="safe_place")

    assert "safe_place" in ids(library(w.carol))
    assert "body_face_voice" not in ids(library(w.carol))
    assert "safe_place" not in ids(library(w.eve))


def test_what_was_assigned_can_be_read_again_when_it_has_ended(w: World) -> None:
    assignment = w.assignment(exercise="safe_place")
    w.alice.api.post(f"/api/v1/assignments/{assignment.pk}/end")

    assert "safe_place" in ids(library(w.carol))


def test_a_client_gets_404_for_an_exercise_that_begins_together(w: World) -> None:
    hidden = w.carol.api.get(f"{EXERCISES}/{w.exercise('safe_place').pk}")
    missing = w.carol.api.get(f"{EXERCISES}/{RANDOM_ID}")

    problem(hidden, 404, "not_found")
    assert without_id(hidden) == without_id(missing)


def test_each_clinic_has_a_library_of_its_own(w: World) -> None:
    here = {one["id"] for one in library(w.alice)}
    there = {one["id"] for one in library(w.charlie)}

    assert not here & there
    problem(w.alice.api.get(f"{EXERCISES}/{there.pop()}"), 404, "not_found")


def test_an_admin_reads_no_exercises(w: World) -> None:
    problem(w.ada.api.get(EXERCISES), 403, "permission_denied")
    problem(w.ada.api.get(f"{EXERCISES}/{w.exercise().pk}"), 403, "permission_denied")


def test_an_exercise_comes_with_every_word_that_a_client_reads(w: World) -> None:
    [item] = [one for one in catalogue() if one.catalogue_id == "supportive_touch"]

    shown = w.carol.api.get(f"{EXERCISES}/{w.exercise('supportive_touch').pk}").json()

    assert shown["title"] == item.codes["title"]
    assert shown["content"] == item.content
    assert {"purpose", "steps", "inputs", "smaller_version", "alternative", "closing"} <= set(
        shown["content"]
    )
    assert shown["version_number"] == 1


def test_an_exercise_that_is_no_longer_offered_is_not_shown_to_clients(w: World) -> None:
    w.assignment(exercise="grounding_soles")
    with acting_as(w.alice.actor):
        Exercise.objects.filter(catalogue_id__in=["grounding_soles", "supportive_touch"]).update(
            is_offered=False
        )

    assert "supportive_touch" not in ids(library(w.carol))
    assert "grounding_soles" in ids(library(w.carol))
    assert "grounding_soles" not in ids(library(w.eve))


def test_the_library_shows_the_words_of_today(w: World) -> None:
    newer_words(w, "grounding_soles", "Entirely new words.")

    [shown] = [one for one in library(w.alice) if one["catalogue_id"] == "grounding_soles"]

    assert shown["version_number"] == 2
    assert shown["content"]["purpose"] == "Entirely new words."


def test_a_client_can_read_the_words_of_the_version_that_they_were_given(w: World) -> None:
    assignment = w.assignment(exercise="grounding_soles")
    given = w.exercise("grounding_soles").current
    assert given is not None
    newer_words(w, "grounding_soles", "Entirely new words.")

    readable = [
        w.carol.api.get(f"/api/v1/assignments/{assignment.pk}").json(),
        w.carol.api.get(f"{EXERCISES}/{given.exercise_id}").json(),
    ]

    assert str(given.content["purpose"]) in str(readable)


# --- Finding


@pytest.mark.parametrize(
    ("filter_by", "field"), [("flow", "flows"), ("system", "systems"), ("skill", "skills")]
)
def test_exercises_are_found_by_what_they_work_with(w: World, filter_by: str, field: str) -> None:
    everything = library(w.alice)
    codes = {code for one in everything for code in one[field]}
    assert codes

    for code in codes:
        expected = {one["catalogue_id"] for one in everything if code in one[field]}
        assert ids(library(w.alice, f"?{filter_by}={code}")) == expected


def test_exercises_are_found_by_who_may_begin_them(w: World) -> None:
    assert ids(library(w.alice, "?start=after_introduced")) == TOGETHER_FIRST
    assert library(w.carol, "?start=after_introduced") == []


def test_exercises_are_found_by_level(w: World) -> None:
    assert len(library(w.alice, "?level=beginning")) == len(library(w.alice))
    assert library(w.alice, "?level=later") == []


def test_exercises_are_found_by_the_minutes_that_somebody_has(w: World) -> None:
    everything = library(w.alice)
    shortest = min(one["minutes"] for one in everything)

    found = library(w.alice, f"?minutes_at_most={shortest}")

    assert ids(found) == {one["catalogue_id"] for one in everything if one["minutes"] == shortest}
    assert len(library(w.alice, "?minutes_at_most=1000")) == len(everything)
    assert library(w.alice, "?minutes_at_most=0") == []


def test_filters_narrow_one_another(w: World) -> None:
    found = library(w.alice, "?flow=self_to_self&start=client_may_start&minutes_at_most=3")

    assert found
    assert all(
        "self_to_self" in one["flows"]
        and one["start"] == "client_may_start"
        and one["minutes"] <= 3
        for one in found
    )


@pytest.mark.parametrize(
    "query",
    [
        "flow=sideways",
        "system=solar",
        "skill=juggling",
        "level=expert",
        "start=never",
        "minutes_at_most=-1",
        "minutes_at_most=1001",
        "minutes_at_most=soon",
        "minutes_at_most=NaN",
        "minutes_at_most=Infinity",
        "minutes_at_most=1e999",
    ],
)
def test_a_filters_value_that_cannot_be_is_refused_at_its_name(w: World, query: str) -> None:
    problem(w.alice.api.get(f"{EXERCISES}?{query}"), 400, at=f"/{query.split('=', maxsplit=1)[0]}")


# --- The library is read here, not written


@pytest.mark.parametrize("person", ["alice", "carol"])
def test_nobody_writes_the_library_here(w: World, person: str) -> None:
    api = getattr(w, person).api
    address = f"{EXERCISES}/{w.exercise().pk}"

    with nothing_written(w):
        for response in (
            api.post(EXERCISES, {"title": "Mine"}),
            api.patch(address, {"title": "Mine"}),
            api.put(address, {"title": "Mine"}),
            api.delete(address),
        ):
            problem(response, 405, "method_not_allowed")


def test_every_exercise_of_the_library_can_be_assigned(w: World) -> None:
    for exercise in library(w.alice):
        response = w.alice.api.post(
            "/api/v1/assignments",
            {
                "client": str(w.carol.actor.client_id),
                "exercise": exercise["id"],
                "reason": "To try it out.",
                "rhythm": "once",
                "start_on": datetime.date(2036, 3, 10).isoformat(),
            },
        )
        assert response.status_code == 201, exercise["catalogue_id"]
        assert response.json()["exercise_title"] == exercise["title"]
