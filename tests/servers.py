"""A pytest plugin, loaded before Django: the servers that the tests run on.

The same PostgreSQL and Valkey as `make run` embeds, in `var/test`, with durability off.
With DATABASE_URL and its two sisters set, that server is used; its owner role must be
allowed to create databases then.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
_OWN_DATABASE = "DATABASE_URL" in os.environ

# Importing `clinic` would name the product's own settings otherwise.
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ.setdefault("KINDWORK_VAR", str(_ROOT / "var" / "test"))
os.environ.setdefault("KINDWORK_TEST_BROKER", os.environ.get("BROKER_URL", ""))
_OWN_BROKER = bool(os.environ["KINDWORK_TEST_BROKER"])
if "KINDWORK_KEYS" not in os.environ:
    # Of this run alone, and passed on to the workers of pytest-xdist by the environment.
    os.environ["KINDWORK_KEYS"] = str(Path(tempfile.mkdtemp(prefix="kindwork-")) / "keys.json")

from clinic.embedded import addresses, postgres, valkey  # noqa: E402  (reads KINDWORK_VAR)

if not _OWN_BROKER:
    # Messages of one test process are not for the worker of another.
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
    os.environ["BROKER_URL"] = f"{addresses.broker()}?virtual_host={number}"

if not _IS_WORKER:
    from clinic.vault.keys import generate

    addresses.private_dir(addresses.var_dir() / "static")
    if not Path(os.environ["KINDWORK_KEYS"]).exists():
        addresses.write_private(Path(os.environ["KINDWORK_KEYS"]), generate())
    if not _OWN_DATABASE:
        postgres.ensure(for_tests=True)
    if not _OWN_BROKER:
        valkey.ensure()


def pytest_unconfigure(config: Any) -> None:
    if _IS_WORKER:
        return
    if not _OWN_BROKER:
        valkey.stop()
    if not _OWN_DATABASE:
        postgres.stop()
