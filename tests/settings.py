"""The product's settings, with what makes tests quick."""

from clinic.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
JOB_HOLD_SECONDS = 3
