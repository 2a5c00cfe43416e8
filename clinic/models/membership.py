"""What a login is in a clinic."""

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.tenancy.actor import Actor, Role
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import TenantTable
from clinic.tenancy.querysets import EVERY_ROW, TenantQuerySet
from clinic.vault.fields import SealedTextField


class MembershipQuerySet(TenantQuerySet["Membership"]):
    def staff(self) -> "MembershipQuerySet":
        """Therapists and admins who are here now."""
        return self.filter(role__in=[Role.THERAPIST, Role.ADMIN], is_active=True)

    def for_therapist(self, actor: Actor) -> Q:
        return Q(role__in=[Role.THERAPIST, Role.ADMIN]) | Q(user_id=actor.user_id)

    def for_admin(self, actor: Actor) -> Q:
        return EVERY_ROW

    def for_client(self, actor: Actor) -> Q:
        return Q(user_id=actor.user_id)


class Membership(TenantModel):
    """One role of one person in one clinic. A person may be admin and therapist: two rows."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role.choices)
    name = SealedTextField(purpose="staff", blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    user_id: UUID
    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="membership_tenant"),
            models.UniqueConstraint(
                fields=["clinic", "user", "role"], name="membership_one_per_role"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["user"], name="membership_user")]
