"""What every refusal of the API has in common, and whether it left anything behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection

from clinic.tenancy.scope import acting_as
from tests.world import World

_FIELDS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def problem(response: Any, status: int, code: str | None = None, *, at: str | None = None) -> Any:
    """Hold a response to the shape of a refusal, and return its body.

    Args:
        at: the JSON pointer of the one field at fault; `code` is that field's then.
    """
    assert response.status_code == status, (response.status_code, response.content[:500])
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= _FIELDS
    assert body["status"] == status
    assert body["type"].endswith(f":{body['code'].replace('_', '-')}")
    assert body["detail"]
    assert body["instance"] == response.wsgi_request.path
    assert body["request_id"] == response["X-Request-Id"]
    if at is not None:
        assert {error["pointer"] for error in body["errors"]} == {at}, body["errors"]
        assert code is None or body["errors"][0]["code"] == code, body["errors"]
    elif code is not None:
        assert body["code"] == code, body
    return body


def without_id(response: Any) -> dict[str, Any]:
    """A refusal's status and body, but for what differs from request to request."""
    body = response.json()
    return {
        "http": response.status_code,
        **{name: value for name, value in body.items() if name not in ("request_id", "instance")},
    }


def contents(w: World) -> dict[tuple[UUID, str], str]:
    """A digest of every table's rows, as each of the two clinics sees them."""
    tables = [model._meta.db_table for model in apps.get_models()]
    digests = " UNION ALL ".join(
        f"SELECT '{table}', md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) "
        f'FROM "{table}" t'
        for table in tables
    )
    found = {}
    for actor in (w.alice.actor, w.charlie.actor):
        with acting_as(actor), connection.cursor() as cursor:
            cursor.execute(digests)
            for table, digest in cursor.fetchall():
                found[actor.clinic_id, table] = digest
    return found


@contextmanager
def nothing_written(w: World) -> Iterator[None]:
    """What happens inside leaves every row of both clinics as it was."""
    before = contents(w)
    yield
    after = contents(w)
    assert {key for key in after if after[key] != before[key]} == set()
