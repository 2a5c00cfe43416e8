"""Backup and restore, by the commands of docs/backup.md."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from clinic.embedded import postgres
from tests import live, world

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "backup"])


def program(name: str) -> str:
    return str(postgres.binaries() / name)


def run(*command: str, env: dict[str, str]) -> str:
    result = subprocess.run(
        command, env=env, cwd=live.ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def empty_database() -> Iterator[str]:
    """A second database of the owner's, on the same server."""
    name = f"{connections['owner'].settings_dict['NAME']}_restored"
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    yield name
    with connections["owner"].cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


COUNTS = (
    "SELECT (SELECT count(*) FROM clinic_client), (SELECT count(*) FROM clinic_datakey), "
    "(SELECT count(*) FROM pg_policies), (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), "
    "(SELECT count(*) FROM pg_constraint)"
)

READ_A_NAME = """
import django; django.setup()
from uuid import UUID
from clinic.models import Client
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
print(Client.objects.count())
with acting_as(TaskActor(UUID("{clinic}"), "summaries")):
    print(sorted(client.full_name for client in Client.objects.all()))
"""


def test_a_dump_of_the_backup_role_restores_to_the_same_behind_the_same_walls(
    tmp_path: Path, empty_database: str
) -> None:
    w = world.build()
    env = live.environment()
    dump = str(tmp_path / "kindwork.dump")
    run(
        *(program("pg_dump"), "--format=custom", "--exclude-schema=kindwork"),
        *("--exclude-table-data=django_session", f"--file={dump}", env["DATABASE_BACKUP_URL"]),
        env=env,
    )
    here = connections["owner"].settings_dict["NAME"]
    there = {
        **env,
        **{
            name: env[name].replace(f"/{here}?", f"/{empty_database}?")
            for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_BACKUP_URL")
        },
    }
    manage = (sys.executable, "manage.py")
    run(*manage, "setup_database", env=there)
    run(
        *(program("pg_restore"), "--no-owner", "--exit-on-error"),
        *(f"--dbname={there['DATABASE_OWNER_URL']}", dump),
        env=there,
    )
    assert "No migrations to apply" in run(*manage, "migrate", "--database", "owner", env=there)

    psql = (program("psql"), "--no-psqlrc", "--tuples-only", "--command", COUNTS)
    assert run(*psql, there["DATABASE_BACKUP_URL"], env=there) == run(
        *psql, env["DATABASE_BACKUP_URL"], env=env
    )
    read = READ_A_NAME.format(clinic=w.clinic.pk)
    assert run(sys.executable, "-c", read, env=there).splitlines() == [
        "0",  # without a context the serving role sees nobody
        "['Carol Quill', 'Eve Ferris']",
    ]


def test_a_dump_holds_no_name_no_word_and_no_context_key(tmp_path: Path) -> None:
    w = world.build()
    w.entry(note="the canary sings at dawn", share_level="shared")
    w.assignment(reason="a reason that is nobody's business")
    env = live.environment()
    dump = tmp_path / "plain.sql"
    run(
        *(program("pg_dump"), "--exclude-schema=kindwork", f"--file={dump}"),
        env["DATABASE_BACKUP_URL"],
        env=env,
    )
    content = dump.read_text()
    for word in ("Carol", "Quill", "canary", "nobody's business", w.carol.email, "context_key"):
        assert word not in content
    assert str(w.carol.actor.client_id) in content


def test_the_backup_role_cannot_read_the_context_key() -> None:
    env = live.environment()
    result = subprocess.run(
        [program("pg_dump"), "--schema=kindwork", env["DATABASE_BACKUP_URL"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "permission denied" in result.stderr
