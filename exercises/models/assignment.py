"""What a therapist and a client agreed to practise, and why."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from clinic.models.care_team import in_care_of
from clinic.models.data_key import KeyPurpose
from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel, VersionedModel
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import TenantQuerySet
from clinic.vault.fields import SealedTextField
from exercises.codes import AssignmentState, Rhythm
from exercises.models.exercise import ExerciseVersion


class AssignmentQuerySet(TenantQuerySet["Assignment"]):
    def for_therapist(self, actor: Actor) -> Q:
        return Q(client_id__in=in_care_of(actor))

    def for_client(self, actor: Actor) -> Q:
        return Q(client_id=actor.own_client_id)


class Assignment(TenantModel, VersionedModel):
    """An exercise, in one version, given to a client with a reason.

    Reason, plan, obstacle and confidence are what the literature found to predict that a
    task is taken up (domain brief, "Homework": rationale, planning, difficulties addressed).
    """

    exercise_version = models.ForeignKey(
        ExerciseVersion, on_delete=models.PROTECT, db_constraint=False, related_name="assignments"
    )
    client = models.ForeignKey(
        "clinic.Client", on_delete=models.CASCADE, db_constraint=False, related_name="assignments"
    )
    assigned_by = models.ForeignKey(
        "clinic.Membership", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    reason = SealedTextField(purpose=KeyPurpose.CARE)
    when_and_where = SealedTextField(purpose=KeyPurpose.CARE, blank=True)
    likely_obstacle = SealedTextField(purpose=KeyPurpose.CARE, blank=True)
    plan_b = SealedTextField(purpose=KeyPurpose.CARE, blank=True)
    confidence = models.PositiveSmallIntegerField(null=True, blank=True)
    practised_in_session = models.BooleanField(default=False)
    rhythm = models.CharField(max_length=16, choices=Rhythm.choices)
    times_per_week = models.PositiveSmallIntegerField(null=True, blank=True)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    smaller_version_allowed = models.BooleanField(default=True)
    start_on = models.DateField()
    review_on = models.DateField(null=True, blank=True)
    state = models.CharField(
        max_length=8, choices=AssignmentState.choices, default=AssignmentState.ACTIVE
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    client_id: UUID
    exercise_version_id: UUID
    assigned_by_id: UUID
    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="assignment_tenant"),
            SameClinic("exercise_version", name="assignment_exercise_version"),
            SameClinic("client", name="assignment_client"),
            SameClinic("assigned_by", name="assignment_assigned_by"),
            # Lets an entry's assignment be checked against the entry's own client.
            models.UniqueConstraint(fields=["clinic", "client", "id"], name="assignment_of_client"),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__lte=10),
                name="assignment_confidence_0_10",
            ),
            models.CheckConstraint(
                condition=Q(review_on__isnull=True) | Q(review_on__gte=F("start_on")),
                name="assignment_review_after_start",
            ),
            models.CheckConstraint(
                condition=(Q(rhythm="times_per_week") & Q(times_per_week__range=(1, 21)))
                | (~Q(rhythm="times_per_week") & Q(times_per_week__isnull=True)),
                name="assignment_times_with_their_rhythm",
            ),
            models.CheckConstraint(
                condition=(
                    Q(rhythm="weekdays")
                    & Q(weekdays__len__gte=1)
                    & Q(weekdays__contained_by=[1, 2, 3, 4, 5, 6, 7])
                )
                | (~Q(rhythm="weekdays") & Q(weekdays=[])),
                name="assignment_weekdays_with_their_rhythm",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "client", "state", "id"], name="assignment_of_client_i")
        ]
