"""Recording what a client did, so that nothing is lost and nothing is doubled."""

import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from clinic.models import Client
from clinic.refusal import Conflict, Refused
from clinic.tenancy.actor import Actor, Role
from clinic.zones import today_in
from exercises.codes import (
    DISTRESS_RISE,
    HIGH_DISTRESS,
    SHARE_ORDER,
    ShareLevel,
    Start,
    SupportReason,
)
from exercises.models import Assignment, Entry, Exercise, ExerciseVersion
from exercises.services.answers import checked_answers, checked_codes, critical_options

LONGEST_AGO = datetime.timedelta(days=366)


def record_entry(
    *,
    client: Client,
    client_uuid: UUID,
    request_digest: bytes,
    assignment: Assignment | None,
    exercise: Exercise | None,
    values: dict[str, Any],
    by: Actor,
) -> tuple[Entry, bool]:
    """Keep one entry, or find it kept already.

    Args:
        client_uuid: made where the entry was written; sent again it is the same entry.
        request_digest: keyed digest of the request, to tell a repeat from a clash.
        assignment: what it was done for, or None for an exercise of the client's own choice.
        exercise: needed without an assignment.

    Returns:
        The entry, and whether this call made it.

    Raises:
        Conflict: the same id came before with other content.
        Refused: a value that does not fit.
    """
    if kept := find_repeat(client.pk, client_uuid=client_uuid, request_digest=request_digest):
        return kept, False
    entry = _new_entry(
        client=client,
        client_uuid=client_uuid,
        request_digest=request_digest,
        version=_version_of(client, assignment, exercise, by),
        assignment=assignment,
        values=values,
        by=by,
    )
    try:
        with transaction.atomic():
            entry.save()
    except IntegrityError:
        # The same entry, sent twice at once: the other one was first.
        kept = find_repeat(client.pk, client_uuid=client_uuid, request_digest=request_digest)
        if kept is None:
            raise
        return kept, False
    return entry, True


def find_repeat(client_id: UUID, *, client_uuid: UUID, request_digest: bytes) -> Entry | None:
    """Return the entry that this request made before, or None if its id is new.

    Raises:
        Conflict: the id came before with other content.
    """
    kept = (
        Entry.objects.filter(client_id=client_id, client_uuid=client_uuid)
        .select_related("exercise_version")
        .first()
    )
    return same_request(kept, request_digest) if kept is not None else None


def same_request(kept: Entry, request_digest: bytes) -> Entry:
    """Return the kept entry if this request made it. Raises Conflict if another one did."""
    if bytes(kept.request_digest) != request_digest:
        raise Conflict(
            "client_uuid",
            "This id was used before for another entry. Make a fresh UUID for a new entry, "
            "or change the kept one with PATCH.",
            code="other_content",
        )
    return kept


def change_entry(*, entry: Entry, changes: dict[str, Any], by: Actor) -> Entry:
    """Change an entry; the caller has locked the row.

    Raises:
        Refused: a value that does not fit, or sharing less than a therapist has read.
    """
    if not changes:
        return entry
    level = changes.get("share_level", entry.share_level)
    if entry.recorded_by_therapist and level != ShareLevel.SHARED:
        raise Refused("share_level", "What a therapist recorded is shared with them.")
    less = SHARE_ORDER.index(ShareLevel(level)) < SHARE_ORDER.index(ShareLevel(entry.share_level))
    if entry.first_read_at is not None and less:
        raise Refused(
            "share_level",
            "Your therapist has read this. You can share more of it, and no longer less.",
            code="already_read",
        )
    _fill(entry, changes)
    entry.version += 1
    entry.save()
    return entry


def _version_of(
    client: Client, assignment: Assignment | None, exercise: Exercise | None, by: Actor
) -> ExerciseVersion:
    if assignment is not None:
        if assignment.client_id != client.pk:
            raise Refused("assignment", "This is not an assignment of this client.")
        if exercise is not None and exercise.pk != assignment.exercise_version.exercise_id:
            raise Refused("exercise", "The assignment is of another exercise; leave this out.")
        return assignment.exercise_version
    if exercise is None or exercise.current is None:
        raise Refused("assignment", "Name the assignment, or the exercise, that this is about.")
    if by.client_id == client.pk and exercise.current.start != Start.CLIENT_MAY_START:
        raise Refused(
            "exercise", "This one begins together with your therapist.", code="begins_together"
        )
    return exercise.current


