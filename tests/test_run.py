"""`make run`, as a new user meets it: started, killed, started again, stopped."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from clinic.embedded import addresses, run
from clinic.embedded.errors import CannotStart
from tests import live, world

PASSWORD = "a password for one test"
DATABASES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_BACKUP_URL")


class Kindwork:
    """One installation in a folder of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.port = live.free_port()
        self.log = var.parent / "run.log"
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        left_out = (*DATABASES, "BROKER_URL", "KINDWORK_KEYS", "DJANGO_SETTINGS_MODULE")
        env = {name: value for name, value in os.environ.items() if name not in left_out}
        env |= {
            "KINDWORK_VAR": str(self.var),
            "PORT": str(self.port),
            "KINDWORK_DEMO_PASSWORD": PASSWORD,
            "WEB_PROCESSES": "1",
            **more,
        }
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "clinic.embedded.run"],
                cwd=live.ROOT,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1
        live.wait_for(
            "a ready Kindwork",
            lambda: self._introductions() == self.starts or self._fell_over(),
            seconds=120,
        )
        assert live.answers(f"{self.address}/readyz")

    def _introductions(self) -> int:
        return self.log.read_text().count("Kindwork is ready:")

    def _fell_over(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(self.log.read_text())
        return False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def supervisor(self) -> "subprocess.Popen[bytes]":
        assert self.process is not None
        return self.process

    def processes(self) -> list[psutil.Process]:
        """Everything that runs out of this folder, servers too."""
        found = []
        for process in psutil.process_iter(["environ", "cmdline"]):
            environ = process.info["environ"] or {}
            words = " ".join(process.info["cmdline"] or [])
            if environ.get("KINDWORK_VAR") == str(self.var) or str(self.var) in words:
                found.append(process)
        return found

    def kill_everything(self) -> None:
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.supervisor.wait(20)

    def ask(self, path: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
        request = urllib.request.Request(  # noqa: S310  (ours)
            f"{self.address}/api/v1/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {token}"} if token else {}),
        )
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310  (ours)
            return json.load(response)

    def sign_in(self) -> str:
        said = {"email": "tom@tidewater.example", "password": PASSWORD}
        token: str = self.ask("tokens", said)["token"]
        return token


@pytest.fixture
def kindwork(tmp_path: Path) -> Iterator[Kindwork]:
    one = Kindwork(tmp_path / "var")
    yield one
    if one.process is not None:
        one.kill_everything()


def test_run_starts_keeps_mends_itself_and_stops(kindwork: Kindwork) -> None:
    kindwork.start()
    token = kindwork.sign_in()
    kindwork.ask("clients", {"full_name": "Wren Holt"}, token)
    live.wait_for("the introduction", lambda: PASSWORD in kindwork.log.read_text())
    assert "tom@tidewater.example" in kindwork.log.read_text()

    # Its supervisor killed: what is left over is cleared away.
    kindwork.supervisor.kill()
    kindwork.supervisor.wait(20)
    kindwork.start()
    assert "Wren Holt" in names(kindwork.ask("clients", token=token))

    # Everything killed, the database amid its work: it replays its log.
    kindwork.kill_everything()
    kindwork.start()
    assert "Wren Holt" in names(kindwork.ask("clients", token=token))

    kindwork.supervisor.send_signal(signal.SIGINT)
    assert kindwork.supervisor.wait(40) == 0
    live.wait_for("an end of all processes", lambda: not kindwork.processes(), seconds=20)
    assert "Your data is kept." in kindwork.log.read_text()
    assert oct((kindwork.var / "keys.json").stat().st_mode)[-3:] == "600"


def names(page: dict[str, Any]) -> list[str]:
    return [client["full_name"] for client in page["results"]]


@pytest.fixture
def own_var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test's own instead of `var/`."""
    var = tmp_path / "var"
    monkeypatch.setenv("KINDWORK_VAR", str(var))
    return var


