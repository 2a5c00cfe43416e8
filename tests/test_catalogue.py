"""Nothing is left undeclared: tables, texts, keys, tasks, functions. What is new and unlisted is red.

Each check is a function that lists what is wrong; a second test makes such a wrong and sees it listed.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Task
from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models, transaction
from django.test.utils import isolate_apps

from clinic.celery import app as celery_app
from clinic.services import jobs
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import SameClinic, TenantTable
from clinic.tenancy.querysets import TenantQuerySet
from clinic.tenancy.tasks import SCOPES, ScopedTask
from clinic.vault.fields import SealedField
from tests import allowed
from tests.every_model import references, tenant_models

OURS = ("clinic", "sessions", "exercises", "api")
OWNER = pytest.mark.django_db(databases=["default", "owner"])

USER_SCHEMAS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"


@contextmanager
def as_owner(*statements: str) -> Iterator[Any]:
    """A cursor of the owner's, with something made for a test, which is undone at the end."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        yield cursor
        transaction.set_rollback(True, using="owner")


# -- tables


def unguarded_tables(
    cursor: Any, allowed_tables: Iterable[str], owner: str = "kindwork_owner"
) -> list[str]:
    """Tables that are neither walled in nor on the list; of another owner; listed and not there."""
    cursor.execute(
        "SELECT n.nspname || '.' || c.relname, c.relrowsecurity, c.relforcerowsecurity, "
        "pg_get_userbyid(c.relowner), (SELECT coalesce(array_agg(p.polname::text ORDER BY p.polname), "
        "'{}') FROM pg_policy p WHERE p.polrelid = c.oid) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE c.relkind IN ('r', 'p', 'f') AND {USER_SCHEMAS} AND n.nspname !~ '^pg_temp'"
    )
    found: list[str] = []
    there: set[str] = set()
    for table, enabled, forced, whose, policies in cursor.fetchall():
        there.add(table)
        if whose != owner:
            found.append(f"{table} is owned by {whose}")
        if table in allowed_tables:
            if enabled:
                found.append(f"{table} is on the list and has row security")
            continue
        if not enabled:
            found.append(f"{table} has no row security")
        if not forced:
            found.append(f"{table} does not force it on its owner")
        if policies != ["owner", "tenant"]:
            found.append(f"{table} has the policies {policies}")
    return found + [f"{table} is on the list and not there" for table in {*allowed_tables} - there]


@OWNER
def test_every_table_is_walled_in_or_on_the_list() -> None:
    with as_owner() as cursor:
        assert unguarded_tables(cursor, allowed.GLOBAL_TABLES) == []


BAD_TABLES = {
    "a new table": (
        ["CREATE TABLE fresh (clinic_id uuid)"],
        "public.fresh has no row security",
    ),
    "a new table in another schema": (
        ["CREATE SCHEMA aside", "CREATE TABLE aside.fresh (a int)"],
        "aside.fresh has no row security",
    ),
    "a partitioned table": (
        ["CREATE TABLE fresh (a int) PARTITION BY LIST (a)"],
        "public.fresh has no row security",
    ),
    "row security off": (
        ["ALTER TABLE clinic_job DISABLE ROW LEVEL SECURITY"],
        "public.clinic_job has no row security",
    ),
    "not forced": (
        ["ALTER TABLE clinic_job NO FORCE ROW LEVEL SECURITY"],
        "public.clinic_job does not force it on its owner",
    ),
    "no policy for the app": (
        ["DROP POLICY tenant ON clinic_job"],
        "public.clinic_job has the policies ['owner']",
    ),
    "no policy for the owner": (
        ["DROP POLICY owner ON clinic_job"],
        "public.clinic_job has the policies ['tenant']",
    ),
    "a policy too many": (
        ["CREATE POLICY more ON clinic_job USING (true)"],
        "public.clinic_job has the policies ['more', 'owner', 'tenant']",
    ),
    "a listed table that went away": (
        ["ALTER TABLE knox_authtoken RENAME TO gone"],
        "public.knox_authtoken is on the list and not there",
    ),
}


