"""`/clients`: people in care."""

from typing import Any, ClassVar
from uuid import UUID

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, ListRows, ScopedRelated, ShowRow, TenantViewSet
from api.fields import BirthDateField, NameText, PersonText, ZoneField
from api.filters import MomentFilter
from api.idempotency import once
from api.permissions import CLINICAL, EVERYONE, STAFF
from api.progress import ProgressSerializer
from clinic.models import Client, Membership
from clinic.models.care_team import in_care_of
from clinic.models.client import CautionFlag, ClientState
from clinic.services import clients
from clinic.tenancy.actor import Role
from exercises.services.progress import progress_of


class EmergencyContactSerializer(KindSerializer):
    name = PersonText(longest=200)
    phone = PersonText(longest=60)
    relation = PersonText(longest=100)


class ClientSerializer(KindSerializer):
    """What admins and the client themselves see."""

    id = serializers.UUIDField(read_only=True)
    full_name = NameText()
    preferred_name = PersonText(longest=100)
    pronouns = PersonText(longest=60)
    email = PersonText(longest=254)
    phone = PersonText(longest=60)
    address = PersonText(longest=500)
    birth_date = BirthDateField(required=False, allow_blank=True, max_length=10)
    emergency_contact = EmergencyContactSerializer(required=False)
    time_zone = ZoneField(required=False)
    language = serializers.RegexField(r"^[a-z]{2}(-[A-Za-z]{2,4})?$", required=False)
    state = serializers.ChoiceField(choices=ClientState.choices, required=False)
    care_started_on = serializers.DateField(required=False)
    care_ended_on = serializers.DateField(required=False, allow_null=True)
    has_login = serializers.SerializerMethodField()
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_has_login(self, client: Client) -> bool:
        return client.user_id is not None


class ClientForTherapistSerializer(ClientSerializer):
    caution_flags = serializers.ListField(
        child=serializers.ChoiceField(choices=CautionFlag.choices), required=False, max_length=20
    )


class NewClientSerializer(ClientForTherapistSerializer):
    full_name = NameText(required=True)
    therapist = ScopedRelated(
        Membership,
        rows=lambda members: members.staff().filter(role=Role.THERAPIST),
        required=False,
        write_only=True,
        help_text="A membership of role therapist; needed from admins, yourself otherwise.",
    )


class NewClientByAdminSerializer(ClientSerializer):
    full_name = NameText(required=True)
    therapist = ScopedRelated(
        Membership,
        rows=lambda members: members.staff().filter(role=Role.THERAPIST),
        write_only=True,
    )


class ClientFilters(filters.FilterSet):  # type: ignore[misc]
    state = filters.ChoiceFilter(choices=ClientState.choices)
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")


class ClientViewSet(ListRows, ShowRow, TenantViewSet):
    """A therapist sees the caseload, an admin names and contacts of all, a client their own record."""

    model = Client
    serializer_class = ClientForTherapistSerializer
    filterset_class = ClientFilters
    access: ClassVar = {
        "list": EVERYONE,
        "retrieve": EVERYONE,
        "create": STAFF,
        "partial_update": STAFF,
        "progress": CLINICAL,
    }

    def represent(self, row: Client) -> Any:
        return self.represent_page([row])[0]

    def represent_page(self, page: list[Client]) -> list[dict[str, Any]]:
        cared_for = self._cared_for(page)
        serializers_by_care = {
            in_care: self._serializer(in_care)(context=self.context()) for in_care in (True, False)
        }
        return [
            serializers_by_care[client.pk in cared_for].to_representation(client) for client in page
        ]

    def _cared_for(self, page: list[Client]) -> set[UUID]:
        """Whose cautions the actor reads: those of clients in their care, whatever else they are."""
        if not self.actor.has(Role.THERAPIST):
            return set()
        ids = [client.pk for client in page if client.pk != self.actor.client_id]
        if not self.actor.has(Role.ADMIN):
            return set(ids)
        return set(
            in_care_of(self.actor).filter(client_id__in=ids).values_list("client_id", flat=True)
        )

    @staticmethod
    def _serializer(in_care: bool) -> type[ClientSerializer]:
        return ClientForTherapistSerializer if in_care else ClientSerializer

    @extend_schema(request=NewClientSerializer, responses={201: ClientForTherapistSerializer})
    def create(self, request: Request) -> Response:
        """Take a client into care. A therapist who does becomes the primary therapist."""
        by_therapist = self.actor.has(Role.THERAPIST)
        serializer = NewClientSerializer if by_therapist else NewClientByAdminSerializer

        def make() -> Client:
            details = self.checked(serializer(data=request.data, context=self.context()))
            therapist = details.pop("therapist", None)
            return clients.add_client(details=details, therapist=therapist, by=self.actor)

        return once(self, make)

    @extend_schema(request=ClientForTherapistSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change details; send the ETag that you read as If-Match."""
        client = self.get_matched()
        serializer = self._serializer(client.pk in self._cared_for([client]))
        changes = self.checked(serializer(data=request.data, partial=True, context=self.context()))
        return self.written(clients.change_client(client=client, changes=changes, by=self.actor))

    @extend_schema(responses=ProgressSerializer)
    @action(detail=True, filterset_class=None)
    def progress(self, request: Request, pk: Any) -> Response:
        """How practice goes, over all assignments."""
        client = self.get_object()
        found = progress_of(actor=self.actor, client_id=client.pk)
        return Response(ProgressSerializer(found, context=self.context()).data)
