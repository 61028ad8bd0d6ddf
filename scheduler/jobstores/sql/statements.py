"""Every statement of the SQL job store but the creation of its tables, written once and turned into the driver's words.

Rows come back in the order of JOB, RUN and NODE.
"""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.jobstores.sql.dialects import Dialect
from scheduler.jobstores.sql.schema import Tables

_RULES = ("name", "func", "args", "kwargs", "trigger", "rules", "tags", "executor_options", "format")
JOB = ("id", "incarnation", "version", "executor", "next_run_time", "paused", *_RULES)
NEW_JOB = (*JOB, "follows")
JOB_CHANGES = ("executor", "next_run_time", "paused", *_RULES, "follows")
"""What an update replaces: all but the identity, and the version, which grows by one."""

_TIMES = ("node", "ready_at", "started_at", "finished_at")
_WORDS = ("result", "error", "traceback", "reason")
_LATER = ("progress", "attempts", "cause")
"""What most runs never have. It is left out where no run of a batch has it, as each column takes its time."""
_PLAIN = ("state", "attempt", "executor", *_TIMES, *_WORDS)
CHANGES: Mapping[bool, tuple[str, ...]] = {False: _PLAIN, True: (*_PLAIN, *_LATER)}
"""What an attempt changes of a run, without and with what most never have."""
NEW_RUN = {rich: ("id", "job_id", "incarnation", "scheduled_time", "count", *CHANGES[rich]) for rich in CHANGES}
RUN = NEW_RUN[True]
NODE = ("id", "host", "pid", "machine", "birth", "started_at", "heartbeat_at")

_HELD = "state IN ('STARTED', 'ENQUEUED')"
_WAITING = "state IN ('PENDING', 'RETRY')"

_EARLIEST, _LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The calendar of Python's datetimes. SQLite sorts texts after all numbers, so later than the latest is all damage."""

_SOUND_TIME = f"scheduled_time BETWEEN {_EARLIEST} AND {_LATEST}"
"""Of waiting runs, only those that can be loaded are looked at."""


