"""What a client records is kept once, as they wrote it, and is theirs to change."""

import datetime
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.models import Client, CrisisResource
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from exercises.codes import EntryStatus
from exercises.library import catalogue
from exercises.models import Entry, Exercise
from exercises.models.entry import RATING_COLUMNS
from exercises.services.library import add_version
from tests.world import Person, World

SCALES = (*RATING_COLUMNS, "helpful", "embodied")

ASKING: dict[str, Any] = {
    "catalogue_id": "asking_all",
    "n": 99,
    "language": "en",
    "title": "Every kind of question",
    "purpose": "To try each kind of answer.",
    "tradition": "shared",
    "flows": ["none"],
    "systems": ["threat"],
    "skills": [],
    "attributes": [],
    "level": "beginning",
    "start": "client_may_start",
    "minutes": 1,
    "modality": ["read"],
    "ratings": ["distress"],
    "before": "You can stop at any point.",
    "steps": [
        {"title": "One", "text": "Write.", "inputs": ["line", "story", "size", "time"]},
        {"title": "Two", "text": "Choose.", "inputs": ["urge", "moods", "ticks"]},
    ],
    "inputs": [
        {"key": "line", "type": "text", "label": "A line"},
        {"key": "story", "type": "long_text", "label": "A story"},
        {"key": "size", "type": "scale_0_10", "label": "How big?", "low": "Small", "high": "Big"},
        {"key": "time", "type": "timer", "label": "How long?", "seconds": 60},
        {"key": "urge", "type": "choice", "label": "What did you want to do?", "options": "urge"},
        {"key": "moods", "type": "multi_choice", "label": "Which?", "options": "emotion"},
        {"key": "ticks", "type": "checklist", "label": "Which?", "options": "critic_intention"},
    ],
    "smaller_version": {"minutes": 1, "text": "Write one word."},
    "alternative": {"suits": "If writing is not for you", "text": "Say it."},
    "closing": "That is all.",
    "for_therapist": {"cautions": "None known.", "frequency": "At will.", "evidence": "None."},
}


def asking_all(w: World) -> Exercise:
    """An exercise with every kind of input, two of them with marked options."""
    item = catalogue.parse(ASKING, name="asking_all.yaml")
    with acting_as(TaskActor(w.clinic.pk, "library")):
        exercise = Exercise.objects.create(clinic_id=w.clinic.pk, catalogue_id=item.catalogue_id)
        add_version(exercise=exercise, item=item)
    return w.exercise("asking_all")


def url(key: UUID) -> str:
    return reverse("api:entries-detail", args=[key])


def send(w: World, *, by: Person | None = None, key: UUID | None = None, **values: Any) -> Any:
    """PUT an entry; of the breathing exercise and done, where nothing else is said."""
    by = by or w.carol
    if "assignment" not in values and "exercise" not in values:
        library = w.charlie if by.actor.clinic_id == w.elsewhere.pk else w.alice
        values["exercise"] = str(w.exercise(by=library).pk)
    return by.api.put(url(key or uuid4()), {"status": "done", **values})


def change(person: Person, key: UUID | str, *, etag: str | None = None, **values: Any) -> Any:
    """PATCH an entry, with the ETag that it has now where none is said."""
    api = person.api
    address = url(UUID(str(key)))
    etag = api.get(address)["ETag"] if etag is None else etag
    return api.patch(address, values, headers={"If-Match": etag} if etag else {})


def kept(person: Person) -> list[Entry]:
    """All entries that this person may know of, with their sealed parts opened."""
    with acting_as(person.actor):
        entries = list(Entry.objects.visible_to(person.actor).order_by("id"))
        for entry in entries:
            opened(entry)
    return entries


def opened(entry: Entry) -> Entry:
    for name in ("answers", "note", "unwanted_note", "needs_now", "not_yet_reasons"):
        getattr(entry, name)
    return entry


def pointers(response: Any) -> list[str]:
    return [one["pointer"] for one in response.json().get("errors", [])]


def codes(response: Any) -> list[str]:
    return [one["code"] for one in response.json().get("errors", [])]


# --- Once, and not lost --------------------------------------------------------------------


def test_an_entry_is_kept_under_the_id_that_the_device_made(w: World) -> None:
    key = uuid4()
    response = send(w, key=key, note="By the window.", distress_before=6, distress_after=4)

    assert response.status_code == 201
    [entry] = kept(w.carol)
    assert (entry.client_uuid, entry.client_id) == (key, w.carol.actor.client_id)
    assert (entry.note, entry.distress_before, entry.distress_after) == ("By the window.", 6, 4)
    assert entry.recorded_by_id == w.carol.actor.memberships[Role.CLIENT]
    assert entry.recorded_by_therapist is False


def test_the_answer_says_where_the_entry_is_and_which_state_it_has(w: World) -> None:
    response = send(w)

    [entry] = kept(w.carol)
    assert response["Location"] == url(entry.pk)
    assert response["ETag"] == entry.etag
    assert response.json()["id"] == str(entry.pk)
    assert response.json()["version"] == 1


