"""The product's settings, with what makes tests quick."""

from datetime import timedelta

from clinic.settings import *  # noqa: F403
from clinic.settings import CELERY_BEAT_SCHEDULE as SCHEDULE

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
JOB_HOLD_SECONDS = 3
CELERY_BEAT_SCHEDULE = {
    name: {**entry, "schedule": timedelta(seconds=1)} for name, entry in SCHEDULE.items()
}
