"""`/jobs`: how far long work is. A job is its owner's alone."""

from typing import ClassVar
from urllib.parse import urlencode

from django.urls import reverse
from django_filters import rest_framework as filters
from rest_framework import serializers

from api.base import KindSerializer, ListRows, ShowRow, TenantViewSet
from api.permissions import EVERYONE
from clinic.models import Job
from clinic.models.job import JobState


class JobSerializer(KindSerializer):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=JobState.choices)
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    unit = serializers.CharField()
    eta_seconds = serializers.IntegerField(source="seconds_left", allow_null=True)
    problem = serializers.CharField()
    result_url = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_result_url(self, job: Job) -> str | None:
        """Where what was made is to be read, once it is."""
        clients = job.arguments.get("clients") or []
        if job.state != JobState.DONE or "week" not in job.arguments or len(clients) != 1:
            return None
        query = urlencode({"client": clients[0], "week": job.arguments["week"]})
        return f"{reverse('api:summaries-list')}?{query}"


class JobFilters(filters.FilterSet):  # type: ignore[misc]
    state = filters.ChoiceFilter(choices=JobState.choices)


class JobViewSet(ListRows, ShowRow, TenantViewSet):
    """Work that goes on in the background."""

    model = Job
    serializer_class = JobSerializer
    filterset_class = JobFilters
    access: ClassVar = {"list": EVERYONE, "retrieve": EVERYONE}
