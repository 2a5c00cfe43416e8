"""`/livez` and `/readyz`, for whoever watches over the machine. They say nothing about people."""

from collections.abc import Callable

from celery import current_app
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from clinic.models import Heartbeat

Trouble = str | None


@login_not_required
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Everything that people rely on works; what does not is named with the mend.

    Answers 503 while something is missing.
    """
    checks: dict[str, Callable[[], Trouble]] = {
        "database": database,
        "migrations": migrations,
        "broker": broker,
        "scheduler": scheduler,
    }
    found: dict[str, dict[str, str]] = {}
    for name, check in checks.items():
        try:
            trouble = check()
        except Exception as error:  # whatever it is, it is this check's trouble
            trouble = f"{type(error).__name__}: {_MENDS[name]}"
        found[name] = {"status": "trouble", "mend": trouble} if trouble else {"status": "ok"}
    ok = all(one["status"] == "ok" for one in found.values())
    return JsonResponse(
        {"status": "ok" if ok else "trouble", "checks": found}, status=200 if ok else 503
    )


_MENDS = {
    "database": "start PostgreSQL, or look at DATABASE_URL.",
    "migrations": "run `manage.py migrate --database owner`.",
    "broker": "start Valkey, or look at BROKER_URL; nothing is lost meanwhile.",
    "scheduler": "start the worker and the scheduler.",
}


def database() -> Trouble:
    """The database runs a function of ours: a plain SELECT works even where no function does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kindwork.context_clinic() IS NULL, current_user, rolsuper OR rolbypassrls "
            "FROM pg_roles WHERE rolname = current_user"
        )
        without_context, user, is_unbound = cursor.fetchone()
    if not without_context:
        return "a context survived its transaction: restart the web processes and report this."
    if user != "kindwork_app":
        return "DATABASE_URL must sign in as kindwork_app."
    if is_unbound:
        return "kindwork_app must be NOSUPERUSER and NOBYPASSRLS: clinics see each other otherwise."
    return None


def migrations() -> Trouble:
    """Every migration of this version has run."""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} have not run: {_MENDS['migrations']}" if waiting else None


def broker() -> Trouble:
    """The broker answers."""
    with current_app.connection_for_read() as link:
        link.ensure_connection(max_retries=1, timeout=2)
    return None


def scheduler() -> Trouble:
    """The scheduler's tick reached a worker lately."""
    last = Heartbeat.objects.filter(name="tick").values_list("at", flat=True).first()
    if last is None:
        return f"no tick yet: {_MENDS['scheduler']}"
    age = (timezone.now() - last).total_seconds()
    if age > settings.TICK_LATE_SECONDS:
        return f"the last tick is {age:.0f} seconds old: {_MENDS['scheduler']}"
    return None
