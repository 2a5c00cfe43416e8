"""`/tokens`: signing in for programs."""

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, ListRows, TenantViewSet
from api.fields import PersonText
from api.permissions import ANYONE, EVERYONE
from clinic.models import ApiToken
from clinic.services import tokens
from clinic.tenancy.actor import Actor, Role


class TokenSerializer(KindSerializer):
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]
    begins_with = serializers.CharField(source="token_key")
    membership = serializers.UUIDField(source="membership_id")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry")


class TokenMadeSerializer(TokenSerializer):
    token = serializers.CharField(help_text="Shown this once.")
    role = serializers.CharField()
    clinic = serializers.UUIDField(source="clinic_id")


class SignInSerializer(KindSerializer):
    email = PersonText(longest=254, required=True, allow_blank=False)
    password = PersonText(longest=1024, required=True, allow_blank=False)
    role = serializers.ChoiceField(
        choices=Role.choices, required=False, help_text="Which of several roles is meant."
    )
    membership = serializers.UUIDField(
        required=False, help_text="Needed only where a person has the role in several clinics."
    )
    label = PersonText(longest=60, default="")  # type: ignore[assignment]
    days = serializers.IntegerField(
        min_value=1, max_value=tokens.LONGEST_DAYS, required=False, help_text="How long it holds."
    )


class TokenViewSet(ListRows, TenantViewSet):
    """Tokens of one's own."""

    model = ApiToken
    serializer_class = TokenSerializer
    access: ClassVar = {"list": EVERYONE, "create": ANYONE, "destroy": EVERYONE}

    def get_authenticators(self) -> list[Any]:
        # Signing in must work with a stale token at hand.
        if self.request is not None and self.request.method == "POST":
            return []
        return super().get_authenticators()

    @extend_schema(request=SignInSerializer, responses={201: TokenMadeSerializer}, auth=[])
    def create(self, request: Request) -> Response:
        said = self.checked(SignInSerializer(data=request.data, context=self.context()))
        row, token, actor = tokens.sign_in(
            request=request._request,
            email=said["email"],
            password=said["password"],
            role=said.get("role"),
            membership_id=said.get("membership"),
            label=said["label"],
            days=said.get("days"),
        )
        return Response({**TokenSerializer(row).data, **_made(token, actor)}, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: Any) -> Response:
        """End a token. It opens nothing from the next request on."""
        count, _ = self.get_queryset().filter(pk=pk).delete()
        if not count:
            raise Http404
        return Response(status=204)


def _made(token: str, actor: Actor) -> dict[str, Any]:
    return {"token": token, "role": next(iter(actor.roles)), "clinic": str(actor.clinic_id)}
