"""The signed statement, kept in the transaction, of who is asking and in which clinic.

PostgreSQL shows a row only if the statement's clinic is the row's. The statement is
`clinic|user|kind|expiry|mac`; its key is unreadable for the role that the product
runs as, so that an injected `set_config` cannot name another clinic.
"""

import hashlib
import hmac
import time
from uuid import UUID

from django.db import connection

from clinic.tenancy.actor import AnyActor
from clinic.vault import keys

SETTING = "kindwork.context"
SECONDS = 15 * 60
"""How long a context holds: longer than any request or any one batch of a task."""


def signed(*, clinic_id: UUID, user_id: UUID | None, kind: str, expires_at: int) -> str:
    """Return the context as PostgreSQL expects it. `expires_at` is in seconds since 1970."""
    message = f"{clinic_id}|{user_id or ''}|{kind}|{expires_at}"
    return f"{message}|{mac(message)}"


def mac(message: str) -> str:
    """The signature that `kindwork.context_mac` makes of the same message."""
    return hmac.new(keys.load().context, message.encode(), hashlib.sha256).hexdigest()


def enter(actor: AnyActor) -> None:
    """Set the context for the rest of this transaction."""
    value = signed(
        clinic_id=actor.clinic_id,
        user_id=actor.user_id,
        kind=actor.kind,
        expires_at=int(time.time()) + SECONDS,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, value])


def leave() -> None:
    """Clear the context: needed where the transaction goes on, as in tests and nested scopes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, '', true)", [SETTING])


def pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer key blocks of HMAC-SHA-256 (RFC 2104), which PostgreSQL keeps."""
    block = key.ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
