"""The job store on a SQL database: the calls of the contract, each a transaction, on connections of one engine."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import Pool, StaticPool

from scheduler.clock import Clock
from scheduler.core.job import Job
from scheduler.core.node import Node
from scheduler.core.run import Run, RunState, run_id
from scheduler.errors import ConflictingIdError, JobLookupError, JobStoreError, StaleJobError, StoreUnavailableError
from scheduler.jobstores.base import JobStore, Turn
from scheduler.jobstores.sql import engines
from scheduler.jobstores.sql.dialects import dialect_of
from scheduler.jobstores.sql.driver import execute, fetch
from scheduler.jobstores.sql.locks import FairLock, Gate
from scheduler.jobstores.sql.rows import Rows, microseconds, node
from scheduler.jobstores.sql.schema import Tables
from scheduler.jobstores.sql.server_clock import ServerClock
from scheduler.jobstores.sql.statements import Statements
from scheduler.jobstores.sql.turn import SQLTurn, next_due
from scheduler.serialization import TriggerCodec, ValueCodec
from scheduler.triggers.base import Trigger

_INHERITED: list[Pool] = []
"""Connections that belong to a process of which this one is a fork. They are kept, for letting go of them would close
them, which SQLite forbids here (How To Corrupt An SQLite Database File, 2.6)."""


class SQLAlchemyJobStore(JobStore):
    """Keeps jobs and runs in a SQL database: SQLite or PostgreSQL.

    Arguments:
        url: where the database is, such as `"sqlite:///jobs.db"` or `"postgresql://user:password@host/name"`, or an
            Engine, which is used as it is and never disposed of.
        prefix: what the names of the tables begin with; letters, digits and `_`.
        schema: the database schema of the tables; None: the connection's own.
        timeout: seconds to wait for a connection, and for locks that others hold; only with a URL.
        dataclasses: dataclasses and Enum classes whose instances may be arguments and results.
        triggers: triggers of your own: the name under which each is stored → its class.
        max_result: characters of JSON, at least 1, up to which results and progress are kept; of longer ones it is
            noted that they were, and how long.

    Raises JobStoreError for a URL or prefix that cannot be used, and where the database's driver is not installed;
    InvalidSettingError for wrong triggers.
    """

    def __init__(
        self,
        url: str | URL | Engine,
        *,
        prefix: str = "scheduler_",
        schema: str | None = None,
        timeout: float = 10.0,
        dataclasses: Iterable[type] = (),
        triggers: Mapping[str, type[Trigger]] | None = None,
        max_result: int = 1_000_000,
    ) -> None:
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= 3600:
            raise JobStoreError(f"timeout must be seconds from above 0 to 3600, not {timeout!r}")
        if not isinstance(max_result, int) or isinstance(max_result, bool) or max_result < 1:
            raise JobStoreError(f"max_result must be a whole number of characters from 1, not {max_result!r}")
        parsed = url.url if isinstance(url, Engine) else engines.parse(url)
        self._dialect = dialect_of(parsed.get_backend_name())
        self._tables = Tables(prefix, schema)
        self._statements = Statements(self._tables, self._dialect)
        self._rows = Rows(ValueCodec(dataclasses, max_result=max_result), TriggerCodec(triggers))
        self.codec = self._rows.codec
        self._engine = url if isinstance(url, Engine) else engines.make(parsed, timeout)
        self._owned = not isinstance(url, Engine)
        self._timeout = timeout
        self._lock = FairLock()
        self._gate = Gate()
        self._one_connection = isinstance(self._engine.pool, StaticPool)
        self.shared = not engines.is_memory(parsed)
        self._closes_for_forks = self._owned and self.shared and self._dialect.one_writer
        if self._owned:
            # For stores that nobody closes, and for those in memory, where closing the connection removes the jobs.
            weakref.finalize(self, self._engine.dispose)
        self._clock: Clock | None = None
        self._time = ServerClock(self._dialect)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._engine.url.render_as_string()!r})"

    # life cycle

    def before_fork(self) -> None:
        """See the contract. SQLite's locks are kept for a whole process, so no file may be open in one that forks.

        A child that knew of an open file would wait for locks of the parent's for ever, or take them for its own
        (https://www.sqlite.org/howtocorrupt.html, 2.6).
        """
        if self._closes_for_forks and self._gate.shut(self._timeout):
            self._engine.dispose()

    def after_fork_in_parent(self) -> None:
        self._gate.open()

    def after_fork(self) -> None:
        """See the contract. An engine that was given is left to whoever gave it."""
        self._clock = None
        self._lock, self._gate = FairLock(), Gate()
        if self._owned:
            _INHERITED.append(self._engine.pool)
            self._engine.dispose(close=False)

    def open(self, clock: Clock) -> None:
        if self._clock is not None:
            return
        if self._owned:
            engines.check_path(self._engine.url)
        with self._connected() as connection:
            self._dialect.check(connection)
        with self._connected(write=True) as connection:
            self._dialect.lock_schema(connection, self._tables)
            self._tables.prepare(connection)
        with self._connected() as connection:
            self._time.read(connection, clock)
        self._clock = clock

    def close(self) -> None:
        self._clock = None
        if self._owned and self.shared:
            self._engine.dispose()

    def now(self) -> datetime:
        clock = self._opened()
        if self._time.stale(clock):
            with self._connected() as connection:
                return self._now(connection)
        return self._time.now(clock)

    # jobs

    def write_jobs(self, *, add: Sequence[Job] = (), update: Sequence[Job] = ()) -> None:
        added = [self._rows.new_job(job) for job in self._in_order(add)]
        changes = [self._rows.job_changes(job) for job in update]
        with self._transaction() as connection:
            if added:
                self._insert_jobs(connection, add, added)
            if len(changes) > 1 and self._dialect.locks:
                fetch(connection, self._statements.lock_jobs, (self._dialect.array([job.id for job in update]),))
            if changes and self._dialect.write_many(connection, self._statements.update_jobs, changes) != len(changes):
                self._refuse_update(connection, update)
            if changes:
                execute(
                    connection, self._statements.rehouse, (self._dialect.array([job.incarnation for job in update]),)
                )

    def remove_job(self, job_id: str) -> None:
        with self._transaction() as connection:
            jobs = fetch(connection, self._statements.lock_jobs, (self._dialect.array([job_id]),))
            if not jobs:
                raise JobLookupError(job_id)
            self._remove(connection, jobs)

    def remove_all_jobs(self) -> None:
        with self._transaction() as connection:
            self._remove(connection, fetch(connection, self._statements.lock_all_jobs))

    def get_job(self, job_id: str) -> Job | None:
        rows = self._read(self._statements.job, job_id)
        return self._rows.job(rows[0]) if rows else None

    def get_jobs(self, ids: Collection[str] | None = None) -> list[Job]:
        if ids is None:
            rows = self._read(self._statements.all_jobs)
        else:
            rows = self._read(self._statements.jobs, self._dialect.array(ids))
        return [self._rows.job(row) for row in rows]

    # runs

    def get_run(self, run_id: str) -> Run | None:
        rows = self._read(self._statements.run, run_id)
        return self._rows.run(rows[0]) if rows else None

    def get_runs(
        self,
        job_id: str | None = None,
        *,
        state: RunState | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[Run]:
        conditions, values, order = _asked(job_id, state, since, until, "DESC" if newest_first else "ASC")
        rows = self._read(self._statements.listing(conditions, order), *values, limit)
        return [run for run in map(self._rows.run, rows) if run is not None]

    # the engine

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        with self._transaction() as connection:
            yield SQLTurn(connection, self._statements, self._dialect, self._rows, self._now(connection))

    def next_due(self, executors: Collection[str], skip: Collection[str] = ()) -> datetime | None:
        self._opened()
        with self._connected() as connection:
            return next_due(connection, self._statements, self._dialect, executors, skip, self._now(connection))

    def held_by(self, node: str, run_ids: Collection[str]) -> Collection[str]:
        return {run_id for (run_id,) in self._read(self._statements.held_by, self._dialect.array(run_ids), node)}

    def prune(self, before: datetime, limit: int) -> int:
        return self._prune(self._statements.old_runs, run_id("", before), microseconds(before), limit)

    def prune_job(self, job_id: str, keep: int, before: datetime, limit: int) -> int:
        time = microseconds(before)
        return self._prune(self._statements.surplus_runs, job_id, time, time, job_id, keep, limit)

    def _prune(self, find: str, *parameters: Any) -> int:
        with self._transaction() as connection:
            found = [run_id for (run_id,) in fetch(connection, find, parameters)]
            if found:
                execute(connection, self._statements.delete_runs, (self._dialect.array(found),))
            return len(found)

    def executors(self) -> Collection[str]:
        return [alias for (alias,) in self._read(self._statements.executors)]

    def heartbeat(self, node: Node, *, register: bool) -> bool:
        with self._transaction() as connection:
            self._time.read(connection, self._opened())
            now = microseconds(self._now(connection))
            if not register:
                return execute(connection, self._statements.beat, (now, node.id)) > 0
            started_at = microseconds(node.started_at)
            row = (node.id, node.host, node.pid, node.machine, node.birth, started_at, now)
            execute(connection, self._statements.delete_node, (node.id,))
            self._dialect.write_many(connection, self._statements.insert_node, [row])
            return True

    def holders(self) -> Collection[str]:
        return {holder for (holder,) in self._read(self._statements.holders)}

    def nodes(self) -> list[Node]:
        return [node(row) for row in self._read(self._statements.nodes)]

    # writing jobs

    def _insert_jobs(self, connection: Connection, jobs: Sequence[Job], rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            self._dialect.write_many(connection, self._statements.insert_jobs, rows)
        except IntegrityError:
            connection.rollback()
            seen = {row[0] for row in self._versions(connection, jobs)}
            for job in jobs:
                if job.id in seen:
                    raise ConflictingIdError(job.id) from None
                seen.add(job.id)
            raise

    def _in_order(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Where rows can be locked, by id: who inserts an id waits for others that just did."""
        return sorted(jobs, key=lambda job: job.id) if self._dialect.locks else jobs

    def _remove(self, connection: Connection, jobs: Sequence[Any]) -> None:
        """Revoke the waiting runs of jobs that are locked, given as rows of their ids, and remove them."""
        ids = self._dialect.array([job_id for (job_id,) in jobs])
        execute(connection, self._statements.revoke, (microseconds(self._now(connection)), ids))
        execute(connection, self._statements.delete_jobs, (ids,))

    def _refuse_update(self, connection: Connection, jobs: Sequence[Job]) -> None:
        """Undo the transaction and say which of the jobs is not as it was."""
        connection.rollback()
        stored = {row[0]: tuple(row[1:]) for row in self._versions(connection, jobs)}
        for job in jobs:
            if job.id not in stored:
                raise JobLookupError(job.id)
            if stored[job.id] != (job.incarnation, job.version):
                raise StaleJobError(job.id)
        raise StaleJobError(jobs[0].id)

    def _versions(self, connection: Connection, jobs: Sequence[Job]) -> Sequence[Any]:
        ids = self._dialect.array([job.id for job in jobs])
        return fetch(connection, self._statements.job_versions, (ids,))

    # connections

    def _now(self, connection: Connection) -> datetime:
        """Return the store's time, by a connection that is at hand if the database has to be asked."""
        clock = self._opened()
        if self._time.stale(clock):
            self._time.read(connection, clock)
        return self._time.now(clock)

    def _opened(self) -> Clock:
        if self._clock is None:
            raise StoreUnavailableError(f"{self!r} is not open; give it to a Scheduler, or call open(clock) first")
        return self._clock

    def _read(self, statement: str, *parameters: Any) -> Sequence[Any]:
        self._opened()
        with self._connected() as connection:
            return fetch(connection, statement, parameters)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        self._opened()
        with self._connected(write=True) as connection:
            yield connection

    @contextmanager
    def _connected(self, write: bool = False) -> Iterator[Connection]:
        """Give a connection; with `write`, one whose transaction is committed at the end, or rolled back on error."""
        queued = self._one_connection or (write and self._dialect.one_writer)
        if queued and not self._lock.acquire(self._timeout):
            raise StoreUnavailableError(f"another thread has kept {self!r} busy for {self._timeout:g} seconds")
        try:
            with self._gate.passage(), engines.translated(), self._engine.connect() as connection:
                if write:
                    self._dialect.begin_write(connection)
                yield connection
                if write:
                    connection.commit()
        finally:
            if queued:
                self._lock.release()


def _asked(
    job_id: str | None, state: RunState | None, since: datetime | None, until: datetime | None, order: str
) -> tuple[list[str], list[Any], str]:
    """Return what `get_runs` asks for in SQL: the conditions, their values, and the order."""
    asked: list[tuple[str, Any]] = [
        ("job_id = ?", job_id),
        ("state = ?", None if state is None else state.value),
        ("scheduled_time >= ?", microseconds(since)),
        ("scheduled_time < ?", microseconds(until)),
    ]
    by_time = f"scheduled_time {order}, id {order}"
    if job_id is None:
        # A run's id begins with its time, so the primary key gives the order of all runs without another index.
        by_time = f"id {order}"
        asked += [("id >= ?", since and run_id("", since)), ("id < ?", until and run_id("", until))]
    given = [(condition, value) for condition, value in asked if value is not None]
    return [condition for condition, _ in given], [value for _, value in given], by_time
