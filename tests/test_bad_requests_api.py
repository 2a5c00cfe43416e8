"""Whatever is sent to whichever address: a 4xx that says what to do, and nothing written.

The cases are generated: every operation that the router has is tried with everything that
a confused or a hostile program might send. `OPERATIONS` says how each is asked rightly, so
that a refusal is known to be for what is wrong with the case.
"""

import functools
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from django.urls import URLPattern
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS31Validator

from api.urls import urlpatterns
from clinic.models import ApiToken, CareTeamMember, User
from clinic.services.clients import add_to_care_team
from clinic.services.jobs import queue_job
from clinic.models import Client, Membership
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.models import Summary
from sessions.summaries.weeks import Week
from sessions.summaries.writing import PURPOSE, write_week
from tests.refusals import contents, nothing_written, problem
from tests.world import PASSWORD, Api, World

PREFIX = "/api/v1/"
KEY = "<uuid:pk>"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITHOUT_TOKEN = {("POST", "tokens"), ("GET", "schema"), ("GET", "docs")}
DOCUMENTS = {"schema", "docs"}


# --- Every operation, and how to ask for it rightly


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
    Operation("PATCH", f"care-team/{KEY}", lambda t: {"ends_on": "2036-03-11"}),
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
LISTS = [one for one in OPERATIONS if one.method == "GET" and one.route not in {"me", *DOCUMENTS} and "/" not in one.route]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
every_operation_with_a_body = pytest.mark.parametrize("operation", WITH_BODY, ids=str)
every_list = pytest.mark.parametrize("operation", LISTS, ids=str)


def router() -> dict[str, set[str]]:
    """The methods of every route, as the router has them."""
    found: dict[str, set[str]] = {}
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        actions = getattr(pattern.callback, "actions", None) or {"get": "get"}
        found[str(pattern.pattern)] = {method.upper() for method in actions}
    return found


@pytest.fixture
def things(w: World) -> Things:
    """A row of everything, so that each address has something to show or to change."""
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
        assert CareTeamMember.objects.filter(pk=part.pk).exists()
    worker = TaskActor(w.clinic.pk, PURPOSE)
    with acting_as(worker):
        write_week(
            week=Week.parse("2026-W20"), clients=[w.carol.actor.client_id], actor=worker
        )
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
    method: str | None = None,
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
        method or operation.method,
        (path or operation.path(things)) + query,
        body,
        content_type=content_type if body else "",
        headers=said,
    )


def refused(response: Any, *statuses: int) -> bool:
    """Whether this is a proper refusal with one of these states (any 4xx without)."""
    if response.status_code not in (statuses or range(400, 500)):
        return False
    problem(response, response.status_code)
    return True


def not_refused(
    answers: Iterable[tuple[str, Any]], *statuses: int
) -> list[tuple[str, int, bytes]]:
    """Of many cases, those that were answered otherwise than by a proper refusal."""
    return [
        (case, response.status_code, response.content[:200])
        for case, response in answers
        if not refused(response, *statuses)
    ]


# --- That all of this means something


def test_every_operation_of_the_router_is_tried_here() -> None:
    tried: dict[str, set[str]] = {}
    for one in OPERATIONS:
        tried.setdefault(one.route, set()).add(one.method)

    assert tried == router()


@every_operation
def test_asked_rightly_it_works(things: Things, operation: Operation) -> None:
    assert send(operation, things).status_code in (200, 201, 202, 204)


@every_operation
def test_without_a_token_nothing_is_told_or_done(things: Things, operation: Operation) -> None:
    anonymous = Api()
    if (operation.method, operation.route) in WITHOUT_TOKEN:
        assert send(operation, things, api=anonymous).status_code in (200, 201)
        return
    with nothing_written(things.w):
        response = send(operation, things, api=anonymous)

    problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


# --- Bodies

