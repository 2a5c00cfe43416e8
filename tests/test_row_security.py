"""Row-level security: a forgotten filter, a forgotten context or an error shows nothing of others."""

import os
import re
import subprocess
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, models, transaction
from django.db.models import F, Q

from clinic.embedded.postgres import binaries
from clinic.models import Client, Clinic, Heartbeat, Membership
from clinic.tenancy import context
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import Unchanging
from clinic.tenancy.scope import NoScope, acting_as, current
from tests.every_model import (
    CANARY,
    fill,
    ids_of,
    in_context,
    insert,
    raw_row,
    references,
    tenant_models,
)
from tests.world import Api, World

EVERY_ROLE = pytest.mark.django_db(transaction=True, databases=["default", "owner", "backup"])
OWNER = pytest.mark.django_db(databases=["default", "owner"])
MODELS = tenant_models()


def unchanging(model: type[models.Model]) -> bool:
    return any(isinstance(one, Unchanging) for one in model._meta.constraints)


def refusal(error: DatabaseError) -> str:
    """PostgreSQL's code for a refusal: 42501 is insufficient privilege, row security included."""
    return str(error.__cause__.pgcode)  # type: ignore[union-attr]


@EVERY_ROLE
def test_every_tenant_model_has_rows_in_both_clinics_here(w: World) -> None:
    """Without them the tests below would hold for an empty table."""
    fill(w)
    assert len(MODELS) >= 13
    empty = [
        (model.__name__, clinic.name)
        for model in MODELS
        for clinic in (w.clinic, w.elsewhere)
        if not ids_of(model, clinic.pk)
    ]
    assert empty == []


WAYS: dict[str, Callable[[type[TenantModel]], set[UUID]]] = {
    "all()": lambda model: {row.pk for row in model._default_manager.all()},
    "raw()": lambda model: {
        row.pk for row in model._default_manager.raw(f'SELECT * FROM "{model._meta.db_table}"')
    },
    "values_list()": lambda model: set(model._default_manager.values_list("pk", flat=True)),
    "the base manager": lambda model: {row.pk for row in model._base_manager.iterator()},
    "a filter that is always true": lambda model: {
        row.pk
        for row in model._default_manager.filter(Q(pk__isnull=False) | Q(clinic__isnull=True))
    },
    "joins": lambda model: {
        row.pk
        for row in model._default_manager.select_related(
            *(field.name for field in references(model))
        )
    },
}


@EVERY_ROLE
def test_without_a_context_every_model_shows_nothing(w: World) -> None:
    fill(w)
    for model in MODELS:
        for name, way in WAYS.items():
            assert way(model) == set(), (model, name)
        assert model._default_manager.count() == 0, model
        assert not model._default_manager.exists(), model


@EVERY_ROLE
def test_in_a_context_unfiltered_queries_show_that_clinic_alone(w: World) -> None:
    fill(w)
    for model in MODELS:
        for clinic, person in ((w.clinic, w.alice), (w.elsewhere, w.charlie)):
            theirs = ids_of(model, clinic.pk)
            with acting_as(person.actor):
                for name, way in WAYS.items():
                    assert way(model) == theirs, (model, name)
                assert model._default_manager.count() == len(theirs), model


@EVERY_ROLE
def test_joining_from_a_shared_table_shows_no_other_clinic(w: World) -> None:
    with acting_as(w.alice.actor):
        seen = Clinic.objects.filter(pk=w.elsewhere.pk).aggregate(
            n=models.Count("pk", filter=Q(pk__in=Client.objects.values("clinic_id")))
        )
        people = set(Membership.objects.values_list("user_id", flat=True))
    assert seen == {"n": 0}
    assert w.charlie.user_id not in people


@EVERY_ROLE
def test_without_a_context_every_insert_is_refused(w: World) -> None:
    fill(w)
    for model in MODELS:
        with pytest.raises(DatabaseError, match="row-level security"):
            insert(model, raw_row(model, w.clinic.pk))


