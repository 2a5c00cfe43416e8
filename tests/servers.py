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
_OWN_BROKER = "BROKER_URL" in os.environ

os.environ.setdefault("KINDWORK_VAR", str(_ROOT / "var" / "test"))
if "KINDWORK_KEYS" not in os.environ:
    # Of this run alone, and passed on to the workers of pytest-xdist by the environment.
    os.environ["KINDWORK_KEYS"] = str(Path(tempfile.mkdtemp(prefix="kindwork-")) / "keys.json")

from clinic.embedded import postgres, valkey  # noqa: E402  (reads KINDWORK_VAR)
from clinic.embedded.addresses import write_private  # noqa: E402

if not _IS_WORKER:
    from clinic.vault.keys import generate

    if not Path(os.environ["KINDWORK_KEYS"]).exists():
        write_private(Path(os.environ["KINDWORK_KEYS"]), generate())
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
