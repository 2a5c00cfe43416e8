"""What a client did, or did not, and what they wrote about it."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.models.care_team import in_care_of
from clinic.models.data_key import KeyPurpose
from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel, VersionedModel
from clinic.tenancy.constraints import DeferredConstraint, Model, SameClinic, TenantTable
from clinic.tenancy.querysets import TenantQuerySet
from clinic.vault.fields import SealedJSONField, SealedTextField
from clinic.zones import is_zone
from exercises.codes import EntryStatus, Rating, ShareLevel, SupportReason, Variant
from exercises.models.assignment import Assignment
from exercises.models.exercise import ExerciseVersion

RATING_COLUMNS = tuple(f"{rating}_{when}" for rating in Rating for when in ("before", "after"))


class SameClient(DeferredConstraint):
    """An entry's assignment is one of the same client: a key of three columns."""

    def statements(self, model: Model) -> list[str]:
        return [
            f'ALTER TABLE "{model._meta.db_table}" ADD CONSTRAINT "{self.name}" '
            f"FOREIGN KEY (clinic_id, client_id, assignment_id) "
            f'REFERENCES "{Assignment._meta.db_table}" (clinic_id, client_id, id) '
            f"NOT DEFERRABLE INITIALLY IMMEDIATE"
        ]

    def removal(self, model: Model) -> list[str]:
        return [f'ALTER TABLE "{model._meta.db_table}" DROP CONSTRAINT "{self.name}"']


class EntryQuerySet(TenantQuerySet["Entry"]):
    task_purposes = frozenset({"summaries"})

    def for_therapist(self, actor: Actor) -> Q:
        """All of a client's entries; what of each is read depends on its share level."""
        return Q(client_id__in=in_care_of(actor))

    def for_client(self, actor: Actor) -> Q:
        return Q(client_id=actor.own_client_id)


def _scale() -> models.PositiveSmallIntegerField:  # type: ignore[type-arg]
    return models.PositiveSmallIntegerField(null=True, blank=True)


class Entry(TenantModel, VersionedModel):
    """One practice, in one of six states, on the client's local day.

    Attributes:
        client_uuid: made on the client's device; the same one sent again is the same entry.
        request_digest: keyed digest of what was sent first, to tell a repeat from a clash.
        share_level: what of it the therapist reads.
        first_read_at: when a therapist first read more of it than status and date, here or as
            a quote in a summary; from then on the client can share more, not less. Medians,
            which are about no single entry, do not count.
        support_reasons: why support was shown; seen by the therapist at any share level.
        support_told: what the therapist is told with them, as it was at that moment: the
            marked options that were chosen, and the numbers of distress. Never a text.
    """

    CLEAR_TEXT = {"time_zone": "an IANA name", "support_reasons": "codes"}

    client = models.ForeignKey(
        "clinic.Client", on_delete=models.CASCADE, db_constraint=False, related_name="entries"
    )
    assignment = models.ForeignKey(
        Assignment,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="entries",
    )
    exercise_version = models.ForeignKey(
        ExerciseVersion, on_delete=models.PROTECT, db_constraint=False, related_name="entries"
    )
    recorded_by = models.ForeignKey(
        "clinic.Membership", on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    recorded_by_therapist = models.BooleanField(default=False)
    client_uuid = models.UUIDField()
    request_digest = models.BinaryField(max_length=32)
    status = models.CharField(max_length=17, choices=EntryStatus.choices)
    variant = models.CharField(max_length=11, choices=Variant.choices, default=Variant.FULL)
    practised_on = models.DateField()
    time_zone = models.CharField(max_length=64, validators=[is_zone])
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    stopped_at_step = models.PositiveSmallIntegerField(null=True, blank=True)
    distress_before = _scale()
    distress_after = _scale()
    warmth_before = _scale()
    warmth_after = _scale()
    shame_before = _scale()
    shame_after = _scale()
    critic_before = _scale()
    critic_after = _scale()
    helpful = _scale()
    embodied = _scale()
    unwanted = models.BooleanField(null=True, blank=True)
    answers = SealedJSONField(purpose=KeyPurpose.PRACTICE, default=dict, blank=True)
    note = SealedTextField(purpose=KeyPurpose.PRACTICE, blank=True)
    unwanted_note = SealedTextField(purpose=KeyPurpose.PRACTICE, blank=True)
    needs_now = SealedJSONField(purpose=KeyPurpose.PRACTICE, default=list, blank=True)
    not_yet_reasons = SealedJSONField(purpose=KeyPurpose.PRACTICE, default=list, blank=True)
    share_level = models.CharField(
        max_length=12, choices=ShareLevel.choices, default=ShareLevel.PRIVATE
    )
    first_read_at = models.DateTimeField(null=True, editable=False)
    support_reasons = ArrayField(
        models.CharField(max_length=16, choices=SupportReason.choices), default=list, blank=True
    )

    support_told = SealedJSONField(purpose=KeyPurpose.PRACTICE, default=dict, blank=True)

    client_id: UUID
    assignment_id: UUID | None
    exercise_version_id: UUID
    recorded_by_id: UUID
    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="entry_tenant"),
            SameClinic("client", name="entry_client"),
            SameClinic("assignment", name="entry_assignment"),
            SameClinic("exercise_version", name="entry_exercise_version"),
            SameClinic("recorded_by", name="entry_recorded_by"),
            SameClient(name="entry_assignment_of_client"),
            models.UniqueConstraint(
                fields=["clinic", "client", "client_uuid"], name="entry_once_per_client"
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__lte": 10}),
                    name=f"entry_{column}_0_10",
                )
                for column in (*RATING_COLUMNS, "helpful", "embodied")
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "client", "practised_on"], name="entry_of_client_day"),
            models.Index(fields=["clinic", "assignment", "id"], name="entry_of_assignment"),
        ]
