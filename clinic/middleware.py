"""Small things that hold for every response."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase

from clinic.tenancy.base import new_id
from clinic.views import refusals

_ID = re.compile(r"[A-Za-z0-9-]{8,64}\Z")


class RequestIdMiddleware:
    """Gives each request an id, which errors and logs name, so that a person can quote it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        said = request.headers.get("X-Request-Id", "")
        request.request_id = said if _ID.match(said) else str(new_id())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


class KnownLengthMiddleware:
    """Refuses a body of unknown length: it would be read as an empty one, and its words be lost."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        if meta.get("HTTP_TRANSFER_ENCODING") and not meta.get("CONTENT_LENGTH"):
            return refusals.length_required(request)
        return self.get_response(request)


class NoStoreMiddleware:
    """Nothing that a person sees is kept by a browser or a proxy, unless a view says otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        if request.path_info.startswith("/api/"):
            response.headers.setdefault("Link", '</api/v1/schema>; rel="service-desc"')
        return response


class SignedInMiddleware(LoginRequiredMiddleware):
    """A login for every page that does not say otherwise; one that does is not asked for a user.

    Django's own asks for the user first, and a page that has to work without the database
    would not.
    """

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
