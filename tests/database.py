"""The test database: made and migrated by the owner, used as the role that serves requests."""

from typing import Any

from django.core.management import call_command
from django.db import connection, connections, transaction

from clinic.tenancy import database
from tests.world import World, build

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
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
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
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
    connections["owner"].close()


class Standing:
    """The two clinics that stand, committed, while tests come and go in transactions of their own.

    A transactional test empties the database before and after; then they are gone.
    """

    def __init__(self) -> None:
        self.world: World | None = None

    def see_to_it(self) -> None:
        """Build them if they are gone. Only outside of every transaction."""
        if self.world is None:
            assert not connection.in_atomic_block
            empty()
            with transaction.atomic():
                self.world = build()


standing = Standing()


def empty() -> None:
    """Empty every table of people."""
    standing.world = None
    with connection.cursor() as cursor:
        cursor.execute("SELECT kindwork.reset_for_tests()")


def start_empty(self: Any) -> None:
    """What a transactional test does at its beginning."""
    empty()


def end_empty(self: Any) -> None:
    """What it does at its end, in place of Django's flush, which the serving role may not."""
    if connection.in_atomic_block:
        connection.rollback()
    empty()
