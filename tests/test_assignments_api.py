"""What was agreed to practise: made by a therapist for a client of theirs, with a reason."""

from typing import Any

import pytest
from django.db import connection

from clinic.models import Client
from clinic.tenancy.scope import acting_as
from exercises.models import Assignment, Exercise
from tests.refusals import nothing_written, problem, without_id
from tests.test_exercises_api import newer_words
from tests.world import Person, World

ASSIGNMENTS = "/api/v1/assignments"
RANDOM_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
MONDAY = "2036-03-10"


def plan(w: World, **said: Any) -> dict[str, Any]:
    """What a therapist sends for Carol: as little as is needed, and what is said."""
    return {
        "client": str(w.carol.actor.client_id),
        "exercise": str(w.exercise().pk),
        "reason": "It helped when we tried it together.",
        "rhythm": "once",
        "start_on": MONDAY,
        **said,
    }


def assign(w: World, by: Person | None = None, **said: Any) -> Any:
    return (by or w.alice).api.post(ASSIGNMENTS, plan(w, **said))


def change(w: World, assignment: Assignment, by: Person | None = None, **changes: Any) -> Any:
    """PATCH with the present ETag."""
    api = (by or w.alice).api
    etag = w.alice.api.get(f"{ASSIGNMENTS}/{assignment.pk}")["ETag"]
    return api.patch(f"{ASSIGNMENTS}/{assignment.pk}", changes, headers={"if-match": etag})


def read(w: World, assignment: Assignment) -> dict[str, Any]:
    response = w.carol.api.get(f"{ASSIGNMENTS}/{assignment.pk}")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


# --- Assigning


def test_everything_that_was_agreed_is_kept(w: World) -> None:
    said = {
        "reason": "Your critic is loud in the evening; this gives you a softer voice beside it.",
        "when_and_where": "After brushing teeth, on the edge of the bed",
        "likely_obstacle": "Too tired",
        "plan_b": "Three breaths, lying down",
        "confidence": 7,
        "practised_in_session": True,
        "rhythm": "weekdays",
        "weekdays": [1, 3, 5],
        "smaller_version_allowed": False,
        "start_on": MONDAY,
        "review_on": "2036-03-24",
    }

    made = assign(w, **said)

    assert made.status_code == 201
    shown = w.carol.api.get(f"{ASSIGNMENTS}/{made.json()['id']}").json()
    assert {name: shown[name] for name in said} == said
    assert shown["times_per_week"] is None
    assert shown["client"] == str(w.carol.actor.client_id)
    assert shown["assigned_by"] == str(w.alice.actor.membership_id)
    assert shown["state"] == "active"
    assert shown["ended_at"] is None
    assert shown["version"] == 1


def test_a_reason_a_rhythm_and_a_start_are_enough(w: World) -> None:
    body = assign(w).json()

    assert body["confidence"] is None
    assert body["review_on"] is None
    assert body["weekdays"] == []
    assert body["practised_in_session"] is False
    assert body["smaller_version_allowed"] is True
    assert body["when_and_where"] == body["likely_obstacle"] == body["plan_b"] == ""


@pytest.mark.parametrize("field", ["client", "exercise", "reason", "rhythm", "start_on"])
def test_what_is_missing_is_named(w: World, field: str) -> None:
    said = plan(w)
    del said[field]

    with nothing_written(w):
        problem(w.alice.api.post(ASSIGNMENTS, said), 400, "required", at=f"/{field}")


def test_the_exercise_is_named_as_its_client_reads_it(w: World) -> None:
    exercise = w.exercise("safe_place")

    body = assign(w, exercise=str(exercise.pk)).json()

    assert exercise.current is not None
    assert body["exercise"] == str(exercise.pk)
    assert body["exercise_version"] == str(exercise.current_id)
    assert body["exercise_title"] == exercise.current.title