@EVERY_ROLE
def test_in_a_context_an_insert_for_another_clinic_is_refused(w: World) -> None:
    fill(w)
    for model in MODELS:
        row = raw_row(model, w.elsewhere.pk)
        with acting_as(w.alice.actor), pytest.raises(DatabaseError, match="row-level security"):
            insert(model, row)


@EVERY_ROLE
def test_an_unfiltered_update_touches_its_own_clinic_alone(w: World) -> None:
    fill(w)
    for model in MODELS:
        ours = ids_of(model, w.clinic.pk)
        with acting_as(w.alice.actor):
            if unchanging(model):
                with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                    model._default_manager.update(clinic_id=F("clinic_id"))
            else:
                touched = model._default_manager.update(clinic_id=F("clinic_id"))
                assert touched == len(ours), model


@EVERY_ROLE
def test_no_row_moves_to_another_clinic(w: World) -> None:
    fill(w)
    for model in MODELS:
        before = ids_of(model, w.elsewhere.pk)
        with pytest.raises(DatabaseError) as refused, acting_as(w.alice.actor):
            model._default_manager.update(clinic_id=w.elsewhere.pk)
        assert refusal(refused.value) == "42501", model
        assert ids_of(model, w.elsewhere.pk) == before


@EVERY_ROLE
def test_a_row_of_another_clinic_is_neither_updated_nor_deleted_nor_locked_by_its_id(
    w: World,
) -> None:
    fill(w)
    for model in MODELS:
        theirs = ids_of(model, w.elsewhere.pk)
        with acting_as(w.alice.actor):
            rows = model._default_manager.filter(pk__in=theirs)
            assert not rows.exists(), model
            if not unchanging(model):
                assert list(rows.select_for_update()) == [], model
                assert rows.update(clinic_id=F("clinic_id")) == 0, model
                assert rows._raw_delete("default") == 0, model
        assert ids_of(model, w.elsewhere.pk) == theirs


@EVERY_ROLE
def test_unfiltered_deletes_leave_the_other_clinic_as_it_was(w: World) -> None:
    fill(w)
    before = {model: ids_of(model, w.elsewhere.pk) for model in MODELS}
    kept: set[type[TenantModel]] = set(MODELS)
    with acting_as(w.alice.actor):
        for _ in MODELS:  # again and again, until nothing refers to what is left
            for model in sorted(kept, key=lambda one: one.__name__):
                try:
                    with transaction.atomic():
                        model._default_manager.all()._raw_delete("default")
                    kept.discard(model)
                except DatabaseError:
                    continue  # something refers to it, or it never changes
    for model in MODELS:
        assert ids_of(model, w.elsewhere.pk) == before[model], model
        assert bool(ids_of(model, w.clinic.pk)) == (model in kept), model
    assert {model.__name__ for model in kept} == {"Exercise", "ExerciseVersion"}


@EVERY_ROLE
def test_overwriting_on_conflict_does_not_reach_a_row_of_another_clinic(w: World) -> None:
    theirs = raw_row(Client, w.elsewhere.pk)
    with pytest.raises(DatabaseError, match="row-level security"):
        with acting_as(w.alice.actor), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO clinic_client SELECT * FROM jsonb_populate_record("
                "NULL::clinic_client, (SELECT to_jsonb(c) FROM clinic_client c LIMIT 1) "
                "|| jsonb_build_object('id', %s::text, 'user_id', NULL)) "
                "ON CONFLICT (id) DO UPDATE SET language = 'xx'",
                [str(theirs["id"])],
            )
    assert raw_row(Client, w.elsewhere.pk) == theirs