def test_an_entry_sent_twice_is_one_entry(w: World) -> None:
    key = uuid4()
    first = send(w, key=key, note="By the window.")
    again = send(w, key=key, note="By the window.")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again["ETag"] == first["ETag"]
    assert len(kept(w.carol)) == 1


def test_a_repeat_may_name_its_fields_in_another_order(w: World) -> None:
    key, exercise = uuid4(), str(w.exercise().pk)
    w.carol.api.put(url(key), {"status": "done", "exercise": exercise, "helpful": 3})
    again = w.carol.api.put(url(key), {"helpful": 3, "exercise": exercise, "status": "done"})

    assert again.status_code == 200


def test_another_entry_under_the_same_id_is_refused_and_the_first_is_kept(w: World) -> None:
    key = uuid4()
    send(w, key=key, note="The first.")
    clash = send(w, key=key, note="The second.")

    assert (clash.status_code, clash.json()["code"]) == (409, "other_content")
    assert "second" not in clash.content.decode()
    assert [entry.note for entry in kept(w.carol)] == ["The first."]


def test_an_entry_sent_again_after_it_was_changed_stays_changed(w: World) -> None:
    key = uuid4()
    send(w, key=key, note="The first.")
    change(w.carol, key, note="The first, said better.")
    again = send(w, key=key, note="The first.")

    assert (again.status_code, again.json()["note"]) == (200, "The first, said better.")
    assert [entry.note for entry in kept(w.carol)] == ["The first, said better."]


def test_two_clients_may_use_the_same_id_and_neither_learns_of_the_other(w: World) -> None:
    key = uuid4()
    send(w, key=key, by=w.carol, note="Carol's.")

    assert w.eve.api.get(url(key)).status_code == 404
    response = send(w, key=key, by=w.eve, note="Eve's.")
    assert response.status_code == 201
    assert [entry.note for entry in kept(w.carol)] == ["Carol's."]
    assert [entry.note for entry in kept(w.eve)] == ["Eve's."]


def test_a_client_of_another_clinic_may_use_the_same_id(w: World) -> None:
    key = uuid4()
    send(w, key=key, by=w.carol, note="Carol's.")

    assert w.dora.api.get(url(key)).status_code == 404
    assert send(w, key=key, by=w.dora, note="Dora's.").status_code == 201
    assert [entry.note for entry in kept(w.dora)] == ["Dora's."]
    assert [entry.note for entry in kept(w.carol)] == ["Carol's."]


def test_a_client_finds_their_entry_by_the_id_of_their_device(w: World) -> None:
    key = uuid4()
    made = send(w, key=key).json()

    assert w.carol.api.get(url(key)).json()["id"] == made["id"]
    assert w.carol.api.get(url(UUID(made["id"]))).json()["client_uuid"] == str(key)


def test_a_therapist_does_not_find_an_entry_by_the_id_of_the_clients_device(w: World) -> None:
    key = uuid4()
    send(w, key=key)

    assert w.alice.api.get(url(key)).status_code == 404


def test_an_id_that_is_no_uuid_leads_nowhere(w: World) -> None:
    response = w.carol.api.put("/api/v1/entries/today", {"status": "done"})

    assert response.status_code == 404
    assert kept(w.carol) == []


def at_once(*calls: Any) -> list[Any]:
    """Make these calls at the same moment, each on a connection of its own."""
    barrier = Barrier(len(calls), timeout=60)

    def make(call: Any) -> Any:
        try:
            barrier.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(make, call) for call in calls]]


