"""The sealed format, AES-256-GCM, and nothing about models.

    format (1 byte) | key id (16) | nonce (12) | ciphertext and tag

The additional data names format, key, table, column, row, clinic and client, so that a
sealed value opens in its own place only. Text is padded to whole blocks of 256 bytes:
its length says little.
"""

import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = b"\x01"
_HEADER = 1 + 16
_NONCE = 12
_BLOCK = 256


class CannotOpen(Exception):
    """A sealed value does not open here: moved, altered, or its key is gone. Holds ids only."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value belongs."""

    table: str
    column: str
    row: UUID
    clinic: UUID | None
    client: UUID | None

    def bytes(self) -> bytes:
        names = f"{self.table}\0{self.column}\0".encode()
        ids = (self.row, self.clinic, self.client)
        return names + b"".join(one.bytes if one else b"\0" * 16 for one in ids)

    def __str__(self) -> str:
        return f"{self.table}.{self.column} of row {self.row}"


def _pad(content: bytes) -> bytes:
    content += b"\x80"
    return content + b"\0" * (-len(content) % _BLOCK)


def _unpad(content: bytes) -> bytes:
    return content.rstrip(b"\0")[:-1]


def seal(content: bytes, *, key: bytes, key_id: UUID, place: Place) -> bytes:
    """Return the content sealed for that place."""
    header = FORMAT + key_id.bytes
    nonce = os.urandom(_NONCE)
    return header + nonce + AESGCM(key).encrypt(nonce, _pad(content), header + place.bytes())


def key_id_of(sealed: bytes) -> UUID:
    """Return the id of the data key that a sealed value asks for.

    Raises:
        CannotOpen: the value is no sealed value.
    """
    if sealed[:1] != FORMAT or len(sealed) < _HEADER + _NONCE + 16:
        raise CannotOpen("not a sealed value")
    return UUID(bytes=sealed[1:_HEADER])


def open_sealed(sealed: bytes, *, key: bytes, place: Place) -> bytes:
    """Return the content of a value sealed for exactly this place.

    Raises:
        CannotOpen: it was moved, altered, or sealed with another key.
    """
    header, rest = sealed[:_HEADER], sealed[_HEADER:]
    try:
        padded = AESGCM(key).decrypt(rest[:_NONCE], rest[_NONCE:], header + place.bytes())
    except InvalidTag:
        raise CannotOpen(str(place)) from None
    return _unpad(padded)


def wrap(key: bytes, *, wrapping_key: bytes, binding: bytes) -> bytes:
    """Seal a data key with a key-encrypting key, bound to the row that holds it."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(wrapping_key).encrypt(nonce, key, binding)


def unwrap(wrapped: bytes, *, wrapping_key: bytes, binding: bytes) -> bytes:
    """Open a data key. Raises CannotOpen if it was moved, altered or wrapped with another key."""
    try:
        return AESGCM(wrapping_key).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], binding)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise CannotOpen("a data key") from None
