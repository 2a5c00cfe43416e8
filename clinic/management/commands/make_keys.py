"""Make the key file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic.vault import keys


class Command(BaseCommand):
    help = "Make the file of keys that opens everything sealed. Never overwrites one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", nargs="?", help="where; KINDWORK_KEYS when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["path"] or settings.KINDWORK_KEYS)
        if not keys.create(path):
            raise CommandError(f"{path} exists already and was left as it is.")
        self.stdout.write(f"Wrote {path}. Copy it to a safe place apart from the backups.")
