"""The access table, tried for real: each route, each person, each relation to what is asked for."""

import dataclasses
import datetime
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone

from clinic.models import ApiToken, CareTeamMember, Client, Clinic, Heartbeat, Job, User
from clinic.models.care_team import CareTeamKind
from clinic.services import founding
from clinic.tenancy import context
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.base import new_id
from clinic.tenancy.scope import acting_as
from exercises.codes import ShareLevel
from exercises.models import Entry
from sessions.models import Summary
from sessions.models.summary import SummaryKind
from tests.access_table import API, CLINICAL, KEYS, PAGES, Page, Row
from tests.every_model import MONDAY
from tests.world import PASSWORD, Api, Person, World, staff

SECRET = "quince-harbour"
"""What an admin must never read: it stands in every clinical text here."""


@dataclass
class Party:
    """A therapist, a client of theirs, and what there is about the two, by name."""

    therapist: Person
    client: Person
    things: dict[str, UUID]

    def thing(self, name: str, asker: Person) -> UUID:
        """The thing of that name; what is personal is the person's of the asker's role."""
        role = "client" if asker.actor.has(Role.CLIENT) else "therapist"
        found = self.things.get(f"{role} {name}") or self.things.get(name)
        assert found is not None, name
        return found


@dataclass
class Stage:
    """Three parties of two clinics, and an admin."""

    w: World
    ours: Party
    colleagues: Party
    foreign: Party
    admins: dict[str, UUID]

    def seen_by(self, name: str) -> tuple[Person, list[Party | None]]:
        """A person, and whose things are theirs, a colleague's and foreign to them."""
        person: Person = getattr(self.w, name)
        order: dict[str, list[Party | None]] = {
            "bob": [self.colleagues, self.ours, self.foreign],
            "eve": [self.colleagues, self.ours, self.foreign],
            "charlie": [self.foreign, None, self.ours],
            "dora": [self.foreign, None, self.colleagues],
        }
        return person, order.get(name, [self.ours, self.colleagues, self.foreign])

    def id_of(self, row: Row, asker: Person, party: Party | None, place: int) -> UUID | None:
        if party is None:
            return new_id()
        thing = "entry uuid" if row.thing == "new entry" else row.thing
        if place == 0 and asker is self.w.ada and thing in self.admins:
            return self.admins[thing]
        return party.thing(thing, asker)


def _party(w: World, therapist: Person, client: Person, covering: Person) -> Party:
    client_id = client.actor.client_id
    assignment = w.assignment(
        by=therapist, client=client_id, reason=SECRET, plan_b=SECRET, likely_obstacle=SECRET
    )
    entry = w.entry(
        by=client, assignment=assignment, note=SECRET, share_level=ShareLevel.SHARED, helpful=8
    )
    things: dict[str, UUID] = {
        "client": client.actor.client_id,  # type: ignore[dict-item]
        "assignment": assignment.pk,
        "entry": entry.pk,
        "entry uuid": entry.client_uuid,
        "exercise": w.exercise(by=therapist).pk,
    }
    with acting_as(therapist.actor):
        record = Client.objects.get(pk=client_id)
        record.caution_flags = [SECRET]
        record.save()
        things["part"] = CareTeamMember.objects.create(
            clinic_id=therapist.actor.clinic_id,
            client_id=client_id,
            membership_id=covering.actor.membership_id,
            kind=CareTeamKind.SUPERVISOR,
            starts_on=w.today + datetime.timedelta(days=300),  # so that it opens nothing yet
        ).pk
        for kind, role in (
            (SummaryKind.THERAPIST_WEEK, "therapist"),
            (SummaryKind.CLIENT_WEEK, "client"),
        ):
            things[f"{role} summary"] = Summary.objects.create(
                clinic_id=therapist.actor.clinic_id,
                client_id=client_id,
                kind=kind,
                period_start=MONDAY,
                period_end=MONDAY + datetime.timedelta(days=6),
                time_zone="Europe/London",
                language="en",
                composer="1",
                body={
                    "paragraphs": [{"text": SECRET, "sources": [], "quotes": False}],
                    "figures": [],
                },
            ).pk
    for role, person in (("therapist", therapist), ("client", client)):
        for name, pk in _personal(person).items():
            things[f"{role} {name}"] = pk
    things["member"] = therapist.actor.membership_id
    return Party(therapist, client, things)