OTHER_READS = {
    "TABLE": "TABLE clinic_client",
    "a sample": "SELECT * FROM clinic_client TABLESAMPLE SYSTEM (100)",
    "a block of code": "DO $$ BEGIN PERFORM set_config('kindwork.found', "
    "(SELECT string_agg(id::text, ' ') FROM clinic_client), true); END $$; "
    "SELECT current_setting('kindwork.found')",
    "JSON": "SELECT json_agg(c) FROM clinic_client c",
    "a lateral join": "SELECT c.* FROM clinic_clinic k, LATERAL "
    "(SELECT * FROM clinic_client c WHERE c.clinic_id = k.id) c",
    "an index alone": "SELECT id FROM clinic_client WHERE id > '00000000-0000-0000-0000-000000000000'",
    "a cheap condition first": "SELECT id FROM clinic_client WHERE id::text LIKE '%'",
    "a recursive query": "WITH RECURSIVE r AS (SELECT id FROM clinic_client UNION SELECT c.id "
    "FROM clinic_client c JOIN r ON true) SELECT * FROM r",
    "an update": "UPDATE clinic_client SET language = language RETURNING id",
    "ctid": "SELECT id FROM clinic_client WHERE ctid IS NOT NULL",
}


@EVERY_ROLE
def test_other_ways_of_reading_a_table_show_no_other_clinic(w: World) -> None:
    for way, statement in OTHER_READS.items():
        with acting_as(w.alice.actor), connection.cursor() as cursor:
            cursor.execute(statement, None)
            shown = str(cursor.fetchall())
        assert str(w.carol.actor.client_id) in shown, way
        assert str(w.dora.actor.client_id) not in shown, way


@EVERY_ROLE
def test_copying_a_table_out_shows_no_other_clinic(w: World) -> None:
    class Sink(list[str]):
        write = list.append

    sink = Sink()
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.copy_expert("COPY clinic_client TO STDOUT", sink)
    assert str(w.carol.actor.client_id) in "".join(map(str, sink))
    assert str(w.dora.actor.client_id) not in "".join(map(str, sink))


@EVERY_ROLE
def test_an_error_says_nothing_of_what_a_row_holds(w: World) -> None:
    """Row security keeps the failing row out of the message; a plain table shows it (control)."""
    with pytest.raises(IntegrityError) as refused:
        with acting_as(w.alice.actor), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exercises_exercise SET catalogue_id = %s, position = NULL", [CANARY]
            )
    assert CANARY not in str(refused.value)
    with pytest.raises(IntegrityError) as plain, connection.cursor() as cursor:
        cursor.execute("INSERT INTO clinic_heartbeat (name, at) VALUES (%s, NULL)", [CANARY])
    assert CANARY in str(plain.value)


# -- how long a context lasts


@EVERY_ROLE
def test_a_context_ends_with_its_transaction(w: World) -> None:
    with acting_as(w.alice.actor):
        assert in_context()
    assert not in_context()
    with transaction.atomic():
        context.enter(w.alice.actor)
        assert Client.objects.count() == 2
    assert Client.objects.count() == 0


@EVERY_ROLE
def test_a_context_outside_of_a_transaction_is_none(w: World) -> None:
    context.enter(w.alice.actor)  # in autocommit it ends with its own statement
    assert not in_context()


@EVERY_ROLE
def test_a_context_ends_with_an_error_in_its_scope(w: World) -> None:
    with pytest.raises(ZeroDivisionError), acting_as(w.alice.actor):
        raise ZeroDivisionError
    assert not in_context()
    with pytest.raises(DatabaseError):
        with acting_as(w.alice.actor), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    assert not in_context()
    with pytest.raises(NoScope):
        current()


@EVERY_ROLE
def test_a_savepoint_that_is_rolled_back_takes_its_context_along(w: World) -> None:
    with transaction.atomic():
        with transaction.atomic():
            context.enter(w.alice.actor)
            transaction.set_rollback(True)
        assert not in_context()


