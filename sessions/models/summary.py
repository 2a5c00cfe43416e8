"""What happened, composed from what is stored, with links to it."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from clinic.models.care_team import in_care_of
from clinic.models.data_key import KeyPurpose
from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import TenantQuerySet
from clinic.vault.fields import SealedJSONField


class SummaryKind(models.TextChoices):
    """Whom a summary is for, and what it covers. Those of the week are written by the worker."""

    CLIENT_WEEK = "client_week"
    THERAPIST_WEEK = "therapist_week"
    PRE_SESSION_BRIEF = "pre_session_brief"
    PROGRESS_REPORT = "progress_report"
    ENDING_SUMMARY = "ending_summary"
    PRACTICE_ACTIVITY = "practice_activity"


WEEKLY = (SummaryKind.CLIENT_WEEK, SummaryKind.THERAPIST_WEEK)

FOR_THERAPISTS = (
    SummaryKind.THERAPIST_WEEK,
    SummaryKind.PRE_SESSION_BRIEF,
    SummaryKind.PROGRESS_REPORT,
    SummaryKind.ENDING_SUMMARY,
)


class SummaryQuerySet(TenantQuerySet["Summary"]):
    task_purposes = frozenset({"summaries"})

    def for_therapist(self, actor: Actor) -> Q:
        """Never the client's own: it may quote what was kept private."""
        return Q(kind__in=FOR_THERAPISTS, client_id__in=in_care_of(actor))

    def for_client(self, actor: Actor) -> Q:
        return Q(kind=SummaryKind.CLIENT_WEEK, client_id=actor.own_client_id)


class Summary(TenantModel):
    """A text with the figures behind it, written once for a client, a kind and a period.

    Attributes:
        period_start, period_end: first and last day, in the client's own zone.
        body: `{"paragraphs": [{"text", "sources": [{"type", "id"}]}], "figures": {…}}`.
        composer: the version of the rules that composed it.
    """

    CLEAR_TEXT = {
        "time_zone": "an IANA name",
        "language": "a language code",
        "composer": "a version",
    }

    client = models.ForeignKey(
        "clinic.Client", on_delete=models.CASCADE, db_constraint=False, related_name="summaries"
    )
    kind = models.CharField(max_length=20, choices=SummaryKind.choices)
    period_start = models.DateField()
    period_end = models.DateField()
    time_zone = models.CharField(max_length=64)
    language = models.CharField(max_length=12)
    body = SealedJSONField(purpose=KeyPurpose.SUMMARY, default=dict)
    composer = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)

    client_id: UUID
    objects = SummaryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="summary_tenant"),
            SameClinic("client", name="summary_client"),
            models.UniqueConstraint(
                fields=["clinic", "client", "kind", "period_start"], name="summary_written_once"
            ),
            models.CheckConstraint(
                condition=Q(period_end__gte=models.F("period_start")),
                name="summary_period_in_order",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "period_start", "kind"], name="summary_of_period")
        ]