def _personal(person: Person) -> dict[str, UUID]:
    """What is a person's own, whoever they are."""
    with acting_as(person.actor):
        job = Job.objects.create(
            clinic_id=person.actor.clinic_id,
            kind="summaries.write",
            requested_by_id=person.actor.membership_id,
        )
        token = ApiToken.objects.create(
            clinic_id=person.actor.clinic_id,
            user_id=person.user_id,
            membership_id=person.actor.membership_id,
            digest=uuid4().hex * 4,
            token_key="kw_0000",
            expiry=timezone.now() + datetime.timedelta(days=1),
        )
    return {"job": job.pk, "token": token.pk}


@pytest.fixture
def stage(w: World) -> Stage:
    hal = staff(w.elsewhere, "hal@hillside.example", "Hal Hart", Role.THERAPIST)
    Heartbeat.objects.create(name="tick", at=timezone.now())
    return Stage(
        w,
        ours=_party(w, w.alice, w.carol, w.bob),
        colleagues=_party(w, w.bob, w.eve, w.alice),
        foreign=_party(w, w.charlie, w.dora, hal),
        admins=_personal(w.ada),
    )


# -- what is sent


def _new_client(stage: Stage, who: Person, party: Party) -> dict[str, Any]:
    by_admin = who.actor.has(Role.ADMIN)
    return {"full_name": "Ro", **({"therapist": str(party.things["member"])} if by_admin else {})}


def _new_part(stage: Stage, who: Person, party: Party) -> dict[str, Any]:
    return {
        "client": str(party.things["client"]),
        "therapist": str(party.things["member"]),
        "kind": "supervisor",
        "starts_on": str(stage.w.today + datetime.timedelta(days=9)),
    }


def _new_assignment(stage: Stage, who: Person, party: Party) -> dict[str, Any]:
    return {
        "client": str(party.things["client"]),
        "exercise": str(party.things["exercise"]),
        "reason": "It helped.",
        "rhythm": "once",
        "start_on": str(stage.w.today),
    }


def _new_entry(stage: Stage, who: Person, party: Party) -> dict[str, Any]:
    body = {"status": "done", "exercise": str(party.things["exercise"])}
    if who.actor.has(Role.THERAPIST):
        body["client"] = str(stage.w.new_client(who).pk)
    return body


BODIES: dict[tuple[str, str], Callable[[Stage, Person, Party], dict[str, Any]]] = {
    ("POST", "sign in"): lambda stage, who, party: {
        "email": stage.w.alice.email,
        "password": PASSWORD,
    },
    ("POST", "new client"): _new_client,
    ("PATCH", "client"): lambda stage, who, party: {"phone": "0161 496 0000"},
    ("POST", "new part"): _new_part,
    ("PATCH", "part"): lambda stage, who, party: {
        "ends_on": str(stage.w.today + datetime.timedelta(days=400))
    },
    ("POST", "new assignment"): _new_assignment,
    ("PATCH", "assignment"): lambda stage, who, party: {"confidence": 6},
    ("PUT", "new entry"): _new_entry,
    ("PATCH", "entry"): lambda stage, who, party: {"helpful": 5},
    ("POST", "new summary"): lambda stage, who, party: {
        "client": str(party.things["client"]),
        "week": "2026-W20",
    },
}


def ask(api: Api, row: Row, pk: Any = None, body: dict[str, Any] | None = None) -> Any:
    """Ask once, as if nobody had asked before: what it changed is undone."""
    path = "/api/v1/" + row.route.replace("<uuid:pk>", str(pk))
    headers = {"HTTP_IF_MATCH": f'"{pk}.1", "{pk}.2"'} if row.method == "PATCH" else {}
    with transaction.atomic():
        response = api.generic(
            row.method, path, _json(body), content_type="application/json", **headers
        )
        transaction.set_rollback(True)
    return response


def _json(body: dict[str, Any] | None) -> str:
    return "" if body is None else json.dumps(body)


