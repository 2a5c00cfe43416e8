"""The outer middleware: one transaction and one actor for each request."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from clinic.tenancy.entering import find_actor
from clinic.tenancy.scope import holding
from clinic.views import refusals

log = logging.getLogger("kindwork.requests")

WITHOUT_DATABASE = frozenset({"/livez", "/readyz"})
"""Paths that answer also when the database does not."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class ActorMiddleware:
    """Opens the request's transaction and finds out who is asking.

    - A token is checked, and its clinic entered, by one statement in PostgreSQL; a
      session's clinic is entered by a context signed here. Both happen in the outer
      transaction, so that nothing inside can undo them.
    - A request that is refused (status 400 and up) leaves nothing written: it runs
      inside a savepoint which is then rolled back. A failure (500 and up) rolls the
      whole transaction back. Django's ATOMIC_REQUESTS would see neither, because an
      exception is a response by the time it gets here.
    - Rendering is finished inside the transaction: nothing lazy is left for later.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.actor = None  # type: ignore[attr-defined]
        if request.path_info in WITHOUT_DATABASE:
            return self.get_response(request)
        try:
            with transaction.atomic():
                actor = find_actor(request)
                request.actor = actor  # type: ignore[attr-defined]
                if actor is None:
                    response = self._respond(request)
                else:
                    with holding(actor):
                        response = self._respond(request)
                if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    transaction.set_rollback(True)
        except (OperationalError, InterfaceError) as error:
            log.error("the database does not answer: %s", type(error).__name__)
            connection.close()
            return refusals.unavailable(request)
        return response

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in _SAFE:
            # No savepoint: what is refused here has nothing to keep.
            response = self._rendered(request)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                transaction.set_rollback(True)
            return response
        with transaction.atomic():
            response = self._rendered(request)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                transaction.set_rollback(True)
        return response

    def _rendered(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.streaming and not settings.DEBUG:
            raise RuntimeError("a streamed response would be read after its transaction")
        if isinstance(response, HttpResponse) and callable(getattr(response, "render", None)):
            response = response.render()  # type: ignore[attr-defined]
        return response