@OWNER
@pytest.mark.parametrize("fault", BAD_TABLES)
def test_an_unguarded_table_is_found(fault: str) -> None:
    statements, told = BAD_TABLES[fault]
    with as_owner(*statements) as cursor:
        assert told in unguarded_tables(cursor, allowed.GLOBAL_TABLES)


@OWNER
def test_a_table_of_another_owner_is_found() -> None:
    with as_owner() as cursor:
        told = unguarded_tables(cursor, allowed.GLOBAL_TABLES, owner="somebody")
        assert "public.clinic_job is owned by kindwork_owner" in told


def undeclared_models(found: Iterable[type[models.Model]]) -> list[str]:
    """Models that say they are a clinic's and lack what holds them to it, or the other way round."""
    wrong = []
    for model in found:
        walls = [one for one in model._meta.constraints if isinstance(one, TenantTable)]
        if issubclass(model, TenantModel):
            if not walls:
                wrong.append(f"{model.__name__} has no TenantTable")
            if not isinstance(model._default_manager.all(), TenantQuerySet):
                wrong.append(f"{model.__name__} has a manager without visible_to")
        elif walls or f"public.{model._meta.db_table}" not in allowed.GLOBAL_TABLES:
            wrong.append(f"{model.__name__} is no TenantModel and not on the list")
    return wrong


def test_every_model_is_a_clinics_or_on_the_list() -> None:
    assert undeclared_models(apps.get_models(include_auto_created=True)) == []


@isolate_apps("clinic")
def test_an_undeclared_model_is_found() -> None:
    class Loose(TenantModel):
        class Meta:
            app_label = "clinic"

    class Fresh(models.Model):
        friends = models.ManyToManyField(Loose)

        class Meta:
            app_label = "clinic"

    assert undeclared_models([Loose, Fresh, Fresh.friends.through]) == [
        "Loose has no TenantTable",
        "Loose has a manager without visible_to",
        "Fresh is no TenantModel and not on the list",
        "Fresh_friends is no TenantModel and not on the list",
    ]


# -- what the role that serves requests may do


def excess_rights(cursor: Any) -> list[str]:
    """Rights of the serving role beyond reading and writing rows, and writing where it need not."""
    cursor.execute(
        "SELECT n.nspname || '.' || c.relname, p.name FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace, "
        "unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) "
        f"AS p (name) WHERE c.relkind IN ('r', 'p', 'v', 'm') AND {USER_SCHEMAS} "
        "AND has_table_privilege('kindwork_app', c.oid, p.name)"
    )
    found = [
        f"{right} on {table}"
        for table, right in cursor.fetchall()
        if right in ("TRUNCATE", "REFERENCES", "TRIGGER")
        or table in allowed.READ_ONLY_GLOBAL_TABLES
    ]
    cursor.execute(
        f"SELECT n.nspname FROM pg_namespace n WHERE {USER_SCHEMAS} "
        "AND has_schema_privilege('kindwork_app', n.oid, 'CREATE')"
    )
    found += [f"CREATE in schema {name}" for (name,) in cursor.fetchall()]
    cursor.execute(
        "SELECT r FROM unnest(ARRAY['CREATE', 'TEMPORARY']) AS r "
        "WHERE has_database_privilege('kindwork_app', current_database(), r)"
    )
    found += [f"{right} in the database" for (right,) in cursor.fetchall()]
    return sorted(found)


@OWNER
def test_the_serving_role_has_no_right_that_it_does_not_need() -> None:
    with as_owner() as cursor:
        assert excess_rights(cursor) == []


BAD_GRANTS = {
    "TRUNCATE on public.clinic_job": "GRANT TRUNCATE ON clinic_job TO kindwork_app",
    "TRIGGER on public.clinic_job": "GRANT TRIGGER ON clinic_job TO PUBLIC",
    "REFERENCES on public.clinic_job": "GRANT REFERENCES ON clinic_job TO kindwork_app",
    "CREATE in schema public": "GRANT CREATE ON SCHEMA public TO kindwork_app",
    "UPDATE on kindwork.context_key": "GRANT UPDATE ON kindwork.context_key TO kindwork_app",
}


