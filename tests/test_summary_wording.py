"""A week in words: kind to the client, plain to the therapist, and true to both."""

import datetime
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic.kind_words import banned_in
from clinic.models import Client
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
from exercises.codes import EntryStatus, Rating
from exercises.models import Entry
from exercises.services.progress import FEWEST, Change
from sessions.models import Summary
from sessions.models.summary import SummaryKind
from sessions.summaries.figures import Practice, Quote, WeekOfClient
from sessions.summaries.weeks import Week
from sessions.summaries.wording import LONGEST_QUOTE, client_week, quoted, therapist_week
from sessions.summaries.writing import write_week
from tests.world import Person, World

WEEK = Week.parse("2026-W20")
DATES = "11 to 17 May"
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def practice(title: str = "A slow breath", **said: Any) -> Practice:
    """One exercise in the week; done once, and nothing more known, where nothing is said."""
    counts = said.pop("counts", {"done": 1})
    return Practice(
        **{
            "title": title,
            "counts": counts,
            "changes": [],
            "helpful": None,
            "helpful_n": 0,
            "embodied": None,
            "embodied_n": 0,
            "private": 0,
            "critical": 0,
            "hard": 0,
            "unwanted": 0,
            "entries": [uuid4() for _ in range(sum(counts.values()))],
            **said,
        }
    )


def week_of(*practices: Practice, quotes: list[str] | None = None) -> WeekOfClient:
    """A week in which the therapist may read all that the client wrote."""
    said = [Quote(uuid4(), text, WEEK.monday) for text in quotes or []]
    return WeekOfClient(
        own=list(practices), shared=list(practices), own_quotes=said, shared_quotes=said
    )


def for_client(*practices: Practice, called: str = "Maren", quotes: list[str] | None = None) -> str:
    found = client_week(called=called, week=WEEK, found=week_of(*practices, quotes=quotes))
    return "\n".join(one["text"] for one in found)


def for_therapist(
    *practices: Practice, called: str = "Maren", quotes: list[str] | None = None
) -> str:
    found = therapist_week(called=called, week=WEEK, found=week_of(*practices, quotes=quotes))
    return "\n".join(one["text"] for one in found)


def change(before: float | None, after: float | None, n: int, rating: str = "distress") -> Change:
    return Change(rating=rating, before=before, after=after, n=n)


def sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\s+", text) if one]


@st.composite
def practices(draw: Any) -> Practice:
    """Any week of one exercise that the figures can hold."""
    counts = draw(
        st.dictionaries(
            st.sampled_from([status.value for status in EntryStatus]),
            st.integers(1, 40),
            min_size=1,
        )
    )
    n = sum(counts.values())
    few = st.integers(0, n)

    def median(given_by: int) -> float | None:
        return draw(st.integers(0, 20)) / 2 if given_by >= FEWEST else None

    changes = [
        Change(rating=rating.value, before=median(by), after=median(by), n=by)
        for rating in Rating
        if (by := draw(few))
    ]
    helpful_n, embodied_n = draw(few), draw(few)
    return practice(
        draw(st.sampled_from(["A slow breath", "The spotlight", "My three circles"])),
        counts=counts,
        changes=changes,
        helpful=median(helpful_n),
        helpful_n=helpful_n,
        embodied=median(embodied_n),
        embodied_n=embodied_n,
        private=draw(few),
        critical=draw(few),
        hard=draw(few),
        unwanted=draw(few),
    )


ANY_WEEK = st.lists(practices(), max_size=3)

FULL = [
    practice(
        "A slow breath",
        counts={"done": 4, "adapted": 1},
        changes=[change(5, 3, 5)],
        helpful=7.0,
        helpful_n=5,
    ),
    practice("A kind figure", counts={"tried_and_stopped": 1}),
]
"""The full week of the brief's own sample."""

