"""What a client answers is kept if the exercise asked for it, and refused with its place if not."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic.refusal import Refused
from exercises.models import ExerciseVersion
from exercises.services.answers import (
    LONGEST_LINE,
    LONGEST_TEXT,
    LONGEST_TIMER,
    MOST_CHOICES,
    checked_answers,
    checked_codes,
    critical_options,
)

OPTIONS = [
    {"code": "calm", "label": "Calm"},
    {"code": "sad", "label": "Sad"},
    {"code": "hurt_self", "label": "Hurt myself", "critical": True, "notice": "Support shows."},
    {"code": "other", "label": "Something else"},
    {"code": "rather_not_say", "label": "I'd rather not say"},
]
INPUTS: list[dict[str, Any]] = [
    {"key": "line", "type": "text", "label": "A line"},
    {"key": "story", "type": "long_text", "label": "A story"},
    {"key": "size", "type": "scale_0_10", "label": "How big?", "low": "Small", "high": "Big"},
    {"key": "time", "type": "timer", "label": "How long?", "seconds": 60},
    {"key": "mood", "type": "choice", "label": "Which?", "options": OPTIONS},
    {"key": "moods", "type": "multi_choice", "label": "Which ones?", "options": OPTIONS},
    {"key": "ticks", "type": "checklist", "label": "Tick", "options": OPTIONS},
]
KEYS = [one["key"] for one in INPUTS]
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
FLAT = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(st.text(max_size=5), LEAF, max_size=3)
JSON = FLAT | st.lists(FLAT, max_size=3)
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CHOICE = st.sampled_from([one["code"] for one in OPTIONS]) | st.builds(
    lambda text: {"code": "other", "text": text}, st.text(max_size=LONGEST_LINE)
)
GOOD = st.fixed_dictionaries(
    {},
    optional={
        "line": st.text(min_size=1, max_size=LONGEST_LINE),
        "story": st.text(min_size=1, max_size=600),
        "size": st.integers(0, 10),
        "time": st.integers(0, LONGEST_TIMER),
        "mood": CHOICE,
        "moods": st.lists(CHOICE, min_size=1, max_size=6),
        "ticks": st.lists(CHOICE, min_size=1, max_size=6),
    },
)


def version(inputs: list[dict[str, Any]] | None = None) -> ExerciseVersion:
    return ExerciseVersion(content={"inputs": INPUTS if inputs is None else inputs})


def checked(**answers: Any) -> dict[str, Any]:
    return checked_answers(version(), answers)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("line", "the gate to the garden"),
        ("line", "x" * LONGEST_LINE),
        ("line", "دفتر 🌱 “%s”"),
        ("story", "one\ntwo\n\nthree"),
        ("story", "x" * LONGEST_TEXT),
        ("size", 0),
        ("size", 10),
        ("time", 0),
        ("time", LONGEST_TIMER),
        ("mood", "calm"),
        ("mood", "other"),
        ("mood", "rather_not_say"),
        ("mood", {"code": "other", "text": "a bit of both"}),
        ("moods", ["calm", "sad"]),
        ("moods", ["sad", {"code": "other", "text": "and tired"}]),
        ("ticks", ["calm"]),
    ],
)
def test_an_answer_of_the_kind_that_was_asked_for_is_kept_as_it_is(key: str, value: Any) -> None:
    assert checked(**{key: value}) == {key: value}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("line", "x" * (LONGEST_LINE + 1)),
        ("line", 7),
        ("line", ["a"]),
        ("line", {"text": "a"}),
        ("line", False),
        ("story", "x" * (LONGEST_TEXT + 1)),
        ("story", {"code": "other", "text": "a"}),
        ("size", -1),
        ("size", 11),
        ("size", 5.0),
        ("size", 5.5),
        ("size", "5"),
        ("size", True),
        ("size", math.nan),
        ("size", [5]),
        ("time", -1),
        ("time", LONGEST_TIMER + 1),
        ("time", "60"),
        ("mood", "furious"),
        ("mood", "Calm"),
        ("mood", ["calm"]),
        ("mood", 3),
        ("mood", {}),
        ("mood", {"code": "calm", "text": "very"}),
        ("mood", {"code": "other"}),
        ("mood", {"code": "other", "text": 3}),
        ("mood", {"code": "other", "text": "x" * (LONGEST_LINE + 1)}),
        ("mood", {"code": "other", "text": "a", "more": "b"}),
        ("moods", "calm"),
        ("moods", {"code": "other", "text": "a"}),
        ("moods", ["calm", "furious"]),
        ("moods", ["calm", None]),
        ("moods", [["calm"]]),
        ("moods", ["calm"] * (MOST_CHOICES + 1)),
        ("ticks", True),
        ("ticks", ["furious"]),
    ],
)
def test_an_answer_of_another_kind_is_refused_with_its_place(key: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        checked(**{key: value})

    assert refused.value.field == f"answers.{key}"
    assert refused.value.sentence


@pytest.mark.parametrize("empty", [None, "", []])
@pytest.mark.parametrize("key", KEYS)
def test_an_empty_answer_is_left_out(key: str, empty: Any) -> None:
    assert checked(**{key: empty}) == {}


def test_an_answer_to_nothing_that_was_asked_is_refused_by_name() -> None:
    with pytest.raises(Refused) as refused:
        checked(size=4, weather="grey")

    assert (refused.value.field, refused.value.code) == ("answers.weather", "unknown_input")


def test_an_unknown_input_is_refused_though_it_is_empty() -> None:
    with pytest.raises(Refused):
        checked(weather="")


def test_an_exercise_that_asks_nothing_takes_no_answers() -> None:
    assert checked_answers(version([]), {}) == {}
    with pytest.raises(Refused):
        checked_answers(version([]), {"line": "hello"})


def test_a_refusal_repeats_nothing_that_was_written() -> None:
    with pytest.raises(Refused) as refused:
        checked(mood="my secret of that night")

    said = f"{refused.value.sentence} {refused.value}"
    assert "secret" not in said


@QUIET
@given(GOOD)
def test_good_answers_are_kept_whole(answers: dict[str, Any]) -> None:
    assert checked_answers(version(), answers) == answers


@QUIET
@given(st.dictionaries(st.sampled_from([*KEYS, "weather"]), JSON, max_size=4))
def test_whatever_is_sent_is_kept_or_refused_and_never_breaks(answers: dict[str, Any]) -> None:
    try:
        touched = list(checked_answers(version(), answers))
    except Refused as refused:
        touched = [refused.field.removeprefix("answers.")]

    assert set(touched) <= set(answers)


@QUIET
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4))
def test_what_was_kept_once_is_kept_again(answers: dict[str, Any]) -> None:
    try:
        kept = checked_answers(version(), answers)
    except Refused:
        return
    assert checked_answers(version(), kept) == kept


@pytest.mark.parametrize(
    "answers",
    [
        {"mood": "hurt_self"},
        {"moods": ["calm", "hurt_self"]},
        {"ticks": ["hurt_self"]},
        {"mood": "calm", "ticks": ["sad", "hurt_self"]},
    ],
)
def test_a_marked_option_is_noticed_wherever_it_is_chosen(answers: dict[str, Any]) -> None:
    assert critical_options(version(), answers)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"mood": "calm", "moods": ["sad"]},
        {"mood": "rather_not_say"},
        # Words are never read for a mark: a code that somebody writes is writing.
        {"line": "hurt_self"},
        {"story": "hurt_self"},
        {"mood": {"code": "other", "text": "hurt_self"}},
        {"moods": [{"code": "other", "text": "hurt_self"}]},
    ],
)
def test_nothing_else_is_taken_for_a_marked_option(answers: dict[str, Any]) -> None:
    assert not critical_options(version(), answers)


def test_a_mark_counts_at_its_own_input() -> None:
    plain = [{**option, "critical": False} for option in OPTIONS]
    inputs = [
        {"key": "one", "type": "choice", "label": "One", "options": OPTIONS},
        {"key": "two", "type": "choice", "label": "Two", "options": plain},
    ]

    assert critical_options(version(inputs), {"one": "hurt_self"})
    assert not critical_options(version(inputs), {"two": "hurt_self"})


@QUIET
@given(GOOD)
def test_support_follows_the_marked_code_and_nothing_else(answers: dict[str, Any]) -> None:
    chosen = [answers.get("mood"), *answers.get("moods", []), *answers.get("ticks", [])]

    assert bool(critical_options(version(), answers)) == ("hurt_self" in chosen)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("needs_now", "rest"),
        ("needs_now", "help_from_someone"),
        ("needs_now", "nothing_more"),
        ("needs_now", "rather_not_say"),
        ("not_yet_reason", "forgot"),
        ("not_yet_reason", "felt_too_much"),
        ("not_yet_reason", "part_did_not_want_to"),
        ("not_yet_reason", "other"),
    ],
)
def test_codes_of_a_shared_set_are_kept(name: str, code: str) -> None:
    assert checked_codes(name, name, [code]) == [code]


def test_a_code_is_kept_once_and_in_the_order_it_came() -> None:
    found = checked_codes("needs_now", "needs_now", ["quiet", "rest", "quiet", "company", "rest"])

    assert found == ["quiet", "rest", "company"]


@pytest.mark.parametrize("value", ["sleep", "", "REST", "forgot"])
def test_a_code_of_no_such_set_is_refused_by_field(value: str) -> None:
    with pytest.raises(Refused) as refused:
        checked_codes("needs_now", "needs_now", [value])

    assert refused.value.field == "needs_now"
    assert "rest" in refused.value.sentence
