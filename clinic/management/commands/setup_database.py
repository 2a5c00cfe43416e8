"""Prepare the database for its three roles."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.tenancy import database


class Command(BaseCommand):
    help = "Create the schema, rights and context key that migrations stand on. Safe to repeat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--replace-context-key", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            database.set_up(replace_context_key=options["replace_context_key"])
        except (database.RolesMissing, database.OtherKeyFile) as error:
            raise CommandError(str(error)) from None
        self.stdout.write("The database is set up. Next: manage.py migrate --database owner")
