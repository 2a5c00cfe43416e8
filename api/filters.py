"""Filters that are declared, and nothing else in the query."""

import datetime
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

PAGE_PARAMETERS = frozenset({"cursor", "limit"})


class DeclaredFilters(filters.DjangoFilterBackend):  # type: ignore[misc]
    """Applies a view's filters; a parameter that nobody declared is an error and not ignored.

    A misspelt filter that is ignored would show more than was asked for.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        if view.action != "list":
            return queryset
        return super().filter_queryset(request, queryset, view)


def known_parameters(view: Any) -> set[str]:
    """What the query may hold: filters and pages for a list, and nothing otherwise."""
    if getattr(view, "action", None) != "list":
        return set()
    filterset_class = getattr(view, "filterset_class", None)
    return set(PAGE_PARAMETERS) | set(filterset_class.base_filters if filterset_class else ())


class MomentField(IsoDateTimeField):  # type: ignore[misc]
    """A moment, in UTC; one that lies outside of the calendar there is none."""

    def clean(self, value: Any) -> Any:
        moment = super().clean(value)
        try:
            return moment and moment.astimezone(datetime.UTC)
        except OverflowError:
            raise DjangoValidationError("This moment lies outside of the calendar.") from None


class MomentFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]
    """Filters by a moment (RFC 3339)."""

    field_class = MomentField


def check_parameters(request: Request, known: set[str]) -> None:
    """Refuse parameters outside of `known`, and empty ones, which say nothing.

    Raises:
        ValidationError: naming them.
    """
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
    empty = sorted(name for name in request.query_params if not request.query_params[name])
    if empty:
        raise ValidationError(
            dict.fromkeys(empty, "This parameter is empty; leave it out, or give it a value."),
            code="empty_parameter",
        )
