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
from clinic.models import Client
from clinic.models.clinic import today_in
from clinic.services import jobs
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


class SummarySerializer(KindSerializer):
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
        if not week.is_over(today_in(client.time_zone)):
            raise serializers.ValidationError(
                {"week": f"This week is not over for the client; it ends on {week.sunday}."}
            )
        return attrs


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

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        if getattr(self, "swagger_fake_view", False) or self.actor.client_id is None:
            return SummarySerializer
        return ClientSummarySerializer

    @extend_schema(request=WriteSummarySerializer, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Ask the worker for a week's summaries now. A summary that is there stays as it is."""
        said = self.checked(WriteSummarySerializer(data=request.data, context=self.context()))
        as_job = JobViewSet(request=request, format_kwarg=None, action="retrieve", kwargs={})
        response = once(
            as_job,
            lambda: jobs.queue_job(
                kind=WRITE_SUMMARIES,
                arguments={"week": str(said["week"]), "clients": [str(said["client"].pk)]},
                unit="clients",
                clinic_id=self.actor.clinic_id,
                by=self.actor,
            ),
            status=202,
        )
        response["Location"] = reverse("api:jobs-detail", args=[response.data["id"]])
        return response