@EVERY_ROLE
def test_a_savepoint_that_is_released_keeps_its_context(w: World) -> None:
    """The trap that acting_as clears away after itself, and why tests clear it after each request."""
    with transaction.atomic():
        with transaction.atomic():
            context.enter(w.alice.actor)
        assert in_context()
    with transaction.atomic():
        with acting_as(w.alice.actor):
            assert in_context()
        assert not in_context()


@EVERY_ROLE
def test_a_scope_within_a_scope_gives_the_outer_one_back(w: World) -> None:
    with acting_as(w.alice.actor) as outer:
        with acting_as(w.charlie.actor) as inner:
            assert set(Client.objects.values_list("pk", flat=True)) == {w.dora.actor.client_id}
            assert current() is inner
        assert Client.objects.count() == 2
        assert current() is outer


@EVERY_ROLE
def test_a_scope_within_a_scope_gives_the_outer_one_back_after_an_error(w: World) -> None:
    with acting_as(w.alice.actor) as outer:
        with pytest.raises(ZeroDivisionError), acting_as(w.charlie.actor):
            raise ZeroDivisionError
        assert Client.objects.count() == 2
        assert current() is outer


@EVERY_ROLE
def test_what_runs_after_the_commit_sees_nothing(w: World) -> None:
    seen: list[int] = []
    with acting_as(w.alice.actor):
        transaction.on_commit(lambda: seen.append(Client.objects.count()))
        seen.append(Client.objects.count())
    assert seen == [2, 0]


@EVERY_ROLE
def test_two_hundred_scopes_in_turn_see_each_their_own(w: World) -> None:
    carols = {w.carol.actor.client_id, w.eve.actor.client_id}
    for turn in range(200):
        person, theirs = (w.alice, carols) if turn % 2 else (w.charlie, {w.dora.actor.client_id})
        with acting_as(person.actor):
            assert set(Client.objects.values_list("pk", flat=True)) == theirs
        assert Client.objects.count() == 0


@EVERY_ROLE
def test_requests_in_turn_on_one_connection_see_each_their_own(w: World) -> None:
    people = [
        (w.alice.api, {str(w.carol.actor.client_id)}),
        (w.charlie.api, {str(w.dora.actor.client_id)}),
        (w.ada.api, {str(w.carol.actor.client_id), str(w.eve.actor.client_id)}),
        (Api(), None),
    ]
    for turn in range(60):
        api, theirs = people[turn % len(people)]
        response = api.get("/api/v1/clients")
        assert not in_context()
        if theirs is None:
            assert response.status_code == 401
        else:
            assert {one["id"] for one in response.json()["results"]} == theirs
    assert w.alice.api.get(f"/api/v1/clients/{w.dora.actor.client_id}").status_code == 404
    assert not in_context()


@EVERY_ROLE
def test_threads_see_each_their_own(w: World) -> None:
    wrong: list[Any] = []
    start = threading.Barrier(4)

    def work(number: int) -> None:
        person, n = (w.alice, 2) if number % 2 else (w.charlie, 1)
        try:
            start.wait(timeout=30)
            for _ in range(60):
                with acting_as(person.actor):
                    found = set(Client.objects.values_list("clinic_id", flat=True))
                    if found != {person.actor.clinic_id} or Client.objects.count() != n:
                        wrong.append((number, found))
                if Client.objects.exists():
                    wrong.append((number, "outside"))
        except BaseException as error:
            wrong.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert wrong == []


@EVERY_ROLE
def test_a_new_thread_has_no_actor(w: World) -> None:
    found: list[str] = []

    def work() -> None:
        try:
            current()
        except NoScope:
            found.append("no scope")

    with acting_as(w.alice.actor):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=30)
    assert found == ["no scope"]


@EVERY_ROLE
def test_a_tasks_scope_shows_its_clinic_alone(w: World) -> None:
    with acting_as(TaskActor(w.elsewhere.pk, "summaries")):
        assert set(Client.objects.values_list("clinic_id", flat=True)) == {w.elsewhere.pk}


