"""Kinds of values that several resources take."""

import datetime
import re
from typing import Any

from rest_framework import serializers

from clinic.zones import known_zones
from sessions.summaries.weeks import Week

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


class ZoneField(serializers.CharField):
    """An IANA time zone."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 64)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        value = str(super().to_internal_value(data))
        if value not in known_zones():
            raise serializers.ValidationError("A time zone looks like Europe/Berlin.")
        return value


class BirthDateField(serializers.CharField):
    """An ISO date in the past, kept as text because it is sealed."""

    def to_internal_value(self, data: Any) -> str:
        value = str(super().to_internal_value(data))
        if value == "":
            return value
        try:
            day = datetime.date.fromisoformat(value) if _DAY.match(value) else None
        except ValueError:
            day = None
        if (
            day is None
            or not datetime.date(1900, 1, 1) <= day <= datetime.datetime.now(datetime.UTC).date()
        ):
            raise serializers.ValidationError("A date of birth looks like 1987-04-23.")
        return value


class WeekField(serializers.CharField):
    """An ISO week."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return Week.parse(str(super().to_internal_value(data)))
        except ValueError:
            raise serializers.ValidationError("A week is written like 2026-W20.") from None

    def to_representation(self, value: Any) -> str:
        return str(value)


class PersonText(serializers.CharField):
    """What a person writes: kept as it was typed, up to a length."""

    def __init__(self, *, longest: int = 2000, **kwargs: Any) -> None:
        kwargs.setdefault("allow_blank", True)
        kwargs.setdefault("required", False)
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(max_length=longest, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")  # a number is no text: it would be kept as Python writes it
        return str(super().to_internal_value(data))


class NameText(PersonText):
    """A name, kept as it was typed, with more to it than spaces."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=200, allow_blank=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        value = str(super().to_internal_value(data))
        if not value.strip():
            self.fail("blank")
        return value


def scale(**kwargs: Any) -> serializers.IntegerField:
    """A rating from 0 to 10, or nothing."""
    return serializers.IntegerField(
        min_value=0, max_value=10, required=False, allow_null=True, **kwargs
    )
