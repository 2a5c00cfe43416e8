"""What of an entry somebody reads: decided here and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from clinic.tenancy.actor import Actor
from exercises.codes import ShareLevel, SupportReason
from exercises.models import Entry

RATINGS_SHARED = Q(share_level__in=[ShareLevel.RATINGS_ONLY, ShareLevel.SHARED])
"""Entries whose numbers a therapist reads."""

WORDS_SHARED = Q(share_level=ShareLevel.SHARED)
"""Entries whose answers and words a therapist reads."""


@dataclass(frozen=True)
class Reading:
    """What one person reads of one entry. Status, date and support reasons are always read.

    Attributes:
        distress: the two numbers of distress, also told when they were very high (rule A4).
    """

    distress: bool
    ratings: bool
    words: bool


def reading(entry: Entry, actor: Actor) -> Reading:
    """Decide what the actor reads of an entry that is visible to them."""
    if actor.client_id == entry.client_id:
        return Reading(distress=True, ratings=True, words=True)
    ratings = entry.share_level in (ShareLevel.RATINGS_ONLY, ShareLevel.SHARED)
    return Reading(
        distress=ratings or SupportReason.HIGH_DISTRESS in entry.support_reasons,
        ratings=ratings,
        words=entry.share_level == ShareLevel.SHARED,
    )


def note_read(entries: Iterable[Entry], *, by: Actor) -> None:
    """Remember that a therapist reads these: from now on they can be shared more, not less.

    Whoever made an entry private at the same moment is heard: such an entry is not marked,
    and is private on the instance that was passed in.
    """
    unread = {
        entry.pk: entry
        for entry in entries
        if entry.first_read_at is None
        and entry.share_level != ShareLevel.PRIVATE
        and entry.client_id != by.client_id
    }
    if not unread:
        return
    rows = Entry.objects.visible_to(by).filter(pk__in=list(unread))
    rows.filter(RATINGS_SHARED, first_read_at__isnull=True).update(first_read_at=timezone.now())
    for pk, level in rows.values_list("pk", "share_level"):
        unread[pk].share_level = level
