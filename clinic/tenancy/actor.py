"""Who is asking. Every request and every task resolves exactly one actor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import models


class Role(models.TextChoices):
    """What a person is in a clinic. Clinical rights come from a care team, never from a role alone."""

    THERAPIST = "therapist"
    ADMIN = "admin"
    CLIENT = "client"


_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Actor:
    """A person at a door, in one clinic.

    Attributes:
        memberships: the membership by which the person holds each role here.
        zone: the clinic's IANA time zone, in which a day of its care teams begins and ends.
        client_id: the record of the person in care; set for clients only.
        kind: "token" for the API, "session" for a browser.
        token_id: the API token that was used, if one was.
    """

    clinic_id: UUID
    user_id: UUID
    memberships: Mapping[str, UUID]
    zone: str = "UTC"
    client_id: UUID | None = None
    kind: str = "token"
    token_id: UUID | None = None

    is_authenticated: bool = field(default=True, init=False)

    @property
    def pk(self) -> UUID:
        """The user's id, where a library asks a user for it."""
        return self.user_id

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.memberships)

    def has(self, role: Role) -> bool:
        return role in self.memberships

    @property
    def own_client_id(self) -> UUID:
        """The record of an actor who is a client; no row has the id that anybody else gets."""
        return self.client_id or _NOBODY

    @property
    def membership_id(self) -> UUID:
        """The membership that what this person does is recorded under: the most clinical one."""
        for role in (Role.THERAPIST, Role.CLIENT, Role.ADMIN):
            if role in self.memberships:
                return self.memberships[role]
        raise LookupError("an actor without a membership")


@dataclass(frozen=True, slots=True)
class TaskActor:
    """The worker, in one clinic, for one declared purpose and nothing else."""

    clinic_id: UUID
    purpose: str

    kind: str = field(default="task", init=False)
    user_id: None = field(default=None, init=False)


AnyActor = Actor | TaskActor
