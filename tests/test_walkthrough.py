"""The README's walk-through, run as it stands, against real processes."""

import re
import subprocess
from pathlib import Path

import pytest

from sessions import demo
from tests import live

README = (live.ROOT / "README.md").read_text()


def steps() -> str:
    """The shell lines between the README's two marks."""
    part = README.split("<!-- walk-through:")[1].split("<!-- end of the walk-through -->")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL))


@pytest.mark.django_db(transaction=True)
def test_the_walk_through_of_the_readme_runs_as_written(tmp_path: Path) -> None:
    password = "a password for one test"
    demo.build(password)
    script = steps()
    with live.web(tmp_path) as address, live.worker(tmp_path):
        script = script.replace("http://localhost:8000", address).replace(
            "'the password that make run printed'", f"'{password}'"
        )
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert result.returncode == 0, result.stderr + result.stdout
    told = result.stdout
    assert "In their own words (shared" in told
    assert told.count("I did it lying down, and that was easier.") == 3  # entry, Ines, Noor
    assert "Hello Noor." in told
    assert "We kept that for you." in told
    assert told.strip().endswith("404")