def test_a_repeat_is_known_though_the_exercise_is_no_longer_offered(w: World) -> None:
    key, exercise = uuid4(), w.exercise()
    send(w, key=key, exercise=str(exercise.pk))
    with acting_as(w.alice.actor):
        Exercise.objects.filter(pk=exercise.pk).update(is_offered=False)

    assert send(w, key=key, exercise=str(exercise.pk)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_an_entry_sent_twice_at_the_same_moment_is_one_entry(w: World) -> None:
    exercise = str(w.exercise().pk)
    for _ in range(5):
        key = uuid4()
        statuses = at_once(
            *[lambda key=key: send(w, key=key, exercise=exercise, note="Once.").status_code] * 2
        )
        assert sorted(statuses) == [200, 201]

    assert [entry.note for entry in kept(w.carol)] == ["Once."] * 5


@pytest.mark.django_db(transaction=True)
def test_of_two_entries_at_the_same_moment_under_one_id_one_is_kept_and_one_refused(
    w: World,
) -> None:
    exercise, key = str(w.exercise().pk), uuid4()
    statuses = at_once(
        *(
            lambda note=note: send(w, key=key, exercise=exercise, note=note).status_code
            for note in ("One.", "Other.")
        )
    )

    assert sorted(statuses) == [201, 409]
    assert len(kept(w.carol)) == 1


def test_what_was_refused_leaves_the_id_free(w: World) -> None:
    key = uuid4()
    refused = send(w, key=key, helpful=11)
    mended = send(w, key=key, helpful=10)

    assert (refused.status_code, mended.status_code) == (400, 201)
    assert [entry.helpful for entry in kept(w.carol)] == [10]


# --- What can be said ----------------------------------------------------------------------


@pytest.mark.parametrize("status", list(EntryStatus))
def test_each_way_that_it_went_is_kept(w: World, status: EntryStatus) -> None:
    response = send(w, status=status.value)

    assert response.status_code == 201
    assert response.json()["status"] == status.value
    assert [entry.status for entry in kept(w.carol)] == [status]


def test_there_are_six_ways_and_no_failure_among_them() -> None:
    assert [status.value for status in EntryStatus] == [
        "done",
        "done_in_part",
        "adapted",
        "tried_and_stopped",
        "not_this_time",
        "replaced_by_other",
    ]


@pytest.mark.parametrize("status", ["failed", "missed", "Done", "", None, 1, ["done"]])
def test_there_is_no_other_way(w: World, status: Any) -> None:
    response = send(w, status=status)

    assert (response.status_code, pointers(response)) == (400, ["/status"])
    assert kept(w.carol) == []


def test_the_status_is_all_that_an_entry_needs(w: World) -> None:
    send(w, status="not_this_time")

    [entry] = kept(w.carol)
    assert (entry.share_level, entry.variant) == ("private", "full")
    assert (entry.note, entry.answers, entry.needs_now, entry.support_reasons) == ("", {}, [], [])
    assert [getattr(entry, name) for name in SCALES] == [None] * len(SCALES)


def test_everything_that_can_be_said_is_kept_as_it_was_said(w: World) -> None:
    said = {
        "status": "adapted",
        "variant": "smaller",
        "started_at": f"{w.today - datetime.timedelta(days=2)}T19:00:00Z",
        "ended_at": f"{w.today - datetime.timedelta(days=2)}T19:06:30Z",
        "practised_on": f"{w.today - datetime.timedelta(days=2)}",
        "stopped_at_step": 2,
        **dict.fromkeys(SCALES, 5),
        "unwanted": True,
        "answers": {"pace": "slow_10s", "eyes": "softly_down", "practice": 180},
        "note": "  As typed:\n“ça” 🌱 %(name)s {} <b>\n ",
        "unwanted_note": "An old picture.",
        "needs_now": ["quiet", "company"],
        "not_yet_reasons": ["felt_too_much"],
        "share_level": "shared",
    }
    response = send(w, **said)

    assert response.status_code == 201
    assert {name: response.json()[name] for name in said} == said
    [entry] = kept(w.carol)
    assert entry.note == said["note"]
    assert (entry.answers, entry.needs_now) == (said["answers"], said["needs_now"])


def test_what_was_written_is_sealed_in_the_database(w: World) -> None:
    send(w, note="a lighthouse", answers={"pace": "slow_10s"}, needs_now=["quiet"])

    with acting_as(w.carol.actor), connection.cursor() as cursor:
        cursor.execute("SELECT note, answers, needs_now FROM exercises_entry")
        raw = b"".join(bytes(column) for column in cursor.fetchone())
    assert len(raw) > 60
    assert not [word for word in (b"lighthouse", b"slow_10s", b"quiet") if word in raw]


@pytest.mark.parametrize("value", [-1, 11, 5.5, "many", True, [5]])
def test_a_rating_lies_between_0_and_10(w: World, value: Any) -> None:
    response = send(w, **dict.fromkeys(SCALES, value))

    assert response.status_code == 400
    assert sorted(set(pointers(response))) == sorted(f"/{name}" for name in SCALES)
    assert kept(w.carol) == []


@pytest.mark.parametrize("value", [0, 10, None])
def test_the_ends_of_a_scale_belong_to_it_and_so_does_no_answer(w: World, value: Any) -> None:
    ratings = {**dict.fromkeys(SCALES, value), "distress_after": None}
    response = send(w, **ratings)

    assert response.status_code == 201
    [entry] = kept(w.carol)
    assert {name: getattr(entry, name) for name in SCALES} == ratings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("practised_on", None),
        ("practised_on", "yesterday"),
        ("practised_on", "2026-02-30"),
        ("started_at", "soon"),
        ("variant", "tiny"),
        ("stopped_at_step", 0),
        ("stopped_at_step", 7),
        ("unwanted", "perhaps"),
        ("answers", None),
        ("answers", ["pace"]),
        ("answers", "calm"),
        ("note", None),
        ("note", {"text": "a"}),
        ("note", "x" * 20_001),
        ("unwanted_note", "x" * 20_001),
        ("needs_now", "rest"),
        ("needs_now", ["rest"] * 21),
        ("share_level", "everybody"),
        ("share_level", None),
        ("time_zone", "Mars/Olympus"),
        ("exercise", "breathing"),
        ("assignment", "the first"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(
    w: World, field: str, value: Any
) -> None:
    response = send(w, **{"exercise": str(w.exercise().pk), field: value})

    assert response.status_code == 400
    assert pointers(response) == [f"/{field}"]
    assert kept(w.carol) == []


@pytest.mark.parametrize(
    "field", ["id", "recorded_by_therapist", "support_reasons", "first_read_at", "version", "mood"]
)
def test_a_field_that_is_not_to_be_written_is_refused(w: World, field: str) -> None:
    response = send(w, **{field: "x"})

    assert (response.status_code, pointers(response)) == (400, [f"/{field}"])
    assert codes(response) == ["unknown_field"]
    assert kept(w.carol) == []


def test_an_entry_cannot_end_before_it_begins(w: World) -> None:
    response = send(w, started_at="2026-01-01T10:00:00Z", ended_at="2026-01-01T09:59:59Z")

    assert (response.status_code, pointers(response)) == (400, ["/ended_at"])


# --- Answers -------------------------------------------------------------------------------


def test_an_answer_of_each_kind_is_kept(w: World) -> None:
    answers = {
        "line": "the gate",
        "story": "one\ntwo",
        "size": 0,
        "time": 75,
        "urge": {"code": "other", "text": "to sing"},
        "moods": ["sad", "warm", {"code": "other", "text": "and tired"}],
        "ticks": ["not_sure"],
    }
    response = send(w, exercise=str(asking_all(w).pk), answers=answers)

    assert response.status_code == 201
    assert response.json()["answers"] == answers
    assert [entry.answers for entry in kept(w.carol)] == [answers]


def test_an_answer_is_refused_with_a_pointer_to_its_place(w: World) -> None:
    exercise = str(asking_all(w).pk)
    for key, value in (
        ("line", 5),
        ("story", ["a"]),
        ("size", 11),
        ("time", -1),
        ("urge", "sing"),
        ("urge", {"code": "hide", "text": "under the table"}),
        ("urge", {"code": "other"}),
        ("moods", "sad"),
        ("moods", ["sad", "blue"]),
        ("ticks", [{"code": "other", "text": 7}]),
        ("weather", "grey"),
    ):
        response = send(w, exercise=exercise, answers={key: value})
        assert (response.status_code, pointers(response)) == (400, [f"/answers/{key}"]), value
    assert kept(w.carol) == []


def test_an_input_of_another_exercise_is_unknown_here(w: World) -> None:
    response = send(w, answers={"anchor": "feet"})

    assert (pointers(response), codes(response)) == (["/answers/anchor"], ["unknown_input"])


def test_an_answer_is_held_against_the_version_that_was_assigned(w: World) -> None:
    exercise = asking_all(w)
    assignment = w.assignment(exercise="asking_all")
    shorter = {
        **ASKING,
        "steps": [{"title": "One", "text": "Write.", "inputs": ["line"]}],
        "inputs": ASKING["inputs"][:1],
    }
    with acting_as(TaskActor(w.clinic.pk, "library")):
        add_version(exercise=exercise, item=catalogue.parse(shorter, name="asking_all.yaml"))

    assigned = send(w, assignment=str(assignment.pk), answers={"size": 4})
    alone = send(w, exercise=str(exercise.pk), answers={"size": 4})
    assert (assigned.status_code, alone.status_code) == (201, 400)


def test_what_would_help_now_and_why_not_yet_are_codes(w: World) -> None:
    send(
        w, status="not_this_time", needs_now=["rest", "rest"], not_yet_reasons=["forgot", "boring"]
    )

    [entry] = kept(w.carol)
    assert (entry.needs_now, entry.not_yet_reasons) == (["rest"], ["forgot", "boring"])


@pytest.mark.parametrize(
    ("field", "value"), [("needs_now", "forgot"), ("not_yet_reasons", "too lazy")]
)
def test_another_code_is_refused_and_the_known_ones_are_named(
    w: World, field: str, value: str
) -> None:
    response = send(w, **{field: [value]})

    assert (response.status_code, pointers(response)) == (400, [f"/{field}"])
    assert "rather_not_say" in response.json()["errors"][0]["detail"]
    assert kept(w.carol) == []


# --- Days and zones ------------------------------------------------------------------------

LATE = datetime.datetime(2099, 6, 1, 10, 30, tzinfo=datetime.UTC)
"""Half past midnight of 2 June on Kiritimati, half an hour before midnight of 31 May on Niue."""


def move_to(w: World, zone: str) -> None:
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(time_zone=zone)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Kiritimati", "2099-06-02"),
        ("Europe/London", "2099-06-01"),
        ("Pacific/Niue", "2099-05-31"),
    ],
)
def test_an_entry_belongs_to_the_day_that_it_is_where_its_client_is(
    w: World, zone: str, day: str
) -> None:
    move_to(w, zone)
    with time_machine.travel(LATE, tick=False):
        response = send(w)

    assert (response.json()["practised_on"], response.json()["time_zone"]) == (day, zone)
    assert [str(entry.practised_on) for entry in kept(w.carol)] == [day]


