"""`/assignments`: what was agreed to practise, and why."""

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, ListRows, ScopedRelated, ShowRow, TenantViewSet
from api.fields import PersonText, scale
from api.filters import MomentFilter
from api.idempotency import once
from api.permissions import CLINICAL, THERAPISTS
from api.progress import ProgressSerializer
from clinic.models import Client
from exercises.codes import AssignmentState, Rhythm
from exercises.models import Assignment, Exercise
from exercises.services import assignments
from exercises.services.progress import progress_of


class PlanSerializer(KindSerializer):
    """What can be agreed on, and changed from now on."""

    reason = PersonText(allow_blank=False)
    when_and_where = PersonText()
    likely_obstacle = PersonText()
    plan_b = PersonText()
    confidence = scale(help_text="How confident the client is that this will fit, 0 to 10.")
    practised_in_session = serializers.BooleanField(required=False)
    rhythm = serializers.ChoiceField(choices=Rhythm.choices, required=False)
    times_per_week = serializers.IntegerField(
        min_value=1, max_value=21, required=False, allow_null=True
    )
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7),
        required=False,
        max_length=7,
        help_text="1 for Monday to 7 for Sunday.",
    )
    smaller_version_allowed = serializers.BooleanField(required=False)
    start_on = serializers.DateField(required=False)
    review_on = serializers.DateField(required=False, allow_null=True)


class AssignmentSerializer(PlanSerializer):
    id = serializers.UUIDField()
    client = serializers.UUIDField(source="client_id")
    exercise = serializers.UUIDField(source="exercise_version.exercise_id")
    exercise_version = serializers.UUIDField(source="exercise_version_id")
    exercise_title = serializers.CharField(source="exercise_version.title")
    state = serializers.ChoiceField(choices=AssignmentState.choices)
    ended_at = serializers.DateTimeField(allow_null=True)
    assigned_by = serializers.UUIDField(source="assigned_by_id")
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AssignmentInFullSerializer(AssignmentSerializer):
    """With every word of the version that was assigned, whatever became of the exercise since."""

    content: Any = serializers.DictField(source="exercise_version.content")


class NewAssignmentSerializer(PlanSerializer):
    client = ScopedRelated(Client)
    exercise = ScopedRelated(Exercise, select=("current",))
    reason = PersonText(
        required=True, allow_blank=False, help_text="Why this, for this client: they read it."
    )
    rhythm = serializers.ChoiceField(choices=Rhythm.choices)
    start_on = serializers.DateField()


class AssignmentFilters(filters.FilterSet):  # type: ignore[misc]
    client = filters.UUIDFilter(field_name="client_id")
    state = filters.ChoiceFilter(choices=AssignmentState.choices)
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")


class AssignmentViewSet(ListRows, ShowRow, TenantViewSet):
    """Therapists assign to their own clients; a client sees their own."""

    model = Assignment
    select = ("exercise_version",)
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilters
    access: ClassVar = {
        "list": CLINICAL,
        "retrieve": CLINICAL,
        "create": THERAPISTS,
        "partial_update": THERAPISTS,
        "pause": THERAPISTS,
        "resume": THERAPISTS,
        "end": THERAPISTS,
        "progress": CLINICAL,
    }

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return AssignmentInFullSerializer if self.action == "retrieve" else AssignmentSerializer

    @extend_schema(request=NewAssignmentSerializer, responses={201: AssignmentSerializer})
    def create(self, request: Request) -> Response:

        def make() -> Assignment:
            plan = self.checked(NewAssignmentSerializer(data=request.data, context=self.context()))
            client, exercise = plan.pop("client"), plan.pop("exercise")
            return assignments.assign_exercise(
                client=client, exercise=exercise, plan=plan, by=self.actor
            )

        return once(self, make)

    @extend_schema(request=PlanSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Adjust what is agreed from now on; send the ETag that you read as If-Match."""
        assignment = self.get_matched()
        changes = self.checked(
            PlanSerializer(data=request.data, partial=True, context=self.context())
        )
        return self.written(
            assignments.change_assignment(assignment=assignment, changes=changes, by=self.actor)
        )

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], filterset_class=None)
    def pause(self, request: Request, pk: Any) -> Response:
        return self._set(AssignmentState.PAUSED)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], filterset_class=None)
    def resume(self, request: Request, pk: Any) -> Response:
        return self._set(AssignmentState.ACTIVE)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"], filterset_class=None)
    def end(self, request: Request, pk: Any) -> Response:
        """End it, for good; what was recorded stays."""
        return self._set(AssignmentState.ENDED)

    @extend_schema(responses=ProgressSerializer)
    @action(detail=True, filterset_class=None)
    def progress(self, request: Request, pk: Any) -> Response:
        """How practice goes for this assignment."""
        assignment = self.get_object()
        found = progress_of(
            actor=self.actor, client_id=assignment.client_id, assignment_id=assignment.pk
        )
        return Response(ProgressSerializer(found, context=self.context()).data)

    def _set(self, state: AssignmentState) -> Response:
        assignment = self.get_object(lock=True)
        return self.written(
            assignments.set_state(assignment=assignment, state=state, by=self.actor)
        )