def test_nothing_of_the_plan_stands_in_the_table_in_clear(w: World) -> None:
    made = assign(w, plan_b="Three breaths", likely_obstacle="Too tired").json()

    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute(
            "SELECT concat_ws(' ', encode(reason, 'escape'), encode(plan_b, 'escape'), "
            "encode(likely_obstacle, 'escape')) FROM exercises_assignment WHERE id = %s",
            [made["id"]],
        )
        [(row,)] = cursor.fetchall()
    assert row
    assert not any(words in row for words in ("together", "breaths", "tired"))


# --- Rules of a plan, each at its field


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "   \n"}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"reason": ["because"]}, "reason"),
        ({"plan_b": "x" * 2001}, "plan_b"),
        ({"when_and_where": {"at": "home"}}, "when_and_where"),
        ({"likely_obstacle": None}, "likely_obstacle"),
        ({"confidence": 11}, "confidence"),
        ({"confidence": -1}, "confidence"),
        ({"confidence": 5.5}, "confidence"),
        ({"confidence": "very"}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"practised_in_session": "perhaps"}, "practised_in_session"),
        ({"practised_in_session": None}, "practised_in_session"),
        ({"smaller_version_allowed": [True]}, "smaller_version_allowed"),
        ({"rhythm": "hourly"}, "rhythm"),
        ({"rhythm": None}, "rhythm"),
        ({"rhythm": "times_per_week"}, "times_per_week"),
        ({"rhythm": "times_per_week", "times_per_week": None}, "times_per_week"),
        ({"rhythm": "times_per_week", "times_per_week": 0}, "times_per_week"),
        ({"rhythm": "times_per_week", "times_per_week": 22}, "times_per_week"),
        ({"rhythm": "once", "times_per_week": 3}, "times_per_week"),
        ({"rhythm": "weekdays", "weekdays": [1], "times_per_week": 3}, "times_per_week"),
        ({"rhythm": "weekdays"}, "weekdays"),
        ({"rhythm": "weekdays", "weekdays": []}, "weekdays"),
        ({"rhythm": "weekdays", "weekdays": "1,2"}, "weekdays"),
        ({"rhythm": "weekdays", "weekdays": {"1": True}}, "weekdays"),
        ({"rhythm": "weekdays", "weekdays": [1, 2, 3, 4, 5, 6, 7, 1]}, "weekdays"),
        ({"rhythm": "weekdays", "weekdays": [0]}, "weekdays/0"),
        ({"rhythm": "weekdays", "weekdays": [1, 8]}, "weekdays/1"),
        ({"rhythm": "weekdays", "weekdays": [1, "Tuesday"]}, "weekdays/1"),
        ({"rhythm": "when_it_comes_up", "weekdays": [1]}, "weekdays"),
        ({"start_on": "soon"}, "start_on"),
        ({"start_on": "2036-02-30"}, "start_on"),
        ({"start_on": None}, "start_on"),
        ({"start_on": "2036-03-10T09:00:00Z"}, "start_on"),
        ({"review_on": "2036-03-09"}, "review_on"),
        ({"review_on": ["2036-03-11"]}, "review_on"),
    ],
)
def test_a_plan_that_does_not_hold_together_is_refused_at_its_field(
    w: World, said: dict[str, Any], field: str
) -> None:
    with nothing_written(w):
        problem(assign(w, **said), 400, at=f"/{field}")


@pytest.mark.parametrize(
    "said",
    [
        {"rhythm": "once"},
        {"rhythm": "when_it_comes_up"},
        {"rhythm": "times_per_week", "times_per_week": 1},
        {"rhythm": "times_per_week", "times_per_week": 21},
        {"rhythm": "weekdays", "weekdays": [7]},
        {"rhythm": "weekdays", "weekdays": [1, 2, 3, 4, 5, 6, 7]},
        {"confidence": 0},
        {"confidence": 10},
        {"review_on": MONDAY},
        {"reason": "x" * 2000},
    ],
)
def test_a_plan_at_the_edge_of_its_rules_is_taken(w: World, said: dict[str, Any]) -> None:
    body = assign(w, **said).json()

    assert {name: body[name] for name in said} == said