def test_a_client_on_a_journey_records_in_the_zone_where_they_are(w: World) -> None:
    with time_machine.travel(LATE, tick=False):
        response = send(w, time_zone="Pacific/Kiritimati", practised_on="2099-06-02")

    assert response.status_code == 201
    [entry] = kept(w.carol)
    assert (str(entry.practised_on), entry.time_zone) == ("2099-06-02", "Pacific/Kiritimati")


@pytest.mark.parametrize(
    ("zone", "tomorrow"),
    [
        ("Pacific/Kiritimati", "2099-06-03"),
        ("Europe/London", "2099-06-02"),
        ("Pacific/Niue", "2099-06-01"),
    ],
)
def test_a_day_that_has_not_come_where_the_client_is_is_refused(
    w: World, zone: str, tomorrow: str
) -> None:
    move_to(w, zone)
    with time_machine.travel(LATE, tick=False):
        response = send(w, practised_on=tomorrow)

    assert (pointers(response), codes(response)) == (["/practised_on"], ["future"])
    assert kept(w.carol) == []


def test_an_entry_of_a_year_ago_is_kept_and_one_before_it_refused(w: World) -> None:
    year = datetime.timedelta(days=366)
    old = send(w, practised_on=f"{w.today - year}")
    older = send(w, practised_on=f"{w.today - year - datetime.timedelta(days=1)}")

    assert old.status_code == 201
    assert (pointers(older), codes(older)) == (["/practised_on"], ["too_long_ago"])
    assert [entry.practised_on for entry in kept(w.carol)] == [w.today - year]


