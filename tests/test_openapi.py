"""The OpenAPI document and its page: valid, complete, true, and readable offline."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.operations import (
    IN_JSON,
    KEY,
    OPERATIONS,
    PREFIX,
    WITH_BODY,
    WITHOUT_TOKEN,
    Operation,
    Things,
    one_of_each,
    send,
)
from tests.world import Api, World

SCHEMA = "/api/v1/schema"
DOCS = "/api/v1/docs"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


@pytest.fixture
def things(w: World) -> Things:
    return one_of_each(w)


def operation_of(document: dict[str, Any], operation: Operation) -> dict[str, Any]:
    path = PREFIX + operation.route.replace(KEY, "{id}")
    found: dict[str, Any] = document["paths"][path][operation.method.lower()]
    return found


def parameters(said: dict[str, Any], place: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in said.get("parameters", []) if one["in"] == place}


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the document with what its references point at."""
    return {**schema, "components": document["components"]}


def faults(schema: dict[str, Any], value: object) -> list[str]:
    """Where a value is not as a schema says."""
    return [f"{one.json_path}: {one.message}" for one in OAS31Validator(schema).iter_errors(value)]


# --- The document


def test_the_document_is_one(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()

    assert document["openapi"].startswith("3.1.")


def test_anyone_may_read_it(db: None, anonymous: Api, document: dict[str, Any]) -> None:
    response = anonymous.get(SCHEMA)

    assert response.status_code == 200
    assert "json" in response["Content-Type"]
    assert response.json() == document


def test_making_it_raises_no_warning() -> None:
    GENERATOR_STATS.reset()
    try:
        SchemaGenerator().get_schema(request=None, public=True)
        assert dict(GENERATOR_STATS._warn_cache) == {}
        assert dict(GENERATOR_STATS._error_cache) == {}
    finally:
        GENERATOR_STATS.reset()


def test_it_has_every_operation_of_the_router_and_no_other(document: dict[str, Any]) -> None:
    said = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }

    assert said == {
        (one.method, PREFIX + one.route.replace(KEY, "{id}"))
        for one in OPERATIONS
        if one in IN_JSON
    }


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation_of(document, one)["operationId"] for one in IN_JSON]

    assert len(set(names)) == len(names) == len(IN_JSON)


@pytest.mark.parametrize("operation", IN_JSON, ids=str)
def test_an_operation_says_how_it_may_be_refused(
    document: dict[str, Any], operation: Operation
) -> None:
    responses = operation_of(document, operation)["responses"]
    expected = {"400", "401", "403", "404", "405", "406"}
    if operation.body:
        expected |= {"413", "415"}
    if operation.needs_etag:
        expected |= {"412", "428"}
    if operation.method == "POST" and operation.body and operation.route != "tokens":
        expected |= {"422"}

    assert expected <= set(responses)
    for status in expected:
        assert responses[status]["description"]
        assert responses[status]["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_an_operation_names_the_headers_that_it_reads(
    document: dict[str, Any], operation: Operation
) -> None:
    headers = parameters(operation_of(document, operation), "header")
    creates = operation.method == "POST" and operation.route != "tokens"

    assert ("If-Match" in headers) == operation.needs_etag
    assert not operation.needs_etag or headers["If-Match"]["required"]
    assert ("Idempotency-Key" in headers) == creates
    assert not creates or not headers["Idempotency-Key"].get("required")