def test_weekdays_are_kept_once_each_and_in_order(w: World) -> None:
    assert assign(w, rhythm="weekdays", weekdays=[5, 1, 5, 3]).json()["weekdays"] == [1, 3, 5]


def test_nothing_is_assigned_when_care_has_ended(w: World) -> None:
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(
            state="ended", care_ended_on=w.today
        )

    with nothing_written(w):
        problem(assign(w), 400, "care_ended", at="/client")


def test_an_exercise_that_is_no_longer_offered_is_not_assigned(w: World) -> None:
    with acting_as(w.alice.actor):
        Exercise.objects.filter(pk=w.exercise().pk).update(is_offered=False)

    with nothing_written(w):
        problem(assign(w), 400, "not_offered", at="/exercise")


@pytest.mark.parametrize(
    "field",
    ["id", "state", "version", "assigned_by", "clinic", "exercise_version", "ended_at", "nonsense"],
)
def test_what_is_not_a_field_to_write_is_refused(w: World, field: str) -> None:
    assignment = w.assignment()

    with nothing_written(w):
        problem(assign(w, **{field: RANDOM_ID}), 400, "unknown_field", at=f"/{field}")
        changed = change(w, assignment, **{field: RANDOM_ID})
        problem(changed, 400, "unknown_field", at=f"/{field}")


@pytest.mark.parametrize("field", ["client", "exercise"])
def test_an_assignment_stays_with_its_client_and_its_exercise(w: World, field: str) -> None:
    assignment = w.assignment()

    with nothing_written(w):
        response = change(w, assignment, **{field: plan(w)[field]})

    problem(response, 400, "unknown_field", at=f"/{field}")


# --- Whose clients, whose exercises


def test_a_therapist_assigns_to_their_own_clients_alone(w: World) -> None:
    with nothing_written(w):
        colleagues = assign(w, client=str(w.eve.actor.client_id))
        elsewhere = assign(w, client=str(w.dora.actor.client_id))
        random = assign(w, client=RANDOM_ID)

    problem(random, 400, "does_not_exist", at="/client")
    assert without_id(colleagues) == without_id(elsewhere) == without_id(random)


def test_an_exercise_of_another_clinic_is_one_that_does_not_exist(w: World) -> None:
    with nothing_written(w):
        foreign = assign(w, exercise=str(w.exercise(by=w.charlie).pk))
        random = assign(w, exercise=RANDOM_ID)

    problem(foreign, 400, "does_not_exist", at="/exercise")
    assert without_id(foreign) == without_id(random)


@pytest.mark.parametrize("value", ["1", 1, None, [], {}, "", True, "x" * 5000, "0" * 32 + "g"])
@pytest.mark.parametrize("field", ["client", "exercise"])
def test_what_is_no_id_is_refused_at_its_field(w: World, field: str, value: object) -> None:
    with nothing_written(w):
        problem(assign(w, **{field: value}), 400, at=f"/{field}")


@pytest.mark.parametrize("person", ["carol", "ada"])
def test_clients_and_admins_assign_nothing(w: World, person: str) -> None:
    with nothing_written(w):
        problem(assign(w, by=getattr(w, person)), 403, "permission_denied")


def test_a_client_changes_no_assignment_not_even_their_own(w: World) -> None:
    assignment = w.assignment()

    with nothing_written(w):
        problem(change(w, assignment, by=w.carol, reason="Mine"), 403, "permission_denied")
        for verb in ("pause", "resume", "end"):
            problem(w.carol.api.post(f"{ASSIGNMENTS}/{assignment.pk}/{verb}"), 403)


def test_a_client_sees_their_own_assignments(w: World) -> None:
    mine = w.assignment()
    w.assignment(by=w.bob, client=w.eve.actor.client_id)

    listed = w.carol.api.get(ASSIGNMENTS).json()["results"]

    assert [one["id"] for one in listed] == [str(mine.pk)]


