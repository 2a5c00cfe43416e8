"""The Django project and the ground floor: people, tenancy, the vault, jobs."""

from clinic.celery import app as celery_app

__all__ = ["celery_app"]