# --- Whose, and of what --------------------------------------------------------------------


def test_an_entry_of_an_assignment_is_of_the_version_that_was_given(w: World) -> None:
    assignment = w.assignment(exercise="safe_place")
    send(w, assignment=str(assignment.pk))

    [entry] = kept(w.carol)
    assert entry.assignment_id == assignment.pk
    assert entry.exercise_version_id == assignment.exercise_version_id


def test_a_client_may_begin_an_exercise_that_is_free_to_begin(w: World) -> None:
    assert send(w, exercise=str(w.exercise("grounding_soles").pk)).status_code == 201


def test_an_exercise_that_begins_in_session_is_not_there_for_a_client_alone(w: World) -> None:
    response = send(w, exercise=str(w.exercise("safe_place").pk))

    assert (response.status_code, pointers(response)) == (400, ["/exercise"])
    assert kept(w.carol) == []


def test_what_was_assigned_to_begin_together_is_recorded_under_its_assignment(w: World) -> None:
    w.assignment(exercise="safe_place")
    response = send(w, exercise=str(w.exercise("safe_place").pk))

    assert (pointers(response), codes(response)) == (["/exercise"], ["begins_together"])
    assert kept(w.carol) == []


def test_an_entry_is_of_an_assignment_or_of_an_exercise(w: World) -> None:
    response = w.carol.api.put(url(uuid4()), {"status": "done"})

    assert (response.status_code, pointers(response)) == (400, ["/assignment"])


def test_an_assignment_and_another_exercise_do_not_go_together(w: World) -> None:
    assignment = w.assignment()
    response = send(
        w, assignment=str(assignment.pk), exercise=str(w.exercise("grounding_soles").pk)
    )

    assert (response.status_code, pointers(response)) == (400, ["/exercise"])
    assert kept(w.carol) == []


def without_traces(response: Any) -> dict[str, Any]:
    """A problem without what differs from request to request by nature."""
    return {
        name: value
        for name, value in response.json().items()
        if name not in ("instance", "request_id")
    }


@pytest.mark.parametrize("whose", ["eve", "dora"])
def test_somebody_elses_assignment_is_refused_like_one_that_does_not_exist(
    w: World, whose: str
) -> None:
    by = w.bob if whose == "eve" else w.charlie
    theirs = w.assignment(by=by, client=getattr(w, whose).actor.client_id)
    response = send(w, assignment=str(theirs.pk))
    nobodys = send(w, assignment=str(uuid4()))

    assert (response.status_code, pointers(response)) == (400, ["/assignment"])
    assert without_traces(response) == without_traces(nobodys)
    assert kept(w.carol) == []
    assert kept(getattr(w, whose)) == []


@pytest.mark.parametrize("whose", ["eve", "dora"])
def test_a_client_cannot_record_in_anothers_name(w: World, whose: str) -> None:
    response = send(w, client=str(getattr(w, whose).actor.client_id))
    nobodys = send(w, client=str(uuid4()))

    assert (response.status_code, pointers(response)) == (400, ["/client"])
    assert without_traces(response) == without_traces(nobodys)
    assert kept(w.carol) == []
    assert kept(getattr(w, whose)) == []


def test_a_client_may_say_that_an_entry_is_their_own(w: World) -> None:
    assert send(w, client=str(w.carol.actor.client_id)).status_code == 201
    assert len(kept(w.carol)) == 1


def test_an_admin_records_nothing_and_reads_nothing(w: World) -> None:
    made = UUID(send(w, share_level="shared").json()["id"])

    assert send(w, by=w.ada, client=str(w.carol.actor.client_id)).status_code == 403
    assert w.ada.api.get(url(made)).status_code == 403
    assert w.ada.api.get(reverse("api:entries-list")).status_code == 403
    assert len(kept(w.carol)) == 1


