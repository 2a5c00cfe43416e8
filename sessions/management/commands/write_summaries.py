"""Write the summaries of a week."""

import datetime
import time
from argparse import ArgumentParser
from threading import Thread
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from clinic.management.progress import progress
from clinic.models import Clinic, Job
from clinic.models.job import JobState
from clinic.services import jobs
from clinic.tenancy.actor import TaskActor
from clinic.tenancy.scope import acting_as
from sessions.job_handlers import WRITE_SUMMARIES
from sessions.summaries.weeks import Week

_POLL = 0.2  # seconds
_FURTHEST_WEST = datetime.timedelta(hours=12)
"""Where a day ends last on Earth: a week is over everywhere so long after it is in UTC."""


def _do(job: Job) -> None:
    try:
        jobs.run(clinic_id=job.clinic_id, job_id=job.pk)
    finally:
        connection.close()


class Command(BaseCommand):
    help = (
        "Write the weekly summaries of every clinic, as the worker does by itself. "
        "What is written already stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--week", required=True, help="an ISO week, like 2026-W20")
        parser.add_argument(
            "--here", action="store_true", help="do it in this process; else the worker does it"
        )
        parser.add_argument("--no-progress", action="store_true", help="lines instead of a bar")
        parser.add_argument(
            "--patience", type=int, default=600, help="seconds without progress before giving up"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            week = Week.parse(options["week"])
        except ValueError as error:
            raise CommandError(f"{options['week']}: {error}.") from None
        if not week.is_over((datetime.datetime.now(datetime.UTC) - _FURTHEST_WEST).date()):
            raise CommandError(f"{week} is not over; it ends on {week.sunday}.")
        for clinic in Clinic.objects.filter(is_active=True).order_by("id"):
            self._one(clinic, week, options)

    def _one(self, clinic: Clinic, week: Week, options: dict[str, Any]) -> None:
        actor = TaskActor(clinic.pk, "jobs")
        with acting_as(actor):
            job = Job.objects.create(
                clinic_id=clinic.pk, kind=WRITE_SUMMARIES, arguments={"week": str(week)}
            )
        thread: Thread | None = None
        if options["here"]:
            # Beside this thread, which goes on to show how far it is.
            thread = Thread(target=_do, args=(job,), daemon=True)
            thread.start()
        else:
            jobs.nudge(job)
        with progress(f"{week}, clinic {clinic.pk}", bar=not options["no_progress"]) as show:
            self._follow(job, actor, options["patience"], show, thread)

    def _follow(
        self, job: Job, actor: TaskActor, patience: int, show: Any, thread: Thread | None
    ) -> None:
        moved = time.monotonic()
        seen: tuple[str, int] | None = None
        while True:
            ended = thread is not None and not thread.is_alive()
            with acting_as(actor):
                job = Job.objects.visible_to(actor).get(pk=job.pk)
            show(job.done, job.total)
            if job.state == JobState.DONE:
                return
            if job.state == JobState.FAILED or ended:
                raise CommandError(
                    f"Job {job.pk} failed; the worker's log says where. Nothing half-done is kept."
                )
            if (job.state, job.done) != seen:
                seen, moved = (job.state, job.done), time.monotonic()
            elif time.monotonic() - moved > patience:
                raise CommandError(
                    f"Nothing moved for {patience} seconds: is the worker running? "
                    f"Job {job.pk} stays queued, and --here does it without a worker."
                )
            time.sleep(_POLL)
