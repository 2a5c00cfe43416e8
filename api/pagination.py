"""Pages by cursor: each costs the same, however many came before, and nothing is counted."""

import re
from typing import Any
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

_DIGITS = re.compile(r"[0-9]{1,3}\Z")


class NewestFirst(CursorPagination):
    """Newest first by id, which is ordered by time. `limit` up to 200."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    page_size_query_description = "How many results a page has: 1 to 200."

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("limit")
        if text is None:
            return self.page_size
        if not (_DIGITS.match(text) and 1 <= int(text) <= self.max_page_size):
            raise ValidationError({"limit": f"A whole number from 1 to {self.max_page_size}."})
        return int(text)

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor = super().decode_cursor(request)
            # The way back to the first page has no position; every other one has.
            if cursor is not None and (cursor.position is not None or not cursor.reverse):
                UUID(str(cursor.position))
        except Exception:  # whatever was sent: it is no cursor of ours
            raise ValidationError(
                {"cursor": "This is no cursor of a page; follow `next` and `previous`."}
            ) from None
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": address, "previous": address, "results": schema},
        }

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        links = [
            f'<{address}>; rel="{name}"'
            for name, address in (
                ("next", response.data["next"]),
                ("prev", response.data["previous"]),
            )
            if address
        ]
        response["Link"] = ", ".join([*links, '</api/v1/schema>; rel="service-desc"'])
        return response
