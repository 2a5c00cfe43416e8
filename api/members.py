"""`/members`: who works here, to name them where care is handed over."""

from typing import ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from api.base import KindSerializer, ListRows, ShowRow, TenantViewSet
from api.permissions import STAFF
from clinic.models import Membership
from clinic.tenancy.actor import Role


class MemberSerializer(KindSerializer):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=[Role.THERAPIST, Role.ADMIN])
    name = serializers.CharField()


class MemberFilters(filters.FilterSet):  # type: ignore[misc]
    role = filters.ChoiceFilter(choices=[(Role.THERAPIST, "therapist"), (Role.ADMIN, "admin")])


class MemberViewSet(ListRows, ShowRow, TenantViewSet):
    """Therapists and admins of the clinic."""

    model = Membership
    serializer_class = MemberSerializer
    filterset_class = MemberFilters
    access: ClassVar = {"list": STAFF, "retrieve": STAFF}

    def get_queryset(self):  # type: ignore[no-untyped-def]
        return super().get_queryset().staff()
