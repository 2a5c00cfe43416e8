"""The people that tests are about. Alice and Bob are therapists of one clinic, Ada its admin;
Carol is Alice's client, Eve Bob's. Charlie, of another clinic, should have no access to
anything of theirs; Dora is Charlie's client.
"""

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from rest_framework.test import APIClient

from clinic.models import Client, Clinic, User
from clinic.services import founding
from clinic.services.clients import add_client
from clinic.services.tokens import issue_token
from clinic.tenancy import context
from clinic.tenancy.actor import Actor, Role, TaskActor
from clinic.tenancy.scope import acting_as
from clinic.zones import today_in
from exercises.codes import Rhythm
from exercises.models import Assignment, Entry, Exercise
from exercises.services.assignments import assign_exercise
from exercises.services.entries import record_entry
from exercises.services.library import load_catalogue

PASSWORD = "a quiet shoreline at first light"


class Api(APIClient):
    """An API client with a token. Leaves no context behind in the test's own transaction."""

    def __init__(self, token: str = "") -> None:
        super().__init__()
        self.default_format = "json"
        if token:
            self.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    def request(self, **kwargs: Any) -> Any:
        response = super().request(**kwargs)
        if connection.in_atomic_block:
            context.leave()
        return response


@dataclass
class Person:
    """Somebody with a login: who they are to the code, and their way in."""

    actor: Actor
    email: str
    token: str

    @property
    def api(self) -> Api:
        return Api(self.token)

    @property
    def user_id(self) -> UUID:
        return self.actor.user_id


@dataclass
class World:
    """Two clinics. Built anew for each test that asks for it."""

    clinic: Clinic
    elsewhere: Clinic
    alice: Person
    bob: Person
    ada: Person
    carol: Person
    eve: Person
    charlie: Person
    dora: Person

    @property
    def today(self) -> datetime.date:
        return today_in(self.clinic.time_zone)

    def exercise(
        self, catalogue_id: str = "soothing_rhythm_breathing", by: Person | None = None
    ) -> Exercise:
        with acting_as((by or self.alice).actor):
            return Exercise.objects.select_related("current").get(catalogue_id=catalogue_id)

    def client(self, person: Person) -> Client:
        with acting_as(person.actor):
            return Client.objects.get(pk=person.actor.client_id)

    def new_client(self, therapist: Person | None = None, **details: Any) -> Client:
        therapist = therapist or self.alice
        with acting_as(therapist.actor):
            return add_client(
                details={"full_name": "Wren Holt", **details}, therapist=None, by=therapist.actor
            )

    def assignment(
        self,
        *,
        by: Person | None = None,
        client: Client | UUID | None = None,
        exercise: str = "soothing_rhythm_breathing",
        **plan: Any,
    ) -> Assignment:
        by = by or self.alice
        client_id = (
            client.pk if isinstance(client, Client) else client or self.carol.actor.client_id
        )
        with acting_as(by.actor):
            return assign_exercise(
                client=Client.objects.get(pk=client_id),
                exercise=Exercise.objects.select_related("current").get(catalogue_id=exercise),
                plan={
                    "reason": "It helped when we tried it together.",
                    "rhythm": Rhythm.ONCE,
                    "start_on": self.today,
                    **plan,
                },
                by=by.actor,
            )

    def entry(
        self,
        *,
        by: Person | None = None,
        assignment: Assignment | None = None,
        exercise: str = "soothing_rhythm_breathing",
        client: Client | None = None,
        **values: Any,
    ) -> Entry:
        by = by or self.carol
        with acting_as(by.actor):
            entry, _ = record_entry(
                client=client or Client.objects.get(pk=by.actor.client_id),
                client_uuid=uuid4(),
                request_digest=b"\0" * 32,
                assignment=assignment,
                exercise=None
                if assignment
                else Exercise.objects.select_related("current").get(catalogue_id=exercise),
                values={"status": "done", **values},
                by=by.actor,
            )
            return entry


def build() -> World:
    """Make the two clinics and their people."""
    clinic, elsewhere = (
        founding.found_clinic(name=name, time_zone="Europe/London", country="GB")
        for name in ("Tidewater", "Hillside")
    )
    for one in (clinic, elsewhere):
        with acting_as(TaskActor(one.pk, "library")):
            load_catalogue(clinic_id=one.pk)
    alice = staff(clinic, "alice@tidewater.example", "Alice Ames", Role.THERAPIST)
    bob = staff(clinic, "bob@tidewater.example", "Bob Byrne", Role.THERAPIST)
    ada = staff(clinic, "ada@tidewater.example", "Ada Archer", Role.ADMIN)
    charlie = staff(elsewhere, "charlie@hillside.example", "Charlie Coe", Role.THERAPIST)
    return World(
        clinic=clinic,
        elsewhere=elsewhere,
        alice=alice,
        bob=bob,
        ada=ada,
        carol=client_of(alice, "carol@tidewater.example", "Carol Quill"),
        eve=client_of(bob, "eve@tidewater.example", "Eve Ferris"),
        charlie=charlie,
        dora=client_of(charlie, "dora@hillside.example", "Dora Lund"),
    )


def staff(clinic: Clinic, email: str, name: str, *roles: Role) -> Person:
    """Make a member of staff, with a token of the first role."""
    user = User.objects.create_user(email, PASSWORD)
    with acting_as(TaskActor(clinic.pk, founding.PURPOSE)):
        memberships: dict[str, UUID] = {
            role: founding.add_member(clinic_id=clinic.pk, user=user, role=role, name=name).pk
            for role in roles
        }
    actor = Actor(
        clinic_id=clinic.pk, user_id=user.pk, memberships=memberships, zone=clinic.time_zone
    )
    return _with_token(actor, email)


def client_of(therapist: Person, email: str, name: str, **details: Any) -> Person:
    """Make a client of a therapist, who signs in themselves."""
    user = User.objects.create_user(email, PASSWORD)
    with acting_as(therapist.actor):
        client = add_client(
            details={"full_name": name, "email": email, **details},
            therapist=None,
            by=therapist.actor,
        )
        membership = founding.give_login(client=client, user=user)
    actor = Actor(
        clinic_id=client.clinic_id,
        user_id=user.pk,
        memberships={Role.CLIENT: membership.pk},
        zone=therapist.actor.zone,
        client_id=client.pk,
    )
    return _with_token(actor, email)


def _with_token(actor: Actor, email: str) -> Person:
    with acting_as(actor):
        _, token = issue_token(label="test", days=None, by=actor)
    return Person(actor=actor, email=email, token=token)