WEEKS = {
    "empty": [],
    "one": [practice()],
    "full": FULL,
    "each state": [practice(counts={status.value: 2}) for status in EntryStatus],
    "not today": [practice(counts={"not_this_time": 3})],
    "stopped": [practice(counts={"tried_and_stopped": 1})],
    "hard": [practice(hard=1)],
    "marked": [practice(critical=1)],
    "worse": [practice(counts={"done": 3}, changes=[change(3, 7, 3)])],
    "unwanted": [practice(unwanted=1)],
    "many": [practice(counts={"done": 21, "done_in_part": 12})],
}
each_week = pytest.mark.parametrize("week", WEEKS.values(), ids=WEEKS)


# --- The client's text: what is never in it ------------------------------------------------


@each_week
def test_no_word_that_shames_reaches_a_client(week: list[Practice]) -> None:
    assert banned_in(for_client(*week)) == []


@QUIET
@given(ANY_WEEK)
def test_no_week_of_any_kind_brings_a_word_that_shames(week: list[Practice]) -> None:
    assert banned_in(for_client(*week)) == []


@QUIET
@given(ANY_WEEK)
def test_a_client_gets_no_number_but_dates_and_how_often(week: list[Practice]) -> None:
    rest = for_client(*week).replace(DATES, "")

    assert re.findall(r"\d+", re.sub(r"\b\d+ times\b", "", rest)) == []


@QUIET
@given(ANY_WEEK)
def test_how_often_is_told_and_not_judged(week: list[Practice]) -> None:
    text = for_client(*week).lower()
    judging = r"\b(well done|good|better|best|more than|less than|enough|most|target|goal|only)\b"

    assert re.findall(judging, text) == []


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_a_client_who_did_more_is_not_praised_for_it(n: int) -> None:
    def but_for_the_number(text: str) -> str:
        return re.sub(r"once|twice|\d+ times", "…", text.replace(DATES, ""))

    once = but_for_the_number(for_client(practice(counts={"done": 1})))
    assert but_for_the_number(for_client(practice(counts={"done": n}))) == once


def test_a_client_is_told_no_rating_of_theirs() -> None:
    text = for_client(
        practice(
            counts={"done": 4},
            changes=[change(9, 6.5, 4), change(1, 8, 4, "warmth")],
            helpful=7.0,
            helpful_n=4,
            embodied=0.5,
            embodied_n=4,
        )
    )

    assert not [number for number in ("9", "6", "8", "0", "median", "n =") if number in text]


# --- The client's text: what is always in it -----------------------------------------------


@each_week
def test_each_week_greets_by_name_and_says_which_days_it_is_about(week: list[Practice]) -> None:
    text = for_client(*week)

    assert text.startswith("Hello Maren.")
    assert DATES in text


@each_week
def test_each_week_leaves_the_choice_and_says_whom_to_turn_to(week: list[Practice]) -> None:
    last = sentences(for_client(*week))[-3:]

    assert "You choose." in last
    assert "support page" in " ".join(last)


@QUIET
@given(ANY_WEEK)
def test_no_week_is_left_without_choice_and_support(week: list[Practice]) -> None:
    text = for_client(*week)

    assert "You choose." in text
    assert "support page" in text


def test_an_empty_week_is_met_as_warmly_as_a_full_one() -> None:
    empty, full = for_client(), for_client(*FULL, quotes=["The breathing I can do."])

    assert 0.5 <= len(empty) / len(full) <= 2
    assert 0.5 <= len(sentences(empty)) / len(sentences(full)) <= 2


def test_an_empty_week_says_that_this_is_fine_and_asks_for_no_reason() -> None:
    text = for_client()

    assert "that is fine" in text
    assert "?" not in text
    assert not re.search(r"\b(why|no entry|nothing|none|zero|0)\b", text)


def test_what_was_tried_is_told_in_any_form() -> None:
    text = for_client(
        practice(
            counts={
                "done": 1,
                "done_in_part": 2,
                "adapted": 3,
                "tried_and_stopped": 1,
                "replaced_by_other": 1,
            }
        )
    )

    assert (
        "You tried “A slow breath” once all the way through, twice in part, 3 times in your own "
        "way, once up to where you stopped and once with something else in its place." in text
    )


