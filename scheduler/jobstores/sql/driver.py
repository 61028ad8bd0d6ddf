"""Statements handed straight to the driver: around SQLAlchemy's results, which cost several times a short statement.

Connections, transactions and errors stay SQLAlchemy's: what the driver raises comes as the exceptions that it makes
of it, and a connection that is lost is not used again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]


def fetch(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """Run a query in the driver's words and return all its rows. Raises what SQLAlchemy raises."""
    with _cursor(connection, statement, parameters) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()  # type: ignore[no-any-return]


def execute(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> int:
    """Run a statement and return how many rows it wrote. Raises what SQLAlchemy raises."""
    with _cursor(connection, statement, parameters) as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount  # type: ignore[no-any-return]


def execute_many(connection: Connection, statement: str, rows: Sequence[Row]) -> int:
    """Run a statement once for each row and return how many it wrote in all. Raises what SQLAlchemy raises."""
    with _cursor(connection, statement, rows) as cursor:
        cursor.executemany(statement, rows)
        return cursor.rowcount  # type: ignore[no-any-return]


@contextmanager
def _cursor(connection: Connection, statement: str, parameters: Any) -> Iterator[Any]:
    dialect, cursor = connection.dialect, None
    try:
        cursor = connection.connection.cursor()
        yield cursor
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, connection.connection, cursor)
        if lost:
            connection.invalidate(error)
        kinds = dialect.loaded_dbapi.Error
        raise DBAPIError.instance(
            statement, parameters, error, kinds, hide_parameters=True, connection_invalidated=lost, dialect=dialect
        ) from error
    finally:
        if cursor is not None:
            # On a lost connection this may fail as well, and the first error is the one that matters.
            with suppress(dialect.loaded_dbapi.Error):
                cursor.close()
