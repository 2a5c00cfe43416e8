from django.apps import AppConfig


class TherapySessionsConfig(AppConfig):
    name = "sessions"
    label = "therapy_sessions"  # "sessions" belongs to django.contrib.sessions
    verbose_name = "Therapy sessions"

    def ready(self) -> None:
        from sessions import job_handlers  # noqa: F401  (registers this room's long work)