def test_stopping_is_named_as_a_way_of_caring_for_oneself() -> None:
    stopped = practice(counts={"tried_and_stopped": 1})
    text = for_client(stopped)

    assert "Stopping was a way of looking after yourself" in text
    assert "Stopping was" not in for_client(practice())


def test_saying_not_today_is_named_as_a_choice() -> None:
    text = for_client(practice(counts={"not_this_time": 2}))

    assert "“not today”. That is a choice, and it is welcome" in text
    assert "You tried" not in text


@pytest.mark.parametrize("kind", ["hard", "critical"])
def test_a_moment_that_was_a_lot_is_met_and_not_left_to_carry_alone(kind: str) -> None:
    text = for_client(practice(**{kind: 1}))

    assert "you do not have to carry it alone" in text
    assert "talking about together" in text
    assert "you do not have to carry" not in for_client(practice())


@pytest.mark.parametrize("kind", ["hard", "critical", "unwanted"])
def test_a_practice_that_was_a_lot_is_not_suggested_for_the_coming_days(kind: str) -> None:
    alone = sentences(for_client(practice("A kind figure", **{kind: 1})))
    beside = sentences(
        for_client(practice("A kind figure", **{kind: 1}), practice("A slow breath"))
    )

    assert not [one for one in alone[-3:] if "A kind figure" in one]
    assert not [one for one in beside[-3:] if "A kind figure" in one]


def test_what_was_stopped_is_not_suggested_where_something_else_was_done() -> None:
    stopped = practice("A kind figure", counts={"tried_and_stopped": 1})
    last = sentences(for_client(stopped, practice("A slow breath")))[-3:]

    assert not [one for one in last if "A kind figure" in one]


def test_what_eased_is_told_in_words_from_three_entries_on() -> None:
    eased = "Afterwards you usually felt a little less stirred up."

    assert eased in for_client(practice(counts={"done": 3}, changes=[change(6, 3, 3)]))
    assert eased not in for_client(practice(counts={"done": 2}, changes=[change(None, None, 2)]))
    assert eased not in for_client(practice(counts={"done": 3}, changes=[change(4, 4, 3)]))
    assert eased not in for_client(
        practice(counts={"done": 3}, changes=[change(3, 6, 3, "warmth")])
    )


def test_what_stirred_things_up_is_told_without_blame() -> None:
    text = for_client(practice(counts={"done": 3}, changes=[change(3, 6, 3)]))

    assert "Some of it stirred things up. That can happen when kindness is new" in text


def test_the_clients_own_words_are_given_back() -> None:
    text = for_client(practice(), quotes=["The breathing I can do.", "An older line."])

    assert "You wrote: “The breathing I can do.” We kept that for you." in text
    assert "An older line" not in text


# --- The therapist's text ------------------------------------------------------------------


@each_week
def test_every_text_for_a_therapist_says_that_it_is_no_risk_assessment(
    week: list[Practice],
) -> None:
    assert for_therapist(*week).count("This is not a risk assessment.") == 1


@each_week
def test_a_therapist_learns_whose_week_and_which(week: list[Practice]) -> None:
    assert for_therapist(*week).splitlines()[0] == f"Maren, {DATES}."


def test_a_week_that_reaches_over_the_year_says_both_months() -> None:
    found = therapist_week(called="Maren", week=Week.parse("2026-W53"), found=week_of())

    assert "28 December to 3 January" in found[0]["text"]


def test_silence_is_read_as_nothing() -> None:
    text = for_therapist()

    assert "No entries this week." in text
    assert "no data is not a decline" in text
    assert re.findall(r"\d+", text.replace(DATES, "")) == []


def test_states_are_told_in_words_with_their_counts() -> None:
    text = for_therapist(practice(counts={"done": 4, "tried_and_stopped": 1, "not_this_time": 2}))

    assert "A slow breath: done 4, tried and stopped 1, not this time 2." in text