@OWNER
@pytest.mark.parametrize("told", BAD_GRANTS)
def test_a_right_too_many_is_found(told: str) -> None:
    statement = BAD_GRANTS[told]
    with as_owner(statement) as cursor:
        assert told in excess_rights(cursor)


# -- texts


def is_text(field: Any) -> bool:
    """Whether somebody's words would fit in."""
    if isinstance(field, ArrayField):
        return is_text(field.base_field)
    kinds = (models.CharField, models.TextField, models.JSONField, models.FileField)
    return isinstance(field, kinds) and not field.choices


def unaccounted_texts(found: Iterable[type[models.Model]]) -> list[str]:
    """Columns that hold text in clear with no reason given, and reasons given for nothing."""
    wrong = []
    for model in found:
        label = model._meta.label
        ours = model.__module__.partition(".")[0] not in ("django", "knox")
        clear: dict[str, str] = getattr(model, "CLEAR_TEXT", {})
        for field in model._meta.concrete_fields:
            name = f"{label}.{field.name}"
            if isinstance(field, models.BinaryField):
                if not isinstance(field, SealedField) and name not in allowed.CLEAR_BYTES:
                    wrong.append(f"{name} holds bytes and is not sealed")
            elif is_text(field) and not (
                clear.get(field.name) if ours else allowed.THIRD_PARTY_TEXT.get(name)
            ):
                wrong.append(f"{name} is neither sealed nor listed")
        fields = {field.name: field for field in model._meta.concrete_fields}
        for listed, reason in clear.items():
            field = fields.get(listed)
            if field is None or isinstance(field, SealedField):
                wrong.append(f"{label}.{listed} is listed as clear and is not")
            if len(reason.strip()) < 4:
                wrong.append(f"{label}.{listed} is listed without a reason")
    return wrong


def stale(listed: Iterable[str]) -> list[str]:
    """Names of fields on a list that are no field."""
    there = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
    }
    return [name for name in listed if name not in there]


def test_every_text_is_sealed_or_has_its_reason() -> None:
    assert unaccounted_texts(apps.get_models(include_auto_created=True)) == []
    assert stale([*allowed.THIRD_PARTY_TEXT, *allowed.CLEAR_BYTES, "clinic.Gone.field"]) == [
        "clinic.Gone.field"
    ]


@isolate_apps("clinic")
def test_a_text_in_clear_is_found() -> None:
    class Told(TenantModel):
        CLEAR_TEXT = {"gone": "was here once", "code": "", "hidden": "it is not"}
        words = models.TextField()
        name = models.CharField(max_length=9)
        address = models.EmailField()
        link = models.URLField()
        slug = models.SlugField()
        details = models.JSONField()
        tags = ArrayField(ArrayField(models.CharField(max_length=9)))
        scan = models.FileField()
        data = models.BinaryField()
        code = models.CharField(max_length=9, choices=[("a", "a")])
        codes = ArrayField(models.CharField(max_length=9, choices=[("a", "a")]))
        days = ArrayField(models.IntegerField())
        hidden = SealedField()

        class Meta:
            app_label = "clinic"

    assert unaccounted_texts([Told]) == [
        *(
            f"clinic.Told.{name} is neither sealed nor listed"
            for name in ("words", "name", "address", "link", "slug", "details", "tags", "scan")
        ),
        "clinic.Told.data holds bytes and is not sealed",
        "clinic.Told.gone is listed as clear and is not",
        "clinic.Told.code is listed without a reason",
        "clinic.Told.hidden is listed as clear and is not",
    ]


# -- references


