"""A row of every tenant model in both clinics, and raw ways at them, for tests that hold for all."""

import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, connections, models, transaction

from clinic.models import IdempotencyKey, Job
from clinic.tenancy.base import TenantModel, new_id
from clinic.tenancy.scope import acting_as
from exercises.codes import ShareLevel
from sessions.models import Summary
from sessions.models.summary import SummaryKind
from tests.world import Person, World

MONDAY = datetime.date(2026, 5, 11)

CANARY = "marmalade-lighthouse"
"""What people of both clinics write everywhere here: no such word belongs where it is not read."""


def tenant_models() -> list[type[TenantModel]]:
    """Every model whose rows belong to a clinic, from the registry."""
    return [model for model in apps.get_models() if issubclass(model, TenantModel)]


def references(model: type[models.Model]) -> list["models.ForeignKey[Any, Any]"]:
    """The fields by which a tenant model points at another (or the same) tenant model."""
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
        and isinstance(field.related_model, type)  # in a test's own registry it may stay a name
        and issubclass(field.related_model, TenantModel)
    ]


def fill(w: World) -> None:
    """Give both clinics a row of every tenant model. A test sees to it that none is missing."""
    _fill_one(w, w.alice, w.carol)
    _fill_one(w, w.charlie, w.dora)


def _fill_one(w: World, therapist: Person, client: Person) -> None:
    assignment = w.assignment(
        by=therapist, client=client.actor.client_id, reason=CANARY, plan_b=CANARY
    )
    w.entry(
        by=client,
        assignment=assignment,
        note=CANARY,
        distress_after=9,
        helpful=7,
        share_level=ShareLevel.SHARED,
    )
    with acting_as(therapist.actor):
        clinic_id = therapist.actor.clinic_id
        membership_id = therapist.actor.membership_id
        Job.objects.create(
            clinic_id=clinic_id, kind="summaries.write", requested_by_id=membership_id
        )
        IdempotencyKey.objects.create(
            clinic_id=clinic_id,
            membership_id=membership_id,
            key_digest=b"k" * 32,
            request_digest=b"r" * 32,
        )
        for kind in (SummaryKind.CLIENT_WEEK, SummaryKind.THERAPIST_WEEK):
            Summary.objects.create(
                clinic_id=clinic_id,
                client_id=client.actor.client_id,
                kind=kind,
                period_start=MONDAY,
                period_end=MONDAY + datetime.timedelta(days=6),
                time_zone="Europe/London",
                language="en",
                composer="1",
                body={
                    "paragraphs": [{"text": CANARY, "sources": [], "quotes": False}],
                    "figures": [],
                },
            )


def ids_of(model: type[models.Model], clinic_id: UUID, alias: str = "owner") -> set[UUID]:
    """The ids of a clinic's rows, as the owner sees them past every wall."""
    rows = model._default_manager.using(alias).filter(clinic_id=clinic_id)
    return set(rows.values_list("pk", flat=True))


def raw_row(model: type[models.Model], clinic_id: UUID) -> dict[str, Any]:
    """One row of a clinic as it stands in the table, column by column, as the owner sees it."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            f'SELECT * FROM "{model._meta.db_table}" WHERE clinic_id = %s ORDER BY id LIMIT 1',
            [clinic_id],
        )
        names = [column.name for column in cursor.description]
        found = cursor.fetchone()
    assert found is not None, f"fill() makes no {model.__name__}"
    return dict(zip(names, map(adapted, found), strict=True))


def adapted(value: Any) -> Any:
    """A value as the driver takes it back: what came out of a jsonb column goes in as text again."""
    from psycopg2.extras import Json

    return Json(value) if isinstance(value, dict) else value


def insert(model: type[models.Model], row: dict[str, Any], alias: str = "default") -> None:
    """Insert a row past the ORM, with a fresh id."""
    row = {**row, "id": new_id()}
    columns = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(["%s"] * len(row))
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places})',
            list(row.values()),
        )


def in_context() -> bool:
    """Whether PostgreSQL takes this connection to be in any clinic now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kindwork.context_clinic() IS NOT NULL")
        return bool(cursor.fetchone()[0])
