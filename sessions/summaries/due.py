"""Which (client, week) still has no summary: one statement over a whole clinic."""

import datetime
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from sessions.models.summary import WEEKLY
from sessions.summaries.weeks import Week

CATCH_UP_WEEKS = 8
"""After downtime, so many weeks are still written by themselves; older ones on request."""

DUE_AFTER = datetime.timedelta(hours=6)
"""A week is written from Monday 06:00 of the client's own day: Sunday evening often reaches past midnight."""

# Row-level security keeps this to the clinic of the scope that it runs in.
_DUE = """
WITH person AS (
    SELECT c.id, c.care_started_on, c.care_ended_on,
        date_trunc('week', (%(now)s AT TIME ZONE c.time_zone) - make_interval(secs => %(after)s))::date AS this_monday
    FROM clinic_client c
    WHERE c.state <> 'paused'
), week AS (
    SELECT person.id, monday::date AS monday
    FROM person
    CROSS JOIN LATERAL generate_series(
        greatest(
            date_trunc('week', person.care_started_on)::date,
            person.this_monday - 7 * %(weeks)s
        )::timestamp,
        least(
            date_trunc('week', person.care_ended_on)::date,
            person.this_monday - 7
        )::timestamp,
        interval '7 days'
    ) AS monday
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


def next_due(*, now: datetime.datetime, most: int) -> Due | None:
    """Return the oldest week with something due, and up to `most` of its clients; None if all is done.

    Due is every week that is over in the client's own zone, from the one in which care
    started to the one in which it ended, as far back as CATCH_UP_WEEKS. Runs in a scope.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _DUE,
            {
                "now": now,
                "after": DUE_AFTER.total_seconds(),
                "weeks": CATCH_UP_WEEKS,
                "kinds": [str(kind) for kind in WEEKLY],
                "most": most,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    monday = rows[0][0]
    return Due(Week(monday), [client for day, client in rows if day == monday])
