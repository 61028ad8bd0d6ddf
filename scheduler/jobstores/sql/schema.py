"""The tables of the SQL job store: their columns and few indexes, how they come to be, and which version they have."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    text,
)
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeEngine

from scheduler.errors import JobStoreError, SchemaVersionError

VERSION = 2
"""The version of the tables that this code reads and writes. Steps from one to the next only add."""

_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_SCHEMA = re.compile(r'[^"?%\0]{1,63}')
"""What mark quotes and parameters is left out."""


def _key(length: int = 255) -> TypeEngine[str]:
    """A short text that is compared and sorted by code point, on every database."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Tables:
    """The four tables under one prefix.

    Arguments:
        prefix: what table and index names begin with: letters, digits and `_`, at most 40.
        schema: the database schema they live in; None: the connection's own.

    Raises JobStoreError for a prefix that is no identifier, and for a schema that statements could not name.
    """

    def __init__(self, prefix: str, schema: str | None) -> None:
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise JobStoreError(f"prefix must be 1 to 40 letters, digits and '_', no digit first, not {prefix!r}")
        if schema is not None and not (isinstance(schema, str) and _SCHEMA.fullmatch(schema)):
            raise JobStoreError(f'schema must be None or 1 to 63 characters without any of " ? % NUL, not {schema!r}')
        self.schema = schema
        self.metadata = MetaData(schema=schema)
        self.jobs = _jobs(self.metadata, prefix)
        self.runs = _runs(self.metadata, prefix)
        self.nodes = _nodes(self.metadata, prefix)
        self.meta = Table(
            f"{prefix}meta", self.metadata, Column("name", _key(64), primary_key=True), Column("value", Text)
        )

    def prepare(self, connection: Connection) -> None:
        """Create the tables unless they are there, and check their version, in the given write transaction.

        Raises SchemaVersionError, and touches nothing, for tables of a newer version.
        """
        stored = self._stored_version(connection)
        if stored is None:
            self.metadata.create_all(connection)
            connection.execute(self.meta.insert().values(name="version", value=str(VERSION)))
        elif stored.isdecimal() and int(stored) < VERSION:
            self._upgrade(connection)
        elif stored != str(VERSION):
            raise SchemaVersionError(
                f"the tables {self.meta.fullname[:-4]}* are of version {stored}, and this package knows {VERSION}; "
                "upgrade embedded-scheduler, or choose another prefix"
            )
        # Changes nothing, and fails at once where nothing can be written.
        connection.execute(self.meta.delete().where(self.meta.c.name == ""))

    def _upgrade(self, connection: Connection) -> None:
        """Add the columns and indexes that tables of an older version lack; what is there stays as it is."""
        inspector = inspect(connection)
        for table in self.metadata.sorted_tables:
            there = {column["name"] for column in inspector.get_columns(table.name, schema=self.schema)}
            for column in table.columns:
                if column.name not in there:
                    text_of_it = CreateColumn(column).compile(dialect=connection.dialect)
                    name = connection.dialect.identifier_preparer.format_table(table)
                    connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {text_of_it}")
            for index in table.indexes:
                index.create(connection, checkfirst=True)
        connection.execute(self.meta.update().where(self.meta.c.name == "version").values(value=str(VERSION)))

    def _stored_version(self, connection: Connection) -> str | None:
        inspector = inspect(connection)
        if self.schema is not None and not inspector.has_schema(self.schema):
            raise JobStoreError(f"the database has no schema {self.schema!r}; create it, or leave out schema=")
        if not inspector.has_table(self.meta.name, schema=self.schema):
            return None
        value = self.meta.c.value
        return connection.execute(
            self.meta.select().with_only_columns(value).where(self.meta.c.name == "version")
        ).scalar()


def _partial(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _jobs(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}jobs",
        metadata,
        Column("id", _key(), primary_key=True),
        Column("incarnation", _key(64), nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("executor", _key(), nullable=False),
        Column("next_run_time", BigInteger),
        Column("paused", Boolean, nullable=False),
        Column("name", Text, nullable=False),
        Column("func", Text, nullable=False),
        Column("args", Text, nullable=False),
        Column("kwargs", Text, nullable=False),
        Column("trigger", Text, nullable=False),
        Column("rules", Text, nullable=False),
        Column("tags", Text, nullable=False),
        Column("executor_options", Text, nullable=False),
        Column("format", Integer, nullable=False),
        Column("follows", _key()),
        Index(f"{prefix}jobs_due", "executor", "next_run_time"),
        Index(f"{prefix}jobs_following", "follows", **_partial("follows IS NOT NULL")),
    )


def _runs(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}runs",
        metadata,
        Column("id", _key(), primary_key=True),
        Column("job_id", _key(), nullable=False),
        Column("incarnation", _key(64), nullable=False),
        Column("scheduled_time", BigInteger, nullable=False),
        Column("state", String(32), nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("executor", _key(), nullable=False),
        Column("node", _key()),
        Column("ready_at", BigInteger),
        Column("started_at", BigInteger),
        Column("finished_at", BigInteger),
        Column("result", Text),
        Column("error", Text),
        Column("traceback", Text),
        Column("reason", Text),
        Column("count", BigInteger, nullable=False),
        Column("progress", Text),
        Column("attempts", Text),
        Column("cause", Text),
        Index(f"{prefix}runs_of_job", "job_id", "scheduled_time"),
        Index(f"{prefix}runs_waiting", "executor", "ready_at", "scheduled_time", **_partial("ready_at IS NOT NULL")),
        Index(f"{prefix}runs_open", "incarnation", "scheduled_time", **_partial("finished_at IS NULL")),
    )


def _nodes(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}nodes",
        metadata,
        Column("id", _key(), primary_key=True),
        Column("host", Text, nullable=False),
        Column("pid", Integer, nullable=False),
        Column("machine", Text, nullable=False),
        Column("birth", Text, nullable=False),
        Column("started_at", BigInteger, nullable=False),
        Column("heartbeat_at", BigInteger, nullable=False),
    )
