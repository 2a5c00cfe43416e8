"""Whatever is sent to whichever address: a 4xx that says what to do, and nothing written.

The cases are generated: every operation that the router has is tried with everything that
a confused or a hostile program might send. Each is known to work when it is asked rightly, so
that a refusal is for what is wrong with the case.
"""

import functools
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.test import RequestFactory
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS31Validator

from clinic.models import Client, User
from clinic.tenancy.scope import acting_as
from clinic.wsgi import application
from tests.operations import (
    IN_JSON,
    KEY,
    LISTS,
    OPERATIONS,
    PREFIX,
    WITH_BODY,
    WITH_KEY,
    WITHOUT_TOKEN,
    Operation,
    Things,
    one_of_each,
    router,
    send,
)
from tests.refusals import contents, problem
from tests.world import Api, World

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
def things(w: World) -> Things:
    return one_of_each(w)


Answers = Iterable[tuple[str, Any]]


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside has not happened: one operation does not disturb the next."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def refused(response: Any, *statuses: int) -> bool:
    """Whether this is a proper refusal with one of these statuses."""
    if response.status_code not in statuses:
        return False
    problem(response, response.status_code)
    return True


def assert_refused(
    things: Things,
    operations: Iterable[Operation],
    answers: Callable[[Operation], Answers],
    *statuses: int,
) -> None:
    """Try cases on operations: each is refused with one of these statuses, and writes nothing."""
    faults = []
    tried = 0
    for operation in operations:
        with undone():
            before = contents(things.w)
            for case, response in answers(operation):
                tried += 1
                if not refused(response, *statuses):
                    faults.append(f"{operation}: {case[:40]!r}: {response.status_code}")
            if contents(things.w) != before:
                faults.append(f"{operation}: something was written")
    assert tried
    assert not faults, "\n".join(faults)


# --- That all of this means something


def test_every_operation_of_the_router_is_tried_here() -> None:
    tried: dict[str, set[str]] = {}
    for one in OPERATIONS:
        tried.setdefault(one.route, set()).add(one.method)

    assert tried == router()


def test_asked_rightly_every_operation_works(things: Things) -> None:
    answers = {}
    for operation in OPERATIONS:
        with undone():
            answers[str(operation)] = send(operation, things).status_code

    assert [(one, status) for one, status in answers.items() if not 200 <= status < 300] == []


def test_without_a_token_nothing_is_told_or_done(things: Things) -> None:
    closed = [one for one in OPERATIONS if (one.method, one.route) not in WITHOUT_TOKEN]
    challenges = set()

    def anonymously(operation: Operation) -> Answers:
        response = send(operation, things, api=Api())
        challenges.add(response.get("WWW-Authenticate"))
        yield "no token", response

    assert_refused(things, closed, anonymously, 401)
    assert challenges == {'Bearer realm="kindwork"'}


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


def test_what_is_no_json_object_is_refused(things: Things) -> None:
    def no_objects(operation: Operation) -> Answers:
        for name, raw in NOT_AN_OBJECT.items():
            yield name, send(operation, things, raw=raw)

    assert_refused(things, WITH_BODY, no_objects, 400)


def test_a_body_of_300_kilobytes_is_too_large(things: Things) -> None:
    def large(operation: Operation) -> Answers:
        assert operation.body is not None
        right = json.dumps(operation.body(things))
        yield "a field", send(operation, things, raw=json.dumps({"full_name": "x" * 300_000}))
        yield "spaces", send(operation, things, raw=right + " " * 300_000)
        yield "no JSON", send(operation, things, raw="x" * 300_000)

    assert_refused(things, WITH_BODY, large, 413)


def test_a_body_without_a_length_is_refused_and_not_ignored(things: Things) -> None:
    # Django reads nothing of a chunked body: a PATCH would answer 200 and keep the old words.
    def chunked(operation: Operation) -> Answers:
        assert operation.body is not None
        api, path = operation.api(things), operation.path(things)
        etag = api.get(path)["ETag"] if operation.needs_etag else ""
        response = api.generic(
            operation.method,
            path,
            json.dumps(operation.body(things)),
            content_type="application/json",
            headers={"if-match": etag, "transfer-encoding": "chunked"},
            CONTENT_LENGTH="",
        )
        yield "chunked", response

    assert_refused(things, WITH_BODY, chunked, 400, 411)


def test_another_form_than_json_is_refused(things: Things) -> None:
    def other_forms(operation: Operation) -> Answers:
        for form in (
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
        ):
            yield form, send(operation, things, content_type=form)

    assert_refused(things, WITH_BODY, other_forms, 415)


CHARSETS = (
    "utf-16",
    "utf-7",
    "hex",
    "zlib",
    "bz2",
    "rot13",
    "idna",
    "undefined",
    "\u00ff",
    "x" * 5000,
)


