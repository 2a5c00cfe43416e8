"""`/care-team`: who cares for whom, from when until when."""

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, ListRows, ScopedRelated, ShowRow, TenantViewSet
from api.idempotency import once
from api.permissions import EVERYONE, STAFF
from clinic.models import CareTeamMember, Client, Membership
from clinic.models.care_team import CareTeamKind
from clinic.services import clients
from clinic.tenancy.actor import Role


class CareTeamSerializer(KindSerializer):
    id = serializers.UUIDField()
    client = serializers.UUIDField(source="client_id")
    therapist = serializers.UUIDField(source="membership_id")
    therapist_name = serializers.CharField(source="membership.name")
    kind = serializers.ChoiceField(choices=CareTeamKind.choices)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(allow_null=True)
    version = serializers.IntegerField()


class NewCareTeamSerializer(KindSerializer):
    client = ScopedRelated(Client)
    therapist = ScopedRelated(
        Membership, rows=lambda members: members.staff().filter(role=Role.THERAPIST)
    )
    kind = serializers.ChoiceField(choices=CareTeamKind.choices)
    starts_on = serializers.DateField(required=False)
    ends_on = serializers.DateField(required=False, allow_null=True)


class LeaveSerializer(KindSerializer):
    ends_on = serializers.DateField()


class CareTeamFilters(filters.FilterSet):  # type: ignore[misc]
    client = filters.UUIDFilter(field_name="client_id")
    therapist = filters.UUIDFilter(field_name="membership_id")


class CareTeamViewSet(ListRows, ShowRow, TenantViewSet):
    """The one reason for which a therapist sees a client."""

    model = CareTeamMember
    select = ("membership",)
    serializer_class = CareTeamSerializer
    filterset_class = CareTeamFilters
    access: ClassVar = {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": STAFF,
        "partial_update": STAFF,
    }

    @extend_schema(request=NewCareTeamSerializer, responses={201: CareTeamSerializer})
    def create(self, request: Request) -> Response:
        """Admins name any therapist; a therapist asks for cover or supervision of own clients."""

        def make() -> CareTeamMember:
            said = self.checked(NewCareTeamSerializer(data=request.data, context=self.context()))
            return clients.add_to_care_team(
                client=said["client"],
                therapist=said["therapist"],
                kind=said["kind"],
                starts_on=said.get("starts_on"),
                ends_on=said.get("ends_on"),
                by=self.actor,
            )

        return once(self, make)

    @extend_schema(request=LeaveSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Say the last day of a therapist's part; send the ETag that you read as If-Match."""
        member = self.get_matched()
        said = self.checked(LeaveSerializer(data=request.data, context=self.context()))
        clients.leave_care_team(member=member, ends_on=said["ends_on"], by=self.actor)
        return self.shown(member)
