"""Long work: a row first, then a nudge; the row says how far it is."""

import datetime
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import TenantQuerySet


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobQuerySet(TenantQuerySet["Job"]):
    task_purposes = frozenset({"jobs", "summaries"})

    def for_therapist(self, actor: Actor) -> Q:
        """A job is its owner's alone."""
        return Q(requested_by_id__in=list(actor.memberships.values()))

    for_admin = for_therapist
    for_client = for_therapist

    def unfinished(self) -> "JobQuerySet":
        return self.filter(state__in=[JobState.QUEUED, JobState.RUNNING])

    def free(self, now: datetime.datetime) -> "JobQuerySet":
        """Unfinished, and in nobody's hands: never started, or its worker is gone."""
        return self.unfinished().filter(Q(held_until__isnull=True) | Q(held_until__lt=now))


class Job(TenantModel):
    """A piece of long work for one clinic.

    Attributes:
        arguments: ids, dates and codes only.
        held_until: the worker that runs it renews this; once past, another may take it.
        result: ids of what was made.
        problem: a code, never a message.
    """

    CLEAR_TEXT = {
        "kind": "the name of a registered job",
        "arguments": "ids, dates and codes",
        "result": "ids and counts",
        "unit": "what is counted",
        "problem": "a code",
    }
    MOST_ATTEMPTS = 5

    kind = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    requested_by = models.ForeignKey(
        "clinic.Membership",
        null=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="jobs",
    )
    state = models.CharField(max_length=8, choices=JobState.choices, default=JobState.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    unit = models.CharField(max_length=20, default="clients")
    result = models.JSONField(default=dict)
    problem = models.CharField(max_length=40, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    held_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    requested_by_id: UUID | None
    objects = JobQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="job_tenant"),
            SameClinic("requested_by", name="job_requested_by"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["clinic", "created_at"],
                condition=Q(state__in=["queued", "running"]),
                name="job_unfinished",
            )
        ]

    @staticmethod
    def hold() -> datetime.timedelta:
        """How long a worker has a job without saying anything."""
        return datetime.timedelta(seconds=settings.JOB_HOLD_SECONDS)

    @property
    def seconds_left(self) -> int | None:
        """An estimate from the pace so far; None while there is nothing to go by."""
        if self.state != JobState.RUNNING or not (self.started_at and self.done and self.total):
            return None
        spent = (timezone.now() - self.started_at).total_seconds()
        return round(spent / self.done * (self.total - self.done))
