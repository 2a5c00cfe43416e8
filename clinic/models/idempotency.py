"""What makes a repeated POST harmless."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import TenantQuerySet


class IdempotencyKeyQuerySet(TenantQuerySet["IdempotencyKey"]):
    task_purposes = frozenset({"jobs"})

    def for_therapist(self, actor: Actor) -> Q:
        return Q(membership_id=actor.membership_id)

    for_admin = for_therapist
    for_client = for_therapist


class IdempotencyKey(TenantModel):
    """That a caller's key was used, for which request, and what came of it.

    Kept is a keyed digest of the request and the id of what it made: never a text.
    """

    membership = models.ForeignKey(
        "clinic.Membership", on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    key_digest = models.BinaryField(max_length=32)
    request_digest = models.BinaryField(max_length=32)
    object_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    membership_id: UUID
    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="idempotency_key_tenant"),
            SameClinic("membership", name="idempotency_key_membership"),
            models.UniqueConstraint(
                fields=["clinic", "membership", "key_digest"], name="idempotency_key_once"
            ),
        ]
