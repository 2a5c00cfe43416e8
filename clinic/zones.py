"""Time zones: those that people live in, and the day that it is there."""

import datetime
import functools
import zoneinfo

from django.core.exceptions import ValidationError

_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})
"""Names that a system's files add, and that mean something else on another one."""


@functools.cache
def known_zones() -> frozenset[str]:
    """Every IANA name that a person may have."""
    return frozenset(zoneinfo.available_timezones()) - _NO_PLACES


def is_zone(value: str) -> None:
    """Refuse anything but an IANA time zone (ValidationError)."""
    if value not in known_zones():
        raise ValidationError("This is not a time zone; one looks like Europe/Berlin.")


def today_in(zone: str) -> datetime.date:
    """The date that it is now in an IANA time zone."""
    return datetime.datetime.now(zoneinfo.ZoneInfo(zone)).date()
