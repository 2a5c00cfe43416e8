"""The worker's tasks of this room."""

from uuid import UUID

from celery import shared_task

from sessions.summaries.writing import PURPOSE, write_due


@shared_task(scope="each_clinic", purpose=PURPOSE)
def write_due_summaries(clinic_id: str) -> None:
    """Write the summaries of every week that is over for its client and has none yet."""
    write_due(clinic_id=UUID(clinic_id))
