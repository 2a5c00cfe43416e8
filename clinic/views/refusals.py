"""What is answered when something cannot be: as a problem to programs, as a page to people.

A refusal says what to do, and never what exists.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from clinic.problems import CONTENT_TYPE, problem

_SENTENCES = {
    400: ("bad_request", "The request could not be read."),
    403: ("permission_denied", "This is not yours to do."),
    404: ("not_found", "There is nothing here, or it is not yours to see."),
    411: ("length_required", "Send the request's length: a body without one is not read."),
    413: ("too_large", "The request is too large: at most 256 KiB are read."),
    500: ("error", "Something went wrong on our side. Nothing was changed."),
    503: ("unavailable", "Kindwork cannot reach its database. Try again in a minute."),
}


def problem_response(request: HttpRequest, status: int) -> JsonResponse:
    code, detail = _SENTENCES[status]
    if status == 404 and request.path.endswith("/"):
        detail = "There is nothing here: addresses of the API end without a slash."
    return JsonResponse(
        problem(request, status, code=code, detail=detail),
        status=status,
        content_type=CONTENT_TYPE,
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


def length_required(request: HttpRequest) -> HttpResponse:
    return _refuse(request, 411)


def server_error(request: HttpRequest) -> HttpResponse:
    return _refuse(request, 500)


def unavailable(request: HttpRequest) -> HttpResponse:
    response = _refuse(request, 503)
    response["Retry-After"] = "60"
    return response
