"""Starting with settings that are missing or wrong: refused, in a sentence that names the mend."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clinic import env
from clinic.vault.keys import generate

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("clinic", "exercises", "sessions", "api")
EXAMPLE = ROOT / ".env.example"

_URL = "postgres://{}:secret@db.internal/kindwork"
PRODUCTION = {
    "KINDWORK_PRODUCTION": "true",
    "SECRET_KEY": "a-long-random-text-that-is-for-tests-alone-0123456789",
    "KINDWORK_KEYS": "/run/secrets/keys.json",
    "ALLOWED_HOSTS": "kindwork.example",
    "DATABASE_URL": _URL.format("kindwork_app"),
    "DATABASE_OWNER_URL": _URL.format("kindwork_owner"),
    "DATABASE_BACKUP_URL": _URL.format("kindwork_backup"),
    "BROKER_URL": "redis://queue.internal:6379/0",
}


def documented() -> set[str]:
    """The names that .env.example lists."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", EXAMPLE.read_text(), re.MULTILINE))


SHOW = (
    "import django; django.setup(); from django.conf import settings as s; "
    "print(s.PRODUCTION, s.DEBUG, s.SESSION_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, "
    "s.ALLOWED_HOSTS, s.DATABASES['default']['USER'], s.CELERY_WORKER_CONCURRENCY)"
)


def start(tmp_path: Path, code: str = SHOW, **said: str) -> "subprocess.CompletedProcess[str]":
    """Start with these settings and no others, and print some of what came of them."""
    blank = dict.fromkeys(documented(), "")  # what stands in a developer's own .env does not count
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "clinic.settings",
            **blank,
            "KINDWORK_VAR": str(tmp_path / "var"),
            **said,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_production_starts_with_all_that_it_needs(tmp_path: Path) -> None:
    result = start(tmp_path, **PRODUCTION)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("[")[0].split() == ["True", "False", "True", "True"]
    assert "kindwork.example" in result.stdout
    assert "kindwork_app" in result.stdout