def test_a_charset_of_whatever_kind_makes_no_body_readable(things: Things) -> None:
    def odd(operation: Operation) -> Answers:
        for charset in CHARSETS:
            form = f"application/json; charset={charset}"
            yield charset, send(operation, things, raw=b"\xff{}", content_type=form)

    assert_refused(things, WITH_BODY, odd, 400, 415)


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("path", ["/livez", "/api/v1/me"])
def test_a_charset_makes_no_address_unreadable(db: None, path: str, charset: str) -> None:
    # Through the server's own entry: Django decodes the address before any of our code runs.
    statuses: list[str] = []
    environ = RequestFactory()._base_environ(
        PATH_INFO=path, QUERY_STRING="limit=5", CONTENT_TYPE=f"text/plain; charset={charset}"
    )

    application(environ, lambda status, headers, *_: statuses.append(status)).close()

    assert statuses[0][:3] in ("200", "400", "401")


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
    return bool(OAS31Validator({**schema, "components": document()["components"]}).is_valid(value))


def with_raw(operation: Operation, things: Things, names: Iterable[str], raw: str) -> str:
    """A right body, but for some fields, whose value is put in as it stands."""
    assert operation.body is not None
    said = json.dumps({**operation.body(things), **dict.fromkeys(names, "@here@")})
    return said.replace('"@here@"', raw)


UNHOLDABLE = {
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


def test_what_json_or_the_database_cannot_hold_is_refused(things: Things) -> None:
    def unholdable(operation: Operation) -> Answers:
        for name, raw in UNHOLDABLE.items():
            for field in list(fields(operation))[:3]:
                yield (
                    f"{field}: {name}",
                    send(operation, things, raw=with_raw(operation, things, [field], raw)),
                )

    assert_refused(things, WITH_BODY, unholdable, 400)


LONG = "x" * 20_001
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
    LONG,
    [],
    [[]],
    [None],
    ["x"] * 1000,
    {},
    {"a": 1},
    {"id": "01890a5d-ac96-774b-bcce-b302099a8057"},
)


def not_named(response: Any, names: Iterable[str]) -> list[str]:
    """Of these fields, those that a refusal does not name."""
    named = {error["pointer"].strip("/").split("/")[0] for error in response.json()["errors"]}
    return sorted(set(names) - named)


def is_number(value: object) -> bool:
    return isinstance(value, int | float)


def is_text(schema: dict[str, Any]) -> bool:
    """Whether any words may stand in a field, or an id, which is looked up as it is."""
    return allows(schema, "5")


def test_a_value_that_the_document_does_not_allow_is_refused_at_its_field(
    things: Things,
) -> None:
    taken = []

    def disallowed(operation: Operation) -> Answers:
        for value in VALUES:
            wrong = [
                name
                for name, schema in fields(operation).items()
                if not allows(schema, value)
                # A number where a text belongs has a test of its own, below.
                and not (is_number(value) and is_text(schema))
                # Nothing, where nothing may be said.
                and not (value == "" and allows(schema, None))
                # A text too long is one for the fields of texts: 30 of them are too large a body.
                and not (value == LONG and not allows(schema, "x"))
            ]
            if wrong:
                raw = with_raw(operation, things, wrong, json.dumps(value))
                response = send(operation, things, raw=raw)
                yield f"{value!r}", response
                if missing := not_named(response, wrong):
                    taken.append((str(operation), f"{value!r:.40}", missing))

    assert_refused(things, WITH_BODY, disallowed, 400)
    assert not taken, "\n".join(map(str, taken))


def test_a_number_is_no_text(things: Things) -> None:
    taken = []

    def numbers(operation: Operation) -> Answers:
        texts = [
            name
            for name, schema in fields(operation).items()
            if is_text(schema) and schema.get("format") != "uuid"
        ]
        for raw in ("12", "1.5", "1e999"):
            if texts:
                response = send(operation, things, raw=with_raw(operation, things, texts, raw))
                yield raw, response
                if response.status_code == 400 and (missing := not_named(response, texts)):
                    taken.append((str(operation), raw, missing))

    assert_refused(things, WITH_BODY, numbers, 400)
    assert not taken, "\n".join(map(str, taken))


def test_the_edges_of_the_calendar_are_no_failure(things: Things) -> None:
    failures = []
    for operation in WITH_BODY:
        days = [name for name, schema in fields(operation).items() if "date" in str(schema)]
        for name in days:
            for value in (
                "0001-01-01",
                "9999-12-31",
                "10000-01-01",
                "0001-01-01T00:00:00+23:59",
                "9999-12-31T23:59:59-23:59",
                "2026-03-29T01:30:00",
                "\u0662\u0660\u0662\u0666-01-01",
            ):
                with undone():
                    raw = with_raw(operation, things, [name], json.dumps(value))
                    status = send(operation, things, raw=raw).status_code
                    if status >= 500:
                        failures.append((str(operation), name, value, status))

    assert not failures, "\n".join(map(str, failures))