def test_middle_values_come_with_their_number() -> None:
    text = for_therapist(
        practice(
            counts={"done": 5},
            changes=[change(5, 3, 5), change(2.5, 4, 4, "warmth")],
            helpful=7.0,
            helpful_n=5,
            embodied=4.5,
            embodied_n=3,
        )
    )

    assert "distress 5 → 3 (median, n = 5)" in text
    assert "warmth 2.5 → 4 (median, n = 4)" in text
    assert "helpful 7 (median, n = 5)" in text
    assert "showed up in the day 4.5 (median, n = 3)" in text


def test_of_fewer_than_three_it_is_said_that_they_are_too_few() -> None:
    text = for_therapist(practice(counts={"done": 2}, changes=[change(None, None, 2)]))

    assert "distress: too few to summarise (n = 2)" in text
    assert "median" not in text


FIGURE = re.compile(
    r"[a-z ]+ \d+(\.5)?( → \d+(\.5)?)? \(median, n = (?P<n>\d+)\)"
    r"|[a-z ]+: too few to summarise \(n = (1|2)\)"
)


@QUIET
@given(practices())
def test_no_figure_stands_without_its_number_and_none_rests_on_fewer_than_three(
    one: Practice,
) -> None:
    [line] = [text for text in for_therapist(one).splitlines() if text.startswith(one.title)]
    states, *figures = line.removeprefix(f"{one.title}: ").removesuffix(".").split("; ")

    assert all(re.fullmatch(r"[a-z ]+ \d+", state) for state in states.split(", "))
    for figure in figures:
        match = FIGURE.fullmatch(figure)
        assert match, figure
        assert match["n"] is None or int(match["n"]) >= FEWEST


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("critical", "a marked answer was chosen (n = 2)"),
        ("hard", "distress was very high or rose by 3 or more (n = 2)"),
        ("unwanted", "unwanted effects were reported (n = 2)"),
    ],
)
def test_what_needs_attention_comes_first_with_its_number(kind: str, words: str) -> None:
    lines = for_therapist(
        practice(**{kind: 1}), practice("The spotlight", **{kind: 1}), quotes=["A line."]
    ).splitlines()

    assert lines[1] == f"Needs attention: {words}. This is not a risk assessment."


def test_nothing_to_attend_to_is_said_as_well() -> None:
    assert "Nothing was flagged." in for_therapist(practice())
    assert "Nothing was flagged." not in for_therapist(practice(hard=1))


def test_private_entries_are_counted_and_said_to_be_unread() -> None:
    text = for_therapist(practice(counts={"done": 3}, private=1), practice(private=1))

    assert "2 entries were kept private: they are counted above and not read." in text
    assert "private" not in for_therapist(practice())


def test_a_therapist_reads_shared_words_with_their_day() -> None:
    text = for_therapist(practice(), quotes=["The breathing I can do."])

    assert "In their own words (shared, Mon 11 May): “The breathing I can do.”" in text


# --- Odd characters ------------------------------------------------------------------------

ODD = [
    "Zoë",
    "O’Neil “Quill”",
    "%",
    "%s %d",
    "%(name)s",
    "%(dates)s %(n)d",
    "{}",
    "{0} {name}",
    "<b>Wren</b> & co",
    "🌱👩🏽‍🚀",
    "مريم",
    "שרה \u202eabc\u202c",
    "李小龍",
    "\\n \\1 $1",
    "'; DROP TABLE people; --",
]


@pytest.mark.parametrize("name", ODD)
def test_a_name_is_written_as_it_is(name: str) -> None:
    assert for_client(called=name).startswith(f"Hello {name}. This is about {DATES}.")
    assert for_client(*FULL, called=name).startswith(f"Hello {name}. This is about {DATES}.")
    assert for_therapist(*FULL, called=name).startswith(f"{name}, {DATES}.")


@pytest.mark.parametrize("note", ODD)
def test_a_note_is_quoted_as_it_is(note: str) -> None:
    assert f"You wrote: “{note}” We kept" in for_client(practice(), quotes=[note])
    assert f"May): “{note}”" in for_therapist(practice(), quotes=[note])