def test_a_therapist_sees_the_assignments_of_their_caseload_whoever_made_them(
    w: World,
) -> None:
    of_carol = w.assignment()
    of_eve = w.assignment(by=w.bob, client=w.eve.actor.client_id)

    for person, expected in ((w.alice, of_carol), (w.bob, of_eve)):
        listed = person.api.get(ASSIGNMENTS).json()["results"]
        assert [one["id"] for one in listed] == [str(expected.pk)]
    assert w.charlie.api.get(ASSIGNMENTS).json()["results"] == []


def test_an_admin_reads_no_assignments(w: World) -> None:
    assignment = w.assignment()

    for address in ("", f"/{assignment.pk}", f"/{assignment.pk}/progress"):
        problem(w.ada.api.get(f"{ASSIGNMENTS}{address}"), 403, "permission_denied")


def test_a_stranger_gets_404_for_an_assignment_whatever_they_ask(w: World) -> None:
    assignment = w.assignment()
    etag = w.alice.api.get(f"{ASSIGNMENTS}/{assignment.pk}")["ETag"]

    with nothing_written(w):
        for stranger in (w.bob, w.charlie):
            for key in (assignment.pk, RANDOM_ID):
                address = f"{ASSIGNMENTS}/{key}"
                answers = [
                    stranger.api.get(address),
                    stranger.api.get(f"{address}/progress"),
                    stranger.api.patch(address, {"plan_b": "x"}, headers={"if-match": etag}),
                    *(
                        stranger.api.post(f"{address}/{verb}")
                        for verb in ("pause", "resume", "end")
                    ),
                ]
                for answer in answers:
                    problem(answer, 404, "not_found")
        for client in (w.eve, w.dora):
            problem(client.api.get(f"{ASSIGNMENTS}/{assignment.pk}"), 404, "not_found")


# --- The version that was assigned


def test_a_new_version_later_does_not_change_what_was_assigned(w: World) -> None:
    assignment = w.assignment(exercise="grounding_soles")
    given = read(w, assignment)
    newer_words(w, "grounding_soles", "Entirely new words.")

    later = assign(w, exercise=str(w.exercise("grounding_soles").pk)).json()

    assert read(w, assignment) == given
    assert later["exercise"] == given["exercise"]
    assert later["exercise_version"] != given["exercise_version"]


def test_a_change_of_the_plan_keeps_the_version(w: World) -> None:
    assignment = w.assignment(exercise="grounding_soles")
    given = read(w, assignment)["exercise_version"]
    newer_words(w, "grounding_soles", "Entirely new words.")

    assert change(w, assignment, plan_b="Sit down").json()["exercise_version"] == given


# --- Changing what was agreed


def test_a_change_needs_the_etag_that_was_read(w: World) -> None:
    assignment = w.assignment()

    with nothing_written(w):
        response = w.alice.api.patch(f"{ASSIGNMENTS}/{assignment.pk}", {"plan_b": "x"})

    problem(response, 428, "if_match_required")


def test_a_change_with_the_present_etag_counts_up_and_leaves_the_rest(w: World) -> None:
    assignment = w.assignment(confidence=4, plan_b="Lie down")
    before = w.alice.api.get(f"{ASSIGNMENTS}/{assignment.pk}")

    response = change(w, assignment, confidence=8)

    assert response.status_code == 200
    assert response["ETag"] not in ("", before["ETag"])
    after = w.alice.api.get(f"{ASSIGNMENTS}/{assignment.pk}")
    assert after["ETag"] == response["ETag"]
    assert after.json()["confidence"] == 8
    assert after.json()["version"] == 2
    unchanged = set(before.json()) - {"confidence", "version", "updated_at"}
    assert all(after.json()[name] == before.json()[name] for name in unchanged)


def test_a_stale_etag_is_refused_with_the_present_one(w: World) -> None:
    assignment = w.assignment()
    address = f"{ASSIGNMENTS}/{assignment.pk}"
    stale = w.alice.api.get(address)["ETag"]
    present = change(w, assignment, plan_b="Lie down")["ETag"]

    with nothing_written(w):
        response = w.alice.api.patch(address, {"plan_b": "x"}, headers={"if-match": stale})

    problem(response, 412, "changed_meanwhile")
    assert response["ETag"] == present
    assert read(w, assignment)["plan_b"] == "Lie down"


