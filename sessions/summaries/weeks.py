"""Weeks as people live them: Monday to Sunday in the client's own zone."""

import datetime
import re
from dataclasses import dataclass

_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})\Z")


@dataclass(frozen=True, order=True)
class Week:
    """An ISO 8601 week, by its Monday."""

    monday: datetime.date

    @classmethod
    def parse(cls, text: str) -> "Week":
        """Read `2026-W20`. Raises ValueError for anything else, and for weeks that no year has."""
        match = _WEEK.match(text)
        if not match:
            raise ValueError("a week is written like 2026-W20")
        year, number = int(match[1]), int(match[2])
        if year == datetime.MAXYEAR:
            raise ValueError("this week lies too far ahead")
        return cls(datetime.date.fromisocalendar(year, number, 1))

    @classmethod
    def of(cls, day: datetime.date) -> "Week":
        """The week that a day lies in."""
        return cls(day - datetime.timedelta(days=day.weekday()))

    @property
    def sunday(self) -> datetime.date:
        return self.monday + datetime.timedelta(days=6)

    def is_over(self, today: datetime.date) -> bool:
        """Whether its last day has passed, where today is this."""
        return today > self.sunday

    def __str__(self) -> str:
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02d}"