def body_for(stage: Stage, row: Row, who: Person, party: Party) -> dict[str, Any] | None:
    make = BODIES.get((row.method, row.thing))
    return make(stage, who, party) if make else None


def wanted(row: Row, who: Person) -> tuple[int, ...]:
    role = next(one for one in ("therapist", "admin", "client") if who.actor.has(Role(one)))
    statuses = getattr(row, role)
    return (statuses,) * 4 if isinstance(statuses, int) else statuses


def asked(
    stage: Stage, name: str, rows: Iterable[Row] = API
) -> Iterator[tuple[Row, int, int, Any]]:
    """Ask for everything as one person: row, whose thing (0 to 3), the wanted status, the answer."""
    who, parties = stage.seen_by(name)
    home = parties[0]
    assert home is not None
    for row in rows:
        statuses = wanted(row, who)
        if "<" not in row.route:
            yield row, 0, statuses[0], ask(who.api, row, body=body_for(stage, row, who, home))
            continue
        for place, party in enumerate([*parties, None]):
            if party is None and place == 1:
                continue  # a clinic with one therapist
            pk = stage.id_of(row, who, party, place)
            answer = ask(who.api, row, pk, body_for(stage, row, who, home))
            yield row, place, statuses[place], answer


@pytest.mark.parametrize("name", ["alice", "bob", "ada", "carol", "charlie", "dora"])
def test_each_person_gets_what_the_table_says(stage: Stage, name: str) -> None:
    wrong = [
        f"{row.method} {row.route} #{place}: {answer.status_code}, not {status} {answer.content!r}"
        for row, place, status, answer in asked(stage, name)
        if answer.status_code != status
    ]
    assert wrong == []


@pytest.mark.parametrize("token", ["none", "expired", "nonsense", "of another scheme"])
def test_without_a_live_token_there_is_nothing_but_the_open_doors(stage: Stage, token: str) -> None:
    with acting_as(stage.w.bob.actor):
        ApiToken.objects.filter(user_id=stage.w.bob.user_id).update(expiry=timezone.now())
    api = {"none": Api(), "expired": stage.w.bob.api, "nonsense": Api("kw_" + "0" * 61)}.get(token)
    if api is None:
        api = Api()
        api.credentials(HTTP_AUTHORIZATION=f"Token {stage.w.alice.token}")
    wrong = []
    for row in API:
        body = body_for(stage, row, stage.w.alice, stage.ours)
        thing = "entry uuid" if row.thing == "new entry" else row.thing
        for pk in (
            [stage.ours.thing(thing, stage.w.alice), new_id()] if "<" in row.route else [None]
        ):
            answer = ask(api, row, pk, body)
            if answer.status_code != row.anonymous:
                wrong.append(f"{row.method} {row.route}: {answer.status_code}")
            elif row.anonymous == 401 and not answer.headers["WWW-Authenticate"]:
                wrong.append(f"{row.method} {row.route} does not say how to sign in")
    assert wrong == []


def test_head_is_answered_like_get_without_a_body(stage: Stage) -> None:
    for row in API:
        if row.method == "GET":
            pk = stage.id_of(row, stage.w.alice, stage.ours, 0) if "<" in row.route else None
            get, head = (
                ask(stage.w.alice.api, dataclasses.replace(row, method=method), pk)
                for method in ("GET", "HEAD")
            )
            assert (head.status_code, head.content) == (get.status_code, b""), row
            assert set(head.headers) == set(get.headers), row


# -- foreign is as if there were nothing

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z?")