def test_another_assignments_etag_is_no_etag_of_this_one(w: World) -> None:
    one, other = w.assignment(), w.assignment(exercise="grounding_soles")
    etag = w.alice.api.get(f"{ASSIGNMENTS}/{other.pk}")["ETag"]

    with nothing_written(w):
        response = w.alice.api.patch(
            f"{ASSIGNMENTS}/{one.pk}", {"plan_b": "x"}, headers={"if-match": etag}
        )

    problem(response, 412)


def test_pausing_makes_an_etag_stale(w: World) -> None:
    assignment = w.assignment()
    address = f"{ASSIGNMENTS}/{assignment.pk}"
    etag = w.alice.api.get(address)["ETag"]
    w.alice.api.post(f"{address}/pause")

    problem(w.alice.api.patch(address, {"plan_b": "x"}, headers={"if-match": etag}), 412)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"rhythm": "times_per_week"}, "times_per_week"),
        ({"rhythm": "weekdays"}, "weekdays"),
        ({"times_per_week": 3}, "times_per_week"),
        ({"weekdays": [1]}, "weekdays"),
        ({"review_on": "2001-01-01"}, "review_on"),
        ({"start_on": None}, "start_on"),
        ({"confidence": 11}, "confidence"),
    ],
)
def test_a_change_after_which_the_plan_does_not_hold_together_is_refused(
    w: World, changes: dict[str, Any], field: str
) -> None:
    assignment = w.assignment()

    with nothing_written(w):
        problem(change(w, assignment, **changes), 400, at=f"/{field}")


def test_another_rhythm_drops_what_belonged_to_the_former(w: World) -> None:
    assignment = w.assignment(rhythm="times_per_week", times_per_week=3)

    to_days = change(w, assignment, rhythm="weekdays", weekdays=[2]).json()
    to_once = change(w, assignment, rhythm="once").json()

    assert (to_days["times_per_week"], to_days["weekdays"]) == (None, [2])
    assert (to_once["times_per_week"], to_once["weekdays"]) == (None, [])


def test_a_change_that_contradicts_itself_is_refused_as_a_new_plan_would_be(w: World) -> None:
    assignment = w.assignment(rhythm="times_per_week", times_per_week=3)

    with nothing_written(w):
        problem(change(w, assignment, rhythm="once", times_per_week=5), 400, at="/times_per_week")
        problem(change(w, assignment, rhythm="once", weekdays=[1]), 400, at="/weekdays")


# --- Pause, resume, end


def test_an_assignment_is_paused_and_resumed(w: World) -> None:
    assignment = w.assignment()
    address = f"{ASSIGNMENTS}/{assignment.pk}"

    paused = w.alice.api.post(f"{address}/pause")
    assert paused.json()["state"] == read(w, assignment)["state"] == "paused"
    resumed = w.alice.api.post(f"{address}/resume")

    assert resumed.json()["state"] == read(w, assignment)["state"] == "active"
    assert resumed.json()["version"] == 3
    assert resumed["ETag"] != paused["ETag"]


@pytest.mark.parametrize(
    ("verb", "state"), [("resume", "active"), ("pause", "paused"), ("end", "ended")]
)
def test_asking_for_the_present_state_changes_nothing(w: World, verb: str, state: str) -> None:
    assignment = w.assignment()
    address = f"{ASSIGNMENTS}/{assignment.pk}/{verb}"
    first = w.alice.api.post(address)

    with nothing_written(w):
        again = w.alice.api.post(address)

    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.json()["state"] == state


