"""System checks: what would quietly take a wall away, found before the first request."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db.backends.postgresql.psycopg_any import is_psycopg3


@register()
def psycopg2_is_used(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Django silently prefers psycopg 3 once something brings it in; Kindwork is proven on psycopg2."""
    if is_psycopg3:
        return [
            Error(
                "psycopg 3 is installed and Django would use it.",
                hint="Run `pip uninstall psycopg` and find what brought it in.",
                id="kindwork.E001",
            )
        ]
    return []
