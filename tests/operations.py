"""Every operation of the API, and how to ask for it rightly."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.urls import URLPattern

from api.urls import urlpatterns
from clinic.models import ApiToken, Client, Membership
from clinic.services.clients import add_to_care_team
from clinic.services.jobs import queue_job
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.models import Summary
from sessions.summaries.weeks import Week
from sessions.summaries.writing import PURPOSE, write_week
from tests.world import PASSWORD, Api, World

PREFIX = "/api/v1/"
KEY = "<uuid:pk>"
WITHOUT_TOKEN = {("POST", "tokens"), ("GET", "schema"), ("GET", "docs")}
DOCUMENTS = {"schema", "docs"}


@dataclass(frozen=True)
class Things:
    """A row of every kind that Alice, or Carol, may ask for."""

    w: World
    ids: dict[str, str]

    @property
    def carol(self) -> str:
        return str(self.w.carol.actor.client_id)


Body = Callable[[Things], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    method: str
    route: str
    body: Body | None = None
    person: str = "alice"
    needs_etag: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.route.replace(KEY, '…')}"

    @property
    def resource(self) -> str:
        return self.route.split("/")[0]

    def path(self, things: Things) -> str:
        # An entry is put under a UUID that is fresh each time.
        key = str(uuid4()) if self.method == "PUT" else things.ids.get(self.resource, "")
        return PREFIX + self.route.replace(KEY, key)

    def api(self, things: Things) -> Api:
        api: Api = getattr(things.w, self.person).api
        api.raise_request_exception = False  # a 500 is counted like any other answer
        return api


OPERATIONS = [
    Operation("GET", "me"),
    Operation("GET", "support"),
    Operation("GET", "schema"),
    Operation("GET", "docs"),
    Operation("GET", "tokens"),
    Operation("POST", "tokens", lambda t: {"email": t.w.bob.email, "password": PASSWORD}),
    Operation("DELETE", f"tokens/{KEY}"),
    Operation("GET", "members"),
    Operation("GET", f"members/{KEY}"),
    Operation("GET", "clients"),
    Operation("POST", "clients", lambda t: {"full_name": "Wren Holt"}),
    Operation("GET", f"clients/{KEY}"),
    Operation("PATCH", f"clients/{KEY}", lambda t: {"phone": "1"}, needs_etag=True),
    Operation("GET", f"clients/{KEY}/progress"),
    Operation("GET", "care-team"),
    Operation(
        "POST",
        "care-team",
        lambda t: {
            "client": t.carol,
            "therapist": str(t.w.bob.actor.membership_id),
            "kind": "covering",
            "ends_on": "2036-03-12",
        },
    ),
    Operation("GET", f"care-team/{KEY}"),
    Operation("PATCH", f"care-team/{KEY}", lambda t: {"ends_on": "2036-03-11"}, needs_etag=True),
    Operation("GET", "exercises"),
    Operation("GET", f"exercises/{KEY}"),
    Operation("GET", "assignments"),
    Operation(
        "POST",
        "assignments",
        lambda t: {
            "client": t.carol,
            "exercise": t.ids["exercises"],
            "reason": "It helped.",
            "rhythm": "once",
            "start_on": "2036-03-10",
        },
    ),
    Operation("GET", f"assignments/{KEY}"),
    Operation("PATCH", f"assignments/{KEY}", lambda t: {"plan_b": "Sit down"}, needs_etag=True),
    Operation("POST", f"assignments/{KEY}/pause"),
    Operation("POST", f"assignments/{KEY}/resume"),
    Operation("POST", f"assignments/{KEY}/end"),
    Operation("GET", f"assignments/{KEY}/progress"),
    Operation("GET", "entries"),
    Operation("GET", f"entries/{KEY}"),
    Operation(
        "PUT",
        f"entries/{KEY}",
        lambda t: {"status": "done", "assignment": t.ids["assignments"]},
        person="carol",
    ),
    Operation(
        "PATCH", f"entries/{KEY}", lambda t: {"note": "Softer."}, person="carol", needs_etag=True
    ),
    Operation("GET", "summaries"),
    Operation("POST", "summaries", lambda t: {"client": t.carol, "week": "2026-W20"}),
    Operation("GET", f"summaries/{KEY}"),
    Operation("GET", "jobs"),
    Operation("GET", f"jobs/{KEY}"),
]
WITH_BODY = [one for one in OPERATIONS if one.body]
WITH_KEY = [one for one in OPERATIONS if KEY in one.route]
IN_JSON = [one for one in OPERATIONS if one.route not in DOCUMENTS]
LISTS = [
    one
    for one in IN_JSON
    if one.method == "GET" and "/" not in one.route and one.route not in ("me", "support")
]


def router() -> dict[str, set[str]]:
    """The methods of every route, as the router has them."""
    found: dict[str, set[str]] = {}
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        actions = getattr(pattern.callback, "actions", None) or {"get": "get"}
        found[str(pattern.pattern)] = {method.upper() for method in actions} - {"HEAD"}
    return found


def one_of_each(w: World) -> Things:
    """Make a row of everything, so that each address has something to show or to change."""
    assert w.carol.actor.client_id is not None
    assignment = w.assignment()
    entry = w.entry(assignment=assignment, note="Soft.", share_level="shared")
    with acting_as(w.alice.actor):
        part = add_to_care_team(
            client=Client.objects.get(pk=w.carol.actor.client_id),
            therapist=Membership.objects.get(pk=w.bob.actor.membership_id),
            kind="covering",
            starts_on=w.today,
            ends_on=Week.parse("2036-W11").sunday,
            by=w.alice.actor,
        )
        job = queue_job(
            kind=WRITE_SUMMARIES,
            arguments={"week": "2026-W20", "clients": [str(w.carol.actor.client_id)]},
            unit="clients",
            clinic_id=w.clinic.pk,
            by=w.alice.actor,
        )
        token = ApiToken.objects.get(user_id=w.alice.user_id)
    worker = TaskActor(w.clinic.pk, PURPOSE)
    with acting_as(worker):
        write_week(week=Week.parse("2026-W20"), clients=[w.carol.actor.client_id], actor=worker)
    with acting_as(w.alice.actor):
        summary = Summary.objects.visible_to(w.alice.actor).get()
    return Things(
        w=w,
        ids={
            "tokens": str(token.pk),
            "members": str(w.bob.actor.membership_id),
            "clients": str(w.carol.actor.client_id),
            "care-team": str(part.pk),
            "exercises": str(w.exercise().pk),
            "assignments": str(assignment.pk),
            "entries": str(entry.pk),
            "summaries": str(summary.pk),
            "jobs": str(job.pk),
        },
    )


def send(
    operation: Operation,
    things: Things,
    *,
    raw: bytes | str | None = None,
    content_type: str = "application/json",
    path: str | None = None,
    query: str = "",
    api: Api | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """Ask for an operation rightly, but for what is said otherwise."""
    body = b"" if operation.body is None else json.dumps(operation.body(things)).encode()
    if raw is not None:
        body = raw.encode() if isinstance(raw, str) else raw
    said = dict(headers or {})
    if operation.needs_etag and "if-match" not in said:
        present = operation.api(things).get(operation.path(things))
        said["if-match"] = present["ETag"]
    return (api or operation.api(things)).generic(
        operation.method,
        (path or operation.path(things)) + query,
        body,
        content_type=content_type if body else "",
        headers=said,
    )
