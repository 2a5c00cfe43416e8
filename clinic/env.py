"""Reading the environment, loudly.

Every variable that the product reads is read here or in ``settings.py`` through
these functions, and is listed in ``.env.example``; a test holds the two together.
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

READ: set[str] = set()
"""The names that were asked for so far, so that a test can compare them with ``.env.example``."""


def text(name: str, default: str = "") -> str:
    """Return the variable, or the content of the file named by ``NAME_FILE``, else the default.

    Raises:
        ImproperlyConfigured: ``NAME_FILE`` names a file that cannot be read.
    """
    READ.add(name)
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
            ) from error
    return default


def required(name: str, why: str) -> str:
    """Return the variable; a missing one stops the start with a sentence that says what it is for."""
    if value := text(name):
        return value
    raise ImproperlyConfigured(f"{name} is not set: {why}")


def boolean(name: str, default: bool) -> bool:
    """Return a yes/no variable. Raises ImproperlyConfigured for anything but yes or no."""
    value = text(name).strip().lower()
    if not value:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole-number variable. Raises ImproperlyConfigured for anything else, or less."""
    value = text(name).strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if number < least:
        raise ImproperlyConfigured(f"{name} must be {least} or more, not {number}.")
    return number


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list without empty parts."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]
