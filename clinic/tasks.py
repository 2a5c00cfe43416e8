"""The worker's tasks on the ground floor. Arguments are ids; the truth is in the rows."""

import datetime
from uuid import UUID

from celery.signals import beat_init, worker_ready
from django.utils import timezone

from clinic.models import Heartbeat, IdempotencyKey
from clinic.services import jobs
from clinic.tenancy.tasks import ScopedTask, task

REPEATS_KNOWN_FOR = datetime.timedelta(hours=24)


@task(scope="none")
def tick(self: ScopedTask) -> None:
    """Note that scheduler and worker are alive."""
    Heartbeat.objects.update_or_create(name="tick", defaults={"at": timezone.now()})


@task(scope="clinic", purpose="jobs")
def run_job(self: ScopedTask, clinic_id: str, job_id: str) -> None:
    """Do one job, if nobody else has it."""
    jobs.run(clinic_id=UUID(clinic_id), job_id=UUID(job_id))


@task(scope="each_clinic", purpose="jobs")
def resume_jobs(self: ScopedTask, clinic_id: str) -> None:
    """Take up jobs that were never nudged or whose worker died."""
    for job_id in jobs.waiting(clinic_id=UUID(clinic_id)):
        run_job.delay(clinic_id, str(job_id))


@task(scope="each_clinic", purpose="jobs")
def forget_old_keys(self: ScopedTask, clinic_id: str) -> None:
    """Delete idempotency keys after a day: a repeat that late is a new request."""
    with self.acting(clinic_id) as scope:
        IdempotencyKey.objects.visible_to(scope.actor).filter(
            created_at__lt=timezone.now() - REPEATS_KNOWN_FOR
        ).delete()


@worker_ready.connect
@beat_init.connect
def tick_at_once(**kwargs: object) -> None:
    """Whoever comes up first says so, instead of waiting for the first interval to pass."""
    tick.delay()
