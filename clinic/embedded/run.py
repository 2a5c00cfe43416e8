"""`make run`: everything that Kindwork needs, started in order and stopped together.

Honcho and the like start processes but do not order them, restart them, or clear away
what a killed run left behind; hence these few functions.
"""

import ctypes
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import environ
import psutil

from clinic.embedded import addresses, postgres, valkey
from clinic.embedded.errors import CannotStart

ROOT = Path(__file__).resolve().parent.parent.parent
_QUICK_DEATHS = 5
_PATIENCE = 12.0  # seconds that a process is given to end by itself


def say(text: str) -> None:
    print(text, flush=True)


def demo_file() -> Path:
    """Where the demo's people and password are kept, to be shown again at the next start."""
    return addresses.var_dir() / "demo.json"


@dataclass
class Child:
    """A process of ours, started again when it dies."""

    name: str
    command: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    quick_deaths: int = field(default=0)

    def start(self) -> None:
        # As root Celery warns that it is root, at length, each time.
        environment = {**os.environ, "PYTHONWARNINGS": "ignore:You're running the worker"}
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  (the supervisor has one thread)
        )
        self.started = time.monotonic()

    def died(self) -> bool:
        return self.process is not None and self.process.poll() is not None


def _die_with_parent() -> None:
    """Ask the kernel to end this process when the supervisor is killed (Linux; elsewhere the
    next start clears up)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def children() -> list[Child]:
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A", "clinic"]
    quiet = ["--loglevel", "WARNING"]
    schedule = str(addresses.private_dir(addresses.var_dir() / "beat") / "schedule")
    return [
        Child("web", [*python, "gunicorn", "-c", str(ROOT / "clinic" / "gunicorn_conf.py")]),
        Child(
            "worker",
            [*celery, "worker", *quiet, "--without-gossip", "--without-mingle", "-n", "run@%h"],
        ),
        # What is due stands in the database: the schedule file may be lost at any time.
        Child("scheduler", [*celery, "beat", *quiet, "-s", schedule, "--pidfile="]),
    ]


@contextmanager
def _only_one() -> Iterator[None]:
    path = addresses.private_dir(addresses.var_dir() / "run") / "lock"
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(
                "Kindwork is running from this folder already; stop that one with Ctrl-C first."
            ) from None
        yield


def _pids_file() -> Path:
    return addresses.var_dir() / "run" / "children.json"


def _remember(running: list[Child]) -> None:
    pids = [
        [child.process.pid, psutil.Process(child.process.pid).create_time()]
        for child in running
        if child.process is not None and psutil.pid_exists(child.process.pid)
    ]
    addresses.write_private(_pids_file(), json.dumps(pids))


def _clear_away_leftovers() -> None:
    """End what a killed run left: our own processes, told from others by their time of birth."""
    if not _pids_file().exists():
        return
    left: list[psutil.Process] = []
    for pid, created in json.loads(_pids_file().read_text()):
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1:
                left += [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    if left:
        say(f"Clearing away {len(left)} processes of a run that was killed …")
        for process in left:
            _quietly_end(process, hard=False)
        _, stubborn = psutil.wait_procs(left, timeout=_PATIENCE)
        for process in stubborn:
            _quietly_end(process, hard=True)
    _pids_file().unlink(missing_ok=True)


def _quietly_end(process: psutil.Process, *, hard: bool) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill() if hard else process.terminate()


def _manage(*words: str, doing: str) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise CannotStart(f"{doing} failed. {_mend(result.stderr or result.stdout)}")


def _mend(said: str) -> str:
    """The sentence, out of what a command said, that tells what to do."""
    lines = said.strip().splitlines()
    for line in reversed(lines):
        kind, colon, message = line.partition(": ")
        name = kind.rsplit(".", 1)[-1]
        if not colon or " " in kind or not name.endswith(("Error", "Configured", "Missing")):
            continue
        if name in ("OperationalError", "InterfaceError"):
            return (
                "PostgreSQL does not let us in: see that it runs, and look at the addresses and "
                f"passwords in DATABASE_URL, DATABASE_OWNER_URL and DATABASE_BACKUP_URL. ({message})"
            )
        return message
    return lines[-1] if lines else "It said nothing."


def prepare() -> None:
    """See to keys, servers, schema and demo. Each step says what it is doing.

    Raises:
        CannotStart: with one sentence that says what to do.
    """
    addresses.private_dir(addresses.var_dir() / "static")
    addresses.secret("secret_key")
    own_database, own_broker = os.environ.get("DATABASE_URL"), os.environ.get("BROKER_URL")
    if not own_database:
        say("Starting PostgreSQL …")
        postgres.ensure()
    if not own_broker:
        say("Starting Valkey …")
        valkey.ensure()
    if not os.environ.get("KINDWORK_KEYS") and not (addresses.var_dir() / "keys.json").exists():
        if _database_is_in_use():
            raise CannotStart(
                f"{addresses.var_dir() / 'keys.json'} is missing, and the database holds text that "
                "only it opens: put the file back from its backup."
            )
        say("Making the key file var/keys.json. Keep a copy of it apart from your backups …")
        _manage("make_keys", doing="Making the keys")
    say("Setting the database up …")
    _manage("setup_database", doing="Setting the database up")
    _manage("migrate", "--database", "owner", "--no-input", doing="Migrating the database")
    say("Seeing to the exercise library and, in an empty database, to a demo clinic …")
    password = os.environ.get("KINDWORK_DEMO_PASSWORD") or "-".join(
        secrets.token_hex(3) for _ in range(4)
    )
    os.environ["KINDWORK_DEMO_PASSWORD"] = password
    _manage("load_library", doing="Loading the exercise library")
    _manage("demo_clinic", "--if-empty", doing="Making the demo clinic")


def _database_is_in_use() -> bool:
    if os.environ.get("DATABASE_URL"):
        return False  # somebody else's server: its own keys are its operator's business
    connection = postgres.superuser_connection(addresses.DATABASE_NAME)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('clinic_datakey') IS NOT NULL")
            if cursor.fetchone() != (True,):
                return False
            cursor.execute("SELECT EXISTS (SELECT 1 FROM clinic_datakey)")
            return cursor.fetchone() == (True,)
    finally:
        connection.close()


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotStart(f"PORT must be a number from 1 to 65535, not {text!r}.")
    host = os.environ.get("HOST") or "127.0.0.1"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(text)))
        except OSError:
            raise CannotStart(
                f"Port {text} is taken by another program: choose another one, "
                f"for example `make run PORT={int(text) % 65000 + 1}`."
            ) from None
    return int(text)


def _await_ready(port: int, running: list[Child], stopping: "list[int]") -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not stopping:
        _look_after(running)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.25)
    return False


def _introduce(port: int) -> None:
    say("")
    say(f"  Kindwork is ready:  http://localhost:{port}/")
    say(f"  The API to read:    http://localhost:{port}/api/v1/docs")
    if demo_file().exists():
        demo = json.loads(demo_file().read_text())
        say("")
        say("  The demo's people (nobody of them is real; staff sign in without a second factor):")
        for person in demo["people"]:
            say(f"    {person['email']:34} {person['who']}")
        say(f"  Password of all of them:  {demo['password']}")
    say("")
    say("  Ctrl-C stops everything; what was written is kept.")
    say("")


def _look_after(running: list[Child]) -> None:
    """Start again what died. Raises CannotStart for what dies again and again."""
    for child in running:
        if not child.died():
            continue
        quick = time.monotonic() - child.started < 10
        child.quick_deaths = child.quick_deaths + 1 if quick else 1
        if child.quick_deaths >= _QUICK_DEATHS:
            raise CannotStart(
                f"The {child.name} process died {child.quick_deaths} times in a row; "
                "what it said last stands above."
            )
        say(f"The {child.name} process died; starting it again.")
        time.sleep(min(child.quick_deaths, 3))
        child.start()
        _remember(running)


def _stop(running: list[Child]) -> None:
    for child in running:
        if child.process is not None and not child.died():
            child.process.terminate()
    deadline = time.monotonic() + _PATIENCE
    for child in running:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
    _pids_file().unlink(missing_ok=True)


def main() -> int:
    """Run until Ctrl-C. Returns the exit status; 1 after a failure, which was said."""
    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.append(number)

    environ.Env.read_env(ROOT / ".env")  # what is set already wins
    signal.signal(signal.SIGTERM, stop)
    running: list[Child] = []
    try:
        with _only_one():
            _clear_away_leftovers()
            port = _port()
            prepare()
            signal.signal(signal.SIGINT, stop)
            running = children()
            say("Starting web, worker and scheduler …")
            try:
                for child in running:
                    child.start()
                _remember(running)
                if _await_ready(port, running, stopping):
                    _introduce(port)
                elif not stopping:
                    say(f"Not everything is ready yet: see http://localhost:{port}/readyz")
                while not stopping:
                    _look_after(running)
                    time.sleep(0.5)
            finally:
                say("Stopping …")
                _stop(running)
                if not os.environ.get("BROKER_URL"):
                    valkey.stop()
                if not os.environ.get("DATABASE_URL"):
                    postgres.stop()
                say("Stopped. Your data is kept.")
    except CannotStart as error:
        print(f"\nKindwork could not go on. {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        say("Stopped before everything was up.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