@pytest.mark.parametrize("title", ODD)
def test_a_title_is_written_as_it_is(title: str) -> None:
    assert f"You tried “{title}” once" in for_client(practice(title))
    assert f"{title}: done 1." in for_therapist(practice(title))


@QUIET
@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=80))
def test_whatever_somebody_is_called_or_writes_the_week_is_worded(name: str, note: str) -> None:
    assert name in for_client(*FULL, called=name, quotes=[note])
    assert name in for_therapist(*FULL, called=name, quotes=[note])


def test_without_a_name_the_greeting_has_no_hole_in_it() -> None:
    for text in (for_client(called=""), for_client(*FULL, called="")):
        assert text.startswith("Hello")
        assert "Hello ." not in text
    assert not for_therapist(called="").startswith(",")


@pytest.mark.parametrize(
    ("full", "preferred", "called"),
    [
        ("Wren Holt", "", "Wren"),
        ("Wren Holt", "Birdie", "Birdie"),
        ("Wren Holt", "Dr. Holt", "Dr. Holt"),
        ("Wren", "", "Wren"),
        (" Wren Holt", "", "Wren"),
        ("Wren\tHolt", "", "Wren"),
        ("Wren Holt", "  ", "Wren"),
    ],
)
def test_people_are_called_what_they_like_or_by_their_first_name(
    full: str, preferred: str, called: str
) -> None:
    assert Client(full_name=full, preferred_name=preferred).called == called


# --- Quotes --------------------------------------------------------------------------------

WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=30), min_size=1
)


def test_a_short_text_is_quoted_whole_and_on_one_line() -> None:
    assert quoted("  One\n\n two\tthree ") == "One two three"


def test_a_text_of_exactly_the_longest_length_is_quoted_whole() -> None:
    text = "x" * LONGEST_QUOTE

    assert quoted(text) == text


@QUIET
@given(WORDS)
def test_a_long_text_is_cut_between_two_words_and_says_so(words: list[str]) -> None:
    text = " ".join(words * 20)
    found = quoted(text)

    if len(text) <= LONGEST_QUOTE:
        assert found == text
    else:
        beginning = found.removesuffix(" …")
        assert found == f"{beginning} …"
        assert len(beginning) <= LONGEST_QUOTE
        assert text.startswith(f"{beginning} ")


def test_a_text_without_a_space_is_cut_where_it_has_to_be() -> None:
    found = quoted("x" * 1000)

    assert found == "x" * LONGEST_QUOTE + " …"


# --- From entries to words -----------------------------------------------------------------


def last_week(w: World) -> Week:
    return Week.of(w.today - datetime.timedelta(days=7))


def record(w: World, *, day: int = 0, by: Person | None = None, **values: Any) -> Entry:
    """An entry of last week, on its Monday where no other day is said."""
    practised_on = last_week(w).monday + datetime.timedelta(days=day)
    return w.entry(by=by or w.carol, practised_on=practised_on, **values)


def write(w: World, client: UUID | None = None) -> dict[SummaryKind, dict[str, Any]]:
    """Write last week of a client, Carol where no other is said, and return both bodies."""
    client = client or w.carol.actor.client_id
    assert client is not None
    actor = TaskActor(w.clinic.pk, "summaries")
    with acting_as(actor):
        write_week(week=last_week(w), clients=[client], actor=actor)
        return {
            SummaryKind(one.kind): one.body
            for one in Summary.objects.visible_to(actor).filter(client_id=client)
        }


def text_of(body: dict[str, Any]) -> str:
    return "\n".join(one["text"] for one in body["paragraphs"])


def both(w: World, client: UUID | None = None) -> tuple[str, str]:
    """The client's and the therapist's text."""
    bodies = write(w, client)
    return text_of(bodies[SummaryKind.CLIENT_WEEK]), text_of(bodies[SummaryKind.THERAPIST_WEEK])


@pytest.mark.parametrize("level", ["private", "ratings_only"])
def test_words_that_were_not_shared_are_told_to_their_writer_alone(w: World, level: str) -> None:
    record(w, note="The lighthouse again.", share_level=level)
    own, therapist = both(w)

    assert "The lighthouse again." in own
    assert "lighthouse" not in therapist


