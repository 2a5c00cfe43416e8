"""Where things live, what they are called, and which database they are proven on."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, connections, router
from django.db.migrations.loader import MigrationLoader

from clinic import checks

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"clinic": "clinic", "exercises": "exercises", "sessions": "therapy_sessions"}
LONGEST = 400


@pytest.mark.parametrize("package", [*ROOMS, "api", "tests"])
def test_the_top_level_packages_are_ours(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_the_sessions_room_keeps_its_label() -> None:
    ours = apps.get_app_config("therapy_sessions")
    assert (ours.name, ours.verbose_name) == ("sessions", "Therapy sessions")
    assert apps.get_app_config("sessions").name == "django.contrib.sessions"


@pytest.mark.parametrize("room", ROOMS)
def test_a_rooms_tables_carry_its_label(room: str) -> None:
    label = ROOMS[room]
    models = list(apps.get_app_config(label).get_models(include_auto_created=True))
    assert models
    assert [m.__name__ for m in models if not m._meta.db_table.startswith(f"{label}_")] == []
    assert [m.__name__ for m in models if m.__module__.partition(".")[0] not in (room,)] == []


def test_no_model_of_ours_is_called_session() -> None:
    """A key to "sessions.Session" would quietly point at Django's login sessions."""
    ours = [m for label in ROOMS.values() for m in apps.get_app_config(label).get_models()]
    assert "Session" not in {model.__name__ for model in ours}
    assert apps.get_model("sessions.Session").__module__ == "django.contrib.sessions.models"


def test_the_api_has_no_models() -> None:
    assert not [m for m in apps.get_models() if m.__module__.startswith("api")]
    assert not apps.is_installed("api")


@pytest.mark.parametrize("room", ROOMS)
def test_a_rooms_migrations_are_found(room: str) -> None:
    """Without migrations/__init__.py the room would be skipped, and nobody told."""
    assert (ROOT / room / "migrations" / "__init__.py").is_file()
    loader = MigrationLoader(None)
    assert ROOMS[room] in loader.migrated_apps
    assert [key for key in loader.disk_migrations if key[0] == ROOMS[room]]


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_model_that_no_migration_knows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    field = apps.get_model("clinic.Heartbeat")._meta.get_field("name")
    monkeypatch.setattr(field, "max_length", 41)
    with pytest.raises(SystemExit):
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_no_module_has_grown_too_long() -> None:
    modules = [
        path
        for room in (*ROOMS, "api")
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts
    ]
    assert len(modules) > 80
    long = [str(path) for path in modules if len(path.read_text().splitlines()) > LONGEST]
    assert long == []


def test_tests_do_not_shadow_a_room() -> None:
    assert (ROOT / "tests" / "__init__.py").is_file()
    below = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert below & {*ROOMS, "api"} == set()


# -- the driver and the roles


@pytest.mark.django_db
def test_the_driver_is_psycopg2() -> None:
    connection.ensure_connection()
    assert type(connection.connection).__module__.startswith("psycopg2")


def test_psycopg_3_is_told_by_the_system_check(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.psycopg2_is_used(None) == []
    monkeypatch.setattr(checks, "is_psycopg3", True)
    assert [error.id for error in checks.psycopg2_is_used(None)] == ["kindwork.E001"]


def test_the_check_of_the_driver_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "is_psycopg3", True)
    assert "kindwork.E001" in {error.id for error in run_checks()}


def test_the_checks_of_django_find_nothing() -> None:
    assert run_checks() == []


ROLE = (
    "SELECT current_user, rolsuper, rolbypassrls, rolcreaterole, rolreplication, "
    "(SELECT count(*) FROM pg_auth_members WHERE member = r.oid), "
    "(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    " WHERE c.relowner = r.oid), "
    "(SELECT count(*) FROM pg_proc WHERE proowner = r.oid), "
    "(SELECT count(*) FROM pg_namespace WHERE nspowner = r.oid) "
    "FROM pg_roles r WHERE rolname = current_user"
)


@pytest.mark.django_db(databases=["default", "owner", "backup"])
def test_tests_run_as_the_role_that_serves_requests_and_it_owns_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ROLE)
        assert cursor.fetchone() == ("kindwork_app", *[False] * 4, 0, 0, 0, 0)


@pytest.mark.django_db(databases=["default", "owner", "backup"])
def test_the_owner_is_no_superuser_and_goes_by_row_security() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(ROLE)
        assert cursor.fetchone()[:6] == ("kindwork_owner", *[False] * 4, 0)
    with connections["backup"].cursor() as cursor:
        cursor.execute(ROLE)
        assert cursor.fetchone() == ("kindwork_backup", False, True, False, False, 0, 0, 0, 0)


def test_only_the_owners_connection_migrates() -> None:
    for alias in connections:
        assert router.allow_migrate(alias, "clinic") is (alias == "owner")
