"""The long work of this room."""

from clinic.services import jobs
from sessions.summaries.writing import PURPOSE, write_summaries_job

WRITE_SUMMARIES = "summaries.write"

jobs.register(WRITE_SUMMARIES, write_summaries_job, purpose=PURPOSE)