NOT_AN_OBJECT: dict[str, bytes] = {
    "space": b"   ",
    "a brace": b"{",
    "words": b"name=Wren&phone=1",
    "an array": b"[]",
    "an array of objects": b'[{"full_name": "Wren"}]',
    "a text": b'"Wren"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "NaN": b"NaN",
    "half a pair": b'{"full_name":}',
    "single quotes": b"{'full_name': 'Wren'}",
    "a comment": b'{/* */"full_name": "Wren"}',
    "a comma too many": b'{"full_name": "Wren",}',
    "two objects": b'{"full_name": "Wren"}{"full_name": "Wren"}',
    "not UTF-8": b'{"full_name": "\xff\xfe"}',
    "UTF-16": '{"full_name": "Wren"}'.encode("utf-16"),
    "compressed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a control character": b'{"full_name": "a\nb"}',
    "brackets without end": b"[" * 200_000,
    "deep brackets": b'{"full_name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep braces": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
}


@every_operation_with_a_body
def test_what_is_no_json_object_is_refused(things: Things, operation: Operation) -> None:
    with nothing_written(things.w):
        answers = [
            (name, send(operation, things, raw=raw)) for name, raw in NOT_AN_OBJECT.items()
        ]

    assert not_refused(answers, 400) == []


@every_operation_with_a_body
def test_a_body_of_300_kilobytes_is_too_large(things: Things, operation: Operation) -> None:
    with nothing_written(things.w):
        answers = [
            (name, send(operation, things, raw=raw))
            for name, raw in {
                "a field": json.dumps({"full_name": "x" * 300_000}),
                "spaces": json.dumps(operation.body(things)) + " " * 300_000,  # type: ignore[misc]
                "no JSON": "x" * 300_000,
            }.items()
        ]

    assert not_refused(answers, 413) == []


@every_operation_with_a_body
def test_another_form_than_json_is_refused(things: Things, operation: Operation) -> None:
    with nothing_written(things.w):
        answers = [
            (content_type, send(operation, things, content_type=content_type))
            for content_type in (
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "application/xml",
                "application/merge-patch+json",
                "text/json",
                "json",
                "/",
                ";",
                "application/json2",
                "\u00ff",
            )
        ]

    assert not_refused(answers, 415) == []


CHARSETS = (
    "utf-16",
    "utf-7",
    "hex",
    "zlib",
    "bz2",
    "rot13",
    "base64",
    "idna",
    "punycode",
    "undefined",
    "nonsense",
    "\u00ff",
    "x" * 5000,
)


@every_operation_with_a_body
def test_a_charset_of_whatever_kind_is_no_failure(things: Things, operation: Operation) -> None:
    before = contents(things.w)
    for charset in CHARSETS:
        response = send(
            operation, things, raw=b"\xff{}", content_type=f"application/json; charset={charset}"
        )
        assert refused(response, 400, 415), (charset, response.status_code)
    assert contents(things.w) == before


@every_list
def test_a_charset_does_not_make_an_address_unreadable(
    things: Things, operation: Operation
) -> None:
    for charset in CHARSETS:
        response = operation.api(things).generic(
            "GET",
            operation.path(things) + "?limit=5",
            b"",
            content_type=f"text/plain; charset={charset}",
        )
        assert response.status_code == 200 or refused(response), (charset, response.status_code)


# --- Fields, as the OpenAPI document says them