def test_without_any_setting_it_starts_on_its_own_servers(tmp_path: Path) -> None:
    result = start(tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("[")[0].split() == ["False", "False", "False", "False"]
    assert not (tmp_path / "var").exists()  # looking at the settings leaves nothing behind


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    **{
        f"without {name}": ({**PRODUCTION, name: ""}, f"{name} is not set")
        for name in (
            "SECRET_KEY",
            "KINDWORK_KEYS",
            "ALLOWED_HOSTS",
            "DATABASE_URL",
            "DATABASE_OWNER_URL",
            "DATABASE_BACKUP_URL",
        )
    },
    "with DEBUG": ({**PRODUCTION, "DEBUG": "true"}, "DEBUG must be off"),
    "with a secret that can be guessed": ({**PRODUCTION, "SECRET_KEY": "changeme"}, "SECRET_KEY"),
    "for every host": ({**PRODUCTION, "ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
    "as the owner": (
        {**PRODUCTION, "DATABASE_URL": _URL.format("kindwork_owner")},
        "DATABASE_URL must sign in as kindwork_app",
    ),
    "as a superuser": (
        {**PRODUCTION, "DATABASE_URL": _URL.format("postgres")},
        "DATABASE_URL must sign in as kindwork_app",
    ),
    "as nobody": (
        {**PRODUCTION, "DATABASE_URL": "postgres://db.internal/kindwork"},
        "DATABASE_URL must sign in as kindwork_app",
    ),
    "with roles the wrong way round": (
        {**PRODUCTION, "DATABASE_BACKUP_URL": _URL.format("kindwork_owner")},
        "DATABASE_BACKUP_URL must sign in as kindwork_backup",
    ),
    "on another database": (
        {**PRODUCTION, "DATABASE_URL": "sqlite:///db.sqlite3"},
        "DATABASE_URL must be a postgres:// address",
    ),
    "on half a database": (
        {"DATABASE_URL": _URL.format("kindwork_app")},
        "DATABASE_OWNER_URL is not set",
    ),
    "with a file that is not there": (
        {**PRODUCTION, "SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere/secret"},
        "SECRET_KEY_FILE names /nowhere/secret",
    ),
    "neither true nor false": ({"KINDWORK_PRODUCTION": "perhaps"}, "must be true or false"),
    "with a broken DEBUG": ({"DEBUG": "2"}, "DEBUG must be true or false"),
    "with words for a number": (
        {"KINDWORK_WORKERS": "many"},
        "KINDWORK_WORKERS must be a whole number",
    ),
    "with half a worker": ({"KINDWORK_WORKERS": "1.5"}, "KINDWORK_WORKERS must be a whole number"),
    "with no worker": ({"KINDWORK_WORKERS": "0"}, "KINDWORK_WORKERS"),
    "with fewer workers than none": ({"KINDWORK_WORKERS": "-1"}, "KINDWORK_WORKERS"),
    "with jobs that nobody holds": (
        {"KINDWORK_JOB_HOLD_SECONDS": "-5"},
        "KINDWORK_JOB_HOLD_SECONDS",
    ),
}


@pytest.mark.parametrize("how", REFUSED)
def test_it_does_not_start(tmp_path: Path, how: str) -> None:
    said, told = REFUSED[how]
    result = start(tmp_path, **said)
    assert result.returncode != 0, result.stdout
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: "), last
    assert told in last
    assert "secret@" not in last  # a password stands in no message


KEY_FILES = {
    "that is not there": (None, 0, "There is no key file at"),
    "that is damaged": ("{}", 0o600, "cannot be read"),
    "that others can read": (generate(), 0o644, "chmod 600"),
}


@pytest.mark.parametrize("how", KEY_FILES)
def test_in_production_nothing_is_served_with_a_key_file(tmp_path: Path, how: str) -> None:
    """Told when the web process starts, and not to the first person who signs in."""
    content, mode, told = KEY_FILES[how]
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    said = {**PRODUCTION, "KINDWORK_KEYS": str(path)}
    result = start(tmp_path, "import clinic.wsgi", **said)
    assert result.returncode != 0
    assert told in result.stderr.strip().splitlines()[-1]


def test_in_production_it_is_served_with_a_good_key_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(generate())
    path.chmod(0o600)
    result = start(tmp_path, "import clinic.wsgi", **{**PRODUCTION, "KINDWORK_KEYS": str(path)})
    assert result.returncode == 0, result.stderr


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("from.file.example\n")
    result = start(
        tmp_path,
        **{**PRODUCTION, "ALLOWED_HOSTS": "", "ALLOWED_HOSTS_FILE": str(tmp_path / "hosts")},
    )
    assert result.returncode == 0, result.stderr
    assert "['from.file.example']" in result.stdout


# -- reading the environment


@pytest.mark.parametrize(
    ("said", "meant"),
    [("true", True), ("1", True), ("YES", True), (" on ", True), ("false", False), ("0", False),
     ("No", False), ("off", False), ("", True), ("  ", True)],
)  # fmt: skip
def test_yes_and_no_are_said_in_several_ways(
    monkeypatch: pytest.MonkeyPatch, said: str, meant: bool
) -> None:
    monkeypatch.setenv("KINDWORK_TRIED", said)
    assert env.boolean("KINDWORK_TRIED", default=True) is meant


@pytest.mark.parametrize("said", ["ja", "2", "tru", "none", "t", "enabled"])
def test_what_is_neither_yes_nor_no_is_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("KINDWORK_TRIED", said)
    with pytest.raises(env.ImproperlyConfigured, match="KINDWORK_TRIED must be true or false"):
        env.boolean("KINDWORK_TRIED", default=True)


@pytest.mark.parametrize("said", ["1e3", "ten", "1.0", "0x10", "1 2", "--1"])
def test_what_is_no_whole_number_is_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("KINDWORK_TRIED", said)
    with pytest.raises(env.ImproperlyConfigured, match="KINDWORK_TRIED must be a whole number"):
        env.integer("KINDWORK_TRIED", default=1)


def test_words_are_separated_by_commas_and_empty_ones_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KINDWORK_TRIED", " a.example, ,b.example,,")
    assert env.words("KINDWORK_TRIED") == ["a.example", "b.example"]
    monkeypatch.delenv("KINDWORK_TRIED")
    assert env.words("KINDWORK_TRIED", "x,y") == ["x", "y"]


def test_a_variable_wins_over_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("  from the file\n")
    monkeypatch.setenv("KINDWORK_TRIED_FILE", str(tmp_path / "value"))
    assert env.text("KINDWORK_TRIED") == "from the file"
    monkeypatch.setenv("KINDWORK_TRIED", "said")
    assert env.text("KINDWORK_TRIED") == "said"


# -- .env.example

READERS = {"text", "required", "boolean", "integer", "words", "_database", "getenv"}
OURS_ALONE = {
    "DJANGO_SETTINGS_MODULE": "Django's own; set by manage.py, wsgi.py and celery.py",
    "PYTHONWARNINGS": "set for a child process",
}


def names_read(source: str) -> set[str]:
    """The variables of the environment that a file asks for by a name that stands there."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        name: Any = None
        if isinstance(node, ast.Call) and node.args:
            called = node.func
            word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            on = ast.unparse(called.value) if isinstance(called, ast.Attribute) else ""
            if word in READERS or on.endswith("environ"):
                name = node.args[0]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
            name = node.slice
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            found |= {name.value} if re.fullmatch(r"[A-Z][A-Z0-9_]+", name.value) else set()
    return found


def undocumented() -> set[str]:
    read = {
        name
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for name in names_read(path.read_text())
    }
    return read - set(OURS_ALONE)


def test_the_example_and_the_code_name_the_same_settings() -> None:
    assert undocumented() - documented() == set()
    assert documented() - undocumented() == set()
    assert len(documented()) >= 18


def test_a_setting_that_is_read_is_found() -> None:
    assert names_read(
        'env.text("ONE")\nos.environ["TWO"]\nos.environ.get("THREE") or "x"\n'
        'env.integer("FOUR", default=1)\n_database("FIVE", "role")\nos.getenv("SIX")\n'
        'os.environ.setdefault("SEVEN", "")\nenv.required("EIGHT", "why")\n'
        'said.get("NOT_ONE")\nenv.text(name)\nrender("NOT_TWO")'
    ) == {"ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT"}


def test_every_setting_of_the_example_has_a_sentence() -> None:
    """The block of comments above it, or above the setting before it, says what it is for."""
    blocks = re.split(r"\n\s*\n", EXAMPLE.read_text())
    for block in blocks:
        lines = block.strip().splitlines()
        names = [line for line in lines if re.match(r"#?[A-Z][A-Z0-9_]+=", line)]
        words = [line for line in lines if re.match(r"#\s+\S", line) and "---" not in line]
        assert not names or words, block


def test_the_example_sets_nothing_and_holds_no_secret() -> None:
    for line in EXAMPLE.read_text().splitlines():
        assert not line or line.startswith("#"), line
    assert not re.search(r"[A-Za-z0-9+/]{32,}", EXAMPLE.read_text())


def test_the_example_says_the_defaults_that_the_code_has(tmp_path: Path) -> None:
    said = dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    by_default = start(tmp_path)
    simple = {name: said[name] for name in ("KINDWORK_PRODUCTION", "DEBUG", "KINDWORK_WORKERS",
                                            "ALLOWED_HOSTS", "KINDWORK_JOB_HOLD_SECONDS")}  # fmt: skip
    as_said = start(tmp_path, **simple)
    assert as_said.returncode == 0, as_said.stderr
    assert as_said.stdout == by_default.stdout
