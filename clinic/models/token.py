"""API tokens: hashed, expiring, bound to one membership."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from knox.models import AbstractAuthToken
from knox.settings import CONSTANTS

from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import TenantQuerySet


class ApiTokenQuerySet(TenantQuerySet["ApiToken"]):
    def for_therapist(self, actor: Actor) -> Q:
        return Q(user_id=actor.user_id)

    for_admin = for_therapist
    for_client = for_therapist


class ApiToken(TenantModel, AbstractAuthToken):  # type: ignore[misc]  # an untyped library
    """A token's digest, and whose it is.

    A tenant table, unlike the library's own: the statement that enters a clinic by a
    digest must not be given one that was read, or planted, from another clinic.
    """

    CLEAR_TEXT = {
        "digest": "a SHA-512 digest of 256 random bits",
        "token_key": "the token's first characters, to tell one from another",
        "label": "what its holder calls the token",
    }

    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, unique=True)
    membership = models.ForeignKey(
        "clinic.Membership", on_delete=models.CASCADE, db_constraint=False, related_name="tokens"
    )
    label = models.CharField(max_length=60, blank=True)

    user_id: UUID
    membership_id: UUID
    objects: ClassVar[Any] = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="token_tenant"),
            SameClinic("membership", name="token_membership"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