def unheld_references(found: Iterable[type[models.Model]]) -> list[str]:
    """References between tenant models without a SameClinic, or with a key of Django's own."""
    wrong = []
    for model in found:
        held = {one.field for one in model._meta.constraints if isinstance(one, SameClinic)}
        pointing = {field.name: field for field in references(model)}
        for name, field in pointing.items():
            if name not in held:
                wrong.append(f"{model.__name__}.{name} has no SameClinic")
            if field.db_constraint:
                wrong.append(f"{model.__name__}.{name} has a key of its own")
        wrong += [f"{model.__name__}.{name} holds nothing" for name in held - set(pointing)]
        wrong += [f"{model.__name__}.{f.name} is many-to-many" for f in model._meta.many_to_many]
    return wrong


def test_every_reference_between_tenant_models_is_held_to_one_clinic() -> None:
    assert unheld_references(tenant_models()) == []


@isolate_apps("clinic")
def test_an_unheld_reference_is_found() -> None:
    class Other(TenantModel):
        class Meta:
            app_label = "clinic"

    class Loose(TenantModel):
        one = models.ForeignKey(Other, on_delete=models.CASCADE, related_name="+")
        two = models.OneToOneField(
            Other, on_delete=models.CASCADE, db_constraint=False, related_name="+"
        )
        many = models.ManyToManyField(Other)

        class Meta:
            app_label = "clinic"
            constraints = [SameClinic("clinic", name="nothing")]

    assert unheld_references([Loose]) == [
        "Loose.one has no SameClinic",
        "Loose.one has a key of its own",
        "Loose.two has no SameClinic",
        "Loose.clinic holds nothing",
        "Loose.many is many-to-many",
    ]


def crossing_keys(cursor: Any) -> list[str]:
    """Foreign keys in the database between tenant tables that do not compare the clinic."""
    tables = [model._meta.db_table for model in tenant_models()]
    cursor.execute(
        "SELECT k.conname FROM pg_constraint k "
        "JOIN pg_class a ON a.oid = k.conrelid JOIN pg_class b ON b.oid = k.confrelid "
        "WHERE k.contype = 'f' AND a.relname = ANY(%s) AND b.relname = ANY(%s) AND NOT EXISTS ("
        " SELECT 1 FROM unnest(k.conkey, k.confkey) AS u (here, there)"
        " JOIN pg_attribute x ON x.attrelid = k.conrelid AND x.attnum = u.here"
        " JOIN pg_attribute y ON y.attrelid = k.confrelid AND y.attnum = u.there"
        " WHERE x.attname = 'clinic_id' AND y.attname = 'clinic_id')",
        [tables, tables],
    )
    return [name for (name,) in cursor.fetchall()]


def missing_keys(cursor: Any) -> list[str]:
    """SameClinic constraints of the models that the database lacks, or has not validated."""
    cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND convalidated")
    there = {name for (name,) in cursor.fetchall()}
    return [
        one.name
        for model in tenant_models()
        for one in model._meta.constraints
        if isinstance(one, SameClinic) and one.name not in there
    ]


@OWNER
def test_every_key_between_tenant_tables_compares_the_clinic() -> None:
    with as_owner() as cursor:
        assert crossing_keys(cursor) == []
        assert missing_keys(cursor) == []


@OWNER
def test_a_key_that_does_not_compare_the_clinic_is_found() -> None:
    with as_owner(
        "ALTER TABLE clinic_job ADD CONSTRAINT crossing FOREIGN KEY (requested_by_id) "
        "REFERENCES clinic_membership (id)",
        "ALTER TABLE clinic_job DROP CONSTRAINT job_requested_by",
    ) as cursor:
        assert crossing_keys(cursor) == ["crossing"]
        assert missing_keys(cursor) == ["job_requested_by"]


# -- functions and views