@functools.cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def fields(operation: Operation) -> dict[str, Any]:
    """The fields that an operation takes: name to schema."""
    path = PREFIX + operation.route.replace(KEY, "{id}")
    said = document()["paths"][path][operation.method.lower()]["requestBody"]
    name = said["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    found: dict[str, Any] = document()["components"]["schemas"][name]["properties"]
    return found


def allows(schema: dict[str, Any], value: object) -> bool:
    """Whether a field's schema allows a value."""
    whole = {**schema, "components": document()["components"]}
    return bool(OAS31Validator(whole).is_valid(value))


def with_raw(operation: Operation, things: Things, field: str, raw: str) -> str:
    """A right body, but for one field, whose value is put in as it stands."""
    assert operation.body is not None
    said = json.dumps({**operation.body(things), field: "@here@"})
    return said.replace('"@here@"', raw)


ALWAYS_WRONG = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "a lone surrogate": r'"\ud800"',
    "two surrogates the wrong way round": r'"\udfff\ud800"',
    "a surrogate inside": r'{"text": "a\udc00b"}',
    "a surrogate in a name": r'{"\ud800": 1}',
    "a null character": r'"a\u0000b"',
    "a null character inside": r'[{"code": "other", "text": "\u0000"}]',
    "a null character in a name": r'{"\u0000": 1}',
    "25 levels": "[" * 25 + "]" * 25,
    "5000 levels": '{"a":' * 5000 + "1" + "}" * 5000,
    "an integer of 5000 digits": "9" * 5000,
}


@every_operation_with_a_body
def test_in_no_field_is_there_what_json_or_the_database_cannot_hold(
    things: Things, operation: Operation
) -> None:
    with nothing_written(things.w):
        answers = [
            (f"{field}: {name}", send(operation, things, raw=with_raw(operation, things, field, raw)))
            for field in fields(operation)
            for name, raw in ALWAYS_WRONG.items()
        ]

    assert answers
    assert not_refused(answers, 400) == []


VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**31,
    2**63,
    10**30,
    1.5,
    "",
    "x",
    "x" * 100_000,
    [],
    [[]],
    [None],
    ["x"] * 1000,
    {},
    {"a": 1},
    {"id": "01890a5d-ac96-774b-bcce-b302099a8057"},
)


@every_operation_with_a_body
def test_a_value_that_the_document_does_not_allow_is_refused_at_its_field(
    things: Things, operation: Operation
) -> None:
    wrong = [
        (field, value)
        for field, schema in fields(operation).items()
        for value in VALUES
        # A number where a text belongs has a test of its own, below.
        if not allows(schema, value) and not (is_number(value) and allows(schema, "5"))
    ]
    with nothing_written(things.w):
        answers = [
            (field, value, send(operation, things, raw=with_raw(operation, things, field, json.dumps(value))))
            for field, value in wrong
        ]

    assert answers
    assert not_refused([(f"{field}: {value!r:.60}", one) for field, value, one in answers], 400) == []
    misplaced = [
        (field, one.json()["errors"])
        for field, _, one in answers
        if not any(error["pointer"].split("/")[1:2] == [field] for error in one.json()["errors"])
    ]
    assert misplaced == []


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@every_operation_with_a_body
def test_a_number_is_no_text(things: Things, operation: Operation) -> None:
    texts = [name for name, schema in fields(operation).items() if allows(schema, "5")]
    with nothing_written(things.w):
        answers = [
            (f"{field}: {raw}", send(operation, things, raw=with_raw(operation, things, field, raw)))
            for field in texts
            for raw in ("12", "1.5", "1e999")
        ]

    assert not_refused(answers, 400) == []


@every_operation_with_a_body
def test_whatever_a_field_is_given_is_no_failure(things: Things, operation: Operation) -> None:
    extremes = (
        *(json.dumps(value) for value in VALUES),
        "1e999",
        "-1e999",
        "1e-999",
        "-0",
        '"0001-01-01"',
        '"9999-12-31"',
        '"10000-01-01"',
        '"0001-01-01T00:00:00+23:59"',
        '"9999-12-31T23:59:59-23:59"',
        '"2026-03-29T01:30:00"',
        '"9999-W52"',
        '"0001-W01"',
        '"\u0662\u0660\u0662\u0666-W20"',
        '"\u202e\ufeff\U0010ffff"',
        '"00000000-0000-0000-0000-000000000000"',
        '"ffffffff-ffff-ffff-ffff-ffffffffffff"',
    )
    failures = [
        (field, raw[:60], response.status_code)
        for field in fields(operation)
        for raw in extremes
        if (
            response := send(operation, things, raw=with_raw(operation, things, field, raw))
        ).status_code
        >= 500
    ]

    assert failures == []


