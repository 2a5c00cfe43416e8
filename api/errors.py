"""Every refusal is `application/problem+json` (RFC 9457): what is wrong, where, what to do."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import ErrorResponse
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from api.parsers import TooLarge
from clinic.problems import CONTENT_TYPE, problem
from clinic.refusal import Conflict, NotTheirs, Refused
from clinic.services.tokens import ChooseMembership
from clinic.vault.sealing import CannotOpen


class ConflictError(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "This clashes with what is there."


class PreconditionFailed(exceptions.APIException):
    """Somebody changed it meanwhile."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "changed_meanwhile"
    default_detail = (
        "This was changed meanwhile. Fetch it again, look at what changed, "
        "and send your change with the new ETag."
    )

    def __init__(self, etag: str) -> None:
        super().__init__()
        self.etag = etag


class PreconditionRequired(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "if_match_required"
    default_detail = "Send the ETag that you read as If-Match, so that no change is lost."


class KeyReused(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request. Send a fresh key."


class Unreadable(exceptions.APIException):
    """What is sealed does not open: it was moved or altered, or its key is gone."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "unreadable"
    default_detail = (
        "Part of this is sealed and does not open, so nothing was changed. "
        "Tell whoever looks after the server; the log names the row."
    )


class Unavailable(exceptions.APIException):
    """The database went away; what was written meanwhile is not kept."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "Kindwork cannot reach its database. Try again in a minute."
    wait = 60


def as_api_error(refused: Refused) -> exceptions.APIException:
    """Say a service's refusal in the API's own words."""
    if isinstance(refused, Conflict):
        return ConflictError(refused.sentence, code=refused.code)
    if isinstance(refused, NotTheirs):
        return exceptions.PermissionDenied(refused.sentence)
    detail = exceptions.ErrorDetail(refused.sentence, code=refused.code)
    return exceptions.ValidationError({refused.field: [detail]} if refused.field else [detail])


class ProblemHandler(ExceptionHandler):
    """Turns what was raised into a problem; content of a person never enters it from here."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, Refused):
            return as_api_error(exc)
        if isinstance(exc, CannotOpen):
            return Unreadable()
        if isinstance(exc, RequestDataTooBig):
            return TooLarge()
        if isinstance(exc, OperationalError | InterfaceError):
            return Unavailable()
        if isinstance(exc, SuspiciousOperation):
            return exceptions.ParseError("The request could not be read.")
        return super().convert_known_exceptions(exc)

    def get_response(self, exc: exceptions.APIException, data: dict[str, Any]) -> Response:
        if isinstance(self.exc, ChooseMembership):
            data = {**data, "choices": self.exc.choices}
        response = Response(
            data,
            status=exc.status_code,
            headers=self.get_headers(exc),
            content_type=CONTENT_TYPE,
        )
        # Refusals are JSON also where a page was asked for.
        request = self.context["request"]
        assert request is not None
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type
        if isinstance(exc, PreconditionFailed):
            response["ETag"] = exc.etag
        return response


_SENTENCES = {
    "validation_error": "Some of it cannot be taken as it is; `errors` says what and where.",
    "not_found": "There is nothing here, or it is not yours to see.",
    "error": "Something went wrong on our side. Nothing was changed.",
}


def _pointer(attribute: str | None) -> str:
    """The JSON pointer (RFC 6901) of a field; "" for the request as a whole."""
    parts = (attribute or "").split(".")
    if parts[-1] == "non_field_errors":
        parts.pop()
    return "".join(f"/{part}" for part in parts if part)


class ProblemFormatter(ExceptionFormatter):
    """Shapes errors as a problem, with a JSON pointer to each field at fault."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        drf_request = self.context["request"]
        assert drf_request is not None
        request = drf_request._request
        errors = [
            {
                "pointer": _pointer(error.attr),
                "code": error.code,
                "detail": error.detail,
            }
            for error in error_response.errors
        ]
        if error_response.type == "validation_error":
            code = "validation_error"
            if len(errors) == 1 and not errors[0]["pointer"]:
                code = str(errors[0]["code"])
            detail = _SENTENCES["validation_error"]
            if code != "validation_error":
                detail = str(errors[0]["detail"])
        else:
            code = errors[0]["code"]
            detail = _SENTENCES.get(code, errors[0]["detail"])
            errors = []
        return problem(request, self.exc.status_code, code=code, detail=detail, errors=errors)
