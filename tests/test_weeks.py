"""Weeks run from Monday to Sunday and are written as ISO 8601 writes them."""

import datetime
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.summaries.weeks import Week

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31))


@pytest.mark.parametrize(
    ("text", "monday"),
    [
        ("2026-W20", date(2026, 5, 11)),
        ("2024-W01", date(2024, 1, 1)),
        # The first week of a year may begin in the year before, …
        ("2026-W01", date(2025, 12, 29)),
        # … the last may end in the year after, and some years have 53 of them.
        ("2020-W53", date(2020, 12, 28)),
        ("2026-W53", date(2026, 12, 28)),
    ],
)
def test_a_week_is_read_by_its_iso_number(text: str, monday: date) -> None:
    week = Week.parse(text)

    assert week.monday == monday
    assert week.sunday == monday + datetime.timedelta(days=6)
    assert str(week) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-20",
        "2026W20",
        "2026-w20",
        "26-W20",
        "2026-W2",
        "2026-W200",
        "2026-W-1",
        " 2026-W20",
        "2026-W20 ",
        "2026-W20\n",
        "2026-05-11",
        "2026-W20-1",
        "0000-W01",
    ],
)
def test_anything_else_is_no_week(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the message differs with the fault)
        Week.parse(text)


@pytest.mark.parametrize("text", ["2026-W00", "2026-W54", "2025-W53", "2024-W53"])
def test_a_week_that_its_year_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="week"):
        Week.parse(text)


def test_digits_of_another_script_are_no_week() -> None:
    with pytest.raises(ValueError, match="2026-W20"):
        Week.parse("٢٠٢٦-W٢٠")


def test_a_week_that_ends_after_the_last_day_of_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Week.parse("9999-W52")


@QUIET
@given(DAYS)
def test_a_day_lies_in_its_week(day: date) -> None:
    week = Week.of(day)

    assert week.monday <= day <= week.sunday
    assert week.monday.isoweekday() == 1
    assert week.sunday.isoweekday() == 7


@QUIET
@given(DAYS)
def test_a_week_is_read_back_as_it_was_written(day: date) -> None:
    assert Week.parse(str(Week.of(day))) == Week.of(day)


@QUIET
@given(DAYS)
def test_weeks_are_numbered_as_the_calendar_numbers_them(day: date) -> None:
    year, number, _ = day.isocalendar()

    assert str(Week.of(day)) == f"{year}-W{number:02d}"


@QUIET
@given(DAYS, DAYS)
def test_weeks_come_in_the_order_of_their_days(one: date, other: date) -> None:
    if Week.of(one) < Week.of(other):
        assert one < other
    if Week.of(one) == Week.of(other):
        assert abs((one - other).days) < 7


def test_a_week_is_not_over_on_its_sunday() -> None:
    assert not Week.parse("2026-W20").is_over(date(2026, 5, 17))


def test_a_week_is_over_on_the_monday_after() -> None:
    assert Week.parse("2026-W20").is_over(date(2026, 5, 18))


def test_a_week_to_come_is_not_over() -> None:
    assert not Week.parse("2026-W21").is_over(date(2026, 5, 17))
