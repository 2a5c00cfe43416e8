"""Finding out who is asking, and entering their clinic."""

import time
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest
from knox.crypto import hash_token

from clinic.tenancy import context
from clinic.tenancy.actor import Actor

SESSION_CLINIC = "clinic_id"
"""Where a browser session remembers which clinic its person is in."""

_LONGEST_TOKEN = 200
_QUESTION_SECONDS = 60
"""How long a signed question for somebody's memberships holds."""


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
    return enter_by_session(request, UUID(str(user.pk)))


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
    until = int(time.time()) + _QUESTION_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT membership_id, clinic_id, role, client_id, time_zone "
            "FROM kindwork.memberships_of(%s, %s, %s)",
            [user_id, until, context.mac(f"memberships|{user_id}|{until}")],
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
