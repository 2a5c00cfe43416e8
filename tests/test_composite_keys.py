"""Keys between tables: no row of one clinic refers to, or makes itself known to, another clinic."""

import re
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, models, transaction

from clinic.models import CareTeamMember, Client, Clinic, DataKey, Job
from clinic.models.data_key import keys_before_their_clients
from clinic.tenancy.base import TenantModel, new_id
from clinic.tenancy.constraints import SameClinic
from clinic.tenancy.scope import acting_as
from exercises.models import Assignment, Entry, Exercise
from sessions.models import Summary
from tests.every_model import fill, ids_of, insert, raw_row, references, tenant_models
from tests.world import World

EVERY_ROLE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "backup"])
OWNER = pytest.mark.django_db(databases=["default", "owner"])

COUNTED = {"number": 30_000}
"""Columns that are unique beside a reference: a row for a test takes one that is free."""


@dataclass(frozen=True)
class Reference:
    """A foreign key from one tenant table to another."""

    model: type[TenantModel]
    field: "models.ForeignKey[Any, Any]"

    @property
    def target(self) -> type[TenantModel]:
        return self.field.related_model  # type: ignore[return-value]

    @property
    def constraint(self) -> str:
        """The name of the constraint that holds it to one clinic."""
        names = [
            one.name
            for one in self.model._meta.constraints
            if isinstance(one, SameClinic) and one.field == self.field.name
        ]
        return names[0]

    def __str__(self) -> str:
        return f"{self.model.__name__}.{self.field.name}"


REFERENCES = [Reference(model, field) for model in tenant_models() for field in references(model)]


def constraint_of(error: DatabaseError) -> str:
    return str(error.__cause__.diag.constraint_name)  # type: ignore[union-attr]


def pointing(reference: Reference, clinic_id: UUID, target_id: UUID) -> None:
    """Insert, as the owner, a copy of a clinic's row that points at a target."""
    row = raw_row(reference.model, clinic_id)
    row |= {name: value for name, value in COUNTED.items() if name in row}
    for name, value in _fresh(reference.model).items():
        row[name] = value
    insert(reference.model, {**row, reference.field.column: target_id}, "owner")


def _fresh(model: type[models.Model]) -> dict[str, Any]:
    """Values that keep a copy of a row from clashing with the row itself."""
    return {
        "ApiToken": {"digest": secrets.token_hex(64)},
        "IdempotencyKey": {"key_digest": secrets.token_bytes(32)},
        "Exercise": {"catalogue_id": ""},
        "Entry": {"client_uuid": new_id()},
        "Summary": {"period_start": "2026-01-05", "period_end": "2026-02-01"},
    }.get(model.__name__, {})


@EVERY_ROLE
def test_no_reference_reaches_a_row_of_another_clinic(w: World) -> None:
    fill(w)
    assert len(REFERENCES) >= 16
    for reference in REFERENCES:
        for clinic, other in ((w.clinic, w.elsewhere), (w.elsewhere, w.clinic)):
            theirs = min(ids_of(reference.target, other.pk))
            with pytest.raises(IntegrityError) as refused:
                pointing(reference, clinic.pk, theirs)
            assert constraint_of(refused.value) == reference.constraint, str(reference)


@EVERY_ROLE
def test_a_reference_to_nobody_is_refused_by_the_same_key(w: World) -> None:
    fill(w)
    for reference in REFERENCES:
        with pytest.raises(IntegrityError) as refused:
            pointing(reference, w.clinic.pk, new_id())
        assert constraint_of(refused.value) == reference.constraint, str(reference)


@EVERY_ROLE
def test_the_serving_role_cannot_turn_a_row_towards_another_clinic(w: World) -> None:
    fill(w)
    for reference in REFERENCES:
        theirs = min(ids_of(reference.target, w.elsewhere.pk))
        row = raw_row(reference.model, w.clinic.pk)
        with pytest.raises(DatabaseError) as refused, acting_as(w.alice.actor):
            with connection.cursor() as cursor:
                cursor.execute(
                    f'UPDATE "{reference.model._meta.db_table}" '
                    f'SET "{reference.field.column}" = %s WHERE id = %s',
                    [theirs, row["id"]],
                )
        assert refused.value.__cause__.pgcode in ("23503", "42501"), str(reference)  # type: ignore[union-attr]


