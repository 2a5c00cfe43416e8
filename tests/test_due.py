"""A week is due when it is over where its client lives, and until it has been written."""

import datetime
from datetime import UTC, date, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic.models import Client
from clinic.models.client import ClientState
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
from clinic.zones import known_zones
from sessions.models import Summary
from sessions.models.summary import WEEKLY, SummaryKind
from sessions.summaries.due import CATCH_UP_WEEKS, Due, next_due
from sessions.summaries.weeks import Week
from tests.world import World

ZONES = sorted(known_zones())
WEEK = timedelta(days=7)
MORNING = time(6)


def alone(w: World, **details: Any) -> UUID:
    """A client in care since long ago, the only one of the clinic who is not paused."""
    with acting_as(w.ada.actor):
        Client.objects.visible_to(w.ada.actor).update(state=ClientState.PAUSED)
    return w.new_client(**{"care_started_on": date(2019, 1, 7), **details}).pk


def change(w: World, client: UUID, **details: Any) -> None:
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=client).update(**details)


def written(client: UUID, week: Week, w: World, *kinds: SummaryKind) -> list[Summary]:
    """Empty summaries of a week, as if they had been written. Inside a scope."""
    return Summary.objects.bulk_create(
        Summary(
            clinic_id=w.clinic.pk,
            client_id=client,
            kind=kind,
            period_start=week.monday,
            period_end=week.sunday,
            time_zone="UTC",
            language="en",
            composer="0",
        )
        for kind in kinds
    )


def first_due(w: World, now: datetime.datetime, most: int = 100) -> Due | None:
    with acting_as(TaskActor(w.clinic.pk, "summaries")):
        return next_due(now=now, most=most)


def all_due(w: World, now: datetime.datetime) -> list[date]:
    """The Mondays of all weeks that are due, in the order they would be written. Writes nothing."""
    found: list[date] = []
    with acting_as(TaskActor(w.clinic.pk, "summaries")), transaction.atomic():
        while due := next_due(now=now, most=100):
            found.append(due.week.monday)
            for client in due.clients:
                written(client, due.week, w, *WEEKLY)
        transaction.set_rollback(True)
    return found


def expected(
    zone: str, now: datetime.datetime, started: date, ended: date | None = None
) -> list[date]:
    """The same in plain Python: look at the clock on the client's wall, week by week."""
    wall = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    monday = wall.date() - timedelta(days=wall.date().weekday()) - 20 * WEEK
    over = []
    while datetime.datetime.combine(monday + WEEK, MORNING) <= wall:
        over.append(monday)
        monday += WEEK
    return [
        one
        for one in over[-CATCH_UP_WEEKS:]
        if one + timedelta(days=6) >= started and (ended is None or one <= ended)
    ]


# --- When the week is over -----------------------------------------------------------------

# Monday 06:00 on the client's wall, in UTC.
MONDAYS = [
    ("Pacific/Kiritimati", "2026-05-17T16:00:00", "2026-W20"),
    ("Pacific/Niue", "2026-05-18T17:00:00", "2026-W20"),
    ("UTC", "2026-05-18T06:00:00", "2026-W20"),
    ("Asia/Kathmandu", "2026-05-18T00:15:00", "2026-W20"),
    ("America/St_Johns", "2026-05-18T08:30:00", "2026-W20"),
    # The clocks went forward, or back, on the Sunday before.
    ("Europe/Berlin", "2026-03-30T04:00:00", "2026-W13"),
    ("Europe/Berlin", "2026-10-26T05:00:00", "2026-W43"),
    ("America/New_York", "2026-03-09T10:00:00", "2026-W10"),
    ("America/New_York", "2026-11-02T11:00:00", "2026-W44"),
    ("Australia/Lord_Howe", "2026-04-05T19:30:00", "2026-W14"),
    # The week reaches over the end of the year.
    ("Europe/London", "2027-01-04T06:00:00", "2026-W53"),
]


@pytest.mark.parametrize(("zone", "instant", "week"), MONDAYS)
def test_a_week_is_due_from_monday_at_six_where_the_client_is(
    w: World, zone: str, instant: str, week: str
) -> None:
    monday = Week.parse(week).monday
    client = alone(w, time_zone=zone, care_started_on=monday)
    now = datetime.datetime.fromisoformat(instant).replace(tzinfo=UTC)

    assert first_due(w, now - timedelta(seconds=1)) is None
    assert first_due(w, now) == Due(Week(monday), [client])


