"""Setting the database up: schema, default rights, the context key; and who may migrate."""

from pathlib import Path
from typing import Any

from django.db import connections, transaction

from clinic.tenancy import context
from clinic.vault import keys

APP_ROLE = "kindwork_app"
OWNER_ROLE = "kindwork_owner"
BACKUP_ROLE = "kindwork_backup"

ROLES_SQL = f"""\
CREATE ROLE {OWNER_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '…';
CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '…';
CREATE ROLE {BACKUP_ROLE} LOGIN NOSUPERUSER BYPASSRLS PASSWORD '…';
ALTER ROLE {APP_ROLE} SET track_activities = off;
CREATE DATABASE kindwork OWNER {OWNER_ROLE};
"""
"""What a database administrator runs once on a server of their own."""


class OwnerMigrates:
    """Only the owner changes the schema; the role that serves requests could not."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "owner"


class RolesMissing(Exception):
    """The server lacks a role, or a role has rights it must not have."""


def check_roles(alias: str = "owner") -> None:
    """Raise RolesMissing unless the three roles exist with exactly the rights they need."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, "
            "EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid), "
            "coalesce('track_activities=off' = ANY(rolconfig), false) "
            "FROM pg_roles r WHERE rolname = ANY(%s)",
            [[OWNER_ROLE, APP_ROLE, BACKUP_ROLE]],
        )
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    for role in (OWNER_ROLE, APP_ROLE, BACKUP_ROLE):
        if role not in found:
            raise RolesMissing(
                f"The role {role} is missing. As a superuser of the server run:\n\n{ROLES_SQL}"
            )
        is_super, bypasses, belongs, is_quiet = found[role]
        if is_super or bypasses != (role == BACKUP_ROLE):
            raise RolesMissing(
                f"The role {role} must be NOSUPERUSER and "
                f"{'BYPASSRLS' if role == BACKUP_ROLE else 'NOBYPASSRLS'}: "
                f"row-level security does not hold otherwise."
            )
        if belongs and role == APP_ROLE:
            raise RolesMissing(f"The role {role} must not be a member of any other role.")
        if not is_quiet and role == APP_ROLE:
            # Connections of one role see each other's statements, and with them their contexts.
            raise RolesMissing(
                "As a superuser of the server run: "
                f"ALTER ROLE {APP_ROLE} SET track_activities = off;"
            )


class OtherKeyFile(Exception):
    """The database was set up with another key file than the one that is in use now."""


def set_up(alias: str = "owner", *, replace_context_key: bool = False) -> None:
    """Create or renew the schema `kindwork`, the rights and the context key. Safe to repeat.

    Args:
        replace_context_key: let the key file's context key take the place of another one.

    Raises:
        RolesMissing: see `check_roles`.
        OtherKeyFile: the database has another context key; nothing is changed then.
    """
    check_roles(alias)
    statements = (Path(__file__).parent / "sql" / "setup.sql").read_text()
    blocks = context.pads(keys.load().context)
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(statements, None)
        cursor.execute("SELECT inner_block, outer_block FROM kindwork.context_key")
        kept = cursor.fetchone()
        if kept and tuple(map(bytes, kept)) != blocks and not replace_context_key:
            raise OtherKeyFile(
                "This database was set up with another key file: KINDWORK_KEYS must name that "
                "one, or what is sealed cannot be opened. To change the context key alone, and "
                "on purpose: manage.py setup_database --replace-context-key"
            )
        cursor.execute(
            "INSERT INTO kindwork.context_key (inner_block, outer_block) VALUES (%s, %s) "
            "ON CONFLICT (is_the_one) DO UPDATE SET inner_block = excluded.inner_block, "
            "outer_block = excluded.outer_block",
            blocks,
        )
