"""How a refusal is told to programs: `application/problem+json` (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest

CONTENT_TYPE = "application/problem+json"
PROBLEM_TYPES = "urn:kindwork:problem:"


def problem(
    request: HttpRequest,
    status: int,
    *,
    code: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the body of an `application/problem+json` answer (RFC 9457).

    Args:
        code: a stable word for programs.
        detail: a sentence for people that says what to do.
        errors: for each field at fault its JSON pointer, code and sentence.
    """
    return {
        "type": f"{PROBLEM_TYPES}{code.replace('_', '-')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": getattr(request, "request_id", ""),
        "errors": errors or [],
    }
