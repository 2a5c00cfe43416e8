"""`/support`: whom to turn to now."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, TenantViewSet
from api.permissions import EVERYONE
from clinic.models import CrisisResource
from clinic.services.support import support_for


class SupportSerializer(KindSerializer):
    """Someone to turn to now."""

    name = serializers.CharField()
    phone = serializers.CharField()
    text_to = serializers.CharField()
    url = serializers.CharField()
    hours = serializers.CharField()
    is_emergency = serializers.BooleanField()


class SupportListSerializer(KindSerializer):
    support = SupportSerializer(many=True)


class SupportViewSet(TenantViewSet):
    """The clinic's own list, in its own order; never empty. Nobody watches who reads it."""

    model = CrisisResource
    serializer_class = SupportListSerializer
    pagination_class = None
    access: ClassVar = {"support": EVERYONE}

    @extend_schema(responses=SupportListSerializer)
    def support(self, request: Request) -> Response:
        return Response(SupportListSerializer({"support": support_for(self.actor)}).data)
