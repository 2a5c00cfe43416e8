"""Which (client, week) still has no summary: two statements over a whole clinic."""

import datetime
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from clinic.zones import known_zones
from sessions.models.summary import WEEKLY
from sessions.summaries.weeks import Week

CATCH_UP_WEEKS = 8
"""After downtime, so many weeks are still written by themselves; older ones on request."""

DUE_AFTER = datetime.timedelta(hours=6)
"""A week is written from Monday 06:00 of the client's own day: Sunday evening often reaches past midnight."""

# Row-level security keeps these to the clinic of the scope that they run in.
_ZONES = "SELECT DISTINCT time_zone FROM clinic_client WHERE state <> 'paused'"

_DUE = """
WITH zone (name, this_monday) AS (
    SELECT * FROM unnest(%(zones)s::text[], %(mondays)s::date[])
), week AS (
    SELECT c.id, monday::date AS monday
    FROM clinic_client c
    JOIN zone ON zone.name = c.time_zone
    CROSS JOIN LATERAL generate_series(
        greatest(
            date_trunc('week', c.care_started_on)::date, zone.this_monday - 7 * %(weeks)s
        )::timestamp,
        least(date_trunc('week', c.care_ended_on)::date, zone.this_monday - 7)::timestamp,
        interval '7 days'
    ) AS monday
    WHERE c.state <> 'paused' AND c.id <> ALL(%(passed_over)s::uuid[])
)
SELECT week.monday, week.id FROM week
WHERE (
    SELECT count(*) FROM therapy_sessions_summary s
    WHERE s.client_id = week.id AND s.period_start = week.monday AND s.kind = ANY(%(kinds)s)
) < cardinality(%(kinds)s)
ORDER BY week.monday, week.id
LIMIT %(most)s
"""


@dataclass(frozen=True)
class Due:
    """Clients whose summaries of one week are still to be written."""

    week: Week
    clients: list[UUID]


def this_monday(zone: str, now: datetime.datetime) -> datetime.date:
    """The Monday of the week that is going on in a zone; before 06:00 on Monday still the last one.

    Worked out here and not in PostgreSQL, whose own tables of zones may be older or other.
    """
    here = now.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None) - DUE_AFTER
    return Week.of(here.date()).monday


def next_due(*, now: datetime.datetime, most: int, passed_over: Iterable[UUID] = ()) -> Due | None:
    """Return the oldest week with something due, and up to `most` of its clients; None if all is done.

    Due is every week that is over in the client's own zone, from the one in which care
    started to the one in which it ended, as far back as CATCH_UP_WEEKS; none for a client
    whose care is paused at present. Runs in a scope.

    Args:
        passed_over: clients to leave out this time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ZONES)
        zones = [zone for (zone,) in cursor.fetchall() if zone in known_zones()]
        cursor.execute(
            _DUE,
            {
                "zones": zones,
                "mondays": [this_monday(zone, now) for zone in zones],
                "weeks": CATCH_UP_WEEKS,
                "passed_over": [str(client) for client in passed_over],
                "kinds": [str(kind) for kind in WEEKLY],
                "most": most,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    monday = rows[0][0]
    return Due(Week(monday), [client for day, client in rows if day == monday])
