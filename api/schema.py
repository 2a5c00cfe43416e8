"""The OpenAPI document: what every operation has in common is said once, here."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

PROBLEM = {
    "type": "object",
    "description": "What is wrong, where, and what to do (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "code", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "errors"],
}

_ALWAYS = {
    "400": "Something in the request cannot be taken; `errors` says what and where.",
    "401": "No token, or one that is not valid any more.",
    "403": "The role does not include this.",
    "404": "Nothing is there, or it is not yours to see.",
    "405": "This address does not take the method.",
    "406": "JSON is the one form of answer.",
}
_WITH_BODY = {
    "413": "The request is too large.",
    "415": "JSON is the one form of request.",
}
_CREATING = {"422": "The Idempotency-Key was used for another request."}
_CLASHING = {"409": "It clashes with what is there."}
_MATCHED = {
    "412": "Changed meanwhile; the present ETag comes with the answer.",
    "428": "If-Match is missing.",
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a request says whose it is."""

    target_class = "api.authentication.ActorAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "From POST /api/v1/tokens."}


class KindworkSchema(AutoSchema):
    """Short operation names, as a person would say them."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]


def describe_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add to every operation the refusals, and the headers, that it may meet."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            refusals = dict(_ALWAYS)
            if method in ("post", "put", "patch"):
                refusals |= _WITH_BODY | _CLASHING
            if method == "post" and not path.endswith("/tokens"):
                refusals |= _CREATING
                if "requestBody" in operation:
                    _add_header(operation, "Idempotency-Key", False, "Repeat a POST safely.")
            if method == "patch":
                refusals |= _MATCHED
                _add_header(operation, "If-Match", True, "The ETag that you read.")
            for status, sentence in refusals.items():
                operation["responses"].setdefault(
                    status,
                    {
                        "description": sentence,
                        "content": {
                            "application/problem+json": {
                                "schema": {"$ref": "#/components/schemas/Problem"}
                            }
                        },
                    },
                )
    return result


def _add_header(operation: dict[str, Any], name: str, required: bool, sentence: str) -> None:
    operation.setdefault("parameters", []).append(
        {
            "in": "header",
            "name": name,
            "required": required,
            "description": sentence,
            "schema": {"type": "string", "maxLength": 255},
        }
    )
