"""`/me`: who this token speaks for."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, TenantViewSet
from api.permissions import EVERYONE
from clinic.models import Clinic, Membership


class ClinicSerializer(KindSerializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    time_zone = serializers.CharField()
    language = serializers.CharField()


class MyMembershipSerializer(KindSerializer):
    id = serializers.UUIDField()
    role = serializers.CharField()
    name = serializers.CharField()


class MeSerializer(KindSerializer):
    user = serializers.UUIDField()
    clinic = ClinicSerializer()
    memberships = MyMembershipSerializer(many=True)
    client = serializers.UUIDField(allow_null=True)


class MeViewSet(TenantViewSet):
    """The person behind the request."""

    model = Membership
    serializer_class = MeSerializer
    pagination_class = None
    access: ClassVar = {"me": EVERYONE}

    @extend_schema(responses=MeSerializer)
    def me(self, request: Request) -> Response:
        mine = list(self.actor.memberships.values())
        return Response(
            MeSerializer(
                {
                    "user": self.actor.user_id,
                    "clinic": Clinic.objects.get(pk=self.actor.clinic_id),
                    "memberships": list(self.get_queryset().filter(pk__in=mine)),
                    "client": self.actor.client_id,
                }
            ).data
        )
