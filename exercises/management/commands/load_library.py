"""Bring the catalogue into the clinics' libraries."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.models import Clinic
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
from exercises.library.catalogue import BadCatalogue
from exercises.services.library import load_catalogue


class Command(BaseCommand):
    help = (
        "Load new exercises, and new versions of changed ones, into every clinic. Safe to repeat."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for clinic in Clinic.objects.filter(is_active=True).order_by("id"):
            try:
                with acting_as(TaskActor(clinic.pk, "library")):
                    exercises, versions = load_catalogue(clinic_id=clinic.pk)
            except BadCatalogue as error:
                raise CommandError(str(error)) from None
            self.stdout.write(
                f"Clinic {clinic.pk}: {exercises} exercises, {versions} versions new."
            )