def test_an_end_is_dated(w: World) -> None:
    assignment = w.assignment()

    body = w.alice.api.post(f"{ASSIGNMENTS}/{assignment.pk}/end").json()

    assert body["state"] == "ended"
    assert body["ended_at"].startswith(body["updated_at"][:16])


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_end_is_for_good(w: World, verb: str) -> None:
    assignment = w.assignment()
    w.alice.api.post(f"{ASSIGNMENTS}/{assignment.pk}/end")

    with nothing_written(w):
        response = w.alice.api.post(f"{ASSIGNMENTS}/{assignment.pk}/{verb}")

    assert "anew" in problem(response, 409, "ended")["detail"]
    assert read(w, assignment)["state"] == "ended"


def test_what_has_ended_is_not_changed(w: World) -> None:
    assignment = w.assignment()
    w.alice.api.post(f"{ASSIGNMENTS}/{assignment.pk}/end")

    with nothing_written(w):
        problem(change(w, assignment, plan_b="x"), 409, "ended")


def test_an_assignment_is_not_deleted(w: World) -> None:
    assignment = w.assignment()

    with nothing_written(w):
        problem(w.alice.api.delete(f"{ASSIGNMENTS}/{assignment.pk}"), 405, "method_not_allowed")


# --- Finding


def test_assignments_are_found_by_client_and_by_state(w: World) -> None:
    other = w.new_client()
    of_carol, of_other = w.assignment(), w.assignment(client=other)
    w.alice.api.post(f"{ASSIGNMENTS}/{of_other.pk}/pause")

    def found(query: str) -> list[str]:
        return [one["id"] for one in w.alice.api.get(f"{ASSIGNMENTS}?{query}").json()["results"]]

    assert found(f"client={other.pk}") == [str(of_other.pk)]
    assert found("state=active") == [str(of_carol.pk)]
    assert found("state=paused") == [str(of_other.pk)]
    assert found(f"state=paused&client={w.carol.actor.client_id}") == []
    assert found(f"client={w.eve.actor.client_id}") == []


def test_assignments_are_found_by_what_changed_since(w: World) -> None:
    older, newer = w.assignment(), w.assignment()
    with acting_as(w.alice.actor):
        Assignment.objects.filter(pk=older.pk).update(updated_at="2026-01-01T00:00Z")

    found = w.carol.api.get(f"{ASSIGNMENTS}?updated_since=2026-02-01T00:00:00Z").json()

    assert [one["id"] for one in found["results"]] == [str(newer.pk)]


@pytest.mark.parametrize("query", ["client=1", "client=%00", "state=gone", "updated_since=x"])
def test_a_filters_value_that_cannot_be_is_refused_at_its_name(w: World, query: str) -> None:
    problem(
        w.alice.api.get(f"{ASSIGNMENTS}?{query}"), 400, at=f"/{query.split('=', maxsplit=1)[0]}"
    )


# --- How it goes


def test_progress_of_an_assignment_counts_its_own_entries(w: World) -> None:
    assignment, other = w.assignment(), w.assignment(exercise="grounding_soles")
    for status in ("done", "done", "not_this_time"):
        w.entry(assignment=assignment, status=status, share_level="shared")
    w.entry(assignment=other, status="adapted", share_level="shared")

    for person in (w.alice, w.carol):
        body = person.api.get(f"{ASSIGNMENTS}/{assignment.pk}/progress").json()
        assert {one["status"]: one["count"] for one in body["states"]} == {
            "done": 2,
            "not_this_time": 1,
        }
        assert len(body["last_entries"]) == 3


def test_numbers_of_progress_rest_on_three_and_on_what_is_shared(w: World) -> None:
    assignment = w.assignment()
    for before, after, level in ((8, 4, "shared"), (6, 3, "ratings_only"), (7, 5, "private")):
        w.entry(
            assignment=assignment,
            distress_before=before,
            distress_after=after,
            share_level=level,
        )

    own = w.carol.api.get(f"{ASSIGNMENTS}/{assignment.pk}/progress").json()["changes"]
    therapists = w.alice.api.get(f"{ASSIGNMENTS}/{assignment.pk}/progress").json()["changes"]

    assert own == [{"rating": "distress", "before": 7.0, "after": 4.0, "n": 3}]
    assert therapists == [{"rating": "distress", "before": None, "after": None, "n": 2}]
