"""Agreeing on a practice, and changing what was agreed."""

from typing import Any

from django.utils import timezone

from clinic.models import Client
from clinic.models.client import ClientState
from clinic.refusal import Conflict, Refused
from clinic.tenancy.actor import Actor, Role
from exercises.codes import AssignmentState, Rhythm
from exercises.models import Assignment, Exercise


def assign_exercise(
    *, client: Client, exercise: Exercise, plan: dict[str, Any], by: Actor
) -> Assignment:
    """Give a client an exercise, in the version of today, with a reason.

    Args:
        plan: fields of Assignment; reason, rhythm and start_on are required.

    Raises:
        Refused: the plan does not hold together, or care has ended.
    """
    if client.state == ClientState.ENDED:
        raise Refused("client", "Care of this client has ended.", code="care_ended")
    if exercise.current is None or not exercise.is_offered:
        raise Refused("exercise", "This exercise is not offered at present.", code="not_offered")
    assignment = Assignment(
        clinic_id=by.clinic_id,
        client=client,
        exercise_version=exercise.current,
        assigned_by_id=by.memberships[Role.THERAPIST],
        **plan,
    )
    _check(assignment)
    assignment.save()
    return assignment


def change_assignment(*, assignment: Assignment, changes: dict[str, Any], by: Actor) -> Assignment:
    """Change what is agreed from now on; the caller has locked the row. What was done stays.

    Raises:
        Conflict: it has ended.
        Refused: the plan does not hold together.
    """
    if assignment.state == AssignmentState.ENDED:
        raise Conflict("", "This assignment has ended; assign the exercise anew.", code="ended")
    if not changes:
        return assignment
    for name, value in changes.items():
        setattr(assignment, name, value)
    # What belonged to the old rhythm goes with it, unless somebody says it anew.
    if assignment.rhythm != Rhythm.TIMES_PER_WEEK and "times_per_week" not in changes:
        assignment.times_per_week = None
    if assignment.rhythm != Rhythm.WEEKDAYS and "weekdays" not in changes:
        assignment.weekdays = []
    _check(assignment)
    assignment.version += 1
    assignment.save()
    return assignment


def set_state(*, assignment: Assignment, state: AssignmentState, by: Actor) -> Assignment:
    """Pause, resume or end; the caller has locked the row. Asking for the present state changes nothing.

    Raises:
        Conflict: it has ended, which is for good.
    """
    if assignment.state == state:
        return assignment
    if assignment.state == AssignmentState.ENDED:
        raise Conflict("", "This assignment has ended; assign the exercise anew.", code="ended")
    assignment.state = state
    if state == AssignmentState.ENDED:
        assignment.ended_at = timezone.now()
    assignment.version += 1
    assignment.save(update_fields=["state", "ended_at", "version", "updated_at"])
    return assignment


def _check(assignment: Assignment) -> None:
    """The rules that the table's own constraints repeat, said so that a person can act on them."""
    if not assignment.reason.strip():
        raise Refused("reason", "Say why: clients take up what they see the sense of.")
    times = assignment.times_per_week
    if assignment.rhythm == Rhythm.TIMES_PER_WEEK:
        if times is None or not 1 <= times <= 21:
            raise Refused("times_per_week", "Say how often a week, from 1 to 21.")
    elif times is not None:
        raise Refused("times_per_week", "This goes with the rhythm times_per_week.")
    if assignment.rhythm == Rhythm.WEEKDAYS:
        if not assignment.weekdays:
            raise Refused("weekdays", "Name at least one day, 1 for Monday to 7 for Sunday.")
        assignment.weekdays = sorted(set(assignment.weekdays))
    elif assignment.weekdays:
        raise Refused("weekdays", "This goes with the rhythm weekdays.")
    if assignment.review_on is not None and assignment.review_on < assignment.start_on:
        raise Refused("review_on", "The review cannot come before the start.")
