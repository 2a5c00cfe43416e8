"""Filters that are declared, and nothing else in the query."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

PAGE_PARAMETERS = frozenset({"cursor", "limit"})


class DeclaredFilters(filters.DjangoFilterBackend):  # type: ignore[misc]
    """Applies a view's filters; a parameter that nobody declared is an error and not ignored.

    A misspelt filter that is ignored would show more than was asked for.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(PAGE_PARAMETERS) if getattr(view, "action", None) == "list" else set()
        if filterset_class and view.action == "list":
            known |= set(filterset_class.base_filters)
        check_parameters(request, known)
        if view.action != "list":
            return queryset
        return super().filter_queryset(request, queryset, view)


def check_parameters(request: Request, known: set[str]) -> None:
    """Refuse parameters outside of `known`. Raises ValidationError naming them."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise ValidationError(
            {
                name[:60]: f"There is no such parameter here; there are: {allowed}."
                for name in unknown
            },
            code="unknown_parameter",
        )