@every_operation_with_a_body
def test_a_field_that_is_not_there_is_refused_by_name(things: Things, operation: Operation) -> None:
    assert operation.body is not None
    names = ("nonsense", "clinic_id", "__class__", "x" * 5000, "a.b", "", "\u202e", "0", "detail")
    with nothing_written(things.w):
        answers = [
            (name, send(operation, things, raw=json.dumps({**operation.body(things), name: 1})))
            for name in names
        ]

    assert not_refused(answers, 400) == []
    assert {one.json()["errors"][0]["code"] for _, one in answers} == {"unknown_field"}
    assert answers[0][1].json()["errors"][0]["pointer"] == "/nonsense"


# --- Headers


@every_operation
def test_json_is_the_one_form_of_answer(things: Things, operation: Operation) -> None:
    if operation.route in DOCUMENTS:
        return  # they have forms of their own
    with nothing_written(things.w):
        answers = [
            (accept, send(operation, things, headers={"accept": accept}))
            for accept in ("text/html", "application/xml", "image/*", "nonsense", "a/b/c")
        ]

    assert not_refused(answers, 406) == []


@every_operation_with_a_body
def test_headers_of_whatever_kind_are_no_failure(things: Things, operation: Operation) -> None:
    for name, value in (
        ("if-match", ","),
        ("if-match", "\u00ff\u00fe"),
        ("if-match", '"' * 10_000),
        ("if-match", "k" * 60_000),
        ("idempotency-key", "\u00ff\u00fe"),
        ("idempotency-key", "k" * 60_000),
        ("accept-language", "\u00ff;q=x," * 500),
        ("x-request-id", "'; DROP TABLE clinic_client; --"),
        ("content-encoding", "gzip"),
        ("transfer-encoding", "nonsense"),
        ("x-http-method-override", "DELETE"),
        ("range", "bytes=0-1"),
        ("origin", "null"),
    ):
        response = send(operation, things, headers={name: value})
        assert response.status_code < 500, (name, value[:40])
        if response.status_code >= 400:
            problem(response, response.status_code)


@pytest.mark.parametrize("said", ["", "short", "a b c d e f g h", "x" * 65, "\u00e9" * 10, "a\x01b" * 4])
def test_a_request_id_that_is_none_is_replaced(w: World, said: str) -> None:
    body = problem(w.alice.api.get("/api/v1/nowhere", headers={"x-request-id": said}), 404)

    assert body["request_id"] != said
    assert UUID(body["request_id"]).version == 7


def test_a_request_id_that_somebody_brings_is_quoted(w: World) -> None:
    said = {"x-request-id": "a3f1c2d4-support-case"}

    assert problem(w.alice.api.get("/api/v1/nowhere", headers=said), 404)["request_id"] == (
        "a3f1c2d4-support-case"
    )


def test_another_host_name_is_refused(w: World) -> None:
    response = w.alice.api.get("/api/v1/me", headers={"host": "elsewhere.example"})

    problem(response, 400)
    assert "elsewhere.example" not in response.content.decode()


# --- A browser's session


def test_a_browser_session_writes_with_its_csrf_token_alone(things: Things) -> None:
    api = Api()
    api.handler.enforce_csrf_checks = True
    api.force_login(User.objects.get(pk=things.w.alice.user_id))
    assert api.get("/api/v1/clients").status_code == 200

    with nothing_written(things.w):
        answers = [
            (str(one), send(replace(one, person="alice"), things, api=api))
            for one in OPERATIONS
            if one.method != "GET" and one.route != "tokens" and one.person == "alice"
        ]

    assert len(answers) > 8
    assert not_refused(answers, 403) == []


# --- Addresses


