"""The job store that lives and dies with its process: any callable, any object, no serialization."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from scheduler.clock import Clock
from scheduler.core.job import Job
from scheduler.core.node import Node
from scheduler.core.plan import Plan
from scheduler.core.run import HELD, Run, RunState
from scheduler.errors import ConflictingIdError, InvalidJobError, JobLookupError, JobStoreError, StaleJobError
from scheduler.jobstores.base import MOST_BLOCKERS, Due, DueJob, DueRun, JobStore, Turn
from scheduler.jobstores.memory_tables import Tables
from scheduler.serialization import JobCodec, TriggerCodec, ValueCodec
from scheduler.triggers.base import Trigger


class MemoryJobStore(JobStore):
    """Keeps jobs and runs in this process.

    Arguments:
        keep_runs: how many ended runs to remember, the latest ones; at least 0.
        triggers: triggers of your own, for export and import: the name under which each is written → its class.
    """

    persistent = False
    shared = False

    def __init__(self, *, keep_runs: int = 10_000, triggers: Mapping[str, type[Trigger]] | None = None) -> None:
        if not isinstance(keep_runs, int) or isinstance(keep_runs, bool) or keep_runs < 0:
            raise InvalidJobError(f"keep_runs must be a whole number from 0, not {keep_runs!r}")
        self._keep_runs = keep_runs
        if triggers is not None:
            self.codec = JobCodec(ValueCodec(), TriggerCodec(triggers))
        self._clock: Clock | None = None
        self._lock = threading.RLock()
        self._tables = Tables()
        self._nodes: dict[str, Node] = {}

    def after_fork(self) -> None:
        """See the contract. A transaction of a thread that is not here any more has not happened."""
        self._clock = None
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._lock = threading.RLock()
            self._tables = self._tables.restored()

    def open(self, clock: Clock) -> None:
        self._clock = clock

    def close(self) -> None:
        pass

    def now(self) -> datetime:
        if self._clock is None:
            raise JobStoreError("the memory job store is not open; give it to a Scheduler, or call open(clock) first")
        return self._clock.now()

    def write_jobs(self, *, add: Sequence[Job] = (), update: Sequence[Job] = ()) -> None:
        with self._transaction() as tables:
            for job in add:
                if job.id in tables.jobs:
                    raise ConflictingIdError(job.id)
                tables.put_job(job.id, job)
            for job in update:
                stored = tables.jobs.get(job.id)
                if stored is None:
                    raise JobLookupError(job.id)
                if (stored.incarnation, stored.version) != (job.incarnation, job.version):
                    raise StaleJobError(job.id)
                tables.put_job(job.id, job.evolved(version=job.version + 1))
                tables.rehouse(job.incarnation)

    def remove_job(self, job_id: str) -> None:
        now = self.now()
        with self._transaction() as tables:
            job = tables.jobs.get(job_id)
            if job is None:
                raise JobLookupError(job_id)
            tables.put_job(job.id, None)
            tables.revoke_waiting({job.incarnation}, now)

    def remove_all_jobs(self) -> None:
        now = self.now()
        with self._transaction() as tables:
            jobs = list(tables.jobs.values())
            for job in jobs:
                tables.put_job(job.id, None)
            tables.revoke_waiting({job.incarnation for job in jobs}, now)

    def get_job(self, job_id: str) -> Job | None:
        with self._lock:
            return self._tables.jobs.get(job_id)

    def get_jobs(self, ids: Collection[str] | None = None) -> list[Job]:
        with self._lock:
            jobs = self._tables.jobs
            found = list(jobs.values()) if ids is None else [jobs[job_id] for job_id in set(ids) if job_id in jobs]
        found.sort(key=lambda job: (job.next_run_time is None, job.next_run_time or 0, job.id))
        return found

    def get_run(self, run_id: str) -> Run | None:
        with self._lock:
            return self._tables.runs.get(run_id)

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
        with self._lock:
            runs = list(self._tables.runs.values())
        found = [
            run
            for run in runs
            if (job_id is None or run.job_id == job_id)
            and (state is None or run.state is state)
            and (since is None or run.scheduled_time >= since)
            and (until is None or run.scheduled_time < until)
        ]
        found.sort(key=lambda run: run.id, reverse=newest_first)
        return found[:limit]

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        with self._lock:
            turn = _MemoryTurn(self._tables, self.now())
            try:
                with self._transaction():
                    yield turn
                for node in turn.forgotten:
                    self._nodes.pop(node, None)
            finally:
                turn.put_back()

    def next_due(self, executors: Collection[str], skip: Collection[str] = ()) -> datetime | None:
        with self._lock:
            return self._tables.next_due(executors, skip)

    def held_by(self, node: str, run_ids: Collection[str]) -> Collection[str]:
        with self._lock:
            runs = [self._tables.runs.get(run_id) for run_id in run_ids]
        return {run.id for run in runs if run is not None and run.state in HELD and run.node == node}

    def prune(self, before: datetime, limit: int) -> int:
        with self._lock:
            return self._tables.prune(before, limit)

    def prune_job(self, job_id: str, keep: int, before: datetime, limit: int) -> int:
        with self._lock:
            return self._tables.prune_job(job_id, keep, before, limit)

    def executors(self) -> Collection[str]:
        with self._lock:
            return {job.executor for job in self._tables.jobs.values()} | self._tables.awaited_executors()

    def heartbeat(self, node: Node, *, register: bool) -> bool:
        with self._lock:
            if not register and node.id not in self._nodes:
                return False
            self._nodes[node.id] = replace(node, heartbeat_at=self.now())
            return True

    def holders(self) -> Collection[str]:
        with self._lock:
            return {run.node for run in self._tables.runs.values() if run.state in HELD and run.node is not None}

    def nodes(self) -> list[Node]:
        with self._lock:
            return sorted(self._nodes.values(), key=lambda node: (node.started_at, node.id))

    @contextmanager
    def _transaction(self) -> Iterator[Tables]:
        """Hold the lock; undo everything if the block fails, forget the oldest history if it does not."""
        with self._lock:
            tables = self._tables
            try:
                yield tables
            except BaseException:
                tables.roll_back()
                raise
            tables.commit(self._keep_runs)


class _MemoryTurn(Turn):
    """One transaction, under the store's lock."""

    def __init__(self, tables: Tables, now: datetime) -> None:
        self.now = now
        self.forgotten: list[str] = []
        self._tables = tables
        self._claimed: list[Job | Run] = []

    def finish(self, runs: Sequence[Run], node: str) -> Collection[str]:
        stored_runs = self._tables.runs
        written = []
        for run in runs:
            stored = stored_runs.get(run.id)
            if stored is None or stored.state not in HELD or stored.node != node or stored.attempt != run.attempt:
                continue
            self._tables.put_run(run)
            written.append(run.id)
        return written

    def rehouse(self, incarnations: Collection[str]) -> None:
        for incarnation in incarnations:
            self._tables.rehouse(incarnation)

    def progress(self, runs: Sequence[Run], node: str) -> Collection[str]:
        written = []
        for run in runs:
            stored = self._tables.runs.get(run.id)
            if stored is not None and stored.state in HELD and stored.node == node and stored.attempt == run.attempt:
                self._tables.put_run(stored.evolved(progress=run.progress))
                written.append(run.id)
        return written

    def open_run(self, run_id: str) -> DueRun | None:
        run = self._tables.runs.get(run_id)
        return None if run is None or run.state.final else DueRun(run, self._tables.job_of(run))

    def active_job(self, job_id: str) -> DueJob | None:
        job = self._tables.jobs.get(job_id)
        return None if job is None else self._due_job(job)

    def followers(self, job_ids: Collection[str]) -> Sequence[DueJob]:
        tables = self._tables
        if not tables.followers:
            return ()
        ids = sorted({follower for job_id in job_ids for follower in tables.followers.get(job_id, ())})
        return [self._due_job(tables.jobs[follower]) for follower in ids]

    def insert(self, runs: Sequence[Run], jobs: Sequence[Job] = ()) -> None:
        for job in jobs:
            self._tables.put_job(job.id, job)
        for run in runs:
            self._tables.put_run(run)

    def revoke(self, run: Run) -> None:
        self._tables.put_run(run)

    def blockers(self, incarnations: Collection[str]) -> Mapping[str, Sequence[str]]:
        return {name: sorted(self._tables.open.get(name, ()))[:MOST_BLOCKERS] for name in incarnations}

    def _due_job(self, job: Job) -> DueJob:
        return DueJob(job, len(self._tables.open.get(job.incarnation, ())))

    def release(self, incarnations: Sequence[str]) -> int:
        released = 0
        for incarnation in incarnations:
            queue = self._tables.queued.get(incarnation)
            if queue:
                run = self._tables.runs[min(queue)]
                self._tables.put_run(run.evolved(ready_at=self.now))
                released += 1
        return released

    def remove_ended(self, job_ids: Collection[str]) -> Collection[str]:
        removed = []
        for job_id in job_ids:
            job = self._tables.jobs.get(job_id)
            if job is not None and job.ended and job.incarnation not in self._tables.open:
                self._tables.put_job(job.id, None)
                removed.append(job.id)
        return removed

    def claim(self, room: Mapping[str, int], skip: Collection[str]) -> Due:
        tables = self._tables
        jobs: list[DueJob] = []
        runs: list[DueRun] = []
        for executor, places in room.items():
            ready = tables.ready.take(executor, self.now, places, skip)
            runs += [DueRun(run, tables.job_of(run)) for run in ready]
            due = tables.due.take(executor, self.now, places - len(ready), skip)
            jobs += [DueJob(job, len(tables.open.get(job.incarnation, ()))) for job in due]
            self._claimed += ready
            self._claimed += due
        return Due(jobs, runs)

    def record(self, plans: Sequence[Plan], begun: Sequence[Run]) -> Collection[str]:
        tables = self._tables
        known = []
        for plan in plans:
            job = plan.job
            stored = tables.jobs.get(job.id)
            if stored is None or (stored.incarnation, stored.version) != (job.incarnation, job.version):
                raise StaleJobError(job.id)
            moved_on = stored.evolved(next_run_time=plan.next_run_time, version=stored.version + 1)
            tables.put_job(job.id, moved_on)
            for run in plan.runs:
                if run.id in tables.runs:
                    known.append(run.id)
                else:
                    tables.put_run(run)
        for run in begun:
            tables.put_run(run)
        return known

    def held(self, node: str, limit: int) -> Sequence[DueRun]:
        runs = sorted(
            (run for run in self._tables.runs.values() if run.state in HELD and run.node == node),
            key=lambda run: run.id,
        )
        return [DueRun(run, self._tables.job_of(run)) for run in runs[:limit]]

    def forget(self, node: str) -> None:
        self.forgotten.append(node)

    def next_due(self, executors: Collection[str], skip: Collection[str]) -> datetime | None:
        self.put_back()
        return self._tables.next_due(executors, skip)

    def put_back(self) -> None:
        """Put what was claimed and has not moved on back into its queue."""
        for item in self._claimed:
            if isinstance(item, Job):
                if self._tables.jobs.get(item.id) is item:
                    self._tables.due.push(item.id, item)
            elif self._tables.runs.get(item.id) is item:
                self._tables.ready.push(item.id, item)
        self._claimed = []
