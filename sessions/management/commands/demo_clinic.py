"""Make the demo's two clinics."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from clinic import env
from clinic.embedded import addresses
from clinic.models import Clinic
from sessions import demo


class Command(BaseCommand):
    help = "Make two clinics with invented people, in an empty database. Never in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--if-empty", action="store_true", help="say nothing where there is a clinic already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("This is a production installation: no demo here.")
        if Clinic.objects.exists():
            if options["if_empty"]:
                return
            raise CommandError("There is a clinic already; the demo needs an empty database.")
        password = env.required("KINDWORK_DEMO_PASSWORD", "the password of the demo's people.")
        # Written first: a start that is killed in between makes both anew.
        addresses.write_private(
            addresses.var_dir() / "demo.json",
            json.dumps({"password": password, "people": [asdict(one) for one in demo.PEOPLE]}),
        )
        with transaction.atomic():
            demo.build(password)
        self.stdout.write(f"The demo is there: {len(demo.PEOPLE)} people can sign in.")