# -- the owner, the backup, the catalogue


@EVERY_ROLE
def test_a_data_migration_by_the_owner_changes_rows_of_every_clinic(w: World) -> None:
    fill(w)
    for model in MODELS:
        rows = model._default_manager.using("owner")
        if not unchanging(model):
            assert rows.update(clinic_id=F("clinic_id")) == rows.count() >= 2, model


@OWNER
def test_without_its_own_policy_the_owner_would_change_nothing() -> None:
    """The silent trap of FORCE, so that the test above is known to be able to fail."""
    owner = connections["owner"]
    clinic = Clinic.objects.using("owner").create(name="A", time_zone="UTC")
    with transaction.atomic(using="owner"), owner.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clinic_crisisresource (id, clinic_id, name, phone, text_to, url, hours, "
            "country, is_emergency, position) VALUES (gen_random_uuid(), %s, '', '', '', '', '', "
            "'', false, 0)",
            [clinic.pk],
        )
        cursor.execute("UPDATE clinic_crisisresource SET position = 1")
        assert cursor.rowcount >= 1
        cursor.execute("DROP POLICY owner ON clinic_crisisresource")
        cursor.execute("UPDATE clinic_crisisresource SET position = 2")
        assert cursor.rowcount == 0
        transaction.set_rollback(True, using="owner")


def dump(alias: str) -> "subprocess.CompletedProcess[str]":
    """Run pg_dump as one of the roles."""
    settings = connections[alias].settings_dict
    where = {
        "PGHOST": settings["HOST"],
        "PGPORT": str(settings["PORT"] or ""),
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGDATABASE": settings["NAME"],
    }
    return subprocess.run(
        [str(binaries() / "pg_dump"), "--no-owner", "--exclude-schema=kindwork"],
        check=False,
        env={**os.environ, **{name: value for name, value in where.items() if value}},
        capture_output=True,
        text=True,
        timeout=120,
    )


@EVERY_ROLE
def test_a_dump_by_the_backup_role_holds_the_rows_of_every_clinic(w: World) -> None:
    fill(w)
    found = dump("backup")
    assert found.returncode == 0, found.stderr
    text = found.stdout
    for model in MODELS:
        copied = re.search(
            rf"^COPY public\.{model._meta.db_table} .*?;\n(.*?)^\\\.$",
            text,
            re.MULTILINE | re.DOTALL,
        )
        assert copied, model
        for clinic in (w.clinic, w.elsewhere):
            for pk in ids_of(model, clinic.pk):
                assert str(pk) in copied[1], model
    assert CANARY not in text
    assert text.count("CREATE POLICY tenant") == len(MODELS)


@EVERY_ROLE
@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_dump_by_any_other_role_fails_and_holds_no_row(w: World, alias: str) -> None:
    found = dump(alias)
    assert found.returncode != 0
    assert str(w.carol.actor.client_id) not in found.stdout


