"""Model fields whose column holds sealed bytes and whose attribute is what was written."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from clinic.vault import sealing
from clinic.vault.sealing import CannotOpen, Place

log = logging.getLogger("kindwork.vault")


class Sealed(bytes):
    """A value as it came from the database, not opened yet."""

    def __repr__(self) -> str:
        return "<sealed>"


class SealedAttribute(DeferredAttribute):
    """Opens a value when it is first looked at, and keeps it on the instance."""

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is None or not isinstance(value, Sealed):
            return value
        assert isinstance(self.field, SealedField)
        opened = self.field.opened(value, instance)
        instance.__dict__[self.field.attname] = opened
        return opened

    def __set__(self, instance: models.Model, value: Any) -> None:
        # With this the attribute is asked before the instance's own dictionary.
        instance.__dict__[self.field.attname] = value


class SealedField(models.BinaryField):  # type: ignore[type-arg]
    """Text that is sealed before it reaches SQL.

    The row's key is that of its client for the field's purpose, or the clinic's own for
    rows without a client. A row says who its client is with `sealing_client_id`, and may
    bring a key of its own with `sealing_key`.

    Reading raises CannotOpen for a value that was moved or altered, or whose key is gone.
    """

    descriptor_class = SealedAttribute

    def __init__(self, *args: Any, purpose: str = "", **kwargs: Any) -> None:
        self.purpose = purpose
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs["purpose"] = self.purpose
        kwargs.pop("editable", None)
        return name, path, args, kwargs

    # -- content <-> bytes: overridden by the fields for other kinds of content

    def to_bytes(self, value: Any) -> bytes:
        return str(value).encode()

    def from_bytes(self, content: bytes) -> Any:
        return content.decode()

    def empty(self) -> Any:
        return ""

    # -- Django's side

    def get_default(self) -> Any:
        return self.empty()

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        from clinic.tenancy.scope import keyring_in_force

        if value is None:
            return self.empty() if not self.null else None
        sealed = Sealed(value)
        keyring = keyring_in_force()
        if keyring is not None and sealed:
            with suppress(CannotOpen):  # told when it is looked at
                keyring.want(sealing.key_id_of(sealed))
        return sealed

    def opened(self, value: Sealed, instance: models.Model) -> Any:
        if not value:
            return self.empty()
        place = self.place(instance)
        try:
            key = key_of(instance, self.purpose, sealing.key_id_of(value))
            return self.from_bytes(sealing.open_sealed(value, key=key, place=place))
        except CannotOpen as error:
            log.error("sealed value does not open: %s", place)
            raise CannotOpen(str(place)) from error

    def place(self, instance: models.Model) -> Place:
        return Place(
            table=instance._meta.db_table,
            column=self.attname,
            row=instance.pk,
            clinic=getattr(instance, "clinic_id", None),
            client=client_of(instance),
        )

    def pre_save(self, instance: models.Model, add: bool) -> Any:
        value = instance.__dict__.get(self.attname)
        if value is None or isinstance(value, Sealed):
            return value
        if value == self.empty():
            return b""
        key_id, key = sealing_key_of(instance, self.purpose)
        return Sealed(
            sealing.seal(self.to_bytes(value), key=key, key_id=key_id, place=self.place(instance))
        )

    def get_prep_value(self, value: Any) -> Any:
        if value is None or value == b"" or isinstance(value, Sealed):
            return value
        raise FieldError(f"{self.name} is sealed: it cannot be filtered, ordered or updated in SQL")

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.name} is sealed: it cannot be filtered or ordered in SQL")

    def value_to_string(self, obj: models.Model) -> str:
        raise FieldError(f"{self.name} is sealed: it is exported by the export, not serialised")


class SealedTextField(SealedField):
    """A person's words, or a name: text, sealed."""


class SealedJSONField(SealedField):
    """Structured content, sealed. `default` is what an empty column reads as."""

    def __init__(self, *args: Any, default: Callable[[], Any] = dict, **kwargs: Any) -> None:
        super().__init__(*args, default=default, **kwargs)

    def to_bytes(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def from_bytes(self, content: bytes) -> Any:
        return json.loads(content)

    def empty(self) -> Any:
        return self.default()


def client_of(instance: models.Model) -> UUID | None:
    """Whose row this is: the client's id, or None for a row of the clinic."""
    said = getattr(instance, "sealing_client_id", None)
    return said if said is not None else getattr(instance, "client_id", None)


def key_of(instance: models.Model, purpose: str, key_id: UUID) -> bytes:
    """The key that a stored value asks for."""
    from clinic.tenancy.scope import current

    if own := getattr(instance, "sealing_key", None):
        own_id, key = own()
        if own_id != key_id:
            raise CannotOpen("another row's key")
        return key  # type: ignore[no-any-return]
    return current().keyring.key(key_id)


def sealing_key_of(instance: models.Model, purpose: str) -> tuple[UUID, bytes]:
    """The key to seal a new value with."""
    from clinic.tenancy.scope import current

    if own := getattr(instance, "sealing_key", None):
        return own()  # type: ignore[no-any-return]
    clinic_id: UUID = instance.clinic_id  # type: ignore[attr-defined]
    return current().keyring.key_for(clinic_id, (client_of(instance), purpose))
