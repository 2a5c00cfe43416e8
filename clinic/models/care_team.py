"""The care team: the one reason for which a therapist sees a client."""

import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from clinic.tenancy.actor import Actor, Role
from clinic.tenancy.base import TenantModel, VersionedModel
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import EVERY_ROW, TenantQuerySet
from clinic.zones import today_in


class CareTeamKind(models.TextChoices):
    PRIMARY = "primary"
    COVERING = "covering"
    SUPERVISOR = "supervisor"


class CareTeamMemberQuerySet(TenantQuerySet["CareTeamMember"]):
    def on(self, day: datetime.date) -> "CareTeamMemberQuerySet":
        """Those who care on that day; `ends_on` is the last day."""
        return self.filter(starts_on__lte=day).filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day))

    def for_therapist(self, actor: Actor) -> Q:
        return Q(client_id__in=in_care_of(actor))

    def for_admin(self, actor: Actor) -> Q:
        return EVERY_ROW

    def for_client(self, actor: Actor) -> Q:
        return Q(client_id=actor.own_client_id)


class CareTeamMember(TenantModel, VersionedModel):
    """A therapist's part in a client's care, from a day until a day."""

    client = models.ForeignKey(
        "clinic.Client", on_delete=models.CASCADE, db_constraint=False, related_name="care_team"
    )
    membership = models.ForeignKey(
        "clinic.Membership", on_delete=models.PROTECT, db_constraint=False, related_name="caseload"
    )
    kind = models.CharField(
        max_length=12, choices=CareTeamKind.choices, default=CareTeamKind.PRIMARY
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    client_id: UUID
    membership_id: UUID
    objects = CareTeamMemberQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="care_team_tenant"),
            SameClinic("client", name="care_team_client"),
            SameClinic("membership", name="care_team_membership"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=models.F("starts_on")),
                name="care_team_ends_after_it_starts",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["clinic", "membership", "client", "starts_on", "ends_on"],
                name="care_team_caseload",
            ),
            models.Index(fields=["clinic", "client"], name="care_team_of_client"),
        ]


def in_care_of(actor: Actor) -> "models.QuerySet[Any, Any]":
    """The ids of the clients whom this therapist cares for today, as a sub-select.

    A sub-select with IN, not an array: under row-level security the array was 30 times slower.
    """
    return (
        CareTeamMember.objects.filter(membership_id=actor.memberships[Role.THERAPIST])
        .on(today_in(actor.zone))
        .values("client_id")
    )
