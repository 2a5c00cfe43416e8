"""Real processes on the test database: the web server, the worker, the scheduler."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connections

ROOT = Path(__file__).resolve().parent.parent


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that works on this test's own database."""
    found = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **more}
    for alias, name in (
        ("default", "DATABASE_URL"),
        ("owner", "DATABASE_OWNER_URL"),
        ("backup", "DATABASE_BACKUP_URL"),
    ):
        config = connections[alias].settings_dict
        host = config["HOST"] or config["OPTIONS"].get("host", "")
        port = config["PORT"] or ""
        server = f"/{config['NAME']}?host={quote(host)}"
        if host and not host.startswith("/"):
            server = f"{host}{f':{port}' if port else ''}/{config['NAME']}"
        found[name] = f"postgres://{config['USER']}:{quote(config['PASSWORD'])}@{server}"
    return found


def wait_for(what: str, condition: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return the condition's first true value; fail, naming what was waited for, if none comes."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} seconds in vain for {what}")
        time.sleep(0.05)


class Process:
    """A process with children of its own, to be ended gently or not."""

    def __init__(self, *command: str, log: Path, **env: str) -> None:
        self.log = log
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment(**env),
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Kill -9, children and all."""
        self.signal(signal.SIGKILL)
        self._process.wait(20)

    def end(self) -> None:
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None


@contextmanager
def worker(tmp_path: Path) -> Iterator[Process]:
    """A Celery worker with its scheduler, for as long as the block runs."""
    process = start_worker(tmp_path)
    try:
        yield process
    finally:
        process.end()


def start_worker(tmp_path: Path) -> Process:
    return Process(
        *("-m", "celery", "--quiet", "-A", "clinic", "worker", "-B"),
        *("-s", str(tmp_path / "schedule"), "--loglevel", "WARNING", "-c", "1"),
        *("--without-gossip", "--without-mingle"),
        log=tmp_path / "worker.log",
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def web(tmp_path: Path) -> Iterator[str]:
    """The web server; yields its address."""
    port = free_port()
    process = Process(
        *("-m", "gunicorn", "-c", str(ROOT / "clinic" / "gunicorn_conf.py")),
        log=tmp_path / "web.log",
        PORT=str(port),
        WEB_PROCESSES="1",
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for("the web server", lambda: answers(f"{address}/livez"))
        yield address
    finally:
        process.end()


def answers(address: str) -> bool:
    """Whether the address answers 200."""
    try:
        with urllib.request.urlopen(address, timeout=5) as response:  # noqa: S310  (ours)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
