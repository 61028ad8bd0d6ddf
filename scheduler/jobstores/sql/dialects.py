"""What differs between databases, in one object for each: locks, lists as parameters, many rows at once, the time.

Statements are written once, with `?` for each parameter; a dialect turns them into its driver's words.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from sqlalchemy import Boolean, Connection, Integer, Table
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from scheduler.errors import JobStoreError
from scheduler.jobstores.sql.driver import execute, execute_many, fetch
from scheduler.jobstores.sql.schema import Tables


class Dialect:
    """One kind of database. What is here works everywhere; subclasses say what theirs does better or otherwise."""

    parameter: ClassVar[str] = "%s"
    """How the driver's statements mark a parameter."""
    quote: ClassVar[str] = '"'
    """What stands around names."""
    locks: ClassVar[bool] = True
    """Whether rows can be locked."""
    one_writer: ClassVar[bool] = False
    """Whether the database lets one transaction write at a time, so that threads had better queue before it."""
    values: ClassVar[str]
    """A query for the texts that `array` made into one parameter; its column is `value`."""

    def array(self, texts: Collection[str]) -> Any:
        """Return several texts as one parameter."""
        return json.dumps(list(texts))

    def sql(self, statement: str) -> str:
        """Return a statement in the driver's words."""
        return statement.replace("?", self.parameter)

    def name(self, table: Table) -> str:
        """Return a table's name as statements write it."""
        return ".".join(self.column(part) for part in (table.schema, table.name) if part is not None)

    def column(self, name: str) -> str:
        """Return a column's name as statements write it."""
        return f"{self.quote}{name}{self.quote}"

    def columns(self, names: Sequence[str], table: str = "") -> str:
        """Return a list of column names as statements write it."""
        dot = f"{table}." if table else ""
        return ", ".join(dot + self.column(name) for name in names)

    def lock(self, table: str = "") -> str:
        """Return what ends a query whose rows, of a join those of one table, stay locked until the transaction ends."""
        return (f"FOR UPDATE OF {table}" if table else "FOR UPDATE") if self.locks else ""

    def claim(self, table: str = "") -> str:
        """Return the same, passing over rows that others hold."""
        return f"{self.lock(table)} SKIP LOCKED" if self.locks else ""

    def insert(self, table: Table, columns: Sequence[str]) -> str:
        """Return the statement with which `write_many` inserts rows of these columns."""
        marks = ", ".join("?" * len(columns))
        return self.sql(f"INSERT INTO {self.name(table)} ({self.columns(columns)}) VALUES ({marks})")

    def update(self, table: Table, columns: Sequence[str], keys: Sequence[str], also: str = "") -> str:
        """Return the statement with which `write_many` sets `columns` where `keys` are equal.

        Its rows hold the values of the columns, then those of the keys. `also` is one more assignment.
        """
        assignments = [f"{self.column(name)} = ?" for name in columns] + ([also] if also else [])
        condition = " AND ".join(f"{self.column(name)} = ?" for name in keys)
        return self.sql(f"UPDATE {self.name(table)} SET {', '.join(assignments)} WHERE {condition}")

    def write_many(self, connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Run a statement of `insert` or `update` for all rows, at least one. Returns how many rows it wrote."""
        return execute_many(connection, statement, rows)

    def check(self, connection: Connection) -> None:
        """Raise JobStoreError if the engine is set up such that a store cannot work on it."""

    def begin_write(self, connection: Connection) -> None:
        """Begin a transaction that will write."""
        connection.begin()

    def lock_schema(self, connection: Connection, tables: Tables) -> None:
        """Let one transaction at a time create tables."""

    def server_time(self, connection: Connection) -> int | None:
        """Return the database's time in µs since 1970, UTC; None where it has no other clock than this machine's."""
        return None


class SQLite(Dialect):
    """SQLite: one writer at a time, no row locks."""

    parameter = "?"
    locks = False
    one_writer = True
    values = "SELECT value FROM json_each(?)"

    def check(self, connection: Connection) -> None:
        if isinstance(connection.engine.pool, SingletonThreadPool):
            raise JobStoreError(
                "this engine gives each thread an in-memory database of its own; "
                "create it with poolclass=sqlalchemy.pool.StaticPool, or give the URL instead"
            )

    def begin_write(self, connection: Connection) -> None:
        """Take the write lock now: a transaction that reads first and writes later can fail in between.

        The engine's own settings may have begun a transaction already, which is still empty then, unless all threads
        share one connection.
        """
        connection.begin()
        driver: Any = connection.connection.dbapi_connection
        if driver.in_transaction:
            if isinstance(connection.engine.pool, StaticPool):
                return
            execute(connection, "ROLLBACK")
        execute(connection, "BEGIN IMMEDIATE")


class PostgreSQL(Dialect):
    """PostgreSQL: lists are arrays, and many rows are one array for each column: one statement, one round trip."""

    values = "SELECT unnest(?::text[]) AS value"

    def array(self, texts: Collection[str]) -> list[str]:
        return list(texts)

    def insert(self, table: Table, columns: Sequence[str]) -> str:
        rows = f"SELECT * FROM unnest({_arrays(table, columns)})"
        return self.sql(f"INSERT INTO {self.name(table)} ({self.columns(columns)}) {rows}")

    def update(self, table: Table, columns: Sequence[str], keys: Sequence[str], also: str = "") -> str:
        assignments = [f"{self.column(name)} = given_{name}" for name in columns] + ([also] if also else [])
        condition = " AND ".join(f"{self.column(name)} = given_{name}" for name in keys)
        both = (*columns, *keys)
        given = f"unnest({_arrays(table, both)}) AS given({', '.join(f'given_{name}' for name in both)})"
        return self.sql(f"UPDATE {self.name(table)} SET {', '.join(assignments)} FROM {given} WHERE {condition}")

    def write_many(self, connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        arrays = tuple(list(column) for column in zip(*rows, strict=True))
        return execute(connection, statement, arrays)

    def check(self, connection: Connection) -> None:
        if getattr(connection.connection.dbapi_connection, "autocommit", False):
            raise JobStoreError("this engine commits each statement by itself; create it without AUTOCOMMIT")

    def lock_schema(self, connection: Connection, tables: Tables) -> None:
        execute(connection, "SELECT pg_advisory_xact_lock(hashtext(%s))", (tables.meta.fullname,))

    def server_time(self, connection: Connection) -> int | None:
        ((time,),) = fetch(connection, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        return int(time)


_DIALECTS = {"sqlite": SQLite, "postgresql": PostgreSQL}


def dialect_of(name: str) -> Dialect:
    """Return the dialect of SQLAlchemy's name for the database. Raises JobStoreError for one that is not supported."""
    if name not in _DIALECTS:
        hint = "did you mean postgresql://?" if name == "postgres" else f"supported are {', '.join(sorted(_DIALECTS))}"
        raise JobStoreError(f"{name!r} is not a supported database; {hint}")
    return _DIALECTS[name]()


def _arrays(table: Table, columns: Sequence[str]) -> str:
    kinds = (table.c[column].type for column in columns)
    names = ("boolean" if isinstance(k, Boolean) else "bigint" if isinstance(k, Integer) else "text" for k in kinds)
    return ", ".join(f"?::{name}[]" for name in names)
