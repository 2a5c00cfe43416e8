"""Found a clinic with its first person."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from clinic import env
from clinic.services import founding
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as


class Command(BaseCommand):
    help = (
        "Found a clinic with its first admin, who may be a therapist, too. "
        "Then run load_library to bring the exercises in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the clinic's public name")
        parser.add_argument("--email", required=True, help="the first person's address")
        parser.add_argument("--person", required=True, help="the first person's name")
        parser.add_argument("--time-zone", default="Europe/London")
        parser.add_argument("--country", default="GB", help="two letters, for the support list")
        parser.add_argument("--therapist", action="store_true", help="they see clients, too")

    def handle(self, *args: Any, **options: Any) -> None:
        password = env.text("KINDWORK_PASSWORD") or getpass.getpass("Password (15 or more): ")
        try:
            with transaction.atomic():
                clinic = founding.found_clinic(
                    name=options["name"],
                    time_zone=options["time_zone"],
                    country=options["country"].upper(),
                )
                user = founding.login_for(email=options["email"], password=password)
                with acting_as(TaskActor(clinic.pk, founding.PURPOSE)):
                    roles = [Role.ADMIN, *([Role.THERAPIST] if options["therapist"] else [])]
                    for role in roles:
                        founding.add_member(
                            clinic_id=clinic.pk, user=user, role=role, name=options["person"]
                        )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"Clinic {clinic.pk} is there. Next: manage.py load_library")