@EVERY_ROLE
def test_without_its_key_each_reference_would_reach_across(w: World) -> None:
    """What makes the tests above able to fail: the one constraint gone, the row is taken."""
    fill(w)
    for reference in REFERENCES:
        theirs = min(ids_of(reference.target, w.elsewhere.pk))
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            table = reference.model._meta.db_table
            cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT "{reference.constraint}"')
            if reference.model is Entry and reference.field.name in ("client", "assignment"):
                cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT entry_assignment_of_client')
            pointing(reference, w.clinic.pk, theirs)
            transaction.set_rollback(True, using="owner")


@EVERY_ROLE
def test_an_entry_is_not_for_another_clients_assignment(w: World) -> None:
    """Both are Alice's clinic's: this key has three columns."""
    entry, own = w.entry(), w.assignment(by=w.alice)
    eves = w.assignment(by=w.bob, client=w.eve.actor.client_id)
    with acting_as(w.alice.actor):
        Entry.objects.filter(pk=entry.pk).update(assignment=own)
    with pytest.raises(IntegrityError) as refused, acting_as(w.alice.actor):
        Entry.objects.filter(pk=entry.pk).update(assignment=eves)
    assert constraint_of(refused.value) == "entry_assignment_of_client"


@EVERY_ROLE
def test_an_entry_with_an_assignment_does_not_move_to_another_client(w: World) -> None:
    entry = w.entry(assignment=w.assignment())
    with pytest.raises(IntegrityError) as refused, acting_as(w.alice.actor):
        Entry.objects.filter(pk=entry.pk).update(client=w.eve.actor.client_id)
    assert constraint_of(refused.value) == "entry_assignment_of_client"


@EVERY_ROLE
def test_an_assignment_with_entries_does_not_move_to_another_client(w: World) -> None:
    assignment = w.assignment()
    w.entry(assignment=assignment)
    with pytest.raises(IntegrityError), acting_as(w.alice.actor):
        Assignment.objects.filter(pk=assignment.pk).update(client=w.eve.actor.client_id)


@EVERY_ROLE
def test_a_row_that_is_referred_to_is_not_deleted_in_sql(w: World) -> None:
    w.entry(assignment=w.assignment())
    with pytest.raises(IntegrityError), acting_as(w.alice.actor):
        Assignment.objects.all()._raw_delete("default")


@EVERY_ROLE
def test_a_wrong_reference_is_told_at_once_and_not_at_commit(w: World) -> None:
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        with pytest.raises(IntegrityError), transaction.atomic():
            CareTeamMember.objects.update(client=w.dora.actor.client_id)
        assert CareTeamMember.objects.count() == 2  # the transaction goes on


def _write_key_of(w: World, client_id: UUID) -> None:
    key = DataKey.fresh(clinic_id=w.clinic.pk, client_id=client_id, purpose="care")
    key.save(force_insert=True)


@EVERY_ROLE
def test_a_key_without_its_client_is_refused_at_once(w: World) -> None:
    with pytest.raises(IntegrityError) as refused, acting_as(w.alice.actor):
        _write_key_of(w, new_id())
    assert constraint_of(refused.value) == "data_key_client"


@EVERY_ROLE
@pytest.mark.parametrize("whose", ["nobody's", "another clinic's"])
def test_a_key_that_may_be_written_first_needs_its_client_when_the_block_ends(
    w: World, whose: str
) -> None:
    client_id = new_id() if whose == "nobody's" else w.dora.actor.client_id
    assert client_id is not None
    reached: list[str] = []

    def block() -> None:
        with acting_as(w.alice.actor):
            with keys_before_their_clients():
                _write_key_of(w, client_id)
                reached.append("the end of the block")
            reached.append("what comes after it")

    with pytest.raises(IntegrityError) as refused:
        block()
    assert reached == ["the end of the block"]
    assert constraint_of(refused.value) == "data_key_client"


@EVERY_ROLE
def test_after_the_block_a_key_needs_its_client_at_once_again(w: World) -> None:
    with acting_as(w.alice.actor):
        with keys_before_their_clients():
            pass
        with pytest.raises(IntegrityError), transaction.atomic():
            _write_key_of(w, new_id())


@EVERY_ROLE
def test_a_key_deferred_by_hand_needs_its_client_at_commit(w: World) -> None:
    reached: list[str] = []

    def defer() -> None:
        with acting_as(w.alice.actor):
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS data_key_client DEFERRED")
            _write_key_of(w, new_id())
            reached.append("the end")

    before = ids_of(DataKey, w.clinic.pk)
    with pytest.raises(IntegrityError):
        defer()
    assert reached == ["the end"]
    assert ids_of(DataKey, w.clinic.pk) == before


