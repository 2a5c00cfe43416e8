"""What is answered when something cannot be: as a problem to programs, as a page to people.

A refusal says what to do, and never what exists.
"""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

PROBLEM_TYPES = "https://kindwork.example/problems/"

_SENTENCES = {
    400: ("bad_request", "The request could not be read."),
    403: ("permission_denied", "This is not yours to do."),
    404: ("not_found", "There is nothing here, or it is not yours to see."),
    413: ("too_large", "The request is too large: at most 256 KiB are read."),
    500: ("error", "Something went wrong on our side. Nothing was changed."),
    503: ("unavailable", "Kindwork cannot reach its database. Try again in a minute."),
}


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


def problem_response(request: HttpRequest, status: int) -> JsonResponse:
    code, detail = _SENTENCES[status]
    return JsonResponse(
        problem(request, status, code=code, detail=detail),
        status=status,
        content_type="application/problem+json",
    )


def _refuse(request: HttpRequest, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_response(request, status)
    _, sentence = _SENTENCES[status]
    return render(
        request, "clinic/refusal.html", {"status": status, "sentence": sentence}, status=status
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refuse(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refuse(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _refuse(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _refuse(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _refuse(request, 500)


def unavailable(request: HttpRequest) -> HttpResponse:
    response = _refuse(request, 503)
    response["Retry-After"] = "60"
    return response
