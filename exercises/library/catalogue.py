"""Reading and checking the catalogue's files."""

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

FOLDER = Path(__file__).resolve().parent


class BadCatalogue(Exception):
    """A file of the catalogue is not as it has to be; the message names file and fault."""


@dataclass(frozen=True)
class CatalogueExercise:
    """One exercise as the files say it, options written out.

    Attributes:
        content: what the client reads, and how it is asked.
        for_therapist: cautions, frequency, evidence.
        digest: of all of it; another digest is another version.
    """

    catalogue_id: str
    position: int
    codes: dict[str, Any]
    content: dict[str, Any]
    for_therapist: dict[str, Any]
    digest: str


_CODES = (
    "language",
    "title",
    "tradition",
    "flows",
    "systems",
    "skills",
    "attributes",
    "level",
    "start",
    "minutes",
    "modality",
    "ratings",
)
_CONTENT = ("purpose", "before", "steps", "inputs", "smaller_version", "alternative", "closing")


@functools.cache
def options() -> dict[str, list[dict[str, Any]]]:
    """The sets of answers by name: `{"code", "label"}`, with `critical` and `notice` on some."""
    sets: dict[str, list[dict[str, Any]]] = yaml.safe_load((FOLDER / "options.yaml").read_text())
    for name, choices in sets.items():
        codes = [choice["code"] for choice in choices]
        if codes[-2:] != ["other", "rather_not_say"] or len(codes) != len(set(codes)):
            raise BadCatalogue(f"options.yaml: {name} does not end as every set does")
    return sets


@functools.cache
def questions() -> dict[str, Any]:
    """The words of the common ratings and of the common close."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "questions.yaml").read_text())
    return content


def catalogue() -> list[CatalogueExercise]:
    """Read and check every file.

    Raises:
        BadCatalogue: the first fault that was found.
    """
    return sorted(
        (read(path) for path in (FOLDER / "catalogue").glob("*.yaml")),
        key=lambda exercise: exercise.position,
    )


def read(path: Path) -> CatalogueExercise:
    """Read and check one file. Raises BadCatalogue."""
    try:
        data = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BadCatalogue(f"{path.name}: not YAML in UTF-8") from None
    return parse(data, name=path.name)


def parse(data: dict[str, Any], *, name: str) -> CatalogueExercise:
    """Check one exercise's data and write its options out. Raises BadCatalogue."""
    try:
        jsonschema.validate(data, _schema())
    except jsonschema.ValidationError as error:
        raise BadCatalogue(f"{name}: {error.json_path}: {error.message}") from None
    if Path(name).stem != data["catalogue_id"]:
        raise BadCatalogue(f"{name}: the file is not called by its catalogue_id")
    keys = [one["key"] for one in data["inputs"]]
    shown = [key for step in data["steps"] for key in step["inputs"]]
    if len(keys) != len(set(keys)) or sorted(keys) != sorted(shown):
        raise BadCatalogue(f"{name}: each input has one key and stands on one step")
    content = {key: data[key] for key in _CONTENT}
    content["inputs"] = [_with_options(one, name) for one in data["inputs"]]
    # A version holds every word that is read with it, the common questions, too.
    content["ratings"] = [
        {"code": rating, **questions()["ratings"][rating]} for rating in data["ratings"]
    ]
    for part in ("not_today", "close"):
        content[part] = [
            _with_options({"key": key, **asked}, "questions.yaml")
            for key, asked in questions()[part].items()
        ]
    codes = {key: data[key] for key in _CODES}
    whole = json.dumps([codes, content, data["for_therapist"]], sort_keys=True)
    return CatalogueExercise(
        catalogue_id=data["catalogue_id"],
        position=data["n"],
        codes=codes,
        content=content,
        for_therapist=data["for_therapist"],
        digest=hashlib.sha256(whole.encode()).hexdigest(),
    )


def _with_options(one: dict[str, Any], name: str) -> dict[str, Any]:
    if "options" not in one:
        return one
    if one["options"] not in options():
        raise BadCatalogue(f"{name}: there are no options called {one['options']}")
    return {**one, "options": options()[one["options"]]}


@functools.cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / "schema.json").read_text())
    return schema