def postponed_keys(cursor: Any) -> set[str]:
    """Foreign keys between tenant tables that are not checked at the end of their statement."""
    cursor.execute(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confrelid <> 0 "
        "AND array_length(conkey, 1) > 1 AND (condeferrable OR condeferred)"
    )
    return {name for (name,) in cursor}


@OWNER
def test_one_key_can_be_deferred_and_none_is() -> None:
    with connections["owner"].cursor() as cursor:
        assert postponed_keys(cursor) == {"data_key_client"}
        cursor.execute(
            "SELECT count(*) FROM pg_constraint WHERE condeferred AND contype = 'f' "
            "AND array_length(conkey, 1) > 1"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute("ALTER TABLE clinic_job ALTER CONSTRAINT job_requested_by DEFERRABLE")
        assert postponed_keys(cursor) == {"data_key_client", "job_requested_by"}


def loose_columns(cursor: Any) -> list[str]:
    """Tenant tables whose clinic may be NULL: a composite key is not checked then (MATCH SIMPLE)."""
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE a.attname = 'clinic_id' AND NOT a.attnotnull AND c.relkind = 'r' "
        "AND c.relname = ANY(%s)",
        [[model._meta.db_table for model in tenant_models()]],
    )
    return [name for (name,) in cursor]


@OWNER
def test_no_tenant_row_is_without_a_clinic() -> None:
    with connections["owner"].cursor() as cursor:
        assert loose_columns(cursor) == []
        cursor.execute("ALTER TABLE clinic_job ALTER COLUMN clinic_id DROP NOT NULL")
        assert loose_columns(cursor) == ["clinic_job"]


UNIQUE_EVERYWHERE = {
    "clinic_apitoken_digest_key": "512 bits of digest: no clinic can hit upon another's",
}


def unique_across_clinics(cursor: Any) -> list[str]:
    """Unique indexes of tenant tables, primary keys aside, that tell one clinic of another."""
    cursor.execute(
        "SELECT x.relname, pg_get_indexdef(x.oid) FROM pg_index i "
        "JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
        "WHERE i.indisunique AND NOT i.indisprimary AND t.relname = ANY(%s)",
        [[model._meta.db_table for model in tenant_models()]],
    )
    return [
        name
        for name, definition in cursor
        if not re.search(r"\(clinic_id\b", definition) and name not in UNIQUE_EVERYWHERE
    ]


@OWNER
def test_uniqueness_holds_within_a_clinic_and_tells_nothing_of_another() -> None:
    with connections["owner"].cursor() as cursor:
        assert unique_across_clinics(cursor) == []
        cursor.execute("CREATE UNIQUE INDEX told ON clinic_crisisresource (phone, id)")
        assert unique_across_clinics(cursor) == ["told"]


@EVERY_ROLE
def test_two_clinics_may_have_the_same(w: World) -> None:
    """The same person, the same exercise, the same week, the same device's id: in both clinics."""
    with acting_as(w.alice.actor):
        ours = set(Exercise.objects.values_list("catalogue_id", flat=True))
    with acting_as(w.charlie.actor):
        assert set(Exercise.objects.values_list("catalogue_id", flat=True)) == ours
        Client.objects.filter(pk=w.dora.actor.client_id).update(user=w.carol.user_id)
    own, theirs = w.entry(), w.entry(by=w.dora)
    with acting_as(w.charlie.actor):
        Entry.objects.filter(pk=theirs.pk).update(client_uuid=own.client_uuid)
    with acting_as(w.alice.actor):
        assert Client.objects.get(user=w.carol.user_id).pk == w.carol.actor.client_id


@EVERY_ROLE
def test_in_one_clinic_there_is_one_of_each(w: World) -> None:
    fill(w)
    with acting_as(w.alice.actor):
        for model, values in (
            (Summary, {"kind": "client_week"}),
            (Client, {"user": w.carol.user_id}),
            (Exercise, {"catalogue_id": "safe_place"}),
        ):
            assert model._default_manager.count() > 1
            with pytest.raises(IntegrityError), transaction.atomic():
                model._default_manager.update(**values)


@EVERY_ROLE
def test_a_clinic_with_rows_is_not_deleted_under_them(w: World) -> None:
    with pytest.raises(IntegrityError):
        Clinic.objects.filter(pk=w.elsewhere.pk)._raw_delete("default")
    assert ids_of(Client, w.elsewhere.pk)
    assert Job.objects.count() == 0