@pytest.mark.parametrize("level", ["private", "shared"])
def test_words_of_a_moment_that_was_a_lot_are_not_read_back_unasked(w: World, level: str) -> None:
    record(w, day=1, note="The lighthouse again.", share_level=level)
    record(w, day=3, note="I cannot go on.", distress_after=9, share_level=level)
    own, therapist = both(w)

    assert "I cannot go on." not in own
    assert "The lighthouse again." in own
    assert ("I cannot go on." in therapist) == (level == "shared")


def test_no_other_word_of_an_entry_is_quoted_to_anybody(w: World) -> None:
    record(
        w,
        answers={"pace": {"code": "other", "text": "lighthouse"}},
        unwanted=True,
        unwanted_note="lighthouse",
        share_level="shared",
    )

    assert "lighthouse" not in "".join(both(w))


def test_a_therapist_reads_the_two_newest_notes_that_were_shared(w: World) -> None:
    for day, note in enumerate(("first", "second", "third")):
        record(w, day=day, note=f"The {note} note.", share_level="shared")
    record(w, day=5, note="The private note.")
    _, therapist = both(w)

    found = re.findall(r"“The (\w+) note.”", therapist)
    assert found == ["third", "second"]


def test_a_note_of_nothing_but_space_is_not_quoted_and_hides_none(w: World) -> None:
    record(w, day=0, note="The lighthouse again.", share_level="shared")
    for day in (1, 2, 3):
        record(w, day=day, note=" \n ", share_level="shared")
    own, therapist = both(w)

    assert "“”" not in own + therapist
    assert "The lighthouse again." in own
    assert "The lighthouse again." in therapist


def test_a_therapists_numbers_leave_private_entries_out(w: World) -> None:
    for level in ("shared", "shared", "ratings_only"):
        record(w, distress_before=6, distress_after=5, helpful=7, share_level=level)
    for _ in range(4):
        record(w, distress_before=1, distress_after=0, helpful=1, share_level="private")
    _, therapist = both(w)

    assert "done 7; distress 6 → 5 (median, n = 3); helpful 7 (median, n = 3)." in therapist
    assert "4 entries were kept private" in therapist


def test_private_entries_do_not_help_a_therapist_over_three(w: World) -> None:
    for level in ("shared", "shared", "private"):
        record(w, distress_before=6, distress_after=5, helpful=7, share_level=level)
    bodies = write(w)
    therapist = text_of(bodies[SummaryKind.THERAPIST_WEEK])

    assert "distress: too few to summarise (n = 2)" in therapist
    assert "median" not in therapist
    [figures] = bodies[SummaryKind.THERAPIST_WEEK]["figures"]
    assert figures["changes"] == [{"rating": "distress", "before": None, "after": None, "n": 2}]
    assert figures["helpful"] == {"median": None, "n": 2}


def test_a_client_is_told_what_eased_from_private_entries_too(w: World) -> None:
    for _ in range(3):
        record(w, distress_before=6, distress_after=3, share_level="private")
    own, therapist = both(w)

    assert "less stirred up" in own
    assert "distress" not in therapist


def test_very_high_distress_is_counted_for_the_therapist_whatever_is_shared(w: World) -> None:
    record(w, distress_before=9, distress_after=9, note="The lighthouse.", share_level="private")
    own, therapist = both(w)

    assert "distress was very high or rose by 3 or more (n = 1)" in therapist
    assert "lighthouse" not in therapist
    assert "you do not have to carry it alone" in own


def test_unwanted_effects_that_were_kept_private_are_not_told(w: World) -> None:
    record(w, unwanted=True, share_level="private")
    _, therapist = both(w)

    assert "Nothing was flagged." in therapist


def test_what_a_therapist_recorded_is_not_taken_for_the_clients_words(w: World) -> None:
    wren = w.new_client()
    record(w, by=w.alice, client=wren, note="Told me by phone that it helped.")
    own, therapist = both(w, wren.pk)

    assert "You wrote" not in own
    assert "In their own words" not in therapist


