"""The data keys that one scope has opened, and the one query that fetches them."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from django.apps import apps

from clinic.vault import keys, sealing
from clinic.vault.sealing import CannotOpen

if TYPE_CHECKING:
    from clinic.models import DataKey

Holder = tuple[UUID | None, str]
"""Whose key and for what: (client, or None for the clinic's own; purpose)."""


class Keyring:
    """Data keys by id and by holder, for as long as one request or batch lasts.

    Fetching rows tells the keyring which keys they want; the first opening fetches all
    of them in one query.
    """

    def __init__(self) -> None:
        self._wanted: set[UUID] = set()
        self._opened: dict[UUID, bytes] = {}
        self._by_holder: dict[Holder, UUID] = {}

    def want(self, key_id: UUID) -> None:
        """Note that a fetched value is sealed with this key."""
        if key_id not in self._opened:
            self._wanted.add(key_id)

    def key(self, key_id: UUID) -> bytes:
        """Return a data key.

        Raises:
            CannotOpen: the key is gone (its client was erased), is another clinic's,
                or its row was tampered with.
        """
        if key_id not in self._opened:
            self._wanted.add(key_id)
            self._fetch()
        try:
            return self._opened[key_id]
        except KeyError:
            raise CannotOpen(f"data key {key_id} is not there") from None

    def _fetch(self) -> None:
        self._admit(_model().objects.filter(id__in=self._wanted))
        self._wanted.clear()

    def _admit(self, rows: "Iterable[DataKey]") -> None:
        for row in rows:
            self._by_holder[(row.client_id, row.purpose)] = row.id
            if row.id not in self._opened:
                try:
                    self._opened[row.id] = row.unwrapped()
                except CannotOpen:
                    continue  # told at the value that asks for it

    def key_for(self, clinic_id: UUID, holder: Holder) -> tuple[UUID, bytes]:
        """Return id and key to seal with for a holder, making the key if there is none yet."""
        if holder not in self._by_holder:
            self.prepare(clinic_id, [holder])
        key_id = self._by_holder[holder]
        return key_id, self.key(key_id)

    def can_seal(self, clinic_id: UUID, client_id: UUID, purpose: str) -> bool:
        """Whether the holder's key is there and opens."""
        try:
            self.key_for(clinic_id, (client_id, purpose))
        except CannotOpen:
            return False
        return True

    def prepare(self, clinic_id: UUID, holders: Iterable[Holder]) -> None:
        """Fetch the keys of many holders, and make those that are missing, in three statements."""
        wanted = [holder for holder in holders if holder not in self._by_holder]
        if not wanted:
            return
        self._find(wanted)
        missing = [holder for holder in wanted if holder not in self._by_holder]
        if missing:
            model = _model()
            model.objects.bulk_create(
                [
                    model.fresh(clinic_id=clinic_id, client_id=client, purpose=purpose)
                    for client, purpose in missing
                ],
                ignore_conflicts=True,  # another transaction may have made it meanwhile
            )
            self._find(missing)

    def _find(self, holders: list[Holder]) -> None:
        purposes = {purpose for _, purpose in holders}
        clients = {client for client, _ in holders if client is not None}
        rows = _model().objects.filter(purpose__in=purposes)
        if None in {client for client, _ in holders}:
            clientless = rows.filter(client__isnull=True)
            rows = clientless | rows.filter(client_id__in=clients) if clients else clientless
        else:
            rows = rows.filter(client_id__in=clients)
        self._admit(rows)


def _model() -> "type[DataKey]":
    return apps.get_model("clinic", "DataKey")


def fresh_wrapped(binding: bytes) -> tuple[str, bytes]:
    """Make a data key; return the name of the wrapping key and the wrapped data key."""
    held = keys.load()
    data_key = os.urandom(keys.BYTES)
    return held.current, sealing.wrap(
        data_key, wrapping_key=held.wrapping[held.current], binding=binding
    )


def open_wrapped(name: str, wrapped: bytes | memoryview, binding: bytes) -> bytes:
    """Open a wrapped data key. Raises CannotOpen, also if the key file lacks that wrapping key."""
    wrapping_key = keys.load().wrapping.get(name)
    if wrapping_key is None:
        raise CannotOpen(f"the key file has no wrapping key {name}")
    return sealing.unwrap(bytes(wrapped), wrapping_key=wrapping_key, binding=binding)
