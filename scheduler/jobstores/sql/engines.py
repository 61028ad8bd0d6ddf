"""SQLAlchemy engines for job stores: made from a URL with time-outs on every call, and their errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NoSuchModuleError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import StaticPool

from scheduler.errors import JobStoreError, StoreUnavailableError

RECYCLE = 1800
"""Seconds after which a connection to a server is replaced, before firewalls forget it."""

WAL_TRIES = 100
"""How often a new SQLite file is changed to WAL, where other processes are about to do the same."""

_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_OURS = (IntegrityError, ProgrammingError, DataError, NotSupportedError)
"""Errors that another try does not mend: they say that the program is wrong, not that the database is away."""


def parse(url: str | URL) -> URL:
    """Return the URL with the driver to use. Raises JobStoreError if it is none."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        shown = str(url).partition("://")[0]
        raise JobStoreError(
            f"{shown!r}… is not a database URL; it looks like sqlite:///jobs.db or postgresql://user:password@host/name"
        ) from None
    if parsed.drivername == "postgresql" and find_spec("psycopg") is not None:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def make(url: URL, timeout: float) -> Engine:
    """Return an engine for the database of a URL; nothing is connected yet.

    Arguments:
        timeout: seconds to wait for a connection, and for locks that others hold.

    Raises JobStoreError if its driver is not installed.
    """
    backend = url.get_backend_name()
    try:
        if backend == "sqlite":
            return _sqlite(url, timeout)
        return _server(url, timeout)
    except ImportError as error:
        extra = _EXTRAS.get(backend, backend)
        raise JobStoreError(
            f"{url.drivername} needs the module {error.name!r}, which is not installed: "
            f"pip install embedded-scheduler[{extra}]"
        ) from error
    except NoSuchModuleError as error:
        raise JobStoreError(f"{url.drivername!r} is not a database that SQLAlchemy knows: {error}") from error


def is_memory(url: URL) -> bool:
    """Tell whether a SQLite URL means a database in memory."""
    if url.get_backend_name() != "sqlite":
        return False
    database = url.database or ":memory:"
    return ":memory:" in database or "mode=memory" in database or url.query.get("mode") == "memory"


def check_path(url: URL) -> None:
    """Raise StoreUnavailableError if a SQLite file could not even be created."""
    database = url.database or ""
    if url.get_backend_name() != "sqlite" or is_memory(url) or database.startswith("file:"):
        return
    path = Path(database).absolute()
    if not path.parent.is_dir():
        raise StoreUnavailableError(f"cannot open {str(path)!r}: there is no directory {str(path.parent)!r}; create it")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what says that the database cannot be reached, or refuses to work, into StoreUnavailableError."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error, _OURS) and not error.connection_invalidated:
            raise
        raise StoreUnavailableError(_message(error)) from error
    except (DisconnectionError, PoolTimeoutError) as error:
        raise StoreUnavailableError(_message(error)) from error


def _message(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return f"the database does not answer as it should: {type(cause).__name__}: {cause}".strip()


def _sqlite(url: URL, timeout: float) -> Engine:
    arguments: dict[str, Any] = {"timeout": timeout, "check_same_thread": False}
    if is_memory(url):
        return create_engine(url, connect_args=arguments, poolclass=StaticPool)
    engine = create_engine(url, connect_args=arguments, pool_timeout=timeout, pool_use_lifo=True)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: object) -> None:
        """Readers do not wait for the writer (WAL), and what is committed survives a power cut (FULL)."""
        cursor = connection.cursor()
        _change_to_wal(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    return engine


def _change_to_wal(cursor: Any) -> None:
    """Change a database to WAL, unless it is already.

    Where other processes do the same, SQLite refuses at once instead of waiting; so the waiting is done by taking the
    file's lock, which waits up to the connection's time-out, and then it is tried again.
    """
    for tries_left in reversed(range(WAL_TRIES)):
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except Exception as error:
            if "locked" not in str(error) or not tries_left:
                raise
            cursor.execute("BEGIN EXCLUSIVE")
            cursor.execute("COMMIT")


def _server(url: URL, timeout: float) -> Engine:
    seconds = max(int(timeout), 1)
    arguments: dict[str, Any] = {}
    if url.get_driver_name() in ("psycopg", "psycopg2"):
        arguments = {
            "connect_timeout": seconds,
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 1000 * seconds,
            "application_name": "embedded-scheduler",
        }
    engine = create_engine(
        url,
        connect_args={name: value for name, value in arguments.items() if name not in url.query},
        pool_pre_ping=True,
        pool_recycle=RECYCLE,
        pool_timeout=timeout,
        pool_use_lifo=True,
    )
    if url.get_backend_name() == "postgresql" and "options" not in url.query:
        event.listen(engine, "connect", _limits(int(timeout * 1000)))
    return engine


def _limits(milliseconds: int) -> Any:
    """Return what limits how long PostgreSQL waits for locks, for statements, and for a process that froze."""
    limits = {
        "lock_timeout": milliseconds,
        "statement_timeout": 3 * milliseconds,
        "idle_in_transaction_session_timeout": 3 * milliseconds,
    }

    def configure(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        for name, value in limits.items():
            cursor.execute(f"SET {name} = {value}")
        cursor.close()
        connection.commit()

    return configure
