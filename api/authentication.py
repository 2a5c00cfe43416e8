"""Who is asking was found out by the outer middleware; here it is handed to the views."""

from typing import Any

from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.authentication import CSRFCheck
from rest_framework.request import Request

from clinic.tenancy.actor import Actor


class ActorAuthentication:
    """A bearer token, or the browser session with its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        plain = request._request
        actor: Actor | None = getattr(plain, "actor", None)
        if plain.headers.get("Authorization"):
            if actor is None:
                raise exceptions.AuthenticationFailed(
                    "This token is not valid, or no longer. Get a new one with "
                    "POST /api/v1/tokens and send it as `Authorization: Bearer …`."
                )
            return actor, None
        if actor is None:
            return None
        self._check_csrf(plain)
        return actor, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="kindwork"'

    def _check_csrf(self, request: HttpRequest) -> None:
        def no_response(_: Any) -> Any:
            return None

        check = CSRFCheck(no_response)
        check.process_request(request)
        if reason := check.process_view(request, no_response, (), {}):
            raise exceptions.PermissionDenied(f"CSRF: {reason}")
