"""How practice went: counts in words and medians with their n. No percentage anywhere."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, F, FloatField, Q, QuerySet

from clinic.tenancy.actor import Actor, Role
from exercises.codes import EntryStatus, Rating
from exercises.models import Entry
from exercises.services.sharing import RATINGS_SHARED

FEWEST = 3
"""A middle value of fewer than three says nothing, and is not given (clinical brief, 6.1)."""


class Median(Aggregate):
    """The middle value (`percentile_cont(0.5)`)."""

    function = "PERCENTILE_CONT"
    name = "Median"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()
    allow_distinct = False


@dataclass(frozen=True)
class Change:
    """A rating before and after, over the entries that have both; None where n is under FEWEST."""

    rating: str
    before: float | None
    after: float | None
    n: int


def status_counts() -> dict[str, Any]:
    """One count for each of the six states, for `annotate` or `aggregate`."""
    return {f"n_{status}": Count("id", filter=Q(status=status)) for status in EntryStatus}


def rating_medians(among: Q) -> dict[str, Any]:
    """Medians before and after with their n, over entries that `among` lets be read."""
    found: dict[str, Any] = {}
    for rating in Rating:
        both = (
            Q(**{f"{rating}_before__isnull": False}) & Q(**{f"{rating}_after__isnull": False})
        ) & among
        found[f"{rating}_n"] = Count("id", filter=both)
        for when in ("before", "after"):
            found[f"{rating}_median_{when}"] = Median(F(f"{rating}_{when}"), filter=both)
    for name in ("helpful", "embodied"):
        given = Q(**{f"{name}__isnull": False}) & among
        found[f"{name}_n"] = Count("id", filter=given)
        found[f"{name}_median"] = Median(F(name), filter=given)
    return found


def enough(n: int, value: float | None) -> float | None:
    """The value, if it rests on enough entries."""
    return value if n >= FEWEST else None


def changes_of(row: dict[str, Any]) -> list[Change]:
    """Read the ratings of a row that `rating_medians` made; those nobody gave are left out."""
    return [
        Change(
            rating=rating,
            before=enough(row[f"{rating}_n"], row[f"{rating}_median_before"]),
            after=enough(row[f"{rating}_n"], row[f"{rating}_median_after"]),
            n=row[f"{rating}_n"],
        )
        for rating in Rating
        if row[f"{rating}_n"]
    ]


def progress_of(
    *, actor: Actor, client_id: UUID, assignment_id: UUID | None = None
) -> dict[str, Any]:
    """How a client's practice went, in all or for one assignment, as the actor may know it.

    Everyone concerned sees how often each state occurred. The client's numbers rest on
    all of their entries, a therapist's on those whose ratings are shared. A
    median is about no single entry: looking at it does not count as reading one.

    Returns:
        `states` (status and count, those that occurred), `changes`, `helpful`, `embodied`
        (median and n) and `last_entries` (the newest three, as rows).
    """
    entries: QuerySet[Entry] = Entry.objects.visible_to(actor).filter(client_id=client_id)
    if assignment_id is not None:
        entries = entries.filter(assignment_id=assignment_id)
    own = actor.has(Role.CLIENT) and actor.client_id == client_id
    row = entries.aggregate(**status_counts(), **rating_medians(Q() if own else RATINGS_SHARED))
    return {
        "states": [
            {"status": status.value, "label": str(status.label), "count": row[f"n_{status}"]}
            for status in EntryStatus
            if row[f"n_{status}"]
        ],
        "changes": changes_of(row),
        **{
            name: {"median": enough(row[f"{name}_n"], row[f"{name}_median"]), "n": row[f"{name}_n"]}
            for name in ("helpful", "embodied")
        },
        "last_entries": list(
            entries.select_related("exercise_version").order_by("-practised_on", "-id")[:3]
        ),
    }
