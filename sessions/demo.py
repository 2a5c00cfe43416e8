"""The demo: two clinics with invented people, and some weeks that they have lived."""

import datetime
import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from clinic.models import Client, Clinic, Membership, User
from clinic.services import founding
from clinic.services.clients import add_client
from clinic.tenancy.actor import Actor, Role, TaskActor
from clinic.tenancy.base import new_id
from clinic.tenancy.scope import acting_as
from clinic.zones import today_in
from exercises.codes import EntryStatus, Rhythm, ShareLevel
from exercises.models import Assignment, Exercise
from exercises.services.assignments import assign_exercise
from exercises.services.entries import record_entry
from exercises.services.library import load_catalogue


@dataclass(frozen=True)
class Person:
    """Somebody of the demo, as they are introduced at the terminal."""

    email: str
    who: str


PEOPLE = (
    Person("ines@tidewater.example", "Ines Calder, therapist and admin, Tidewater Practice"),
    Person("tom@tidewater.example", "Tom Okafor, therapist, Tidewater Practice"),
    Person("maren@tidewater.example", "Maren Thiel, client of Ines"),
    Person("noor@tidewater.example", "Noor Haddad, client of Ines, new this week"),
    Person("jonah@tidewater.example", "Jonah Reyes, client of Tom"),
    Person("priya@hillside.example", "Priya Anand, therapist and admin, Hillside Therapy"),
    Person("leo@hillside.example", "Leo Marsh, client of Priya"),
)

_NOTES = (
    "The breathing I can do. I did it on the bus and nobody noticed.",
    "It was easier once I let my shoulders go.",
    "I stopped in the middle because it got too close. Then I looked out of the window for a bit.",
    "Today the warm voice sounded a little less strange.",
    "I was short with my sister and then I was short with myself. This helped me see the second one.",
)


class _Scene:
    """One clinic in the making."""

    def __init__(self, clinic: Clinic, password: str) -> None:
        self.clinic = clinic
        self.password = password
        self.today = today_in(clinic.time_zone)
        self.worker = TaskActor(clinic.pk, founding.PURPOSE)

    def staff(self, email: str, name: str, *roles: Role) -> Actor:
        user = self._user(email)
        with acting_as(self.worker):
            memberships: dict[str, UUID] = {
                role: founding.add_member(
                    clinic_id=self.clinic.pk, user=user, role=role, name=name
                ).pk
                for role in roles
            }
        return Actor(
            clinic_id=self.clinic.pk,
            user_id=user.pk,
            memberships=memberships,
            zone=self.clinic.time_zone,
        )

    def client(
        self, therapist: Actor, *, weeks: int, email: str = "", **details: Any
    ) -> tuple[Client, Actor | None]:
        monday = self.today - datetime.timedelta(days=self.today.weekday())
        details["care_started_on"] = monday - datetime.timedelta(weeks=weeks)
        with acting_as(therapist):
            client = add_client(details=details, therapist=None, by=therapist)
            if not email:
                return client, None
            user = self._user(email)
            membership: Membership = founding.give_login(client=client, user=user)
        return client, Actor(
            clinic_id=self.clinic.pk,
            user_id=user.pk,
            memberships={Role.CLIENT: membership.pk},
            zone=self.clinic.time_zone,
            client_id=client.pk,
        )

    def assign(
        self, therapist: Actor, client: Client, catalogue_id: str, **plan: Any
    ) -> Assignment:
        with acting_as(therapist):
            return assign_exercise(
                client=client,
                exercise=Exercise.objects.select_related("current").get(catalogue_id=catalogue_id),
                plan={
                    "start_on": client.care_started_on,
                    "practised_in_session": True,
                    "confidence": 7,
                    **plan,
                },
                by=therapist,
            )

    def live(
        self, actor: Actor, client: Client, assignment: Assignment, *, days: list[int]
    ) -> None:
        """Record entries so many days ago, steadily varied: the same demo each time."""
        chance = random.Random(f"{client.care_started_on}{assignment.exercise_version.title}")
        for ago in days:
            day = self.today - datetime.timedelta(days=ago)
            if day < client.care_started_on:
                continue
            before = chance.randint(4, 7)
            values: dict[str, Any] = {
                "status": chance.choice(
                    [EntryStatus.DONE] * 3 + [EntryStatus.ADAPTED, EntryStatus.TRIED_AND_STOPPED]
                ),
                "practised_on": day,
                "helpful": chance.randint(4, 8),
                "share_level": chance.choice(list(ShareLevel)),
                "note": chance.choice([*_NOTES, "", ""]),
            }
            for rating in assignment.exercise_version.ratings:
                values[f"{rating}_before"] = before
                values[f"{rating}_after"] = max(0, before + chance.randint(-3, 1))
            if actor.client_id is None:
                values["share_level"] = ShareLevel.SHARED  # the therapist's own record
            with acting_as(actor):
                record_entry(
                    client=client,
                    client_uuid=new_id(),
                    request_digest=b"\0" * 32,
                    assignment=assignment,
                    exercise=None,
                    values=values,
                    by=actor,
                )

    def _user(self, email: str) -> User:
        return founding.login_for(email=email, password=self.password, check=False)


