"""Fixtures for every test."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.test import TransactionTestCase

from tests import database, world
from tests.world import Api, World


@pytest.fixture(scope="session")
def django_db_setup(
    request: Any, django_test_environment: None, django_db_blocker: Any
) -> Iterator[None]:
    """Make the database as the owner; the tests run as the role that serves requests."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    name, usual = f"test_kindwork_{worker}", connections["owner"].settings_dict["NAME"]
    TransactionTestCase._fixture_setup = classmethod(database.start_empty)
    TransactionTestCase._fixture_teardown = database.end_empty
    with django_db_blocker.unblock():
        database.make(name)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_user, rolsuper, rolbypassrls, rolcreatedb, "
                "(SELECT count(*) FROM pg_class WHERE relowner = r.oid) "
                "FROM pg_roles r WHERE rolname = current_user"
            )
            assert cursor.fetchone() == ("kindwork_app", False, False, False, 0)
    yield
    with django_db_blocker.unblock():
        database.drop(name, back_to=usual)


@pytest.fixture
def standing_world(django_db_setup: None, django_db_blocker: Any) -> None:
    """See to it that the two clinics stand before the test's own transaction begins."""
    with django_db_blocker.unblock():
        database.standing.see_to_it()


@pytest.fixture
def w(standing_world: None, db: None) -> World:
    """Two clinics and their people. What a test does to them is undone after it."""
    return database.standing.world or world.build()


@pytest.fixture
def anonymous() -> Api:
    """An API client without a token."""
    return Api()
