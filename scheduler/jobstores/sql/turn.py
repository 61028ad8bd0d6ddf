"""One transaction of the engine on a SQL database.

Locks are waited for in this order, in the store too: runs that nodes hold, by id; jobs, by id, those whose runs end
together with those that follow them, in one statement; waiting runs of locked jobs. Claims come last, and neither they
nor what is done about the claimed wait for any; nor does the removal of old runs. So nothing deadlocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from scheduler.core.job import Job
from scheduler.core.plan import Plan
from scheduler.core.run import WAITING, Run
from scheduler.errors import StaleJobError
from scheduler.jobstores.base import MOST_BLOCKERS, Due, DueJob, DueRun, Turn
from scheduler.jobstores.sql.dialects import Dialect
from scheduler.jobstores.sql.driver import execute, fetch
from scheduler.jobstores.sql.rows import Rows, instant, is_rich, microseconds, readable_instant
from scheduler.jobstores.sql.statements import RUN, Statements

_RUN_WIDTH = len(RUN)


class SQLTurn(Turn):
    """A turn on a connection whose transaction the store begins and ends."""

    def __init__(
        self, connection: Connection, statements: Statements, dialect: Dialect, rows: Rows, now: datetime
    ) -> None:
        self.now = now
        self._connection = connection
        self._statements = statements
        self._dialect = dialect
        self._rows = rows
        self._following: Sequence[Any] | None = None
        """Ids of the jobs that `open_run` has locked, and whom they follow."""

    def finish(self, runs: Sequence[Run], node: str) -> Collection[str]:
        if not runs:
            return ()
        written = self._held_still(runs, node)
        self._update_runs(written)
        return {run.id for run in written}

    def rehouse(self, incarnations: Collection[str]) -> None:
        if incarnations:
            self._execute(self._statements.rehouse, self._dialect.array(incarnations))

    def progress(self, runs: Sequence[Run], node: str) -> Collection[str]:
        if not runs:
            return ()
        written = self._held_still(runs, node)
        self._write(self._statements.progress, [self._rows.progress(run) for run in written])
        return {run.id for run in written}

    def open_run(self, run_id: str) -> DueRun | None:
        """See the contract: a held run is locked before its job, a waiting one after it.

        It is locked only if it is so still, for one that has begun meanwhile may be locked by who waits for its job.
        """
        run = self._find_run(self._statements.run, run_id)
        if run is None or run.state.final:
            return None
        if run.state in WAITING:
            self._following = self._lock_following([run.job_id])
            run = self._find_run(self._statements.lock_waiting, run_id)
        else:
            run = self._find_run(self._statements.lock_held, run_id)
            self._following = self._lock_following([run.job_id]) if run is not None else ()
        if run is None:
            return None
        jobs = [self._rows.job(row) for row in self._query(self._statements.job, run.job_id)]
        return DueRun(run, next((job for job in jobs if job.incarnation == run.incarnation), None))

    def active_job(self, job_id: str) -> DueJob | None:
        jobs = [self._rows.job(row) for row in self._query(self._statements.lock_job, job_id)]
        return self._due_jobs(jobs)[0] if jobs else None

    def followers(self, job_ids: Collection[str]) -> Sequence[DueJob]:
        if not job_ids:
            return ()
        following = self._lock_following(job_ids) if self._following is None else self._following
        ids = [job_id for job_id, follows in following if follows in job_ids]
        if not ids:
            return ()
        jobs = [self._rows.job(row) for row in self._query(self._statements.jobs, self._dialect.array(ids))]
        return self._due_jobs(sorted(jobs, key=lambda job: job.id))

    def _lock_following(self, job_ids: Collection[str]) -> Sequence[Any]:
        """Lock jobs and those that follow them, where rows can be locked. Returns ids and whom they follow."""
        ids = self._dialect.array(job_ids)
        if not self._dialect.locks:
            return self._query(self._statements.following, ids)
        return self._query(self._statements.lock_following, ids, ids)

    def insert(self, runs: Sequence[Run], jobs: Sequence[Job] = ()) -> None:
        self._write(self._statements.insert_jobs, [self._rows.new_job(job) for job in jobs])
        self._insert_runs(runs)

    def revoke(self, run: Run) -> None:
        self._update_runs([run])

    def blockers(self, incarnations: Collection[str]) -> Mapping[str, Sequence[str]]:
        query = self._statements.blockers
        return {name: [run_id for (run_id,) in self._query(query, name, MOST_BLOCKERS)] for name in incarnations}

    def release(self, incarnations: Sequence[str]) -> int:
        """See the contract.

        Their jobs are locked, by `followers` or by the claim: another node may just be queueing a run of one behind a
        run that it does not know to have ended, and nobody else would ever release it.
        """
        places = Counter(incarnations)
        ready: list[str] = []
        for (incarnation,) in self._query(self._statements.queues, self._dialect.array(places)):
            ready += [run_id for (run_id,) in self._query(self._statements.queued, incarnation, places[incarnation])]
        if ready:
            self._execute(self._statements.ready, microseconds(self.now), self._dialect.array(ready))
        return len(ready)

    def remove_ended(self, job_ids: Collection[str]) -> Collection[str]:
        """See the contract.

        Two statements: where another node ends the last run but one at the same time, the first waits for it, and the
        second sees what it did.
        """
        if not job_ids:
            return ()
        ended = dict(self._query(self._statements.ended, self._dialect.array(job_ids)))
        if not ended:
            return ()
        active = dict(self._query(self._statements.active, self._dialect.array(ended.values())))
        removed = [job_id for job_id, incarnation in ended.items() if incarnation not in active]
        if removed:
            self._execute(self._statements.delete_jobs, self._dialect.array(removed))
        return removed

    def claim(self, room: Mapping[str, int], skip: Collection[str]) -> Due:
        runs: list[DueRun] = []
        jobs: list[Job] = []
        now, left_alone = microseconds(self.now), self._dialect.array(skip)
        for executor, places in room.items():
            free = places
            if free > 0:
                ready = self._with_jobs(self._query(self._statements.claim_runs, executor, now, left_alone, free))
                runs += ready
                free -= len(ready)
            if free > 0:
                jobs += map(self._rows.job, self._query(self._statements.claim_jobs, executor, now, left_alone, free))
        if not runs and not jobs:
            runs, jobs = self._claim_damaged(room, left_alone)
        return Due(self._due_jobs(jobs), runs)

    def _claim_damaged(self, room: Mapping[str, int], left_alone: Any) -> tuple[list[DueRun], list[Job]]:
        """Get hold of what has something else for a time: due now, as only so it is settled or named as broken.

        They sort after all others, so they would never come up; and they are sought only where nothing else is due.
        """
        runs: list[DueRun] = []
        jobs: list[Job] = []
        executors = self._dialect.array([executor for executor, places in room.items() if places > 0])
        for (executor,) in self._query(self._statements.damaged, executors, left_alone, left_alone):
            found = self._with_jobs(self._query(self._statements.damaged_runs, executor, left_alone, room[executor]))
            runs += found
            free = room[executor] - len(found)
            jobs += map(self._rows.job, self._query(self._statements.damaged_jobs, executor, left_alone, free))
        return runs, jobs

    def record(self, plans: Sequence[Plan], begun: Sequence[Run]) -> Collection[str]:
        self._advance(plans)
        self._update_runs(begun)
        return self._insert([run for plan in plans for run in plan.runs])

    def held(self, node: str, limit: int) -> Sequence[DueRun]:
        return self._due_runs(self._query(self._statements.held, node, limit))

    def forget(self, node: str) -> None:
        self._execute(self._statements.delete_node, node)

    def next_due(self, executors: Collection[str], skip: Collection[str]) -> datetime | None:
        return next_due(self._connection, self._statements, self._dialect, executors, skip, self.now)

    def _held_still(self, runs: Sequence[Run], node: str) -> list[Run]:
        """Return those of these runs that `node` holds for the same attempt, and lock them."""
        held = dict(self._query(self._statements.fence, self._dialect.array([run.id for run in runs]), node))
        return [run for run in runs if held.get(run.id) == run.attempt]

    def _find_run(self, statement: str, run_id: str) -> Run | None:
        rows = self._query(statement, run_id)
        return self._rows.run(rows[0]) if rows else None

    def _due_jobs(self, jobs: Sequence[Job]) -> list[DueJob]:
        """Return jobs with how many of their runs have not ended, in the order given."""
        incarnations = [job.incarnation for job in jobs if isinstance(job.incarnation, str)]
        if not incarnations:
            return [DueJob(job, 0) for job in jobs]
        active = dict(self._query(self._statements.active, self._dialect.array(incarnations)))
        return [DueJob(job, active.get(job.incarnation, 0)) for job in jobs]

    def _due_runs(self, rows: Sequence[Any]) -> list[DueRun]:
        due = []
        for row in rows:
            run, job = self._rows.run(row[:_RUN_WIDTH]), row[_RUN_WIDTH:]
            if run is not None:
                due.append(DueRun(run, None if job[0] is None else self._rows.job(job)))
        return due

    def _with_jobs(self, rows: Sequence[Any]) -> list[DueRun]:
        """Lock the jobs of waiting runs too, and leave runs whose jobs others hold for later: a claim waits for nobody.

        The jobs are read anew, for they may have changed before they were locked.
        """
        due = self._due_runs(rows)
        wanted = {run.job_id for run, job in due if job is not None}
        if not wanted or not self._dialect.locks:
            return due
        locked = self._query(self._statements.claim_jobs_of, self._dialect.array(wanted))
        jobs = {row[1]: self._rows.job(row) for row in locked}
        return [DueRun(run, jobs.get(run.incarnation)) for run, job in due if job is None or run.incarnation in jobs]

    def _advance(self, plans: Sequence[Plan]) -> None:
        moves = [(microseconds(one.next_run_time), one.job.id, one.job.incarnation, one.job.version) for one in plans]
        if self._write(self._statements.advance_jobs, moves) == len(plans):
            return
        self._connection.rollback()
        ids = self._dialect.array([plan.job.id for plan in plans])
        stored = {row[0]: tuple(row[1:]) for row in self._query(self._statements.job_versions, ids)}
        stale = [plan.job.id for plan in plans if stored.get(plan.job.id) != (plan.job.incarnation, plan.job.version)]
        raise StaleJobError(stale[0] if stale else plans[0].job.id)

    def _insert(self, runs: Sequence[Run]) -> Collection[str]:
        """Insert runs that are not there yet. Returns the ids of the others.

        Nobody else can insert them in between: their jobs are locked, and were of the version claimed.
        """
        if not runs:
            return ()
        ids = self._dialect.array([run.id for run in runs])
        known = {run_id for (run_id,) in self._query(self._statements.known_runs, ids)}
        new = [run for run in runs if run.id not in known] if known else runs
        self._insert_runs(new)
        return known

    def _insert_runs(self, runs: Sequence[Run]) -> None:
        rich = any(map(is_rich, runs))
        self._write(self._statements.insert_runs[rich], [self._rows.new_run(run, rich) for run in runs])

    def _update_runs(self, runs: Sequence[Run]) -> None:
        rich = any(map(is_rich, runs))
        self._write(self._statements.update_runs[rich], [self._rows.run_changes(run, rich) for run in runs])

    def _query(self, statement: str, *parameters: Any) -> Sequence[Any]:
        return fetch(self._connection, statement, parameters)

    def _execute(self, statement: str, *parameters: Any) -> None:
        execute(self._connection, statement, parameters)

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        return self._dialect.write_many(self._connection, statement, rows) if rows else 0


def next_due(
    connection: Connection,
    statements: Statements,
    dialect: Dialect,
    executors: Collection[str],
    skip: Collection[str],
    now: datetime,
) -> datetime | None:
    """Return when the earliest job or waiting run of these executors is due, leaving alone those of `skip`.

    That is `now` where one has a time that is none.
    """
    if not executors:
        return None
    rows = fetch(connection, statements.next_due, (*[dialect.array(skip)] * 4, dialect.array(executors)))
    if any(damaged for _, _, damaged in rows):
        return now
    earliest = min((time for row in rows for time in row[:2] if time is not None), default=None)
    return now if earliest is not None and readable_instant(earliest) is None else instant(earliest)
