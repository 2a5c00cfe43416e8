"""Checking what a client answered against what the exercise asked."""

from typing import Any

from clinic.refusal import Refused
from exercises.codes import InputType
from exercises.library.catalogue import options
from exercises.models import ExerciseVersion

LONGEST_LINE = 500
LONGEST_TEXT = 20_000
LONGEST_TIMER = 4 * 60 * 60  # seconds
MOST_CHOICES = 60


def checked_answers(version: ExerciseVersion, answers: dict[str, Any]) -> dict[str, Any]:
    """Return the answers as they are kept; empty ones are left out.

    A choice is a code, or `{"code": "other", "text": "…"}` where somebody said it in
    their own words.

    Raises:
        Refused: an input that the exercise does not have, or an answer of the wrong kind.
    """
    inputs = {one["key"]: one for one in version.content["inputs"]}
    kept: dict[str, Any] = {}
    for key, value in answers.items():
        if key not in inputs:
            raise Refused(
                f"answers.{key}"[:80],
                "This exercise has no such input; its inputs are listed in `content.inputs`.",
                code="unknown_input",
            )
        if value is None or value in ("", []):
            continue
        kept[key] = _checked(inputs[key], value)
    return kept


def critical_options(version: ExerciseVersion, answers: dict[str, Any]) -> list[str]:
    """Codes of the chosen options that are marked, beside them, as ones the therapist is told of."""
    marked = {
        one["key"]: {option["code"] for option in one.get("options", []) if option.get("critical")}
        for one in version.content["inputs"]
    }
    return [
        code
        for key, value in answers.items()
        for code in _codes(value)
        if code in marked.get(key, set())
    ]


def checked_codes(name: str, field: str, values: list[str]) -> list[str]:
    """Return codes of a shared set of answers, each once. Raises Refused for any other."""
    known = {option["code"] for option in options()[name]}
    for value in values:
        if value not in known:
            raise Refused(field, "Choose from: " + ", ".join(sorted(known)) + ".", code="invalid")
    return list(dict.fromkeys(values))


def _codes(value: Any) -> list[str]:
    if isinstance(value, list):
        return [code for one in value for code in _codes(one)]
    if isinstance(value, dict):
        return [str(value.get("code"))]
    return [value] if isinstance(value, str) else []


def _checked(one: dict[str, Any], value: Any) -> Any:
    field = f"answers.{one['key']}"
    match one["type"]:
        case InputType.TEXT:
            return _text(field, value, LONGEST_LINE)
        case InputType.LONG_TEXT:
            return _text(field, value, LONGEST_TEXT)
        case InputType.SCALE_0_10:
            return _number(field, value, 10, "A whole number from 0 to 10 is expected.")
        case InputType.TIMER:
            return _number(field, value, LONGEST_TIMER, "The time practised, in whole seconds.")
        case InputType.CHOICE:
            return _choice(field, one, value)
        case InputType.MULTI_CHOICE | InputType.CHECKLIST:
            if not isinstance(value, list) or len(value) > MOST_CHOICES:
                raise Refused(field, "A list of answers is expected.", code="not_a_list")
            return [_choice(field, one, part) for part in value]
    raise Refused(field, "This input cannot be answered here.", code="unknown_input")


def _text(field: str, value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise Refused(field, "Text is expected.", code="invalid")
    if len(value) > longest:
        raise Refused(field, f"At most {longest} characters can be kept.", code="max_length")
    return value


def _number(field: str, value: Any, most: int, sentence: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Refused(field, sentence, code="invalid")
    return value


def _choice(field: str, one: dict[str, Any], value: Any) -> Any:
    codes = [option["code"] for option in one["options"]]
    if isinstance(value, dict):
        if set(value) != {"code", "text"} or value["code"] != "other":
            raise Refused(field, 'Own words go as {"code": "other", "text": "…"}.', code="invalid")
        return {"code": "other", "text": _text(field, value["text"], LONGEST_LINE)}
    if value not in codes:
        raise Refused(field, "Choose from: " + ", ".join(codes) + ".", code="invalid_choice")
    return value
