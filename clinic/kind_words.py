"""Words that shame, and so never reach a client.

The list is that of Kindwork's clinical brief (section "What the client sees"), with the
field's own findings behind it: no streaks, no measure against an ideal week, no praise of
the amount. Exercises and summaries are held against it by tests.
"""

import re
from collections.abc import Iterable

BANNED = (
    "failed",
    "missed",
    "should",
    "must",
    "only",
    "just",
    "still not",
    "at least",
    "lazy",
    "compliance",
    "non-compliant",
    "streak",
    "perfect",
    "great job",
    "proud of you",
    "on track",
    "behind",
    "goal reached",
    "you need to",
    "overdue",
    "homework",
)

_FORMS = (
    r"(?:should|must)(?:n['’]t)?",
    r"streaks?",
    r"goals? reached",
    r"per ?cent(?:ages?)?",
    *(re.escape(word) for word in BANNED if word not in ("should", "must", "streak")),
)
_PATTERN = re.compile(rf"(?<![\w-])(?:{'|'.join(_FORMS)})(?![\w-])|%", re.IGNORECASE)


def banned_in(text: str) -> list[str]:
    """Return what in the text is banned, in order; empty for a kind text."""
    return [match.group(0).lower() for match in _PATTERN.finditer(" ".join(text.split()))]


def words_of(value: object) -> Iterable[str]:
    """Yield every text inside nested lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from words_of(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from words_of(part)
