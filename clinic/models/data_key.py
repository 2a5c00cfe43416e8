"""Data keys: one for each client and purpose, one for each of the clinic's own purposes."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import Q

from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel, new_id
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import EVERY_ROW, TenantQuerySet
from clinic.vault import keyring


class KeyPurpose(models.TextChoices):
    """What a data key seals. A purpose of its own can be read, rotated and destroyed apart."""

    PROFILE = "profile", "names and contacts"
    CARE = "care", "cautions and what the therapist planned"
    PRACTICE = "practice", "what the client wrote and answered"
    SUMMARY = "summary", "summaries"
    STAFF = "staff", "members' names"


class DataKeyQuerySet(TenantQuerySet["DataKey"]):
    def for_therapist(self, actor: Actor) -> Q:
        return EVERY_ROW

    for_client = for_therapist
    for_admin = for_therapist


class DataKey(TenantModel):
    """A key that seals rows, itself wrapped by a key outside the database.

    Destroying it makes unreadable what it sealed here; older dumps, which hold the key's row
    too, stay readable with the key file until they expire.
    """

    CLEAR_TEXT = {"key_name": "the name of a wrapping key"}

    client = models.ForeignKey(
        "clinic.Client", null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    purpose = models.CharField(max_length=16, choices=KeyPurpose.choices)
    key_name = models.CharField(max_length=32)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    client_id: UUID | None
    objects = DataKeyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="data_key_tenant"),
            SameClinic("client", name="data_key_client", deferrable=True),
            models.UniqueConstraint(
                fields=["clinic", "client", "purpose"],
                name="data_key_one_per_purpose",
                nulls_distinct=False,
            ),
        ]

    @classmethod
    def fresh(cls, *, clinic_id: UUID, client_id: UUID | None, purpose: str) -> "DataKey":
        """A new key, not saved yet."""
        row = cls(id=new_id(), clinic_id=clinic_id, client_id=client_id, purpose=purpose)
        row.key_name, row.wrapped = keyring.fresh_wrapped(row._binding())
        return row

    def unwrapped(self) -> bytes:
        """The key itself. Raises CannotOpen if the row was altered or its wrapping key is gone."""
        return keyring.open_wrapped(self.key_name, self.wrapped, self._binding())

    def _binding(self) -> bytes:
        client = self.client_id.bytes if self.client_id else b""
        parts = (self.pk.bytes, self.clinic_id.bytes, client, self.purpose.encode())
        return hashlib.sha256(b"\0".join(parts)).digest()


@contextmanager
def keys_before_their_clients() -> Iterator[None]:
    """Let keys be written before the clients whose first row they seal; checked at the end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS data_key_client DEFERRED")
        yield
        cursor.execute("SET CONSTRAINTS data_key_client IMMEDIATE")