def test_the_same_moment_is_monday_for_one_client_and_sunday_for_another(w: World) -> None:
    monday = Week.parse("2026-W20").monday
    early = alone(w, time_zone="Pacific/Kiritimati", care_started_on=monday)
    late = w.new_client(time_zone="Pacific/Niue", care_started_on=monday).pk
    noon = datetime.datetime(2026, 5, 18, 12, tzinfo=UTC)

    assert first_due(w, noon) == Due(Week(monday), [early])
    found = first_due(w, noon + timedelta(hours=6))
    assert found is not None
    assert found.clients == sorted([early, late])


def test_the_week_that_runs_is_not_due(w: World) -> None:
    alone(w, time_zone="Europe/London", care_started_on=date(2026, 5, 11))

    assert first_due(w, datetime.datetime(2026, 5, 17, 22, 59, tzinfo=UTC)) is None


@pytest.mark.parametrize("monday", [date(2027, 1, 11), date(2027, 7, 12)], ids=["winter", "summer"])
def test_every_zone_that_a_client_may_live_in_has_its_mondays(w: World, monday: date) -> None:
    client = alone(w, care_started_on=monday - WEEK)
    wrong = {}
    for zone in ZONES:
        now = datetime.datetime.combine(monday, MORNING, ZoneInfo(zone)).astimezone(UTC)
        change(w, client, time_zone=zone)
        try:
            with transaction.atomic():
                found = (first_due(w, now - timedelta(seconds=1)), first_due(w, now))
        except DatabaseError as error:
            wrong[zone] = type(error).__name__
            continue
        if found != (None, Due(Week(monday - WEEK), [client])):
            wrong[zone] = "another Monday"

    assert wrong == {}


def test_a_zone_that_the_database_does_not_know_keeps_nobody_else_waiting(w: World) -> None:
    other = alone(w, time_zone="Europe/London", care_started_on=date(2026, 5, 11))
    odd = w.new_client(time_zone="Europe/London", care_started_on=date(2026, 5, 11)).pk
    change(w, odd, time_zone="Europe/Atlantis")

    found = first_due(w, datetime.datetime(2026, 5, 19, tzinfo=UTC))
    assert found is not None
    assert other in found.clients


@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    zone=st.sampled_from(ZONES),
    monday=st.dates(date(2020, 3, 1), date(2036, 1, 1)).map(
        lambda day: day - timedelta(days=day.weekday())
    ),
    minutes=st.integers(-200, 200) | st.integers(0, 7 * 24 * 60),
    care=st.tuples(st.integers(-10, 90), st.none() | st.integers(0, 80)),
)
def test_what_is_due_is_what_the_clock_on_the_wall_says(
    w: World, zone: str, monday: date, minutes: int, care: tuple[int, int | None]
) -> None:
    started_ago, lasted = care
    wall = datetime.datetime.combine(monday, MORNING, ZoneInfo(zone))
    now = wall.astimezone(UTC) + timedelta(minutes=minutes)
    started = monday - timedelta(days=started_ago)
    ended = None if lasted is None else started + timedelta(days=lasted)
    with acting_as(w.alice.actor), transaction.atomic():
        client = alone(w)
        change(w, client, time_zone=zone, care_started_on=started, care_ended_on=ended)
        found = all_due(w, now)
        transaction.set_rollback(True)

    assert found == expected(zone, now, started, ended)


# --- From the start of care to its end -----------------------------------------------------

NOW = datetime.datetime(2026, 5, 20, 12, tzinfo=UTC)
"""A Wednesday of week 21."""


@pytest.mark.parametrize(
    ("started", "weeks"),
    [
        (date(2026, 5, 4), ["2026-W19", "2026-W20"]),
        (date(2026, 5, 10), ["2026-W19", "2026-W20"]),
        (date(2026, 5, 11), ["2026-W20"]),
        (date(2026, 5, 17), ["2026-W20"]),
        (date(2026, 5, 18), []),
        (date(2026, 9, 1), []),
    ],
)
def test_the_first_week_is_the_one_in_which_care_began(
    w: World, started: date, weeks: list[str]
) -> None:
    alone(w, care_started_on=started)

    assert [str(Week(monday)) for monday in all_due(w, NOW)] == weeks