def test_a_taken_port_is_told_with_another_one(
    own_var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        assert run.main() == 1
    told = capsys.readouterr().err
    assert f"Port {port} is taken" in told
    assert "make run PORT=" in told


@pytest.mark.parametrize("port", ["0", "70000", "eighty", "-1", "80 80"])
def test_a_port_that_is_none_is_told(
    own_var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    monkeypatch.setenv("PORT", port)
    assert run.main() == 1
    assert "PORT must be a number" in capsys.readouterr().err


def test_a_second_start_from_the_same_folder_is_refused(
    own_var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import fcntl

    path = addresses.private_dir(own_var / "run") / "lock"
    with open(path, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run.main() == 1
    assert "running from this folder already" in capsys.readouterr().err


def test_a_process_that_dies_again_and_again_is_given_up_with_a_sentence() -> None:
    child = run.Child("worker", [sys.executable, "-c", "raise SystemExit(3)"])
    child.quick_deaths = 4
    child.start()
    assert child.process is not None
    child.process.wait(20)
    with pytest.raises(CannotStart, match="worker process died 5 times"):
        run._look_after([child])


def test_leftovers_are_told_from_strangers_by_their_time_of_birth(own_var: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        born = psutil.Process(stranger.pid).create_time()
        addresses.write_private(
            run._pids_file(), json.dumps([[stranger.pid, born - 1000], [2**22 - 1, 1.0]])
        )
        run._clear_away_leftovers()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_secrets_are_readable_by_their_owner_alone_and_stay_the_same(own_var: Path) -> None:
    own_var.mkdir()
    first = addresses.secret("secret_key")
    assert addresses.secret("secret_key") == first
    assert (own_var / "secret_key").stat().st_mode & 0o077 == 0


def test_without_a_folder_a_secret_is_made_up_and_nothing_is_written(own_var: Path) -> None:
    assert addresses.secret("secret_key") != addresses.secret("secret_key")
    assert not own_var.exists()


def test_a_deep_folder_gets_a_short_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KINDWORK_VAR", str(tmp_path / ("deep" * 30)))
    assert len(str(addresses.socket_dir("postgres") / ".s.PGSQL.5432")) < 104


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_with_servers_of_ones_own_nothing_is_embedded(kindwork: Kindwork) -> None:
    own = live.environment()
    kindwork.start(**{name: own[name] for name in (*DATABASES, "BROKER_URL", "KINDWORK_KEYS")})
    assert live.answers(f"{kindwork.address}/readyz")
    told = kindwork.log.read_text()
    assert "Starting PostgreSQL" not in told
    assert "Starting Valkey" not in told
    assert not (kindwork.var / "postgres").exists()
    assert not (kindwork.var / "valkey").exists()
    assert kindwork.ask("me", token=kindwork.sign_in())["clinic"]["name"].endswith("(demo)")


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ("Traceback …\nCommandError: The role kindwork_app is missing.", "The role kindwork_app"),
        (
            "x\ndjango.db.utils.OperationalError: connection to server failed\n\tIs it running?",
            "PostgreSQL does not let us in",
        ),
        ("django.core.exceptions.ImproperlyConfigured: SECRET_KEY is not set: …", "SECRET_KEY"),
        ("something else entirely", "something else entirely"),
        ("", "It said nothing."),
    ],
)
def test_a_step_that_fails_says_what_to_do(said: str, mend: str) -> None:
    assert run._mend(said).startswith(mend)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_with_the_wrong_key_file_nothing_starts_and_nothing_is_changed(kindwork: Kindwork) -> None:
    own = live.environment()
    with pytest.raises(AssertionError, match="another key file"):
        kindwork.start(**{name: own[name] for name in (*DATABASES, "BROKER_URL")})
    assert kindwork.supervisor.returncode == 1
    w = world.build()  # contexts hold as they did
    assert [one["full_name"] for one in w.alice.api.get("/api/v1/clients").json()["results"]] == [
        "Carol Quill"
    ]
