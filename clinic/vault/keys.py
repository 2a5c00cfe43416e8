"""The key file: what opens everything, and is never in the database or its backups.

It holds one or more key-encrypting keys (the newest seals, all of them open), the key
that turns a login's e-mail address into a look-up value, and the key that signs the
tenant context.
"""

import base64
import functools
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from clinic.embedded.addresses import write_private

BYTES = 32


@dataclass(frozen=True, repr=False)
class Keys:
    """The opened key file.

    Attributes:
        wrapping: key-encrypting keys by name; they seal data keys and nothing else.
        current: the name of the one that seals new data keys.
        lookup: the HMAC key for look-ups and request fingerprints. Never rotated in place.
        context: the HMAC key of the tenant context; PostgreSQL holds its key blocks.
    """

    wrapping: dict[str, bytes]
    current: str
    lookup: bytes
    context: bytes

    def fingerprint(self, purpose: str, content: bytes) -> bytes:
        """A keyed digest: equal for equal content, and useless without the key."""
        return hmac.new(self.lookup, purpose.encode() + b"\0" + content, hashlib.sha256).digest()


def generate() -> str:
    """Return the text of a new key file."""

    def fresh() -> str:
        return base64.b64encode(secrets.token_bytes(BYTES)).decode()

    name = f"k{secrets.token_hex(4)}"
    return json.dumps(
        {
            "about": "Opens every sealed text of Kindwork. Keep a copy apart from the backups.",
            "current": name,
            "wrapping": {name: fresh()},
            "lookup": fresh(),
            "context": fresh(),
        },
        indent=2,
    )


def create(path: Path) -> bool:
    """Write a new key file unless there is one; return whether it was written."""
    if path.exists():
        return False
    write_private(path, generate() + "\n")
    return True


def load() -> Keys:
    """Return the keys of this installation.

    Raises:
        ImproperlyConfigured: the file is missing or damaged; the message says what to do.
    """
    return _read(settings.KINDWORK_KEYS)


@functools.cache
def _read(name: str) -> Keys:
    path = Path(name)
    try:
        content = json.loads(path.read_text())
        keys = Keys(
            wrapping={k: base64.b64decode(v) for k, v in content["wrapping"].items()},
            current=content["current"],
            lookup=base64.b64decode(content["lookup"]),
            context=base64.b64decode(content["context"]),
        )
    except FileNotFoundError:
        raise ImproperlyConfigured(
            f"There is no key file at {path}. `make run` makes one for a first start; "
            "otherwise set KINDWORK_KEYS to yours, or restore it from its own backup."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ImproperlyConfigured(
            f"The key file {path} cannot be read ({type(error).__name__}): "
            "restore it from its own backup. Without it nothing that is sealed can be opened."
        ) from None
    lengths = {len(key) for key in (*keys.wrapping.values(), keys.lookup, keys.context)}
    if keys.current not in keys.wrapping or lengths != {BYTES}:
        raise ImproperlyConfigured(
            f"The key file {path} is damaged: restore it from its own backup."
        )
    if settings.PRODUCTION and os.stat(path).st_mode & 0o077:
        raise ImproperlyConfigured(
            f"The key file {path} can be read by others: run `chmod 600 {path}`."
        )
    return keys
