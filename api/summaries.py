"""`/summaries`: what the worker wrote about a week."""

from typing import Any, ClassVar

from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, ListRows, ScopedRelated, ShowRow, TenantViewSet
from api.fields import WeekField
from api.idempotency import once
from api.jobs import JobSerializer, JobViewSet
from api.permissions import CLINICAL
from clinic.models import Client, Job
from clinic.services import jobs
from clinic.vault.sealing import CannotOpen
from clinic.zones import today_in
from exercises.models import Entry
from exercises.services.entries import LONGEST_AGO
from exercises.services.sharing import note_read, reading
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.models import Summary
from sessions.models.summary import SummaryKind
from sessions.summaries.weeks import Week


class SourceSerializer(KindSerializer):
    type = serializers.CharField()
    id = serializers.UUIDField()


class ParagraphSerializer(KindSerializer):
    text = serializers.CharField()
    sources = SourceSerializer(many=True)
    quotes = serializers.BooleanField(
        default=False, help_text="Whether the client's own words are in it."
    )


class SummarySerializer(KindSerializer):
    """`body` is prepared by the view, which leaves out what is not theirs to read any more."""

    id = serializers.UUIDField()
    client = serializers.UUIDField(source="client_id")
    kind = serializers.ChoiceField(choices=SummaryKind.choices)
    week = serializers.SerializerMethodField()
    period_start = serializers.DateField()
    period_end = serializers.DateField()
    time_zone = serializers.CharField()
    language = serializers.CharField()
    text = serializers.SerializerMethodField(help_text="The paragraphs as one text.")
    paragraphs = ParagraphSerializer(many=True, source="body.paragraphs")
    figures: Any = serializers.ListField(child=serializers.DictField(), source="body.figures")
    created_at = serializers.DateTimeField()

    def get_week(self, summary: Summary) -> str:
        return str(Week.of(summary.period_start))

    def get_text(self, summary: Summary) -> str:
        return "\n\n".join(one["text"] for one in summary.body["paragraphs"])


class ClientSummarySerializer(SummarySerializer):
    """A client's own week comes in words; figures stay with the therapist's."""

    figures = None


class WriteSummarySerializer(KindSerializer):
    client = ScopedRelated(Client)
    week = WeekField(help_text="A week that is over for the client, like 2026-W20.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        client, week = attrs["client"], attrs["week"]
        today = today_in(client.time_zone)
        if week.sunday < today - LONGEST_AGO:
            raise serializers.ValidationError({"week": "Summaries go back one year."})
        if not week.is_over(today):
            raise serializers.ValidationError(
                {"week": f"This week is not over for the client; it ends on {week.sunday}."}
            )
        return attrs


def _opened(summary: Summary) -> dict[str, Any] | None:
    """The summary's body; None where it does not open."""
    try:
        body: dict[str, Any] = summary.body
    except CannotOpen:
        return None
    return body


class SummaryFilters(filters.FilterSet):  # type: ignore[misc]
    client = filters.UUIDFilter(field_name="client_id")
    kind = filters.ChoiceFilter(choices=SummaryKind.choices)
    week = filters.CharFilter(method="in_week", max_length=8)

    def in_week(self, rows: Any, name: str, value: str) -> Any:
        try:
            return rows.filter(period_start=Week.parse(value).monday)
        except ValueError:
            raise serializers.ValidationError(
                {"week": "A week is written like 2026-W20."}
            ) from None


class SummaryViewSet(ListRows, ShowRow, TenantViewSet):
    """A therapist reads the therapist's week of own clients; a client their own."""

    model = Summary
    serializer_class = SummarySerializer
    filterset_class = SummaryFilters
    access: ClassVar = {"list": CLINICAL, "retrieve": CLINICAL, "create": CLINICAL}

    def represent(self, row: Summary) -> Any:
        return self.represent_page([row])[0]

    def represent_page(self, page: list[Summary]) -> Any:
        """Row by row, since one person may be a client here and a therapist of others."""
        self._keep_to_what_is_shared(
            [summary for summary in page if summary.client_id != self.actor.client_id]
        )
        kinds = {True: ClientSummarySerializer, False: SummarySerializer}
        made = {own: serializer(context=self.context()) for own, serializer in kinds.items()}
        return [
            made[summary.client_id == self.actor.client_id].to_representation(summary)
            for summary in page
        ]

    def _keep_to_what_is_shared(self, page: list[Summary]) -> None:
        """Leave out quotes that their client took back or changed; note that the rest is read."""
        opened = [(summary, body) for summary in page if (body := _opened(summary))]
        sources = {
            one["id"]
            for _, body in opened
            for paragraph in body["paragraphs"]
            if paragraph.get("quotes")
            for one in paragraph["sources"]
        }
        if not sources:
            return
        entries = list(Entry.objects.visible_to(self.actor).filter(pk__in=sources))
        note_read(entries, by=self.actor)
        as_written = {
            str(entry.pk): entry.updated_at for entry in entries if reading(entry, self.actor).words
        }
        for summary, body in opened:
            body["paragraphs"] = [
                paragraph
                for paragraph in body["paragraphs"]
                if not paragraph.get("quotes")
                or all(
                    one["id"] in as_written and as_written[one["id"]] <= summary.created_at
                    for one in paragraph["sources"]
                )
            ]

    @extend_schema(request=WriteSummarySerializer, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Ask the worker for a week's summaries now. A summary that is there stays as it is."""
        as_job = JobViewSet(request=request, format_kwarg=None, action="retrieve", kwargs={})

        def make() -> Job:
            said = self.checked(WriteSummarySerializer(data=request.data, context=self.context()))
            return jobs.queue_job(
                kind=WRITE_SUMMARIES,
                arguments={"week": str(said["week"]), "clients": [str(said["client"].pk)]},
                unit="clients",
                clinic_id=self.actor.clinic_id,
                by=self.actor,
            )

        response = once(as_job, make, status=202)
        response["Location"] = reverse("api:jobs-detail", args=[response.data["id"]])
        return response
