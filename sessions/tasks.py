"""The worker's tasks of this room."""

from uuid import UUID

from clinic.tenancy.tasks import ScopedTask, task
from sessions.summaries.writing import PURPOSE, write_due


@task(scope="each_clinic", purpose=PURPOSE)
def write_due_summaries(self: ScopedTask, clinic_id: str) -> None:
    """Write the summaries of every week that is over for its client and has none yet."""
    write_due(clinic_id=UUID(clinic_id))