def test_a_field_that_is_not_there_is_refused_by_name(things: Things) -> None:
    names = ("nonsense", "clinic_id", "__class__", "x" * 5000, "a.b", "", "\u202e", "0", "detail")
    told = set()

    def unknown(operation: Operation) -> Answers:
        assert operation.body is not None
        for name in names:
            raw = json.dumps({**operation.body(things), name: 1})
            response = send(operation, things, raw=raw)
            yield name, response
            [error] = response.json()["errors"]
            told.add((name, error["pointer"], error["code"]))

    assert_refused(things, WITH_BODY, unknown, 400)
    assert ("nonsense", "/nonsense", "unknown_field") in told
    assert {code for _, _, code in told} == {"unknown_field"}


# --- Headers


def test_json_is_the_one_form_of_answer(things: Things) -> None:
    def other_forms(operation: Operation) -> Answers:
        for form in ("text/html", "application/xml", "image/*", "nonsense", "a/b/c"):
            yield form, send(operation, things, headers={"accept": form})

    assert_refused(things, IN_JSON, other_forms, 406)


def test_headers_of_whatever_kind_are_no_failure(things: Things) -> None:
    for operation in WITH_BODY:
        for name, value in (
            ("if-match", ","),
            ("if-match", "\u00ff\u00fe"),
            ("if-match", '"' * 10_000),
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
            with undone():
                response = send(operation, things, headers={name: value})
                assert response.status_code < 300 or refused(response, 400, 412), (
                    str(operation),
                    name,
                    response.status_code,
                )


@pytest.mark.parametrize(
    "said", ["", "short", "a b c d e f g h", "x" * 65, "\u00e9" * 10, "a\x01b" * 4]
)
def test_a_request_id_that_is_none_is_replaced(w: World, said: str) -> None:
    body = problem(w.alice.api.get("/api/v1/nowhere", headers={"x-request-id": said}), 404)

    assert body["request_id"] != said
    assert UUID(body["request_id"]).version == 7


def test_a_request_id_that_somebody_brings_is_quoted(w: World) -> None:
    said = "a3f1c2d4-support-case"
    response = w.alice.api.get("/api/v1/nowhere", headers={"x-request-id": said})

    assert problem(response, 404)["request_id"] == said


def test_another_host_name_is_refused(w: World) -> None:
    response = w.alice.api.get("/api/v1/me", headers={"host": "elsewhere.example"})

    problem(response, 400)
    assert "elsewhere.example" not in response.content.decode()


# --- A browser's session


def test_a_browser_session_does_not_write_without_its_csrf_token(things: Things) -> None:
    api = Api()
    api.handler.enforce_csrf_checks = True
    api.force_login(User.objects.get(pk=things.w.alice.user_id))
    assert api.get("/api/v1/clients").status_code == 200
    writing = [
        one
        for one in OPERATIONS
        if one.method != "GET" and one.route != "tokens" and one.person == "alice"
    ]

    def in_a_session(operation: Operation) -> Answers:
        yield "a session", send(operation, things, api=api)

    assert len(writing) > 8
    assert_refused(things, writing, in_a_session, 403)


# --- Addresses


def test_what_is_no_id_is_nowhere(things: Things) -> None:
    def elsewhere(operation: Operation) -> Answers:
        right = things.ids[operation.resource]
        for key in (
            "1",
            "null",
            "undefined",
            "-1",
            right[:-1],
            right + "0",
            right.upper(),
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
            right + ";x=1",
            "x" * 5000,
        ):
            path = PREFIX + operation.route.replace(KEY, key)
            yield key, send(operation, things, path=path)

    assert_refused(things, WITH_KEY, elsewhere, 404)


def test_an_id_of_nothing_is_nowhere(things: Things) -> None:
    # The id of a PUT is the caller's to choose.
    looked_up = [one for one in WITH_KEY if one.method != "PUT"]

    def missing(operation: Operation) -> Answers:
        for key in (str(uuid4()), "00000000-0000-0000-0000-000000000000"):
            path = PREFIX + operation.route.replace(KEY, key)
            yield key, send(operation, things, path=path)

    assert_refused(things, looked_up, missing, 404)


def test_an_address_has_one_spelling(things: Things) -> None:
    def otherwise(operation: Operation) -> Answers:
        path = operation.path(things)
        for other in (path + "/", path + "//", path.replace("/v1/", "/v1//"), path + ".json"):
            yield other, send(operation, things, path=other)

    assert_refused(things, OPERATIONS, otherwise, 404)


def test_another_method_is_refused_with_those_that_are_there(things: Things) -> None:
    wrong = []

    def other_methods(operation: Operation) -> Answers:
        there = router()[operation.route]
        for method in sorted({*METHODS, "TRACE", "PROPFIND"} - there):
            response = operation.api(things).generic(
                method, operation.path(things), b"{}", content_type="application/json"
            )
            yield method, response
            allowed = {one.strip() for one in response["Allow"].split(",")}
            if allowed - {"HEAD", "OPTIONS"} != there:
                wrong.append((operation.route, method, response["Allow"]))

    routes = [Operation("GET", route) for route in router()]
    assert_refused(things, routes, other_methods, 405)
    assert not wrong, "\n".join(map(str, wrong))


def test_what_is_said_to_be_allowed_is(things: Things) -> None:
    found = {}
    for route in router():
        asked = Operation("GET", route)
        said = asked.api(things).generic("PROPFIND", asked.path(things))["Allow"]
        for method in {one.strip() for one in said.split(",")} & {"HEAD", "OPTIONS"}:
            response = asked.api(things).generic(method, asked.path(things))
            found[method, route] = response.status_code

    assert ("HEAD", "clients") in found
    assert {asked for asked, status in found.items() if status >= 300} == set()


# --- Questions


def test_a_parameter_that_nobody_declared_is_refused(things: Things) -> None:
    def undeclared(operation: Operation) -> Answers:
        for query in ("?nonsense=1", "?clinic=1", "?format=json", "?Limit=5", "?x[]=1", "?%00=1"):
            yield query, send(operation, things, query=query)

    # The two documents, which are about nobody, take what their library takes.
    assert_refused(things, IN_JSON, undeclared, 400)


def test_an_undeclared_parameter_is_named(things: Things) -> None:
    for operation in LISTS:
        response = send(operation, things, query="?nonsense=1")
        problem(response, 400, "unknown_parameter", at="/nonsense")


def test_a_limit_is_a_whole_number_from_1_to_200(things: Things) -> None:
    pointers = set()

    def wrong_limits(operation: Operation) -> Answers:
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
            "00000200000",
            quote("\u0663"),
            quote("\u00b2"),
            quote("\uff15"),
        ):
            response = send(operation, things, query=f"?limit={limit}")
            yield limit, response
            pointers.update(error["pointer"] for error in response.json().get("errors", ()))

    assert_refused(things, LISTS, wrong_limits, 400)
    assert pointers == {"/limit"}
    for operation in LISTS:
        for limit in ("1", "200"):
            assert send(operation, things, query=f"?limit={limit}").status_code == 200