def test_nobody_records_without_a_token(w: World, anonymous: Any) -> None:
    response = anonymous.put(url(uuid4()), {"status": "done", "exercise": str(w.exercise().pk)})

    assert response.status_code == 401
    assert kept(w.carol) == []


# --- Changing it ---------------------------------------------------------------------------


def test_a_client_changes_their_entry_and_its_state_counts_up(w: World) -> None:
    made = send(w, note="Before.", helpful=2)
    changed = change(w.carol, made.json()["id"], etag=made["ETag"], note="After.")

    assert changed.status_code == 200
    assert changed["ETag"] != made["ETag"]
    [entry] = kept(w.carol)
    assert (entry.note, entry.helpful, entry.version) == ("After.", 2, 2)
    assert entry.etag == changed["ETag"]


def test_a_change_needs_the_state_that_it_is_based_on(w: World) -> None:
    made = send(w, note="Before.").json()
    response = change(w.carol, made["id"], etag="", note="After.")

    assert (response.status_code, response.json()["code"]) == (428, "if_match_required")
    assert [entry.note for entry in kept(w.carol)] == ["Before."]


def test_a_change_of_an_older_state_is_refused_and_told_the_newer(w: World) -> None:
    made = send(w, note="Before.")
    newer = change(w.carol, made.json()["id"], note="On the phone.")
    stale = change(w.carol, made.json()["id"], etag=made["ETag"], note="On the laptop.")

    assert (stale.status_code, stale["ETag"]) == (412, newer["ETag"])
    assert [entry.note for entry in kept(w.carol)] == ["On the phone."]


def test_a_change_is_checked_like_the_first_writing(w: World) -> None:
    made = send(w, answers={"pace": "own"}).json()
    for field, value, pointer in (
        ("answers", {"pace": "rushed"}, "/answers/pace"),
        ("answers", {"anchor": "feet"}, "/answers/anchor"),
        ("helpful", 11, "/helpful"),
        ("practised_on", f"{w.today + datetime.timedelta(days=2)}", "/practised_on"),
        ("needs_now", ["sleep"], "/needs_now"),
        ("stopped_at_step", 99, "/stopped_at_step"),
        ("status", "failed", "/status"),
    ):
        response = change(w.carol, made["id"], **{field: value})
        assert (response.status_code, pointers(response)) == (400, [pointer])
    assert [(entry.answers, entry.version) for entry in kept(w.carol)] == [({"pace": "own"}, 1)]


@pytest.mark.parametrize("field", ["exercise", "assignment", "client", "client_uuid", "time_zone"])
def test_what_an_entry_is_of_does_not_change(w: World, field: str) -> None:
    made = send(w).json()
    response = change(w.carol, made["id"], **{field: str(uuid4())})

    assert (response.status_code, codes(response)) == (400, ["unknown_field"])
    assert kept(w.carol)[0].version == 1


def test_an_entry_of_long_ago_can_still_be_changed(w: World) -> None:
    made = send(w, note="Back then.").json()
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=500)):
        response = change(w.carol, made["id"], share_level="shared")

    assert response.status_code == 200, response.json()
    assert [entry.share_level for entry in kept(w.carol)] == ["shared"]


def test_a_therapist_cannot_change_what_a_client_wrote(w: World) -> None:
    made = send(w, note="Mine.", share_level="shared").json()
    response = change(w.alice, made["id"], note="Hers.")

    assert response.status_code == 403
    assert [(entry.note, entry.version) for entry in kept(w.carol)] == [("Mine.", 1)]


@pytest.mark.parametrize("who", ["bob", "eve", "charlie", "dora"])
def test_a_stranger_cannot_change_an_entry_nor_learn_that_it_is_there(w: World, who: str) -> None:
    made = send(w, note="Mine.")
    stranger = getattr(w, who)
    response = change(stranger, made.json()["id"], etag=made["ETag"], note="Theirs.")
    nothing = change(stranger, uuid4(), etag=made["ETag"], note="Theirs.")

    assert response.status_code == 404
    assert without_traces(response) == without_traces(nothing)
    assert [entry.note for entry in kept(w.carol)] == ["Mine."]


def test_an_entry_cannot_be_deleted_from_outside(w: World) -> None:
    made = send(w).json()

    assert w.carol.api.delete(url(UUID(made["id"]))).status_code == 405
    assert len(kept(w.carol)) == 1


# --- For a client without a login ----------------------------------------------------------


def test_a_therapist_records_for_a_client_without_a_login_and_it_is_marked(w: World) -> None:
    wren = w.new_client()
    response = send(w, by=w.alice, client=str(wren.pk), note="Told on the phone.")

    assert response.status_code == 201
    assert response.json()["recorded_by_therapist"] is True
    [entry] = kept(w.alice)
    assert (entry.client_id, entry.share_level) == (wren.pk, "shared")
    assert entry.recorded_by_therapist is True
    assert entry.recorded_by_id == w.alice.actor.memberships[Role.THERAPIST]