def told(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but ids and times: what is left must not tell what there is elsewhere."""

    def plain(text: bytes) -> bytes:
        return _TIME.sub(b"TIME", _UUID.sub(b"ID", text))

    headers = {name: plain(value.encode()).decode() for name, value in answer.headers.items()}
    return answer.status_code, plain(answer.content), headers


@pytest.mark.parametrize("name", ["alice", "ada", "carol", "charlie"])
def test_a_foreign_thing_is_told_from_none_by_nobody(stage: Stage, name: str) -> None:
    answers: dict[tuple[str, str], dict[int, Any]] = {}
    with_id = [row for row in API if "<" in row.route]
    for row, place, _, answer in asked(stage, name, with_id):
        answers.setdefault((row.method, row.route), {})[place] = told(answer)
    assert len(answers) == len(with_id) >= 19
    for key, by_place in answers.items():
        assert by_place[2] == by_place[3], key
        if by_place.get(1, (0,))[0] == 404:
            assert by_place[1] == by_place[3], key


def test_a_foreign_id_in_a_body_is_told_from_none_by_nobody(stage: Stage) -> None:
    w = stage.w
    for row, who, field, thing in (
        ("clients", w.ada, "therapist", "member"),
        ("care-team", w.alice, "client", "client"),
        ("care-team", w.alice, "therapist", "member"),
        ("care-team", w.ada, "client", "client"),
        ("assignments", w.alice, "client", "client"),
        ("assignments", w.alice, "exercise", "exercise"),
        ("entries/<uuid:pk>", w.carol, "assignment", "assignment"),
        ("entries/<uuid:pk>", w.carol, "exercise", "exercise"),
        ("entries/<uuid:pk>", w.carol, "client", "client"),
        ("entries/<uuid:pk>", w.alice, "client", "client"),
        ("entries/<uuid:pk>", w.alice, "assignment", "assignment"),
        ("summaries", w.alice, "client", "client"),
        ("summaries", w.carol, "client", "client"),
    ):
        entry = next(one for one in API if one.route == row and one.method in ("POST", "PUT"))
        good = body_for(stage, entry, who, stage.ours) or {}
        found = [
            told(ask(who.api, entry, new_id(), {**good, field: str(other)}))
            for other in (stage.foreign.thing(thing, who), new_id())
        ]
        assert found[0] == found[1], (row, field)
        assert found[0][0] == 400, (row, field, found[0])
        assert field.encode() in found[0][1], (row, field)


def test_a_colleagues_client_in_a_body_is_told_from_none_by_nobody(stage: Stage) -> None:
    w = stage.w
    for route, who, field, thing in (
        ("care-team", w.alice, "client", "client"),
        ("assignments", w.alice, "client", "client"),
        ("summaries", w.alice, "client", "client"),
        ("summaries", w.carol, "client", "client"),
        ("entries/<uuid:pk>", w.alice, "client", "client"),
        ("entries/<uuid:pk>", w.carol, "assignment", "assignment"),
    ):
        row = next(one for one in API if one.route == route and one.method in ("POST", "PUT"))
        good = body_for(stage, row, who, stage.ours) or {}
        found = [
            told(ask(who.api, row, new_id(), {**good, field: str(other)}))
            for other in (stage.colleagues.thing(thing, who), new_id())
        ]
        assert found[0] == found[1], (route, field)
        assert found[0][0] == 400, (route, field)


def test_a_filter_by_a_foreign_id_finds_as_much_as_by_none(stage: Stage) -> None:
    w = stage.w
    for route, who, field, thing in (
        ("care-team", w.ada, "client", "client"),
        ("care-team", w.ada, "therapist", "member"),
        ("assignments", w.alice, "client", "client"),
        ("entries", w.alice, "client", "client"),
        ("entries", w.carol, "assignment", "assignment"),
        ("summaries", w.alice, "client", "client"),
    ):
        found = [
            who.api.get(f"/api/v1/{route}", {field: str(other)})
            for other in (stage.foreign.thing(thing, who), new_id())
        ]
        assert told(found[0]) == told(found[1]), (route, field)
        assert found[0].json()["results"] == []


# -- what each role reads

LISTS = tuple(row.route for row in API if row.method == "GET" and row.thing == "" and "/" not in
              row.route and row.route not in ("schema", "docs", "me", "support"))  # fmt: skip


def keys_in(value: Any) -> set[str]:
    """Every name in an answer, however deep."""
    if isinstance(value, dict):
        return set(value) | {key for part in value.values() for key in keys_in(part)}
    if isinstance(value, list):
        return {key for part in value for key in keys_in(part)}
    return set()


def test_each_role_reads_the_names_of_the_golden_table_and_no_other(stage: Stage) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for role, person in (
        ("therapist", stage.w.alice),
        ("admin", stage.w.ada),
        ("client", stage.w.carol),
    ):
        for route in LISTS:
            answer = person.api.get(f"/api/v1/{route}")
            if answer.status_code == 200:
                for one in answer.json()["results"]:
                    found.setdefault((route, role), set()).update(one)
        found["me", role] = set(person.api.get("/api/v1/me").json())
        for thing in ("client", "assignment"):
            path = f"/api/v1/{thing}s/{stage.ours.things[thing]}/progress"
            if (answer := person.api.get(path)).status_code == 200:
                found.setdefault(("progress", role), set()).update(answer.json())
    wanted_keys = {
        key: names
        for key, names in KEYS.items()
        if not key[0].startswith("entries ") and key[0] != "an assignment"
    }
    assert found.pop(("entries", "therapist")) == KEYS["entries shared", "therapist"]
    assert found == wanted_keys


def test_one_thing_has_the_names_that_its_list_has(stage: Stage) -> None:
    """An assignment by itself brings the words of its exercise along."""
    things = ("members", "clients", "care-team", "exercises", "assignments", "summaries", "jobs")
    for role, person in (
        ("therapist", stage.w.alice),
        ("admin", stage.w.ada),
        ("client", stage.w.carol),
    ):
        for route in things:
            listed = person.api.get(f"/api/v1/{route}")
            if listed.status_code == 200:
                one = listed.json()["results"][0]
                golden = KEYS["an assignment" if route == "assignments" else route, role]
                assert set(person.api.get(f"/api/v1/{route}/{one['id']}").json()) == golden


@pytest.mark.parametrize(
    ("level", "distress", "name"),
    [
        (ShareLevel.SHARED, 3, "shared"),
        (ShareLevel.RATINGS_ONLY, 3, "ratings_only"),
        (ShareLevel.PRIVATE, 3, "private"),
        (ShareLevel.PRIVATE, 9, "private, high distress"),
    ],
)
def test_a_therapist_reads_of_an_entry_what_its_share_level_says(
    w: World, level: str, distress: int, name: str
) -> None:
    entry = w.entry(
        note=SECRET, distress_before=2, distress_after=distress, helpful=4, share_level=level
    )
    answer = w.alice.api.get(f"/api/v1/entries/{entry.pk}")
    assert set(answer.json()) == KEYS[f"entries {name}", "therapist"]
    assert (SECRET in answer.content.decode()) == (level == ShareLevel.SHARED)
    listed = w.alice.api.get("/api/v1/entries")
    assert set(listed.json()["results"][0]) == KEYS[f"entries {name}", "therapist"]


def test_an_admin_finds_nothing_clinical_anywhere(stage: Stage) -> None:
    """Every answer that an admin gets, refusals too: no clinical name, and nobody's words."""
    answers = [answer for *_, answer in asked(stage, "ada")]
    answers += [stage.w.ada.api.get(f"/api/v1/{route}") for route in LISTS]
    assert sum(answer.status_code < 300 for answer in answers) >= 12
    for answer in answers:
        path = answer.request["PATH_INFO"]
        assert SECRET not in answer.content.decode(), path
        if path.startswith("/api/v1/schema") or "json" not in answer.headers.get(
            "Content-Type", ""
        ):
            continue  # it names the fields of all roles
        assert keys_in(answer.json()) & CLINICAL == set(), path


def test_a_therapist_does_find_what_an_admin_does_not(stage: Stage) -> None:
    """So that the test above is known to be able to fail."""
    answers = [
        answer for *_, answer in asked(stage, "alice", [r for r in API if r.method == "GET"])
    ]
    assert any(SECRET in answer.content.decode() for answer in answers)
    names = set[str]().union(
        *(
            keys_in(answer.json())
            for answer in answers
            if answer.status_code == 200
            and answer.headers["Content-Type"].startswith("application/json")
        )
    )
    assert len(names & CLINICAL) > 25


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_another_clinic_finds_none_of_our_words_or_ids(stage: Stage, name: str) -> None:
    ours = {str(pk) for party in (stage.ours, stage.colleagues) for pk in party.things.values()}
    for row, _, _, answer in asked(stage, name, [row for row in API if row.method == "GET"]):
        assert "Quill" not in answer.content.decode(), row
        if answer.status_code < 300:
            assert not {pk for pk in ours if pk in answer.content.decode()}, row


# -- more than one role: a browser session has all of a person's


def signed_in(stage: Stage, *roles: Role, user_id: UUID | None = None) -> Browser:
    """A browser of somebody who has these roles in our clinic."""
    user = User.objects.get(pk=user_id) if user_id else User.objects.create_user("solo@x.example")
    with acting_as(TaskActor(stage.w.clinic.pk, "founding")):
        for role in roles:
            founding.add_member(clinic_id=stage.w.clinic.pk, user=user, role=role, name="Solo")
    browser = Browser()
    browser.force_login(user)
    return browser


def read(browser: Browser, path: str) -> Any:
    answer = browser.get(path)
    context.leave()
    return answer


def test_an_admin_who_is_a_therapist_reads_cautions_of_their_own_clients_alone(
    stage: Stage,
) -> None:
    browser = signed_in(stage, Role.ADMIN, user_id=stage.w.alice.user_id)
    seen = {one["id"]: one for one in read(browser, "/api/v1/clients").json()["results"]}
    assert seen[str(stage.ours.things["client"])]["caution_flags"] == [SECRET]
    assert "caution_flags" not in seen[str(stage.colleagues.things["client"])]
    path = f"/api/v1/clients/{stage.colleagues.things['client']}"
    assert SECRET not in read(browser, path).content.decode()


def test_an_admin_who_is_a_therapist_has_no_clinical_rights_as_an_admin(stage: Stage) -> None:
    browser = signed_in(stage, Role.ADMIN, user_id=stage.w.alice.user_id)
    theirs = stage.colleagues.things
    for path in (
        f"assignments/{theirs['assignment']}",
        f"assignments/{theirs['assignment']}/progress",
        f"entries/{theirs['entry']}",
        f"summaries/{theirs['therapist summary']}",
        f"summaries/{theirs['client summary']}",
    ):
        assert read(browser, f"/api/v1/{path}").status_code == 404, path
    progress = read(browser, f"/api/v1/clients/{theirs['client']}/progress")
    assert progress.status_code == 404 or progress.json()["states"] == []


def test_a_therapist_who_is_a_client_does_not_read_their_own_cautions(stage: Stage) -> None:
    """Cautions are for those who care for somebody, and never for the person."""
    with acting_as(stage.w.bob.actor):
        record = stage.w.new_client(stage.w.bob, full_name="Alice Ames")
        record.caution_flags = [SECRET]
        record.save()
    with acting_as(stage.w.bob.actor):
        founding.give_login(
            client=Client.objects.get(pk=record.pk), user=User.objects.get(pk=stage.w.alice.user_id)
        )
    browser = signed_in(stage, user_id=stage.w.alice.user_id)
    answer = read(browser, f"/api/v1/clients/{record.pk}")
    assert answer.status_code == 200
    assert "caution_flags" not in answer.json()


@pytest.mark.parametrize("also", ["nothing else", "a client"])
def test_a_quote_that_was_taken_back_is_read_by_no_therapist(w: World, also: str) -> None:
    entry = w.entry(note=SECRET, share_level=ShareLevel.SHARED)
    source = {"type": "entry", "id": str(entry.pk)}
    with acting_as(w.alice.actor):
        summary = Summary.objects.create(
            clinic_id=w.clinic.pk,
            client_id=w.carol.actor.client_id,
            kind=SummaryKind.THERAPIST_WEEK,
            period_start=MONDAY,
            period_end=MONDAY + datetime.timedelta(days=6),
            time_zone="Europe/London",
            language="en",
            composer="1",
            body={
                "paragraphs": [{"text": SECRET, "sources": [source], "quotes": True}],
                "figures": [],
            },
        )
    if also == "a client":  # of a colleague, as therapists are
        record = w.new_client(w.bob, full_name="Alice Ames")
        with acting_as(w.bob.actor):
            founding.give_login(
                client=Client.objects.get(pk=record.pk), user=User.objects.get(pk=w.alice.user_id)
            )
    browser = Browser()
    browser.force_login(User.objects.get(pk=w.alice.user_id))
    path = f"/api/v1/summaries/{summary.pk}"
    assert SECRET in read(browser, path).content.decode()
    with acting_as(w.carol.actor):
        Entry.objects.filter(pk=entry.pk).update(share_level=ShareLevel.PRIVATE)
    for address in (path, "/api/v1/summaries"):
        answer = read(browser, address)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode(), address


def test_who_covers_does_not_make_themselves_a_part_without_an_end(w: World) -> None:
    """Cover ends on its last day, unless the client's own therapist or an admin says more."""
    today = w.today
    w.ada.api.post(
        "/api/v1/care-team",
        {
            "client": str(w.carol.actor.client_id),
            "therapist": str(w.bob.actor.membership_id),
            "kind": "covering",
            "ends_on": str(today),
        },
    )
    assert w.bob.api.get(f"/api/v1/clients/{w.carol.actor.client_id}").status_code == 200
    for kind, ends_on in (("supervisor", None), ("covering", "2099-12-31")):
        answer = w.bob.api.post(
            "/api/v1/care-team",
            {
                "client": str(w.carol.actor.client_id),
                "therapist": str(w.bob.actor.membership_id),
                "kind": kind,
                "ends_on": ends_on,
            },
        )
        assert 400 <= answer.status_code < 500, (kind, answer.content)


def test_a_client_membership_without_a_record_sees_nothing(stage: Stage) -> None:
    """A record that was unlinked from its login leaves a client of no one, and no failure."""
    with acting_as(stage.w.alice.actor):
        Client.objects.filter(pk=stage.w.carol.actor.client_id).update(user=None)
    for row in API:
        answer = ask(
            stage.w.carol.api,
            row,
            stage.ours.thing("entry uuid" if row.thing == "new entry" else row.thing, stage.w.carol)
            if "<" in row.route
            else None,
            body_for(stage, row, stage.w.carol, stage.ours),
        )
        assert answer.status_code < 500, (row, answer.content)
        assert SECRET not in answer.content.decode(), row
        if row.thing in ("client", "entry", "assignment", "summary", "part"):
            assert answer.status_code in (403, 404), row


# -- pages


def opened(browser: Browser, page: Page, operator: User) -> Any:
    path = "/" + page.route
    for part, value in {
        "^(?P<app_label>clinic)/$": "clinic/",
        "(?P<url>.*)$": "nowhere",
        "<path:content_type_id>": "999",
        "<path:object_id>": _object_of(page.route, operator),
    }.items():
        path = path.replace(part, value)
    return read(browser, path)


def _object_of(route: str, operator: User) -> str:
    if "/user/" in route:
        return str(operator.pk)
    if "/heartbeat/" in route:
        return "tick"
    return str(Clinic.objects.order_by("pk").first().pk)  # type: ignore[union-attr]


@pytest.mark.parametrize("who", ["nobody", "alice", "ada", "carol", "charlie", "operator"])
def test_each_page_is_open_to_those_of_the_table(stage: Stage, who: str) -> None:
    operator = User.objects.create_superuser("root@server.example", PASSWORD)
    browser = Browser()
    column = {"nobody": "anonymous", "operator": "operator"}.get(who, "member")
    if who != "nobody":
        browser.force_login(
            operator if who == "operator" else User.objects.get(pk=getattr(stage.w, who).user_id)
        )
    wrong = []
    for page in PAGES:
        answer = opened(browser, page, operator)
        if answer.status_code != getattr(page, column):
            wrong.append(f"{page.route}: {answer.status_code}, not {getattr(page, column)}")
        content = answer.content.decode()
        for word in (SECRET, "Carol", "Quill", "Dora", "Alice", "tidewater.example"):
            if word in content:
                wrong.append(f"{page.route} shows {word}")
    assert wrong == []


def test_an_operator_has_no_way_into_the_api(stage: Stage) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_superuser("root@server.example", PASSWORD))
    for row in API:
        if row.method == "GET" and row.anonymous == 401:
            path = row.route.replace("<uuid:pk>", str(stage.ours.things["client"]))
            assert read(browser, f"/api/v1/{path}").status_code == 401, row