def cursor(text: str) -> str:
    return quote(b64encode(text.encode()).decode())


def test_what_is_no_cursor_is_refused(things: Things) -> None:
    def no_cursors(operation: Operation) -> Answers:
        for said in (
            "",
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
        ):
            yield said, send(operation, things, query=f"?cursor={said}")

    assert_refused(things, LISTS, no_cursors, 400)


def filters(operation: Operation) -> list[str]:
    said = document()["paths"][PREFIX + operation.route]["get"].get("parameters", [])
    return [one["name"] for one in said if one["name"] not in ("cursor", "limit")]


def test_whatever_a_filter_is_asked_is_no_failure(things: Things) -> None:
    failures = []
    for operation in LISTS:
        for name in filters(operation):
            for value in (
                "x",
                "-1",
                "null",
                "%00",
                "a%00b",
                "%ff%fe",
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
            ):
                response = send(operation, things, query=f"?limit=1&{name}={value}")
                if response.status_code == 400:
                    problem(response, 400, at=f"/{name}")
                elif response.status_code != 200:
                    failures.append((str(operation), name, value[:40], response.status_code))

    assert not failures, "\n".join(map(str, failures))


def test_a_filter_without_a_value_is_refused_and_not_ignored(things: Things) -> None:
    # `?client=$CLIENT` with the variable unset would show everybody's.
    def empty(operation: Operation) -> Answers:
        for name in filters(operation):
            yield name, send(operation, things, query=f"?{name}=")

    filtered = [one for one in LISTS if filters(one)]
    assert_refused(things, filtered, empty, 400)


# --- Somebody half there


def test_a_client_without_a_record_gets_no_failure_and_nobodys_words(things: Things) -> None:
    w = things.w
    with acting_as(w.alice.actor):
        Client.objects.filter(pk=w.carol.actor.client_id).update(user=None)

    answers = {}
    for one in IN_JSON:
        operation = replace(one, person="carol", needs_etag=False)
        with undone():
            answers[str(one)] = send(operation, things, headers={"if-match": '"x"'})

    assert [name for name, one in answers.items() if one.status_code >= 500] == []
    assert not any("Quill" in one.content.decode() for one in answers.values())
    assert not any("Soft." in one.content.decode() for one in answers.values())
