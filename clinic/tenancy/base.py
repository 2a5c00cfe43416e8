"""The base of every table that belongs to a clinic."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh id of version 7 (RFC 9562): unguessable enough, and ordered by time for the index."""
    return uuid7()


class IdentifiedModel(models.Model):
    """A row with an id of ours.

    `CLEAR_TEXT` names each text column that is stored as it is, with the reason; every
    other text is sealed. A test holds this.
    """

    CLEAR_TEXT: ClassVar[dict[str, str]] = {}

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        """The id, never a name: this is what logs and the operators' pages show."""
        return str(self.pk)


class TenantModel(IdentifiedModel):
    """A row of one clinic. Its model carries `TenantTable` and a `SameClinic` for each reference."""

    clinic = models.ForeignKey("clinic.Clinic", on_delete=models.CASCADE, related_name="+")
    clinic_id: UUID

    class Meta:
        abstract = True


class VersionedModel(models.Model):
    """A row that two people may edit: each change counts up, and names the count it was based on."""

    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    @property
    def etag(self) -> str:
        """The strong validator of this state (RFC 9110, 8.8.3)."""
        return f'"{self.pk}.{self.version}"'
