"""The figures of a week for a whole batch of clients: a fixed number of statements."""

import datetime
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Q, Window
from django.db.models.functions import Length, RowNumber

from clinic.tenancy.actor import TaskActor
from clinic.vault.sealing import CannotOpen
from exercises.codes import EntryStatus, ShareLevel, SupportReason
from exercises.models import Entry
from exercises.services.progress import (
    Change,
    changes_of,
    enough,
    rating_medians,
    status_counts,
)
from exercises.services.sharing import RATINGS_SHARED, WORDS_SHARED
from sessions.summaries.weeks import Week

QUOTES = 2
"""At most so many of the client's own texts are quoted."""


@dataclass(frozen=True)
class Practice:
    """One exercise in one week of one client.

    Attributes:
        counts: how often each state occurred.
        changes, helpful, embodied: medians; with n, and only from three entries on.
        entries: ids of all the entries that this rests on.
        sources: ids of those of one kind: "stopped", "declined", "critical", "hard", "unwanted".
    """

    title: str
    counts: dict[str, int]
    changes: list[Change]
    helpful: float | None
    helpful_n: int
    embodied: float | None
    embodied_n: int
    private: int
    critical: int
    hard: int
    unwanted: int
    entries: list[UUID]
    sources: dict[str, list[UUID]] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[UUID]:
        """Ids of the entries of any of these kinds, each once."""
        return list(dict.fromkeys(one for kind in kinds for one in self.sources.get(kind, [])))

    @property
    def is_gentle(self) -> bool:
        """Whether nothing about it was hard, marked, unwanted or stopped: safe to suggest again."""
        return not (self.hard or self.critical or self.unwanted or self.stopped)

    @property
    def practised(self) -> int:
        return sum(n for status, n in self.counts.items() if status != EntryStatus.NOT_THIS_TIME)

    @property
    def stopped(self) -> int:
        return self.counts.get(EntryStatus.TRIED_AND_STOPPED, 0)

    def change(self, rating: str) -> Change | None:
        return next((one for one in self.changes if one.rating == rating), None)


@dataclass(frozen=True)
class Quote:
    """What the client wrote in one entry."""

    entry: UUID
    text: str
    day: datetime.date


@dataclass
class WeekOfClient:
    """All that one text is composed from.

    Attributes:
        own, shared: the same week with all of the client's numbers, and with those alone
            that the therapist reads.
    """

    own: list[Practice] = field(default_factory=list)
    shared: list[Practice] = field(default_factory=list)
    own_quotes: list[Quote] = field(default_factory=list)
    shared_quotes: list[Quote] = field(default_factory=list)


def figures_of(*, week: Week, clients: list[UUID], actor: TaskActor) -> dict[UUID, WeekOfClient]:
    """Return what happened in a week, for each client that has anything; four statements in all."""
    entries = Entry.objects.visible_to(actor).filter(
        client_id__in=clients, practised_on__range=(week.monday, week.sunday)
    )
    found: dict[UUID, WeekOfClient] = defaultdict(WeekOfClient)
    for client, practice in _practices(entries, Q()):
        found[client].own.append(practice)
    for client, practice in _practices(entries, RATINGS_SHARED):
        found[client].shared.append(practice)
    # A hard moment is not held up to the client again in a cheerful line.
    for client, quote in _quotes(entries.filter(support_reasons=[])):
        found[client].own_quotes.append(quote)
    for client, quote in _quotes(entries.filter(WORDS_SHARED)):
        found[client].shared_quotes.append(quote)
    return found


def _practices(entries: Any, among: Q) -> list[tuple[UUID, Practice]]:
    kinds = {
        "stopped": Q(status=EntryStatus.TRIED_AND_STOPPED),
        "declined": Q(status=EntryStatus.NOT_THIS_TIME),
        "critical": Q(support_reasons__contains=[SupportReason.CRITICAL_OPTION]),
        "hard": Q(support_reasons__contains=[SupportReason.HIGH_DISTRESS]),
        "unwanted": Q(unwanted=True) & among,
    }
    rows = (
        entries.values(
            "client_id", "exercise_version__exercise_id", title=F("exercise_version__title")
        )
        .annotate(
            **status_counts(),
            **rating_medians(among),
            private=Count("id", filter=Q(share_level=ShareLevel.PRIVATE)),
            **{f"{kind}_n": Count("id", filter=condition) for kind, condition in kinds.items()},
            ids=ArrayAgg("id", order_by="id"),
            **{
                f"{kind}_ids": ArrayAgg("id", filter=condition, order_by="id")
                for kind, condition in kinds.items()
            },
        )
        .order_by("client_id", "-ids")
    )
    return [
        (
            row["client_id"],
            Practice(
                title=row["title"],
                counts={
                    status.value: row[f"n_{status}"] for status in EntryStatus if row[f"n_{status}"]
                },
                changes=changes_of(row),
                helpful=enough(row["helpful_n"], row["helpful_median"]),
                helpful_n=row["helpful_n"],
                embodied=enough(row["embodied_n"], row["embodied_median"]),
                embodied_n=row["embodied_n"],
                private=row["private"],
                critical=row["critical_n"],
                hard=row["hard_n"],
                unwanted=row["unwanted_n"],
                entries=row["ids"],
                sources={kind: row[f"{kind}_ids"] or [] for kind in kinds},
            ),
        )
        for row in rows
    ]


def _quotes(entries: Any) -> list[tuple[UUID, Quote]]:
    """The newest texts that clients wrote themselves; one that does not open is left out."""
    newest = (
        entries.filter(recorded_by_therapist=False)
        .annotate(length=Length("note"))
        .filter(length__gt=0)
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=[F("client_id")],
                order_by=[F("practised_on").desc(), F("id").desc()],
            )
        )
        .filter(place__lte=QUOTES)
        .order_by("client_id", "place")
    )
    found: list[tuple[UUID, Quote]] = []
    for entry in newest:
        with suppress(CannotOpen):  # logged where it was found out
            found.append((entry.client_id, Quote(entry.pk, entry.note, entry.practised_on)))
    return found