@EVERY_ROLE
def test_the_backup_role_reads_and_writes_nothing(w: World) -> None:
    with connections["backup"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM clinic_client")
        assert cursor.fetchone() == (3,)
    for statement in (
        "UPDATE clinic_client SET language = 'xx'",
        "DELETE FROM clinic_client",
        "INSERT INTO clinic_heartbeat VALUES ('x', now())",
        "TRUNCATE clinic_client",
        "SELECT * FROM kindwork.memberships_of(gen_random_uuid())",
    ):
        with connections["backup"].cursor() as cursor, pytest.raises(DatabaseError) as refused:
            cursor.execute(statement)
        assert refusal(refused.value) == "42501", statement


@EVERY_ROLE
def test_the_planners_statistics_of_clinics_are_hidden(w: World) -> None:
    """What pg_stats shows are values of columns; the backup role sees that there are some."""
    fill(w)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    tables = [model._meta.db_table for model in MODELS]
    query = "SELECT DISTINCT tablename FROM pg_stats WHERE tablename = ANY(%s)"
    with connections["backup"].cursor() as cursor:
        cursor.execute(query, [tables])
        assert {name for (name,) in cursor} == set(tables)
    with acting_as(w.alice.actor), connection.cursor() as cursor:
        cursor.execute(query, [tables])
        assert cursor.fetchall() == []


HERE = "(clinic_id = ( SELECT kindwork.context_clinic() AS context_clinic))"


def crooked_policies(cursor: Any) -> list[str]:
    """Tenant tables whose policies are anything but the two that they should have.

    Plain equality in a sub-select is evaluated once a statement; a join in a policy was measured
    at 40 times the cost, and a second permissive policy opens what the first one closes.
    """
    cursor.execute(
        "SELECT c.relname, array_agg(ARRAY[p.polname::text, p.polcmd::text, "
        "p.polpermissive::text, p.polroles::regrole[]::text, pg_get_expr(p.polqual, c.oid), "
        "pg_get_expr(p.polwithcheck, c.oid)] ORDER BY p.polname) "
        "FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid "
        "WHERE c.relname = ANY(%s) GROUP BY c.relname",
        [[model._meta.db_table for model in MODELS]],
    )
    wanted = [
        ["owner", "*", "true", "{kindwork_owner}", "true", "true"],
        ["tenant", "*", "true", "{kindwork_app}", HERE, HERE],
    ]
    return [f"{table}: {found}" for table, found in cursor.fetchall() if found != wanted]


@OWNER
def test_every_policy_is_plain_equality_in_a_sub_select() -> None:
    with connections["owner"].cursor() as cursor:
        assert crooked_policies(cursor) == []


CROOKED = {
    "a second permissive policy": "CREATE POLICY more ON clinic_job TO kindwork_app USING (true)",
    "a policy for everybody": "CREATE POLICY more ON clinic_job USING (true)",
    "no sub-select": "ALTER POLICY tenant ON clinic_job "
    "USING (clinic_id = kindwork.context_clinic())",
    "a join": "ALTER POLICY tenant ON clinic_job USING (EXISTS (SELECT 1 FROM clinic_clinic k "
    "WHERE k.id = clinic_id AND k.id = (SELECT kindwork.context_clinic())))",
    "an array": "ALTER POLICY tenant ON clinic_job "
    "USING (clinic_id = ANY (ARRAY(SELECT kindwork.context_clinic())))",
    "an open check": "ALTER POLICY tenant ON clinic_job WITH CHECK (true)",
    "no policy": "DROP POLICY tenant ON clinic_job",
}


@OWNER
@pytest.mark.parametrize("fault", CROOKED)
def test_a_crooked_policy_is_found(fault: str) -> None:
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(CROOKED[fault])
        assert [one for one in crooked_policies(cursor) if one.startswith("clinic_job:")]
        transaction.set_rollback(True, using="owner")


@EVERY_ROLE
def test_the_context_is_looked_up_once_a_statement_and_not_once_a_row(w: World) -> None:
    for model in MODELS:
        with acting_as(w.alice.actor), connection.cursor() as cursor:
            cursor.execute(f'EXPLAIN SELECT * FROM "{model._meta.db_table}"')
            plan = "\n".join(line for (line,) in cursor)
        assert "InitPlan" in plan, model
        assert "context_clinic()" not in plan.replace("InitPlan", ""), plan


@EVERY_ROLE
def test_tables_of_no_clinic_are_the_same_for_everyone(w: World) -> None:
    """The control: where there is no policy a context changes nothing."""
    Heartbeat.objects.create(name="tick", at="2026-05-11T00:00Z")
    with acting_as(w.alice.actor):
        assert (Heartbeat.objects.count(), Clinic.objects.count()) == (1, 2)
    assert (Heartbeat.objects.count(), Clinic.objects.count()) == (1, 2)
