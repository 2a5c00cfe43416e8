"""Long work: queued as a row, done in batches, resumed by whoever finds it lying.

A room registers what it can do with `register`. A handler gets a `Run` and calls
`run.batch()` for each batch; work and progress of a batch are one transaction.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from clinic.models import Job
from clinic.models.job import JobState
from clinic.tenancy.actor import Actor, TaskActor
from clinic.tenancy.scope import acting_as

log = logging.getLogger("kindwork.jobs")

Handler = Callable[["Run"], None]
_handlers: dict[str, tuple[Handler, str]] = {}


class LostHold(Exception):
    """Another worker holds the job now: this one stops, and keeps nothing of its batch."""


def register(kind: str, handler: Handler, *, purpose: str) -> None:
    """Say who does jobs of this kind, and for which purpose its scopes are opened."""
    _handlers[kind] = (handler, purpose)


def queue_job(
    *, kind: str, arguments: dict[str, Any], unit: str, clinic_id: UUID, by: Actor | None
) -> Job:
    """Write the job's row in this transaction, and nudge the worker once it is committed.

    Args:
        arguments: ids, dates and codes; never anything that a person wrote.
        by: whose job it is; None for the server's own.
    """
    if kind not in _handlers:
        raise LookupError(kind)
    job = Job.objects.create(
        clinic_id=clinic_id,
        kind=kind,
        arguments=arguments,
        unit=unit,
        requested_by_id=by.membership_id if by else None,
    )
    transaction.on_commit(lambda: nudge(job))
    return job


def nudge(job: Job) -> None:
    """Tell the worker. If the broker is away the tick finds the row later."""
    try:
        current_app.send_task("clinic.tasks.run_job", [str(job.clinic_id), str(job.pk)])
    except Exception as error:  # whatever a broker raises: the row is what counts
        log.warning("job %s waits for the tick: %s", job.pk, type(error).__name__)


class Run:
    """A job in this worker's hands."""

    def __init__(self, job: Job, purpose: str) -> None:
        self.job = job
        self.actor = TaskActor(job.clinic_id, purpose)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """One transaction of the job: what is done in it and the progress that says so.

        Raises:
            LostHold: another worker has the job; nothing of this batch is kept.
        """
        with acting_as(self.actor):
            if not self._update(held_until=timezone.now() + Job.hold()):
                raise LostHold(str(self.job.pk))
            yield

    def expect(self, total: int) -> None:
        """Say how much there is to do. Call inside a batch."""
        self._update(total=total)

    def progress(self, count: int) -> None:
        """Say that so much more is done. Call inside a batch."""
        self._update(done=F("done") + count)

    def found(self, **result: Any) -> None:
        """Keep ids or counts of what was made. Call inside a batch."""
        self.job.result = {**self.job.result, **result}
        self._update(result=self.job.result)

    def _update(self, **values: Any) -> int:
        """Change the job's row if it is in these hands still; return how many were changed."""
        return (
            Job.objects.visible_to(self.actor)
            .filter(pk=self.job.pk, state=JobState.RUNNING, attempts=self.job.attempts)
            .update(**values)
        )


def claim(*, clinic_id: UUID, job_id: UUID) -> Job | None:
    """Take a job that nobody holds; None if it is done, given up, or in other hands."""
    now = timezone.now()
    actor = TaskActor(clinic_id, "jobs")
    with acting_as(actor):
        free = Job.objects.visible_to(actor).filter(pk=job_id).free(now)
        free.filter(attempts__gte=Job.MOST_ATTEMPTS).update(
            state=JobState.FAILED, problem="given_up", finished_at=now, held_until=None
        )
        taken = free.filter(attempts__lt=Job.MOST_ATTEMPTS).update(
            state=JobState.RUNNING,
            held_until=now + Job.hold(),
            attempts=F("attempts") + 1,
            started_at=now,
            done=0,
        )
        return Job.objects.visible_to(actor).get(pk=job_id) if taken else None


def run(*, clinic_id: UUID, job_id: UUID) -> bool:
    """Claim a job and do it. Safe to call twice, late, or in parallel.

    Returns:
        Whether this call had it in hand. A job that fails is kept as failed, with a
        code; one whose worker dies is taken up again.
    """
    job = claim(clinic_id=clinic_id, job_id=job_id)
    if job is None:
        return False
    handler, purpose = _handlers[job.kind]
    the_run = Run(job, purpose)
    try:
        handler(the_run)
        with the_run.batch():
            the_run._update(state=JobState.DONE, finished_at=timezone.now(), held_until=None)
    except LostHold:
        return False
    except Exception as error:
        log.error("job %s of kind %s: %s", job.pk, job.kind, type(error).__name__)
        _release(the_run, again=job.attempts < Job.MOST_ATTEMPTS)
    return True


def _release(the_run: Run, *, again: bool) -> None:
    """After an error: leave the job for another attempt in a while, or give it up."""
    now = timezone.now()
    with acting_as(the_run.actor):
        if again:
            the_run._update(
                state=JobState.QUEUED, held_until=now + the_run.job.attempts * Job.hold()
            )
        else:
            the_run._update(
                state=JobState.FAILED, problem="error", finished_at=now, held_until=None
            )


def waiting(*, clinic_id: UUID, most: int = 50) -> list[UUID]:
    """Ids of jobs that lie there: never nudged, or left by a worker that died."""
    actor = TaskActor(clinic_id, "jobs")
    with acting_as(actor):
        return list(
            Job.objects.visible_to(actor)
            .free(timezone.now())
            .order_by("created_at")
            .values_list("pk", flat=True)[:most]
        )