def test_everything_but_signing_in_asks_for_a_bearer_token(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")

    for operation in IN_JSON:
        said = operation_of(document, operation).get("security", [])
        if (operation.method, operation.route) in WITHOUT_TOKEN:
            assert said in ([], [{}])
        else:
            assert said == [{"bearer": []}], str(operation)


def test_a_limit_is_documented_with_its_bounds(document: dict[str, Any]) -> None:
    for operation in IN_JSON:
        query = parameters(operation_of(document, operation), "query")
        if "limit" in query:
            assert "1 to 200" in query["limit"]["description"]


def test_no_field_of_a_request_is_one_that_cannot_be_written(document: dict[str, Any]) -> None:
    for operation in WITH_BODY:
        content = operation_of(document, operation)["requestBody"]["content"]
        assert set(content) == {"application/json"}
        name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        fields = document["components"]["schemas"][name]["properties"]
        assert fields
        assert not [one for one, schema in fields.items() if schema.get("readOnly")]


def test_the_document_names_nobody_and_no_secret(document: dict[str, Any]) -> None:
    text = str(document)

    assert not re.search(r"kw_[0-9a-f]{8}", text)
    assert "@" not in text


# --- Whether it is true


@pytest.mark.parametrize("operation", IN_JSON, ids=str)
def test_an_answer_is_as_the_document_says(
    things: Things, document: dict[str, Any], operation: Operation
) -> None:
    response = send(operation, things)

    said = operation_of(document, operation)["responses"][str(response.status_code)]
    if response.status_code == 204:
        assert "content" not in said
        assert response.content == b""
        return
    schema = resolved(document, said["content"]["application/json"]["schema"])
    assert faults(schema, response.json()) == []


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_right_request_is_as_the_document_says(
    things: Things, document: dict[str, Any], operation: Operation
) -> None:
    assert operation.body is not None
    said = operation_of(document, operation)["requestBody"]["content"]["application/json"]

    assert faults(resolved(document, said["schema"]), operation.body(things)) == []


@pytest.mark.parametrize("operation", IN_JSON, ids=str)
def test_no_answer_has_a_field_that_the_document_does_not_name(
    things: Things, document: dict[str, Any], operation: Operation
) -> None:
    response = send(operation, things)
    if response.status_code == 204:
        return
    said = operation_of(document, operation)["responses"][str(response.status_code)]
    schema = said["content"]["application/json"]["schema"]
    schemas = document["components"]["schemas"]
    answered = response.json()
    named = schemas[schema["$ref"].rsplit("/", 1)[1]]["properties"]
    assert set(answered) <= set(named)
    for row in answered.get("results", []):
        of_row = schemas[named["results"]["items"]["$ref"].rsplit("/", 1)[1]]["properties"]
        assert set(row) <= set(of_row)


def test_a_refusal_is_as_the_document_says(w: World, document: dict[str, Any]) -> None:
    schema = resolved(document, document["components"]["schemas"]["Problem"])

    for response in (
        Api().get("/api/v1/me"),
        w.alice.api.get("/api/v1/nowhere"),
        w.alice.api.delete("/api/v1/me"),
        w.alice.api.post("/api/v1/clients", {}),
        w.carol.api.post("/api/v1/clients", {"full_name": "Wren"}),
    ):
        assert faults(schema, response.json()) == []


# --- The page


class Page(HTMLParser):
    """What a page loads, and what it carries inline."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.events: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self._inside = tag if tag in ("script", "style") else ""
        if tag in ("script", "link", "img", "iframe"):
            self.loads += [one for name in ("src", "href") if (one := said.get(name))]
        self.events += [name for name in said if name.startswith("on") or name == "style"]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside and data.strip():
            self.inline.append(data)


@pytest.fixture
def page(db: None, anonymous: Api) -> Any:
    response = anonymous.get(DOCS)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/html")
    return response


def test_the_page_carries_no_script_and_no_style_of_its_own(page: Any) -> None:
    found = Page(page.content.decode())

    assert found.loads
    assert found.inline == []
    assert found.events == []


def test_the_page_comes_with_the_strict_policy(page: Any) -> None:
    policy = {
        part.split()[0]: part.split()[1:]
        for part in page["Content-Security-Policy"].split(";")
        if part.strip()
    }

    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'"]
    assert policy["style-src"] == ["'self'"]
    assert policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in page["Content-Security-Policy"]


def test_the_page_loads_everything_from_here(page: Any, anonymous: Api) -> None:
    for address in Page(page.content.decode()).loads:
        assert address.startswith("/")
        assert not address.startswith("//")
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/"))
        else:
            assert anonymous.get(address).status_code == 200


def test_the_pages_script_reads_the_document_from_here(page: Any, anonymous: Api) -> None:
    [address] = [one for one in Page(page.content.decode()).loads if one.startswith(DOCS)]

    script = anonymous.get(address)

    assert "javascript" in script["Content-Type"]
    assert f'"{SCHEMA}"' in script.content.decode()
    assert "http://" not in script.content.decode()
    assert "https://" not in script.content.decode()


def test_the_page_tells_nothing_of_whoever_reads_it(w: World) -> None:
    shown = w.alice.api.get(DOCS).content.decode()

    assert "Alice" not in shown
    assert "Carol" not in shown
    assert w.alice.token not in shown


def test_every_answer_points_to_the_document(w: World) -> None:
    for response in (
        w.alice.api.get("/api/v1/me"),
        w.alice.api.get("/api/v1/clients"),
        Api().get("/api/v1/me"),
        Api().get("/api/v1/nowhere"),
    ):
        assert f'<{SCHEMA}>; rel="service-desc"' in response["Link"]
