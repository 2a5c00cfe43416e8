"""The outer middleware: one transaction and one actor for each request."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from knox.crypto import hash_token

from clinic.tenancy import context
from clinic.tenancy.actor import Actor
from clinic.tenancy.scope import holding
from clinic.views import refusals

log = logging.getLogger("kindwork.requests")

SESSION_CLINIC = "clinic_id"
"""Where a browser session remembers which clinic its person is in."""

WITHOUT_DATABASE = frozenset({"/livez", "/readyz"})
"""Paths that answer also when the database does not."""

_LONGEST_TOKEN = 200
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
            return self._rendered(request)
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


def find_actor(request: HttpRequest) -> Actor | None:
    """Return who is asking, with the context of their clinic set; None for nobody in a clinic."""
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip() or len(token) > _LONGEST_TOKEN:
            return None
        return enter_by_token(token.strip())
    user = getattr(request, "user", AnonymousUser())
    if not user.is_authenticated:
        return None
    return enter_by_session(request, user.pk)


def enter_by_token(token: str) -> Actor | None:
    """Check a token and enter its clinic, in one statement."""
    try:
        digest = hash_token(token)
    except (TypeError, ValueError, UnicodeError):
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT token_id, membership_id, clinic_id, user_id, role, client_id, time_zone "
            "FROM kindwork.enter_by_token(%s, %s)",
            [digest, context.SECONDS],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    token_id, membership_id, clinic_id, user_id, role, client_id, zone = row
    return Actor(
        clinic_id=clinic_id,
        user_id=user_id,
        memberships={role: membership_id},
        zone=zone,
        client_id=client_id,
        kind="token",
        token_id=token_id,
    )


MembershipRow = tuple[UUID, UUID, str, UUID | None, str]


def memberships_of(user_id: UUID) -> list[MembershipRow]:
    """Return (membership, clinic, role, client, zone) for each active membership of a person."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT membership_id, clinic_id, role, client_id, time_zone "
            "FROM kindwork.memberships_of(%s)",
            [user_id],
        )
        return list(cursor.fetchall())


def actor_from(
    rows: list[MembershipRow], *, user_id: UUID, clinic_id: UUID, kind: str
) -> Actor | None:
    """Build the actor that these memberships make in one clinic; None if they make none."""
    here = [row for row in rows if row[1] == clinic_id]
    if not here:
        return None
    return Actor(
        clinic_id=clinic_id,
        user_id=user_id,
        memberships={role: membership for membership, _, role, _, _ in here},
        zone=here[0][4],
        client_id=next((client for _, _, _, client, _ in here if client), None),
        kind=kind,
    )


def enter_by_session(request: HttpRequest, user_id: UUID) -> Actor | None:
    """Enter the clinic that the browser session is in, or the only one that its person has."""
    rows = memberships_of(user_id)
    clinics = {row[1] for row in rows}
    remembered = request.session.get(SESSION_CLINIC)
    chosen = next((clinic for clinic in clinics if str(clinic) == remembered), None)
    if chosen is None and len(clinics) == 1:
        chosen = next(iter(clinics))
    if chosen is None:
        return None
    actor = actor_from(rows, user_id=user_id, clinic_id=chosen, kind="session")
    if actor is not None:
        context.enter(actor)
    return actor