def unreviewed_functions(cursor: Any) -> list[str]:
    """Functions with their owner's rights that nobody reviewed, unpinned or open to everybody."""
    cursor.execute(
        "SELECT n.nspname || '.' || p.proname || '(' || "
        "replace(pg_get_function_identity_arguments(p.oid), ', ', ',') || ')', p.prosecdef, "
        "coalesce(p.proconfig, '{}'), pg_get_userbyid(p.proowner), "
        "has_function_privilege('public', p.oid, 'EXECUTE'), "
        "has_function_privilege('kindwork_app', p.oid, 'EXECUTE'), "
        "(SELECT coalesce(string_agg(format_type(t, NULL), ','), '') "
        "FROM unnest(p.proargtypes) AS t) "
        "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        f"WHERE {USER_SCHEMAS}"
    )
    found: list[str] = []
    there: set[str] = set()
    for signature, definer, config, owner, public, app, types in cursor.fetchall():
        name = f"{signature.partition('(')[0]}({types})"
        there.add(name)
        pinned = [one for one in config if one.startswith("search_path=pg_catalog, ")]
        if definer and name not in allowed.DEFINER_FUNCTIONS:
            found.append(f"{name} has its owner's rights and is not on the list")
        if not pinned or not pinned[0].endswith("pg_temp"):
            found.append(f"{name} does not pin its search_path")
        if owner != "kindwork_owner":
            found.append(f"{name} is owned by {owner}")
        if public:
            found.append(f"{name} can be called by everybody")
        if app and name not in allowed.CALLED_BY_THE_APP:
            found.append(f"{name} can be called by the serving role")
    listed = {*allowed.DEFINER_FUNCTIONS, *allowed.CALLED_BY_THE_APP}
    return found + [f"{name} is on the list and not there" for name in sorted(listed - there)]


@OWNER
def test_every_function_with_its_owners_rights_is_reviewed_and_pinned() -> None:
    with as_owner() as cursor:
        assert unreviewed_functions(cursor) == []


FRESH = "CREATE FUNCTION kindwork.fresh() RETURNS int LANGUAGE sql {} AS 'SELECT 1'"
BAD_FUNCTIONS = {
    "kindwork.fresh() has its owner's rights and is not on the list": [
        FRESH.format("SECURITY DEFINER")
    ],
    "kindwork.fresh() does not pin its search_path": [FRESH.format("")],
    "kindwork.fresh() can be called by everybody": [
        FRESH.format(""),
        "GRANT EXECUTE ON FUNCTION kindwork.fresh() TO PUBLIC",
    ],
    "kindwork.context_mac(text) can be called by the serving role": [
        "GRANT EXECUTE ON FUNCTION kindwork.context_mac(text) TO kindwork_app"
    ],
    "kindwork.context_clinic() does not pin its search_path": [
        "ALTER FUNCTION kindwork.context_clinic() SET search_path = public, pg_catalog"
    ],
    "kindwork.context_user() is on the list and not there": [
        "ALTER FUNCTION kindwork.context_user() RENAME TO gone"
    ],
}


@OWNER
@pytest.mark.parametrize("told", BAD_FUNCTIONS)
def test_an_unreviewed_function_is_found(told: str) -> None:
    with as_owner(*BAD_FUNCTIONS[told]) as cursor:
        assert told in unreviewed_functions(cursor)


def definer_views(cursor: Any) -> list[str]:
    """Views that look with their owner's eyes, past every policy of who asks."""
    cursor.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') "
        f"AND {USER_SCHEMAS} AND (c.relkind = 'm' OR NOT coalesce(c.reloptions, '{{}}') && "
        "ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'])"
    )
    return sorted(name for (name,) in cursor.fetchall())


@OWNER
def test_no_view_looks_with_its_owners_eyes() -> None:
    with as_owner() as cursor:
        assert definer_views(cursor) == []


@OWNER
def test_a_view_that_looks_with_its_owners_eyes_is_found() -> None:
    with as_owner(
        "CREATE VIEW seen AS SELECT * FROM clinic_client",
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM clinic_client",
        "CREATE VIEW careful WITH (security_invoker = true) AS SELECT * FROM clinic_client",
    ) as cursor:
        assert definer_views(cursor) == ["public.kept", "public.seen"]


# -- tasks


