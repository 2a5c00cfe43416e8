"""A person in care."""

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from clinic.models.data_key import KeyPurpose, keys_before_their_clients
from clinic.tenancy import scope
from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel, VersionedModel
from clinic.tenancy.constraints import TenantTable
from clinic.tenancy.querysets import EVERY_ROW, TenantQuerySet
from clinic.vault.fields import SealedJSONField, SealedTextField
from clinic.zones import is_zone


class CautionFlag(models.TextChoices):
    """Situations in which the field adapts its work (Kindwork's clinical brief, "Cautions").

    They shape what is offered and are never shown to admins or to the client.
    """

    SUICIDAL_INTENT_OR_SELF_HARM = "suicidal_intent_or_self_harm"
    TRAUMA_OR_DISSOCIATION = "trauma_or_dissociation"
    ATTACHMENT_TRAUMA_OR_GRIEF = "attachment_trauma_or_grief"
    HIGH_FEAR_OF_SELF_COMPASSION = "high_fear_of_self_compassion"
    PSYCHOSIS_OR_MANIA = "psychosis_or_mania"
    PANIC_BREATHING_HEART_OR_PREGNANCY = "panic_breathing_heart_or_pregnancy"
    EATING_DISORDER_OR_BODY_SHAME = "eating_disorder_or_body_shame"
    ABUSE_ONGOING = "abuse_ongoing"
    OVER_GIVING = "over_giving"
    VERY_LOW_MOOD_OR_EXHAUSTION = "very_low_mood_or_exhaustion"
    LITERAL_OR_WITHOUT_IMAGERY = "literal_or_without_imagery"
    UNDER_18 = "under_18"


class ClientState(models.TextChoices):
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class ClientQuerySet(TenantQuerySet["Client"]):
    task_purposes = frozenset({"summaries"})

    def bulk_create(self, objs: "Iterable[Client]", *args: Any, **kwargs: Any) -> "list[Client]":
        clients = list(objs)
        with keys_before_their_clients():
            if clients:
                scope.current().keyring.prepare(
                    clients[0].clinic_id,
                    [
                        (client.pk, purpose)
                        for client in clients
                        for purpose in (KeyPurpose.PROFILE, KeyPurpose.CARE)
                    ],
                )
            return super().bulk_create(clients, *args, **kwargs)

    def for_therapist(self, actor: Actor) -> Q:
        from clinic.models.care_team import in_care_of

        return Q(pk__in=in_care_of(actor))

    def for_admin(self, actor: Actor) -> Q:
        return EVERY_ROW

    def for_client(self, actor: Actor) -> Q:
        return Q(pk=actor.own_client_id)


class Client(TenantModel, VersionedModel):
    """A person in care. Who they are is sealed; `user` is empty until they use Kindwork themselves."""

    CLEAR_TEXT = {"time_zone": "an IANA name", "language": "a language code"}

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="client_records",
    )
    full_name = SealedTextField(purpose=KeyPurpose.PROFILE)
    preferred_name = SealedTextField(purpose=KeyPurpose.PROFILE, blank=True)
    pronouns = SealedTextField(purpose=KeyPurpose.PROFILE, blank=True)
    email = SealedTextField(purpose=KeyPurpose.PROFILE, blank=True)
    phone = SealedTextField(purpose=KeyPurpose.PROFILE, blank=True)
    address = SealedTextField(purpose=KeyPurpose.PROFILE, blank=True)
    birth_date = SealedTextField(purpose=KeyPurpose.PROFILE, blank=True)
    emergency_contact = SealedJSONField(purpose=KeyPurpose.PROFILE, default=dict, blank=True)
    caution_flags = SealedJSONField(purpose=KeyPurpose.CARE, default=list, blank=True)
    time_zone = models.CharField(max_length=64, validators=[is_zone])
    language = models.CharField(max_length=12, default="en")
    state = models.CharField(max_length=8, choices=ClientState.choices, default=ClientState.ACTIVE)
    care_started_on = models.DateField()
    care_ended_on = models.DateField(null=True, blank=True)

    user_id: UUID | None
    objects = ClientQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="client_tenant"),
            models.UniqueConstraint(fields=["clinic", "user"], name="client_one_per_login"),
            models.CheckConstraint(
                condition=Q(care_ended_on__isnull=True)
                | Q(care_ended_on__gte=models.F("care_started_on")),
                name="client_care_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=~Q(state="ended") | Q(care_ended_on__isnull=False),
                name="client_ended_has_a_last_day",
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            with keys_before_their_clients():
                super().save(*args, **kwargs)
        else:
            super().save(*args, **kwargs)

    @property
    def sealing_client_id(self) -> UUID:
        return self.pk

    @property
    def called(self) -> str:
        """What the person likes to be called; "" where no name was given."""
        first_names: list[str] = self.full_name.split()
        return str(self.preferred_name).strip() or next(iter(first_names), "")
