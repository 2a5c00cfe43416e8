"""Reading JSON from strangers."""

import io
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

DEEPEST = 20


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "The request is too large: at most 256 KiB are read."


class CarefulJSONParser(JSONParser):
    """JSON of bounded size and depth, an object at the top, and text that can be stored."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> dict[str, Any]:
        body = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(body) > settings.MAX_BODY_BYTES:
            raise TooLarge
        try:
            value = super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        if not isinstance(value, dict):
            raise ParseError("A JSON object is expected: {…}.")
        _check(value, DEEPEST)
        return value


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise ParseError("The JSON is nested too deeply.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ParseError("The text holds half a character (a lone surrogate).") from None
        if "\0" in value:
            raise ParseError("The text holds a null character.")
    elif isinstance(value, dict):
        for key, part in value.items():
            _check(key, depth - 1)
            _check(part, depth - 1)
    elif isinstance(value, list):
        for part in value:
            _check(part, depth - 1)
