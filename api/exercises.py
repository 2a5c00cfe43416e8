"""`/exercises`: the library, word for word as a client reads it."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from api.base import KindSerializer, ListRows, ShowRow, TenantViewSet
from api.permissions import CLINICAL
from clinic.tenancy.actor import Role
from exercises.codes import Flow, Level, Skill, Start, System
from exercises.models import Exercise


class ExerciseSerializer(KindSerializer):
    id = serializers.UUIDField()
    catalogue_id = serializers.CharField()
    version = serializers.UUIDField(source="current_id")
    version_number = serializers.IntegerField(source="current.number")
    title = serializers.CharField(source="current.title")
    language = serializers.CharField(source="current.language")
    tradition = serializers.CharField(source="current.tradition")
    flows = serializers.ListField(child=serializers.CharField(), source="current.flows")
    systems = serializers.ListField(child=serializers.CharField(), source="current.systems")
    skills = serializers.ListField(child=serializers.CharField(), source="current.skills")
    level = serializers.CharField(source="current.level")
    start = serializers.CharField(source="current.start")
    minutes = serializers.IntegerField(source="current.minutes")
    ratings = serializers.ListField(child=serializers.CharField(), source="current.ratings")
    content: Any = serializers.DictField(source="current.content")


class ExerciseForTherapistSerializer(ExerciseSerializer):
    for_therapist: Any = serializers.DictField(source="current.for_therapist")


class ExerciseFilters(filters.FilterSet):  # type: ignore[misc]
    flow = filters.ChoiceFilter(choices=Flow.choices, method="having")
    system = filters.ChoiceFilter(choices=System.choices, method="having")
    skill = filters.ChoiceFilter(choices=Skill.choices, method="having")
    level = filters.ChoiceFilter(choices=Level.choices, field_name="current__level")
    start = filters.ChoiceFilter(choices=Start.choices, field_name="current__start")
    minutes_at_most = filters.NumberFilter(
        field_name="current__minutes", lookup_expr="lte", min_value=0, max_value=1000
    )

    def having(self, rows: QuerySet[Exercise], name: str, value: str) -> QuerySet[Exercise]:
        return rows.filter(**{f"current__{name}s__contains": [value]})


class ExerciseViewSet(ListRows, ShowRow, TenantViewSet):
    """Clients see what they may begin alone and what was assigned to them."""

    model = Exercise
    select = ("current",)
    serializer_class = ExerciseForTherapistSerializer
    filterset_class = ExerciseFilters
    access: ClassVar = {"list": CLINICAL, "retrieve": CLINICAL}

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        if getattr(self, "swagger_fake_view", False) or self.actor.has(Role.THERAPIST):
            return ExerciseForTherapistSerializer
        return ExerciseSerializer