def _new_entry(
    *,
    client: Client,
    client_uuid: UUID,
    request_digest: bytes,
    version: ExerciseVersion,
    assignment: Assignment | None,
    values: dict[str, Any],
    by: Actor,
) -> Entry:
    by_therapist = by.client_id != client.pk
    if by_therapist:
        if client.user_id is not None:
            raise Refused(
                "client", "This client records for themselves.", code="client_has_a_login"
            )
        if values.get("share_level", ShareLevel.SHARED) != ShareLevel.SHARED:
            raise Refused("share_level", "What you record yourself is shared with you.")
        values = {**values, "share_level": ShareLevel.SHARED}
    entry = Entry(
        clinic_id=by.clinic_id,
        client=client,
        assignment=assignment,
        exercise_version=version,
        recorded_by_id=by.memberships[Role.THERAPIST if by_therapist else Role.CLIENT],
        recorded_by_therapist=by_therapist,
        client_uuid=client_uuid,
        request_digest=request_digest,
        time_zone=values.get("time_zone") or client.time_zone,
    )
    entry.practised_on = today_in(entry.time_zone)
    _fill(entry, values)
    return entry


def _fill(entry: Entry, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(entry, name, value)
    for name in ("note", "unwanted_note"):
        if not getattr(entry, name).strip():
            setattr(entry, name, "")
    version = entry.exercise_version
    today = today_in(entry.time_zone)
    if entry.practised_on > today:
        raise Refused("practised_on", "This day has not come yet where you are.", code="future")
    if "practised_on" in values and entry.practised_on < today - LONGEST_AGO:
        raise Refused("practised_on", "Entries go back one year.", code="too_long_ago")
    if entry.started_at and entry.ended_at and entry.ended_at < entry.started_at:
        raise Refused("ended_at", "The end cannot come before the beginning.")
    steps = len(version.content["steps"])
    if entry.stopped_at_step is not None and not 1 <= entry.stopped_at_step <= steps:
        raise Refused("stopped_at_step", f"This exercise has steps 1 to {steps}.")
    entry.answers = checked_answers(version, entry.answers)
    entry.needs_now = checked_codes("needs_now", "needs_now", entry.needs_now)
    entry.not_yet_reasons = checked_codes(
        "not_yet_reason", "not_yet_reasons", entry.not_yet_reasons
    )
    _show_support(entry)


def _show_support(entry: Entry) -> None:
    """Note why support is shown at once, and what the therapist is told (rules A3 and A4).

    What was told once stays as it was told: a later change neither takes it back nor
    tells more, unless there is a reason that was not there before.
    """
    reasons = set(reasons_for_support(entry)) - set(entry.support_reasons)
    if not reasons:
        return
    entry.support_reasons = sorted({*entry.support_reasons, *reasons})
    told: dict[str, Any] = dict(entry.support_told)
    if SupportReason.CRITICAL_OPTION in reasons:
        told["options"] = critical_options(entry.exercise_version, entry.answers)
    if SupportReason.HIGH_DISTRESS in reasons:
        told["distress_before"] = entry.distress_before
        told["distress_after"] = entry.distress_after
    entry.support_told = told


def reasons_for_support(entry: Entry) -> list[str]:
    """Why support is shown at once (rules A3 and A4 of the clinical brief); empty for most entries."""
    reasons: list[str] = []
    if critical_options(entry.exercise_version, entry.answers):
        reasons.append(SupportReason.CRITICAL_OPTION)
    after, before = entry.distress_after, entry.distress_before
    if after is not None and (
        after >= HIGH_DISTRESS or (before is not None and after - before >= DISTRESS_RISE)
    ):
        reasons.append(SupportReason.HIGH_DISTRESS)
    return reasons