@pytest.mark.parametrize("operation", WITH_KEY, ids=str)
def test_what_is_no_id_is_nowhere(things: Things, operation: Operation) -> None:
    right = things.ids[operation.resource]
    with nothing_written(things.w):
        answers = [
            (key[:40], send(operation, things, path=PREFIX + operation.route.replace(KEY, key)))
            for key in (
                "1",
                "null",
                "undefined",
                "-1",
                right[:-1],
                right + "0",
                right.upper() if right.upper() != right else "A" * 36,
                right.replace("-", ""),
                "{" + right + "}",
                right + "%0a",
                right + "%00",
                "%00",
                "%ff%fe",
                "%F0%9F%92%A5",
                "'%20OR%201=1",
                "..",
                "%2e%2e%2f",
                right + "/..",
                right + ".json",
                right + ";x=1",
                "x" * 5000,
            )
        ]

    assert not_refused(answers, 404) == []


@pytest.mark.parametrize("operation", WITH_KEY, ids=str)
def test_an_id_of_nothing_is_nowhere(things: Things, operation: Operation) -> None:
    if operation.method == "PUT":
        return  # there the id is the caller's to choose
    with nothing_written(things.w):
        for key in (str(uuid4()), "00000000-0000-0000-0000-000000000000"):
            path = PREFIX + operation.route.replace(KEY, key)
            problem(send(operation, things, path=path), 404, "not_found")


@every_operation
def test_an_address_ends_without_a_slash(things: Things, operation: Operation) -> None:
    path = operation.path(things)
    with nothing_written(things.w):
        answers = [
            (other, send(operation, things, path=other))
            for other in (path + "/", path + "//", path.replace("/v1/", "/v1//"), path + ".json")
        ]

    assert not_refused(answers, 404) == []


@pytest.mark.parametrize("route", router())
def test_another_method_is_refused_with_those_that_are_there(things: Things, route: str) -> None:
    methods = router()[route]
    asked = Operation("GET", route)
    with nothing_written(things.w):
        for method in {*METHODS, "TRACE", "PROPFIND", "get"} - methods:
            response = asked.api(things).generic(
                method, asked.path(things), b'{"full_name": "Wren"}', content_type="application/json"
            )
            problem(response, 405, "method_not_allowed")
            allowed = {one.strip() for one in response["Allow"].split(",")}
            assert allowed - {"HEAD", "OPTIONS"} == methods
            assert method not in allowed


@pytest.mark.parametrize("route", router())
def test_what_is_said_to_be_allowed_is(things: Things, route: str) -> None:
    asked = Operation("GET", route)
    response = asked.api(things).generic("PROPFIND", asked.path(things))
    allowed = {one.strip() for one in response["Allow"].split(",")}

    for method in allowed & {"HEAD", "OPTIONS"}:
        answer = asked.api(things).generic(method, asked.path(things))
        assert answer.status_code < 300, (method, answer.status_code)


# --- Questions


@every_operation
def test_a_parameter_that_nobody_declared_is_refused(things: Things, operation: Operation) -> None:
    if operation.route in DOCUMENTS:
        return  # about nobody; they take what their library takes
    with nothing_written(things.w):
        answers = [
            (query, send(operation, things, query=query))
            for query in ("?nonsense=1", "?clinic=1", "?format=json", "?Limit=5", "?x[]=1", "?%00=1")
        ]

    assert not_refused(answers, 400) == []
    assert answers[0][1].json()["errors"][0]["pointer"] == "/nonsense"