def _clinic(name: str, time_zone: str) -> Clinic:
    clinic = founding.found_clinic(name=name, time_zone=time_zone, country="GB")
    with acting_as(TaskActor(clinic.pk, "library")):
        load_catalogue(clinic_id=clinic.pk)
    return clinic


def build(password: str) -> None:
    """Make both clinics. Every name, address and sentence in them is invented."""
    _tidewater(_Scene(_clinic("Tidewater Practice (demo)", "Europe/London"), password))
    _hillside(_Scene(_clinic("Hillside Therapy (demo)", "Europe/London"), password))


def _tidewater(scene: _Scene) -> None:
    ines = scene.staff("ines@tidewater.example", "Ines Calder", Role.THERAPIST, Role.ADMIN)
    tom = scene.staff("tom@tidewater.example", "Tom Okafor", Role.THERAPIST)

    maren, maren_acts = scene.client(
        ines,
        weeks=3,
        email="maren@tidewater.example",
        full_name="Maren Thiel",
        pronouns="she/her",
        phone="01632 960 131",
        birth_date="1988-03-14",
        emergency_contact={"name": "Lasse Thiel", "phone": "01632 960 132", "relation": "brother"},
        caution_flags=["high_fear_of_self_compassion"],
        time_zone="Europe/Berlin",
    )
    assert maren_acts is not None
    breathing = scene.assign(
        ines,
        maren,
        "soothing_rhythm_breathing",
        reason="Slowing the breath out helped you settle when we tried it together on Tuesday.",
        when_and_where="On the bus home, before the bridge",
        likely_obstacle="The bus is full",
        plan_b="Three breaths at the stop",
        rhythm=Rhythm.TIMES_PER_WEEK,
        times_per_week=4,
    )
    scene.live(maren_acts, maren, breathing, days=[20, 18, 17, 13, 12, 10, 9, 6, 5, 3, 2, 1])
    pause = scene.assign(
        ines,
        maren,
        "self_compassion_break",
        reason="For the moment after a meeting when the critic starts. Three moves, your own words.",
        rhythm=Rhythm.WHEN_IT_COMES_UP,
    )
    scene.live(maren_acts, maren, pause, days=[16, 11, 8, 4])

    scene.client(
        ines,
        weeks=0,
        email="noor@tidewater.example",
        full_name="Noor Haddad",
        preferred_name="Noor",
        pronouns="they/them",
        time_zone="Europe/London",
    )

    edith, _ = scene.client(
        ines,
        weeks=2,
        full_name="Edith Lowe",
        phone="01632 960 177",
        birth_date="1949-11-02",
        time_zone="Europe/London",
    )
    touch = scene.assign(
        ines,
        edith,
        "supportive_touch",
        reason="A hand on a warm cup was the thing that worked, so we keep that one.",
        rhythm=Rhythm.WEEKDAYS,
        weekdays=[1, 3, 5],
    )
    scene.live(ines, edith, touch, days=[9, 7, 2])

    jonah, jonah_acts = scene.client(
        tom,
        weeks=2,
        email="jonah@tidewater.example",
        full_name="Jonah Reyes",
        pronouns="he/him",
        time_zone="Europe/London",
    )
    assert jonah_acts is not None
    circles = scene.assign(
        tom,
        jonah,
        "three_circles_checkin",
        reason="So that we can see together which circle leads when the week gets tight.",
        rhythm=Rhythm.TIMES_PER_WEEK,
        times_per_week=3,
    )
    scene.live(jonah_acts, jonah, circles, days=[13, 11, 6, 4, 2])


def _hillside(scene: _Scene) -> None:
    priya = scene.staff("priya@hillside.example", "Priya Anand", Role.THERAPIST, Role.ADMIN)
    leo, leo_acts = scene.client(
        priya,
        weeks=2,
        email="leo@hillside.example",
        full_name="Leo Marsh",
        time_zone="Europe/London",
    )
    assert leo_acts is not None
    grounding = scene.assign(
        priya,
        leo,
        "grounding_soles",
        reason="Something to come back to after the phone calls.",
        rhythm=Rhythm.WHEN_IT_COMES_UP,
    )
    scene.live(leo_acts, leo, grounding, days=[12, 9, 5, 3])
