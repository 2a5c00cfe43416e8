"""The clinic, which is the tenant, and whom its clients can turn to at once."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from clinic.tenancy.actor import Actor
from clinic.tenancy.base import IdentifiedModel, TenantModel
from clinic.tenancy.constraints import TenantTable
from clinic.tenancy.querysets import EVERY_ROW, TenantQuerySet
from clinic.zones import is_zone


class Clinic(IdentifiedModel):
    """A practice of one therapist or many. Nothing of one clinic is seen from another."""

    CLEAR_TEXT = {
        "name": "the practice's public name, on its own door",
        "time_zone": "an IANA name",
        "country": "a country code",
        "language": "a language code",
    }

    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64, default="Europe/London", validators=[is_zone])
    country = models.CharField(max_length=2, blank=True)
    language = models.CharField(max_length=12, default="en")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)


class CrisisResourceQuerySet(TenantQuerySet["CrisisResource"]):
    def for_therapist(self, actor: Actor) -> Q:
        return EVERY_ROW

    for_client = for_therapist
    for_admin = for_therapist


class CrisisResource(TenantModel):
    """Someone to turn to now: a line, a service, the clinic's own contact."""

    CLEAR_TEXT = {
        "name": "a public service's name",
        "phone": "a public number",
        "text_to": "a public number",
        "url": "a public address",
        "hours": "public opening hours",
        "country": "a country code",
    }

    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=40, blank=True)
    text_to = models.CharField(max_length=80, blank=True)
    url = models.URLField(blank=True)
    hours = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=2, blank=True)
    is_emergency = models.BooleanField(default=False)
    verified_on = models.DateField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    objects = CrisisResourceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [TenantTable(name="crisis_resource_tenant")]