def loaded_tasks() -> dict[str, Any]:
    celery_app.loader.import_default_modules()
    celery_app.finalize()
    return {
        name: task
        for name, task in celery_app.tasks.items()
        if not type(task).__module__.startswith("tests")
    }


def known_purposes() -> set[str]:
    """The purposes for which some model lets the worker in."""
    return {
        purpose
        for model in tenant_models()
        for purpose in model._default_manager.all().task_purposes  # type: ignore[attr-defined]
    }


def undeclared_tasks(tasks: dict[str, Any]) -> list[str]:
    """Tasks of ours without scope and purpose, and tasks that are neither ours nor on the list."""
    wrong = []
    for name, task in tasks.items():
        if name.partition(".")[0] not in OURS:
            if name not in allowed.LIBRARY_TASKS:
                wrong.append(f"{name} is not ours and not on the list")
        elif not isinstance(task, ScopedTask) or task.scope not in SCOPES:
            wrong.append(f"{name} declares no scope")
        elif task.scope == "none":
            if task.purpose:
                wrong.append(f"{name} has a purpose and no scope for it")
        elif task.purpose not in known_purposes():
            wrong.append(f"{name} has no purpose that any model knows")
    return wrong


def test_every_task_declares_where_it_works_and_why() -> None:
    tasks = loaded_tasks()
    assert undeclared_tasks(tasks) == []
    assert len([name for name in tasks if name.partition(".")[0] in OURS]) >= 5
    assert set(allowed.LIBRARY_TASKS) <= set(tasks)


def test_an_undeclared_task_is_found() -> None:
    def task(base: type[Task] = ScopedTask, **said: str) -> Any:
        return type("made", (base,), {"__module__": "tests", "name": "made", **said})()

    assert undeclared_tasks(
        {
            "clinic.tasks.plain": task(Task),
            "clinic.tasks.silent": task(),
            "clinic.tasks.wrong": task(scope="everywhere", purpose="jobs"),
            "sessions.tasks.aimless": task(scope="clinic"),
            "sessions.tasks.unknown": task(scope="each_clinic", purpose="curiosity"),
            "sessions.tasks.both": task(scope="none", purpose="jobs"),
            "sessions.tasks.good": task(scope="clinic", purpose="jobs"),
            "other.tasks.stranger": task(scope="none"),
        }
    ) == [
        "clinic.tasks.plain declares no scope",
        "clinic.tasks.silent declares no scope",
        "clinic.tasks.wrong declares no scope",
        "sessions.tasks.aimless has no purpose that any model knows",
        "sessions.tasks.unknown has no purpose that any model knows",
        "sessions.tasks.both has a purpose and no scope for it",
        "other.tasks.stranger is not ours and not on the list",
    ]


def test_a_task_without_a_scope_refuses_to_run() -> None:
    task = type("made", (ScopedTask,), {"__module__": "tests", "name": "m", "run": lambda self: 1})
    with pytest.raises(RuntimeError, match="declares no scope"):
        task()()
    with pytest.raises(RuntimeError, match="declares no scope"):
        celery_app.tasks["celery.map"]({}, [])


def test_every_scheduled_task_and_every_kind_of_job_is_there() -> None:
    tasks = loaded_tasks()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(tasks)
    purposes = {purpose for _, purpose in jobs._handlers.values()}
    assert purposes <= known_purposes()


def methods_that_take_words() -> list[str]:
    """Parameters of our tasks that are not plainly ids: what is sent lies in the broker in clear."""
    wrong = []
    for name, task in loaded_tasks().items():
        if name.partition(".")[0] in OURS:
            tree = ast.parse(textwrap.dedent(inspect.getsource(task.run)))
            wrong += [
                f"{name}({argument.arg})"
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef)
                for argument in node.args.args + node.args.kwonlyargs
                if argument.arg not in ("self",) and not argument.arg.endswith("_id")
            ]
    return wrong


def test_tasks_are_sent_ids_and_nothing_else() -> None:
    assert methods_that_take_words() == []