class Statements:
    """The statements for one set of tables on one kind of database. `?` marks a parameter."""

    def __init__(self, tables: Tables, dialect: Dialect) -> None:
        self._dialect = dialect
        self._jobs_table, self._runs_table, self._nodes_table = tables.jobs, tables.runs, tables.nodes
        self._jobs, self._runs, self._nodes = (
            dialect.name(table) for table in (tables.jobs, tables.runs, tables.nodes)
        )
        self._job, self._run = dialect.columns(JOB), dialect.columns(RUN)
        self._write_jobs()
        self._read_jobs()
        self._write_runs()
        self._read_runs()
        self._claim()
        self._look()
        self._beat()

    def listing(self, conditions: list[str], order: str) -> str:
        """Return a query for runs."""
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._dialect.sql(f"SELECT {self._run} FROM {self._runs} {where} ORDER BY {order} LIMIT ?")

    def _write_jobs(self) -> None:
        sql, some = self._dialect.sql, f"IN ({self._dialect.values})"
        keys = ("id", "incarnation", "version")
        grow = "version = version + 1"
        self.insert_jobs = self._dialect.insert(self._jobs_table, NEW_JOB)
        self.update_jobs = self._dialect.update(self._jobs_table, JOB_CHANGES, keys, grow)
        self.advance_jobs = self._dialect.update(self._jobs_table, ("next_run_time",), keys, grow)
        self.lock_jobs = sql(f"SELECT id FROM {self._jobs} WHERE id {some} ORDER BY id {self._dialect.lock()}")
        self.lock_job = sql(f"SELECT {self._job} FROM {self._jobs} WHERE id = ? {self._dialect.lock()}")
        self.following = sql(f"SELECT id, follows FROM {self._jobs} WHERE follows {some}")
        self.lock_following = sql(
            f"SELECT id, follows FROM {self._jobs} WHERE id IN ({self._dialect.values} UNION "
            f"SELECT id FROM {self._jobs} WHERE follows {some}) ORDER BY id {self._dialect.lock()}"
        )
        self.delete_jobs = sql(f"DELETE FROM {self._jobs} WHERE id {some}")
        self.lock_all_jobs = f"SELECT id FROM {self._jobs} ORDER BY id {self._dialect.lock()}"

    def _read_jobs(self) -> None:
        sql, some = self._dialect.sql, f"IN ({self._dialect.values})"
        order = "ORDER BY CASE WHEN next_run_time IS NULL THEN 1 ELSE 0 END, next_run_time, id"
        self.job = sql(f"SELECT {self._job} FROM {self._jobs} WHERE id = ?")
        self.jobs = sql(f"SELECT {self._job} FROM {self._jobs} WHERE id {some} {order}")
        self.all_jobs = f"SELECT {self._job} FROM {self._jobs} {order}"
        # From one alias to the next along the index: the cost grows with the aliases, not with the jobs and runs.
        named, awaited = (
            f"{name}(alias) AS (SELECT min(executor) FROM {rows} UNION ALL "
            f"SELECT (SELECT min(executor) FROM {rows} AND executor > {name}.alias) FROM {name} "
            f"WHERE {name}.alias IS NOT NULL)"
            for name, rows in (
                ("named", f"{self._jobs} WHERE executor IS NOT NULL"),
                ("awaited", f"{self._runs} WHERE ready_at IS NOT NULL"),
            )
        )
        self.executors = (
            f"WITH RECURSIVE {named}, {awaited} SELECT alias FROM named WHERE alias IS NOT NULL "
            "UNION SELECT alias FROM awaited WHERE alias IS NOT NULL"
        )
        self.job_versions = sql(f"SELECT id, incarnation, version FROM {self._jobs} WHERE id {some}")

    def _write_runs(self) -> None:
        sql, some = self._dialect.sql, f"IN ({self._dialect.values})"
        self.insert_runs = {rich: self._dialect.insert(self._runs_table, NEW_RUN[rich]) for rich in NEW_RUN}
        self.update_runs = {rich: self._dialect.update(self._runs_table, CHANGES[rich], ("id",)) for rich in CHANGES}
        self.revoke = sql(
            f"UPDATE {self._runs} SET state = 'REVOKED', reason = 'removed', ready_at = NULL, finished_at = ? "
            f"WHERE finished_at IS NULL AND {_WAITING} "
            f"AND incarnation IN (SELECT incarnation FROM {self._jobs} WHERE id {some})"
        )
        own = (
            f"SELECT executor FROM {self._jobs} j WHERE j.id = {self._runs}.job_id "
            f"AND j.incarnation = {self._runs}.incarnation"
        )
        self.rehouse = sql(
            f"UPDATE {self._runs} SET executor = ({own}) WHERE finished_at IS NULL AND {_WAITING} "
            f"AND incarnation {some} AND executor <> ({own})"
        )
        self.ready = sql(f"UPDATE {self._runs} SET ready_at = ? WHERE id {some}")
        self.progress = self._dialect.update(self._runs_table, ("progress",), ("id",))
        queued = "finished_at IS NULL AND ready_at IS NULL AND state = 'PENDING'"
        self.queues = sql(
            f"SELECT value FROM ({self._dialect.values}) q WHERE EXISTS "
            f"(SELECT 1 FROM {self._runs} WHERE incarnation = q.value AND {queued})"
        )
        self.queued = sql(
            f"SELECT id FROM {self._runs} WHERE incarnation = ? AND {queued} "
            f"ORDER BY scheduled_time LIMIT ? {self._dialect.claim()}"
        )
        self.ended = sql(
            f"SELECT id, incarnation FROM {self._jobs} WHERE id {some} AND next_run_time IS NULL AND NOT paused "
            f"AND follows IS NULL ORDER BY id {self._dialect.lock()}"
        )

    def _read_runs(self) -> None:
        sql, some = self._dialect.sql, f"IN ({self._dialect.values})"
        self.run = sql(f"SELECT {self._run} FROM {self._runs} WHERE id = ?")
        self.known_runs = sql(f"SELECT id FROM {self._runs} WHERE id {some}")
        self.active = sql(
            f"SELECT incarnation, count(*) FROM {self._runs} WHERE finished_at IS NULL AND incarnation {some} "
            "GROUP BY incarnation"
        )
        self.blockers = sql(
            f"SELECT id FROM {self._runs} WHERE incarnation = ? AND finished_at IS NULL "
            "ORDER BY scheduled_time, id LIMIT ?"
        )
        self.held_by = sql(f"SELECT id FROM {self._runs} WHERE id {some} AND node = ? AND {_HELD}")
        self.lock_waiting, self.lock_held = (
            sql(
                f"SELECT {self._run} FROM {self._runs} WHERE id = ? AND finished_at IS NULL AND {still} "
                f"{self._dialect.lock()}"
            )
            for still in (_WAITING, _HELD)
        )
        # What is old is found along the primary key, as ids begin with the time for which a run was scheduled.
        self.old_runs = sql(
            f"SELECT id FROM {self._runs} WHERE id < ? AND finished_at < ? ORDER BY id LIMIT ? {self._dialect.claim()}"
        )
        # The scheduled time is what the index of a job's runs goes by: it leads past those that ended just now.
        of_job = f"SELECT id FROM {self._runs} WHERE job_id = ?"
        latest_first = "ORDER BY scheduled_time DESC, id DESC"
        surplus = (
            f"{of_job} AND scheduled_time < ? AND finished_at < ? "
            f"AND id <= ({of_job} AND finished_at IS NOT NULL {latest_first} LIMIT 1 OFFSET ?) {latest_first} LIMIT ?"
        )
        self.surplus_runs = sql(f"SELECT id FROM {self._runs} WHERE id IN ({surplus}) {self._dialect.claim()}")
        self.delete_runs = sql(f"DELETE FROM {self._runs} WHERE id {some}")
        self.fence = sql(
            f"SELECT id, attempt FROM {self._runs} WHERE id {some} AND node = ? AND {_HELD} "
            f"ORDER BY id {self._dialect.lock()}"
        )

    def _claim(self) -> None:
        sql, dialect = self._dialect.sql, self._dialect
        both = f"{dialect.columns(RUN, 'r')}, {dialect.columns(JOB, 'j')}"
        joined = f"{self._runs} r LEFT JOIN {self._jobs} j ON j.id = r.job_id AND j.incarnation = r.incarnation"
        self.claim_runs, self.damaged_runs = (
            sql(
                f"SELECT {both} FROM {joined} WHERE r.executor = ? AND r.ready_at {due} AND r.ready_at IS NOT NULL "
                f"AND r.{_WAITING} AND r.{_SOUND_TIME} AND r.job_id NOT IN ({dialect.values}) "
                f"ORDER BY r.ready_at, r.scheduled_time LIMIT ? {dialect.claim('r')}"
            )
            for due in ("<= ?", f"> {_LATEST}")
        )
        self.claim_jobs, self.damaged_jobs = (
            sql(
                f"SELECT {self._job} FROM {self._jobs} WHERE executor = ? AND next_run_time {due} "
                f"AND id NOT IN ({dialect.values}) ORDER BY next_run_time LIMIT ? {dialect.claim()}"
            )
            for due in ("<= ?", f"> {_LATEST}")
        )
        self.claim_jobs_of = sql(
            f"SELECT {self._job} FROM {self._jobs} WHERE id IN ({dialect.values}) {dialect.claim()}"
        )
        # The order of the ids, which begin with that time, as wherever runs are locked: so nobody waits in a ring.
        self.held = sql(
            f"SELECT {both} FROM {joined} WHERE r.finished_at IS NULL AND r.node = ? AND r.{_HELD} "
            f"ORDER BY r.scheduled_time, r.id LIMIT ? {dialect.lock('r')}"
        )

    def _look(self) -> None:
        """What is due first, and for which executors there are rows whose time is none."""
        sql, values = self._dialect.sql, self._dialect.values
        job = f"FROM {self._jobs} WHERE executor = e.value AND id NOT IN ({values}) AND next_run_time"
        run = (
            f"FROM {self._runs} WHERE executor = e.value AND job_id NOT IN ({values}) AND {_WAITING} AND {_SOUND_TIME} "
            "AND ready_at IS NOT NULL AND ready_at"
        )
        damaged = f"EXISTS (SELECT 1 {job} > {_LATEST}) OR EXISTS (SELECT 1 {run} > {_LATEST})"
        self.next_due = sql(
            f"SELECT (SELECT next_run_time {job} <= {_LATEST} ORDER BY next_run_time LIMIT 1), "
            f"(SELECT ready_at {run} <= {_LATEST} ORDER BY ready_at LIMIT 1), {damaged} FROM ({values}) e"
        )
        self.damaged = sql(f"SELECT value FROM ({values}) e WHERE {damaged}")

    def _beat(self) -> None:
        sql = self._dialect.sql
        self.insert_node = self._dialect.insert(self._nodes_table, NODE)
        self.delete_node = sql(f"DELETE FROM {self._nodes} WHERE id = ?")
        self.beat = sql(f"UPDATE {self._nodes} SET heartbeat_at = ? WHERE id = ?")
        self.holders = f"SELECT DISTINCT node FROM {self._runs} WHERE finished_at IS NULL AND node IS NOT NULL"
        self.nodes = f"SELECT {self._dialect.columns(NODE)} FROM {self._nodes} ORDER BY started_at, id"
