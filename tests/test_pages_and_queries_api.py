"""Lists: page by page, each row once, and no dearer for being long."""

import datetime
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.models import ApiToken, Client, Membership
from clinic.services.clients import add_to_care_team
from clinic.services.jobs import queue_job
from clinic.services.tokens import issue_token
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as
from exercises.library.catalogue import catalogue
from exercises.models import Exercise
from exercises.services.library import add_version
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.summaries.weeks import Week
from sessions.summaries.writing import PURPOSE, write_week
from tests.operations import LISTS
from tests.refusals import problem
from tests.world import Api, Person, World, staff

# --- Making many of each


def tokens(w: World, count: int) -> None:
    with acting_as(w.alice.actor):
        for number in range(count):
            issue_token(label=str(number), days=None, by=w.alice.actor)


def members(w: World, count: int) -> None:
    for number in range(count):
        staff(w.clinic, f"{uuid4()}@tidewater.example", f"Member {number}", Role.THERAPIST)


def clients(w: World, count: int) -> None:
    for number in range(count):
        w.new_client(full_name=f"Client {number}", caution_flags=["over_giving"])


def care_team(w: World, count: int) -> None:
    with acting_as(w.alice.actor):
        for _ in range(count):
            add_to_care_team(
                client=Client.objects.get(pk=w.carol.actor.client_id),
                therapist=Membership.objects.get(pk=w.bob.actor.membership_id),
                kind="supervisor",
                starts_on=w.today,
                ends_on=None,
                by=w.alice.actor,
            )


def exercises(w: World, count: int) -> None:
    item = catalogue()[0]
    with acting_as(w.alice.actor):
        for _ in range(count):
            add_version(exercise=Exercise.objects.create(clinic_id=w.clinic.pk), item=item)


def assignments(w: World, count: int) -> None:
    for number in range(count):
        w.assignment(plan_b=f"Plan {number}")


def entries(w: World, count: int) -> None:
    assignment = w.assignment()
    for number in range(count):
        w.entry(
            assignment=assignment if number % 2 else None,
            note=f"Note {number}",
            # Some with support, which is added to what is shown.
            distress_after=9 if number % 3 else 2,
            share_level=("shared", "ratings_only", "private")[number % 3],
        )


def summaries(w: World, count: int) -> None:
    worker = TaskActor(w.clinic.pk, PURPOSE)
    assert w.carol.actor.client_id is not None
    first = Week.parse("2020-W01").monday
    with acting_as(worker):
        for number in range(count):
            week = Week(first + datetime.timedelta(weeks=number))
            write_week(week=week, clients=[w.carol.actor.client_id], actor=worker)


def jobs(w: World, count: int) -> None:
    for person in (w.alice, w.carol):
        with acting_as(person.actor):
            for _ in range(count):
                queue_job(
                    kind=WRITE_SUMMARIES,
                    arguments={"week": "2026-W20"},
                    unit="clients",
                    clinic_id=w.clinic.pk,
                    by=person.actor,
                )


MAKE: dict[str, Callable[[World, int], None]] = {
    "tokens": tokens,
    "members": members,
    "clients": clients,
    "care-team": care_team,
    "exercises": exercises,
    "assignments": assignments,
    "entries": entries,
    "summaries": summaries,
    "jobs": jobs,
}
every_list = pytest.mark.parametrize("name", MAKE)


def listed(api: Api, name: str, query: str = "?limit=200") -> list[str]:
    response = api.get(f"/api/v1/{name}{query}")
    assert response.status_code == 200, response.content
    return [one["id"] for one in response.json()["results"]]


def pages(api: Api, address: str | None, link: str) -> list[list[str]]:
    """Follow `next` or `previous` to the end: the ids of each page."""
    found: list[list[str]] = []
    while address:
        assert len(found) < 50, "the pages have no end"
        body = api.get(address).json()
        found.append([one["id"] for one in body["results"]])
        address = body[link]
    return found


def test_every_list_is_tried_here() -> None:
    assert set(MAKE) == {one.route for one in LISTS}


# --- Pages


@every_list
def test_pages_forward_and_back_show_each_row_once(w: World, name: str) -> None:
    MAKE[name](w, 5)
    everything = listed(w.alice.api, name)
    assert len(everything) >= 5

    forward = pages(w.alice.api, f"/api/v1/{name}?limit=2", "next")

    assert [one for page in forward for one in page] == everything
    assert [len(page) for page in forward[:-1]] == [2] * (len(forward) - 1)

    address = f"/api/v1/{name}?limit=2"
    while following := w.alice.api.get(address).json()["next"]:
        address = following
    back = pages(w.alice.api, address, "previous")

    assert [one for page in reversed(back) for one in page] == everything


@every_list
def test_a_list_has_the_newest_first(w: World, name: str) -> None:
    MAKE[name](w, 3)

    found = listed(w.alice.api, name)

    assert found == sorted(found, reverse=True)


@every_list
def test_a_page_counts_nothing(w: World, name: str) -> None:
    MAKE[name](w, 1)

    assert set(w.alice.api.get(f"/api/v1/{name}").json()) == {"next", "previous", "results"}


def links(response: Any) -> dict[str, str]:
    """The `Link` header: relation to address."""
    found = re.findall(r'<([^>]*)>; rel="([^"]*)"', response["Link"])
    return {relation: address for address, relation in found}