def test_the_client_is_known_by_the_assignment(w: World) -> None:
    wren = w.new_client()
    assignment = w.assignment(client=wren, exercise="safe_place")
    response = send(w, by=w.alice, assignment=str(assignment.pk))

    assert response.status_code == 201
    assert [entry.client_id for entry in kept(w.alice)] == [wren.pk]


def test_an_assignment_of_one_client_is_not_recorded_for_another(w: World) -> None:
    wren, robin = w.new_client(), w.new_client(full_name="Robin Vale")
    assignment = w.assignment(client=wren)
    response = send(w, by=w.alice, client=str(robin.pk), assignment=str(assignment.pk))

    assert (response.status_code, pointers(response)) == (400, ["/assignment"])
    assert kept(w.alice) == []


def test_a_therapist_says_whose_entry_it_is(w: World) -> None:
    response = send(w, by=w.alice)

    assert (response.status_code, pointers(response)) == (400, ["/client"])


def test_a_therapist_does_not_record_for_a_client_who_records_themselves(w: World) -> None:
    response = send(w, by=w.alice, client=str(w.carol.actor.client_id))

    assert (pointers(response), codes(response)) == (["/client"], ["client_has_a_login"])
    assert kept(w.carol) == []


@pytest.mark.parametrize("level", ["private", "ratings_only"])
def test_what_a_therapist_records_is_not_kept_from_them(w: World, level: str) -> None:
    wren = w.new_client()
    response = send(w, by=w.alice, client=str(wren.pk), share_level=level)

    assert (response.status_code, pointers(response)) == (400, ["/share_level"])
    assert kept(w.alice) == []


def test_a_therapist_does_not_record_for_a_client_of_somebody_else(w: World) -> None:
    wren = w.new_client(w.bob)
    response = send(w, by=w.alice, client=str(wren.pk))
    nobodys = send(w, by=w.alice, client=str(uuid4()))

    assert (response.status_code, pointers(response)) == (400, ["/client"])
    assert without_traces(response) == without_traces(nobodys)
    assert kept(w.bob) == []


def test_a_therapist_corrects_what_they_recorded(w: World) -> None:
    wren = w.new_client()
    made = send(w, by=w.alice, client=str(wren.pk), note="Told on the phone.").json()
    response = change(w.alice, made["id"], note="Told on Tuesday.")

    assert response.status_code == 200
    assert [entry.note for entry in kept(w.alice)] == ["Told on Tuesday."]


# --- When it is a lot ----------------------------------------------------------------------

SUPPORT = ["Emergency services", "NHS 111, mental health option", "Samaritans", "Shout"]


def names(response: Any) -> list[str]:
    return [one["name"] for one in response.json()["support"]]


@pytest.mark.parametrize(
    ("before", "after"), [(None, 8), (None, 10), (9, 8), (0, 3), (2, 5), (7, 10)]
)
def test_very_high_or_rising_distress_is_answered_with_support(
    w: World, before: int | None, after: int
) -> None:
    response = send(w, distress_before=before, distress_after=after)

    assert response.status_code == 201
    assert response.json()["support_reasons"] == ["high_distress"]
    assert names(response) == SUPPORT
    assert [entry.support_reasons for entry in kept(w.carol)] == [["high_distress"]]


@pytest.mark.parametrize(
    ("before", "after"), [(None, 7), (5, 7), (10, 7), (0, 2), (9, None), (None, None), (7, 0)]
)
def test_other_distress_is_answered_without_it(
    w: World, before: int | None, after: int | None
) -> None:
    response = send(w, distress_before=before, distress_after=after)

    assert response.json()["support_reasons"] == []
    assert "support" not in response.json()
    assert [entry.support_reasons for entry in kept(w.carol)] == [[]]


@pytest.mark.parametrize(
    "answers",
    [
        {"urge": "hurt_self"},
        {"ticks": ["not_sure", "get_rid_of_me"]},
        {"urge": "hurt_self", "ticks": ["get_rid_of_me"], "line": "at night"},
    ],
)
def test_a_marked_answer_is_met_with_support_whatever_is_shared(
    w: World, answers: dict[str, Any]
) -> None:
    response = send(
        w, exercise=str(asking_all(w).pk), answers=answers, share_level="private", helpful=9
    )

    assert response.status_code == 201
    assert response.json()["support_reasons"] == ["critical_option"]
    assert names(response) == SUPPORT
    assert [entry.support_reasons for entry in kept(w.carol)] == [["critical_option"]]


def test_both_reasons_are_kept(w: World) -> None:
    response = send(
        w, exercise=str(asking_all(w).pk), answers={"urge": "hurt_self"}, distress_after=9
    )

    assert sorted(response.json()["support_reasons"]) == ["critical_option", "high_distress"]


def test_an_ordinary_answer_is_met_without_support(w: World) -> None:
    response = send(
        w,
        exercise=str(asking_all(w).pk),
        answers={"urge": {"code": "other", "text": "hurt_self"}, "line": "get_rid_of_me"},
    )

    assert "support" not in response.json()
    assert [entry.support_reasons for entry in kept(w.carol)] == [[]]


