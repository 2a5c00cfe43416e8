"""Where the embedded servers live and what opens them.

Everything is below `var/` (or `KINDWORK_VAR`): data, sockets, passwords, keys.
"""

import hashlib
import json
import os
import secrets
import tempfile
from pathlib import Path

DATABASE_NAME = "kindwork"
ROLES = ("postgres", "kindwork_owner", "kindwork_app", "kindwork_backup")
"""The superuser, which only the launcher uses, and the three roles of the product."""

_LONGEST_SOCKET_DIRECTORY = 85  # bytes; a socket's whole path may take 103 (macOS) or 107 (Linux)


def var_dir() -> Path:
    """The directory that holds everything that a run leaves behind."""
    default = Path(__file__).resolve().parent.parent.parent / "var"
    return Path(os.environ.get("KINDWORK_VAR") or default).resolve()


def private_dir(path: Path) -> Path:
    """Make the directory, readable by its owner alone, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    private_dir(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent)  # 0600 from the start
    with os.fdopen(handle, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def secret(name: str) -> str:
    """Return the text kept in `var/<name>`, made at random the first time `make run` needs it.

    Before the first run there is no `var/`: then the text is random and forgotten,
    which is enough for commands such as `check` and `makemigrations`.
    """
    path = var_dir() / name
    if path.exists():
        return path.read_text().strip()
    value = secrets.token_urlsafe(48)
    if var_dir().exists():
        write_private(path, value)
    return value


def socket_dir(server: str) -> Path:
    """The directory of a server's socket; a short one elsewhere where `var/` lies too deep."""
    path = var_dir() / server / "socket"
    if len(str(path).encode()) > _LONGEST_SOCKET_DIRECTORY:
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
        path = Path(tempfile.gettempdir()) / f"kindwork-{os.getuid()}-{digest}"
    return path


def passwords_path() -> Path:
    return var_dir() / "postgres" / "passwords.json"


def postgres(role: str) -> dict[str, str]:
    """Django's connection settings for a role on the embedded server."""
    path = passwords_path()
    password = json.loads(path.read_text())[role] if path.exists() else ""
    return {
        "NAME": DATABASE_NAME,
        "USER": role,
        "PASSWORD": password,
        "HOST": str(socket_dir("postgres")),
    }


def broker() -> str:
    """The address of the embedded Valkey, as Celery writes it."""
    return f"redis+socket://{socket_dir('valkey')}/valkey.sock"