@pytest.mark.parametrize(
    ("ended", "weeks"),
    [
        (date(2026, 4, 27), ["2026-W17", "2026-W18"]),
        (date(2026, 5, 3), ["2026-W17", "2026-W18"]),
        (date(2026, 5, 4), ["2026-W17", "2026-W18", "2026-W19"]),
        (date(2026, 5, 20), ["2026-W17", "2026-W18", "2026-W19", "2026-W20"]),
    ],
)
def test_the_last_week_is_the_one_in_which_care_ended(
    w: World, ended: date, weeks: list[str]
) -> None:
    client = alone(w, care_started_on=date(2026, 4, 20))
    change(w, client, state=ClientState.ENDED, care_ended_on=ended)

    assert [str(Week(monday)) for monday in all_due(w, NOW)] == weeks


def test_after_a_long_downtime_eight_weeks_are_caught_up_oldest_first(w: World) -> None:
    alone(w, care_started_on=date(2025, 1, 1))

    found = all_due(w, NOW)
    assert [str(Week(monday)) for monday in found] == [f"2026-W{n}" for n in range(13, 21)]


def test_nothing_is_due_for_a_client_whose_care_is_paused(w: World) -> None:
    client = alone(w)
    change(w, client, state=ClientState.PAUSED)

    assert first_due(w, NOW) is None


# --- Once ----------------------------------------------------------------------------------


def test_what_is_written_is_not_due_again(w: World) -> None:
    client = alone(w, care_started_on=date(2026, 5, 11))
    with acting_as(TaskActor(w.clinic.pk, "summaries")):
        written(client, Week.parse("2026-W20"), w, *WEEKLY)

    assert first_due(w, NOW) is None


@pytest.mark.parametrize("kind", WEEKLY)
def test_a_week_is_due_while_one_of_its_two_summaries_is_missing(
    w: World, kind: SummaryKind
) -> None:
    client = alone(w, care_started_on=date(2026, 5, 11))
    with acting_as(TaskActor(w.clinic.pk, "summaries")):
        written(client, Week.parse("2026-W20"), w, kind)

    assert first_due(w, NOW) == Due(Week.parse("2026-W20"), [client])


def test_a_summary_of_another_kind_does_not_stand_for_the_week(w: World) -> None:
    client = alone(w, care_started_on=date(2026, 5, 11))
    with acting_as(TaskActor(w.clinic.pk, "summaries")):
        written(
            client, Week.parse("2026-W20"), w, SummaryKind.PROGRESS_REPORT, SummaryKind.CLIENT_WEEK
        )

    assert first_due(w, NOW) == Due(Week.parse("2026-W20"), [client])


def test_one_clients_summary_does_not_stand_for_anothers(w: World) -> None:
    client = alone(w, care_started_on=date(2026, 5, 11))
    other = w.new_client(care_started_on=date(2026, 5, 11)).pk
    with acting_as(TaskActor(w.clinic.pk, "summaries")):
        written(client, Week.parse("2026-W20"), w, *WEEKLY)

    assert first_due(w, NOW) == Due(Week.parse("2026-W20"), [other])


# --- In batches, and in one clinic ---------------------------------------------------------


def test_a_batch_is_of_one_week_and_no_larger_than_was_asked(w: World) -> None:
    clients = [alone(w, care_started_on=date(2026, 5, 4))]
    clients += [w.new_client(care_started_on=date(2026, 5, 4)).pk for _ in range(3)]
    w.new_client(care_started_on=date(2026, 5, 11))

    found = first_due(w, NOW, most=3)
    assert found == Due(Week.parse("2026-W19"), sorted(clients)[:3])


def test_a_batch_holds_nobody_of_a_younger_week(w: World) -> None:
    older = alone(w, care_started_on=date(2026, 5, 4))
    younger = w.new_client(care_started_on=date(2026, 5, 11)).pk

    found = first_due(w, NOW)
    assert found == Due(Week.parse("2026-W19"), [older])
    assert younger not in found.clients


def test_clients_of_another_clinic_are_not_due_here(w: World) -> None:
    alone(w, care_started_on=date(2026, 9, 1))
    w.new_client(w.charlie, care_started_on=date(2026, 5, 4))

    assert first_due(w, NOW) is None


def test_outside_of_every_clinic_nothing_is_due(w: World) -> None:
    alone(w, care_started_on=date(2026, 5, 4))

    assert next_due(now=NOW, most=100) is None