@every_list
def test_a_limit_is_a_whole_number_from_1_to_200(things: Things, operation: Operation) -> None:
    answers = [
        (limit, send(operation, things, query=f"?limit={limit}"))
        for limit in (
            "0",
            "-1",
            "201",
            "abc",
            "",
            "1.5",
            "1e2",
            "+5",
            "%205",
            "0x10",
            "1_0",
            "%00",
            "5%00",
            "null",
            "9" * 5000,
            "2000000000000000",
            quote("\u0663"),
            quote("\u00b2"),
            quote("\uff15"),
        )
    ]

    assert not_refused(answers, 400) == []
    assert {one.json()["errors"][0]["pointer"] for _, one in answers} == {"/limit"}
    for limit in ("1", "200", "007"):
        assert send(operation, things, query=f"?limit={limit}").status_code == 200


def cursor(text: str) -> str:
    return quote(b64encode(text.encode()).decode())


@every_list
def test_what_is_no_cursor_is_refused(things: Things, operation: Operation) -> None:
    answers = [
        (said[:40], send(operation, things, query=f"?cursor={said}"))
        for said in (
            "nonsense",
            "====",
            "%00",
            "%ff",
            quote("\u0663"),
            "x" * 10_000,
            cursor("p=nonsense"),
            cursor("p="),
            cursor("p=1"),
            cursor("p=2026-01-01"),
            cursor("p=' OR 1=1 --"),
            cursor("p=\0"),
            cursor("o=-1"),
            cursor("o=x"),
            cursor("o=9" * 1000),
            cursor("p=" + "f" * 5000),
        )
    ]

    assert not_refused(answers, 400) == []
    assert {one.json()["errors"][0]["pointer"] for _, one in answers} == {"/cursor"}


def filters(operation: Operation) -> list[str]:
    said = document()["paths"][PREFIX + operation.route]["get"].get("parameters", [])
    return [one["name"] for one in said if one["in"] == "query" and one["name"] not in ("cursor", "limit")]


@every_list
def test_whatever_a_filter_is_asked_is_no_failure(things: Things, operation: Operation) -> None:
    for name in filters(operation):
        for value in (
            "x",
            "1",
            "-1",
            "null",
            "%00",
            "a%00b",
            "%ff%fe",
            "'",
            "x" * 5000,
            "9" * 5000,
            "1e999",
            "NaN",
            quote("\u202e\U0010ffff"),
            "0001-01-01",
            "9999-12-31",
            "0001-01-01T00:00:00%2B23:59",
            "9999-12-31T23:59:59-23:59",
            "9999-W52",
            "0001-W01",
            "00000000-0000-0000-0000-000000000000",
            "[]",
            "{}",
        ):
            response = send(operation, things, query=f"?{name}={value}")
            assert response.status_code in (200, 400), (name, value[:40], response.status_code)
            if response.status_code == 400:
                problem(response, 400, at=f"/{name}")


@every_list
def test_a_filter_without_a_value_is_refused_and_not_ignored(
    things: Things, operation: Operation
) -> None:
    # `?client=$CLIENT` with the variable unset would show everybody's.
    answers = [
        (name, send(operation, things, query=f"?{name}=")) for name in filters(operation)
    ]

    assert not_refused(answers, 400) == []


# --- Somebody half there


def test_a_client_without_a_record_records_nothing_and_gets_no_failure(things: Things) -> None:
    w = things.w
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(user=None)

    with nothing_written(w):
        answers = [
            (
                str(operation),
                operation.api(things).generic(
                    operation.method,
                    operation.path(things),
                    b"{}" if operation.body is None else json.dumps(operation.body(things)).encode(),
                    content_type="application/json",
                ),
            )
            for operation in (replace(one, person="carol") for one in OPERATIONS)
            if operation.resource in ("entries", "assignments", "summaries", "clients")
        ]

    assert [(name, one.status_code) for name, one in answers if one.status_code >= 500] == []
    assert "Quill" not in str([one.content for _, one in answers])


def test_a_client_who_was_given_an_exercise_may_still_begin_with_the_plain_ones(
    things: Things,
) -> None:
    response = things.w.carol.api.put(
        f"/api/v1/entries/{uuid4()}", {"status": "done", "exercise": things.ids["exercises"]}
    )

    assert response.status_code == 201
