"""Words that shame are found wherever they stand, and kind ones are let be."""

import pytest

from clinic.kind_words import banned_in, words_of

BANNED = [
    "failed",
    "missed",
    "should",
    "must",
    "only",
    "just",
    "still not",
    "at least",
    "lazy",
    "compliance",
    "non-compliant",
    "streak",
    "perfect",
    "great job",
    "proud of you",
    "on track",
    "behind",
    "goal reached",
    "you need to",
]
"""The brief's own list, written out again: a word dropped from the product's turns this red."""


@pytest.mark.parametrize("word", BANNED)
def test_each_word_of_the_brief_is_found(word: str) -> None:
    assert banned_in(f"This week {word}, said the page.") == [word]


@pytest.mark.parametrize("word", BANNED)
def test_a_word_at_the_beginning_and_in_capitals_is_found(word: str) -> None:
    assert banned_in(f"{word.upper()}.") == [word]


@pytest.mark.parametrize(
    "text",
    [
        "Mustard on the table",
        "Adjust the chair, in justice to your shoulders",
        "You felt lonely",
        "The commonly told story",
        "A perfectionist part of you",
        "We dismissed it",
        "Some would say so",
        "A row of beehives",
    ],
)
def test_a_word_inside_another_word_is_let_be(text: str) -> None:
    assert banned_in(text) == []


@pytest.mark.parametrize(
    "text", ["You tried", "You noticed and paused", "When you are ready", "One option", "", "   "]
)
def test_kind_words_are_let_be(text: str) -> None:
    assert banned_in(text) == []


@pytest.mark.parametrize("text", ["still\nnot", "at  \t least", "you\u00a0need to", "great\n\njob"])
def test_words_are_found_across_the_end_of_a_line(text: str) -> None:
    assert banned_in(text) == [" ".join(text.split())]


@pytest.mark.parametrize("text", ["80%", "80 %", "80 per cent", "80 percent", "a high percentage"])
def test_a_percentage_is_found_however_it_is_written(text: str) -> None:
    assert banned_in(text) != []


@pytest.mark.parametrize("text", ["You shouldn't stop", "You mustn’t stop", "It shouldn’t hurt"])
def test_a_demand_is_one_when_it_is_negated_too(text: str) -> None:
    assert banned_in(text) != []


@pytest.mark.parametrize("text", ["two streaks", "goals reached"])
def test_a_word_is_found_in_the_plural(text: str) -> None:
    assert banned_in(text) != []


def test_all_that_is_banned_is_named_in_the_order_it_comes() -> None:
    assert banned_in("You should be proud; only 40% missed") == ["should", "only", "%", "missed"]


def test_every_text_inside_nested_content_is_looked_at() -> None:
    content = {
        "title": "one",
        "steps": [{"text": "two", "inputs": ["three"]}, ("four",)],
        "minutes": 5,
        "nothing": None,
        "flag": True,
    }

    assert list(words_of(content)) == ["one", "two", "three", "four"]


def test_the_names_of_fields_are_not_taken_for_words() -> None:
    assert list(words_of({"must": "may"})) == ["may"]