def test_the_link_header_says_what_the_body_says(w: World) -> None:
    clients(w, 4)

    first = w.alice.api.get("/api/v1/clients?limit=2")
    second = w.alice.api.get(first.json()["next"])
    last = w.alice.api.get(second.json()["next"])

    assert first.json()["previous"] is None
    assert links(first) == {"next": first.json()["next"], "service-desc": "/api/v1/schema"}
    assert links(second) == {
        "next": second.json()["next"],
        "prev": second.json()["previous"],
        "service-desc": "/api/v1/schema",
    }
    assert last.json()["next"] is None
    assert links(last) == {"prev": last.json()["previous"], "service-desc": "/api/v1/schema"}


def test_links_keep_the_limit_and_the_filter(w: World) -> None:
    clients(w, 3)
    w.new_client(full_name="Ash Vale", state="paused")

    first = w.alice.api.get("/api/v1/clients?limit=2&state=active").json()
    second = w.alice.api.get(first["next"]).json()

    assert "limit=2" in first["next"]
    assert "state=active" in first["next"]
    assert len(first["results"]) == len(second["results"]) == 2
    assert {one["state"] for one in first["results"] + second["results"]} == {"active"}
    assert second["next"] is None


def test_a_page_that_is_just_full_has_no_next(w: World) -> None:
    clients(w, 3)  # and Carol

    body = w.alice.api.get("/api/v1/clients?limit=4").json()

    assert len(body["results"]) == 4
    assert body["next"] is None


def test_a_page_has_fifty_rows_unless_said_otherwise(w: World) -> None:
    jobs(w, 51)

    body = w.alice.api.get("/api/v1/jobs").json()

    assert len(body["results"]) == 50
    assert body["next"]


def test_a_row_that_comes_meanwhile_shifts_no_page(w: World) -> None:
    clients(w, 3)
    everything = listed(w.alice.api, "clients")
    first = w.alice.api.get("/api/v1/clients?limit=2").json()

    w.new_client(full_name="Just Now")

    second = w.alice.api.get(first["next"]).json()
    assert [one["id"] for one in first["results"] + second["results"]] == everything


def test_a_row_that_goes_meanwhile_shifts_no_page(w: World) -> None:
    tokens(w, 4)
    everything = listed(w.alice.api, "tokens")
    first = w.alice.api.get("/api/v1/tokens?limit=2").json()

    with acting_as(w.alice.actor):
        ApiToken.objects.filter(pk=first["results"][-1]["id"]).delete()

    second = w.alice.api.get(first["next"]).json()
    assert [one["id"] for one in second["results"]] == everything[2:4]


def test_somebody_elses_cursor_shows_ones_own_rows_alone(w: World) -> None:
    clients(w, 3)
    following = w.alice.api.get("/api/v1/clients?limit=1").json()["next"]

    for person in (w.bob, w.charlie, w.eve):
        shown = {one["id"] for one in person.api.get(following).json()["results"]}
        assert shown <= set(listed(person.api, "clients"))
    problem(Api().get(following), 401)


def test_a_cursor_holds_an_id_and_nothing_of_anybody(w: World) -> None:
    clients(w, 3)
    first = w.alice.api.get("/api/v1/clients?limit=1")

    assert "Client" not in first.json()["next"]
    assert "Client" not in first["Link"]


# --- Statements


def statements(person: Person, name: str) -> list[str]:
    """What a list asks of the database."""
    api = person.api
    with CaptureQueriesContext(connection) as captured:
        response = api.get(f"/api/v1/{name}?limit=200")
    assert response.status_code == 200
    all_of_them = [one["sql"] for one in captured.captured_queries]
    # The test's own transaction stands around the request's, and its client leaves no context.
    return [sql for sql in all_of_them if "SAVEPOINT" not in sql and "context', ''" not in sql]


READERS = [
    *((name, "alice") for name in MAKE),
    *(
        (name, "carol")
        for name in ("care-team", "exercises", "assignments", "entries", "summaries", "jobs")
    ),
    *((name, "ada") for name in ("members", "clients", "care-team")),
]


@pytest.mark.parametrize(("name", "reader"), READERS)
def test_a_long_list_costs_as_many_statements_as_a_short_one(
    w: World, name: str, reader: str
) -> None:
    person: Person = getattr(w, reader)
    MAKE[name](w, 2)
    short, few = statements(person, name), len(listed(person.api, name))

    MAKE[name](w, 23)
    long, many = statements(person, name), len(listed(person.api, name))

    assert many >= few + 20
    assert len(long) == len(short), "\n".join(long)
    assert not any("COUNT(" in sql.upper() for sql in long)


def test_a_page_reads_no_more_rows_than_it_shows(w: World) -> None:
    clients(w, 3)

    [rows] = [sql for sql in statements(w.alice, "clients") if 'FROM "clinic_client"' in sql]

    assert "LIMIT 201" in rows
    assert "OFFSET" not in rows


@every_list
def test_a_list_costs_a_handful_of_statements(w: World, name: str) -> None:
    MAKE[name](w, 3)
    statements(w.alice, name)  # what is read for the first time is noted, once

    again = statements(w.alice, name)

    # Enter the clinic; the rows; their keys. Entries bring along whom to turn to.
    assert len(again) <= (4 if name == "entries" else 3), "\n".join(again)