def test_support_names_whom_to_ring_and_how(w: World) -> None:
    emergency, *_, shout = send(w, distress_after=9).json()["support"]

    assert (emergency["phone"], emergency["is_emergency"]) == ("999", True)
    assert (shout["text_to"], shout["is_emergency"]) == ("85258", False)


def test_support_is_that_of_the_clinic(w: World) -> None:
    with acting_as(TaskActor(w.elsewhere.pk, "founding")):
        CrisisResource.objects.create(clinic_id=w.elsewhere.pk, name="Hillside's own line")
    here, there = send(w, distress_after=9), send(w, by=w.dora, distress_after=9)

    assert "Hillside's own line" in names(there)
    assert "Hillside's own line" not in names(here)


def test_support_comes_again_when_the_entry_is_sent_or_read_again(w: World) -> None:
    key = uuid4()
    send(w, key=key, distress_after=9)

    assert names(send(w, key=key, distress_after=9)) == SUPPORT
    assert names(w.carol.api.get(url(key))) == SUPPORT


def test_a_change_to_very_high_distress_is_answered_with_support(w: World) -> None:
    made = send(w, distress_before=4, distress_after=4).json()
    response = change(w.carol, made["id"], distress_after=7)

    assert response.json()["support_reasons"] == ["high_distress"]
    assert names(response) == SUPPORT


def test_what_was_told_once_stays_told_after_a_change(w: World) -> None:
    made = send(
        w, exercise=str(asking_all(w).pk), answers={"urge": "hurt_self"}, distress_after=9
    ).json()
    response = change(w.carol, made["id"], answers={"urge": "reach_out"}, distress_after=1)

    assert names(response) == SUPPORT
    [entry] = kept(w.carol)
    assert sorted(entry.support_reasons) == ["critical_option", "high_distress"]
    assert (entry.answers, entry.distress_after) == ({"urge": "reach_out"}, 1)


def test_a_list_with_support_costs_the_same_however_long_it_is(w: World) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            found = w.carol.api.get(reverse("api:entries-list")).json()["results"]
        assert all(names_of(one) == SUPPORT for one in found)
        return len(queries)

    def names_of(one: dict[str, Any]) -> list[str]:
        return [resource["name"] for resource in one["support"]]

    for _ in range(2):
        w.entry(distress_after=9, note="Hard.")
    few = cost()
    for _ in range(12):
        w.entry(distress_after=9, note="Hard.")

    assert cost() == few


def test_a_list_shows_support_beside_the_entries_that_called_for_it(w: World) -> None:
    w.entry(distress_after=9)
    w.entry(distress_after=2)

    found = w.carol.api.get(reverse("api:entries-list")).json()["results"]
    assert {one["distress_after"]: "support" in one for one in found} == {9: True, 2: False}


# --- Lists ---------------------------------------------------------------------------------


def test_a_client_lists_their_own_entries_newest_first(w: World) -> None:
    first, second = w.entry(), w.entry()
    w.entry(by=w.eve)

    found = w.carol.api.get(reverse("api:entries-list")).json()["results"]
    assert [one["id"] for one in found] == [str(second.pk), str(first.pk)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "adapted"}, ["old"]),
        ({"practised_from": 2}, ["new"]),
        ({"practised_until": 2}, ["old"]),
        ({"assignment": "a"}, ["new"]),
    ],
)
def test_a_list_can_be_narrowed(w: World, query: dict[str, Any], found: list[str]) -> None:
    assignment = w.assignment()
    made = {
        "old": w.entry(status="adapted", practised_on=w.today - datetime.timedelta(days=5)),
        "new": w.entry(assignment=assignment, practised_on=w.today),
    }
    asked = {
        name: str(assignment.pk)
        if value == "a"
        else (w.today - datetime.timedelta(days=value) if isinstance(value, int) else value)
        for name, value in query.items()
    }

    results = w.carol.api.get(reverse("api:entries-list"), asked).json()["results"]
    assert [one["id"] for one in results] == [str(made[name].pk) for name in found]


def test_a_misspelt_filter_is_refused_and_shows_nothing(w: World) -> None:
    w.entry()
    response = w.carol.api.get(reverse("api:entries-list"), {"clients": "x"})

    assert (response.status_code, pointers(response)) == (400, ["/clients"])


def test_an_entrys_own_address_takes_no_second_entry(w: World) -> None:
    made = send(w, note="Once.")

    response = w.carol.api.put(
        made["Location"], {"status": "done", "exercise": str(w.exercise().pk)}
    )

    assert response.status_code == 409
    assert [entry.note for entry in kept(w.carol)] == ["Once."]


def test_what_was_told_first_stays_when_another_reason_comes(w: World) -> None:
    made = send(w, distress_before=2, distress_after=9).json()
    change(w.carol, made["id"], distress_after=8)

    told = w.alice.api.get(f"/api/v1/entries/{made['id']}").json()["support_told"]

    assert told == {"distress_before": 2, "distress_after": 9}