def test_every_source_is_an_entry_of_that_client_in_that_week(w: World) -> None:
    record(w, by=w.eve, note="Another's.", share_level="shared")
    w.entry(by=w.carol, practised_on=last_week(w).monday - datetime.timedelta(days=1))
    made = {
        str(record(w, day=0, distress_after=9, note="A line.", share_level="shared").pk),
        str(record(w, day=6, status="tried_and_stopped", exercise="grounding_soles").pk),
        str(record(w, day=3, status="not_this_time").pk),
    }

    for body in write(w).values():
        sources = [one for part in body["paragraphs"] for one in part["sources"]]
        assert {one["type"] for one in sources} == {"entry"}
        assert {one["id"] for one in sources} == made


def sources_of(body: dict[str, Any], words: str) -> list[str]:
    """The entries that the paragraph with these words rests on."""
    [paragraph] = [one for one in body["paragraphs"] if words in one["text"]]
    return [one["id"] for one in paragraph["sources"]]


def test_a_quote_is_linked_to_the_entry_that_it_stands_in(w: World) -> None:
    record(w, day=0)
    entry = record(w, day=1, note="The lighthouse again.", share_level="shared")
    bodies = write(w)

    assert sources_of(bodies[SummaryKind.CLIENT_WEEK], "You wrote") == [str(entry.pk)]
    assert sources_of(bodies[SummaryKind.THERAPIST_WEEK], "own words") == [str(entry.pk)]


def test_what_needs_attention_is_linked_to_the_entries_that_do(w: World) -> None:
    for day in range(4):
        record(w, day=day, distress_after=2)
    flagged = record(w, day=5, distress_after=9)
    bodies = write(w)

    therapists = sources_of(bodies[SummaryKind.THERAPIST_WEEK], "Needs attention")
    assert therapists == [str(flagged.pk)]
    own = sources_of(bodies[SummaryKind.CLIENT_WEEK], "carry it alone")
    assert own == [str(flagged.pk)]


@pytest.mark.parametrize(
    ("status", "words"),
    [("tried_and_stopped", "Stopping was a way"), ("not_this_time", "“not today”")],
)
def test_what_is_said_of_one_entry_is_linked_to_that_one(w: World, status: str, words: str) -> None:
    for day in range(3):
        record(w, day=day)
    meant = record(w, day=5, status=status)

    assert sources_of(write(w)[SummaryKind.CLIENT_WEEK], words) == [str(meant.pk)]


@pytest.mark.parametrize("day", [-1, 7])
def test_an_entry_of_another_week_is_not_in_this_one(w: World, day: int) -> None:
    record(w, day=day, note="The lighthouse again.", share_level="shared")
    own, therapist = both(w)

    assert "There are no entries from these days" in own
    assert "No entries this week." in therapist


@pytest.mark.parametrize("day", [0, 6])
def test_monday_and_sunday_belong_to_the_week(w: World, day: int) -> None:
    record(w, day=day, note="The lighthouse again.")

    assert "The lighthouse again." in both(w)[0]


@pytest.mark.parametrize("language", ["en", "de", "pt-BR", "zz"])
def test_a_week_is_worded_whatever_language_is_set(w: World, language: str) -> None:
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(language=language)
    record(w)

    assert all(text.strip() for text in both(w))


@pytest.mark.parametrize("name", ["%(name)s", "{0}", "مريم", "🌱", "O’Neil"])
def test_an_odd_name_and_note_come_through_the_vault_and_back(w: World, name: str) -> None:
    with acting_as(w.alice.actor):
        carol = Client.objects.get(pk=w.carol.actor.client_id)
        carol.preferred_name = name
        carol.save()
    record(w, note=f"{name} — {name}", share_level="shared")
    own, therapist = both(w)

    assert own.startswith(f"Hello {name}. ")
    assert f"“{name} — {name}”" in own
    assert f"“{name} — {name}”" in therapist
