"""The test database: made and migrated by the owner, used as the role that serves requests."""

from typing import Any

from django.core.management import call_command
from django.db import connection, connections

from clinic.tenancy import database

_KEPT = ("django_migrations", "django_content_type", "auth_permission")

# Exists in test databases alone: the role of the product may not empty a table.
_RESET = f"""
CREATE OR REPLACE FUNCTION kindwork.reset_for_tests() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE names text;
BEGIN
    SELECT string_agg(format('%I', tablename), ', ') INTO names
    FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN {_KEPT};
    EXECUTE 'TRUNCATE ' || names || ' RESTART IDENTITY CASCADE';
END $$;
GRANT EXECUTE ON FUNCTION kindwork.reset_for_tests() TO kindwork_app;
"""


def make(name: str) -> None:
    """Make the database anew, and point every connection at it."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    use(name)
    database.set_up()
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    with connections["owner"].cursor() as cursor:
        cursor.execute(_RESET, None)
    connections["owner"].close()


def use(name: str) -> None:
    """Point every connection at a database."""
    for alias in connections:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def drop(name: str, back_to: str) -> None:
    use(back_to)
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    connections["owner"].close()


def reset(self: Any) -> None:
    """What a transactional test does at its end, in place of Django's flush."""
    connection.rollback() if connection.in_atomic_block else None
    with connection.cursor() as cursor:
        cursor.execute("SELECT kindwork.reset_for_tests()")
