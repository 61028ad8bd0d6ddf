"""The rows of the memory job store, what is derived from them, and the undo log of a transaction."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Generic, TypeVar

from scheduler.core.job import Job
from scheduler.core.run import WAITING, Reason, Run
from scheduler.core.settle import revoke

Row = TypeVar("Row", Job, Run)


class Tables:
    """Jobs and runs. Every change goes through `put_job` or `put_run`, which keep derived parts and undo log."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.runs: dict[str, Run] = {}
        self.open: dict[str, set[str]] = {}
        """Incarnation → ids of its runs that have not ended; only where there are any."""
        self.followers: dict[str, set[str]] = {}
        """Job id → ids of the jobs that follow it; only where there are any."""
        self.queued: dict[str, set[str]] = {}
        """Incarnation → ids of its runs that wait behind another run of the job; only where there are any."""
        self.due: TimeQueue[Job] = TimeQueue(self.jobs, lambda job: job.next_run_time, lambda job: job.id)
        self.ready: TimeQueue[Run] = TimeQueue(self.runs, lambda run: run.ready_at, lambda run: run.job_id)
        self._history: OrderedDict[str, None] = OrderedDict()
        """Ids of the runs that have ended, in that order."""
        self._undo_jobs: list[tuple[str, Job | None]] = []
        self._undo_runs: list[tuple[str, Run | None]] = []

    def put_job(self, job_id: str, job: Job | None) -> None:
        """Insert, replace or (None) remove a job."""
        self._undo_jobs.append((job_id, self.jobs.get(job_id)))
        self._set_job(job_id, job)

    def put_run(self, run: Run) -> None:
        """Insert or replace a run."""
        before = self.runs.get(run.id)
        self._undo_runs.append((run.id, before))
        self._set_run(run.id, before, run)

    def job_of(self, run: Run) -> Job | None:
        """Return the job whose incarnation the run belongs to, if it is still there."""
        job = self.jobs.get(run.job_id)
        return job if job is not None and job.incarnation == run.incarnation else None

    def revoke_waiting(self, incarnations: Collection[str], now: datetime) -> None:
        """Revoke the waiting runs of removed jobs."""
        if not any(incarnation in self.open for incarnation in incarnations):
            return
        for run in list(self.runs.values()):
            if run.incarnation in incarnations and run.state in WAITING:
                self.put_run(revoke(run, Reason.REMOVED, now=now))

    def next_due(self, executors: Collection[str], skip: Collection[str]) -> datetime | None:
        """Return the earliest time in both queues."""
        times = [queue.first(executor, skip) for executor in executors for queue in (self.ready, self.due)]
        return min((time for time in times if time is not None), default=None)

    def commit(self, keep_runs: int) -> None:
        """Forget the undo log, and of the runs that have ended all but the latest `keep_runs`."""
        ended = set()
        for run_id, before in self._undo_runs:
            was_open = before is None or before.finished_at is None
            if was_open and run_id not in ended and self.runs[run_id].finished_at is not None:
                self._history[run_id] = None
                ended.add(run_id)
        self._undo_jobs.clear()
        self._undo_runs.clear()
        while len(self._history) > keep_runs:
            del self.runs[self._history.popitem(last=False)[0]]

    def prune(self, before: datetime, limit: int) -> int:
        """Forget up to `limit` runs that ended before that, outside of a transaction. Returns how many."""
        pruned = 0
        while pruned < limit and self._history:
            run_id = next(iter(self._history))
            finished_at = self.runs[run_id].finished_at
            if finished_at is not None and finished_at >= before:
                break
            self._forget(run_id)
            pruned += 1
        return pruned

    def prune_job(self, job_id: str, keep: int, limit: int) -> int:
        """Forget up to `limit` ended runs of a job but the latest `keep`, likewise."""
        ended = sorted(run_id for run_id in self._history if self.runs[run_id].job_id == job_id)
        surplus = ended[: min(max(len(ended) - keep, 0), limit)]
        for run_id in surplus:
            self._forget(run_id)
        return len(surplus)

    def _forget(self, run_id: str) -> None:
        del self._history[run_id]
        del self.runs[run_id]

    def roll_back(self) -> None:
        """Undo everything since the last commit."""
        while self._undo_jobs:
            self._set_job(*self._undo_jobs.pop())
        while self._undo_runs:
            run_id, before = self._undo_runs.pop()
            self._set_run(run_id, self.runs.get(run_id), before)

    def _set_job(self, job_id: str, job: Job | None) -> None:
        before = self.jobs.get(job_id)
        if before is not None and before.follows is not None:
            _discard(self.followers, before.follows, job_id)
        if job is None:
            del self.jobs[job_id]
            return
        self.jobs[job_id] = job
        self.due.push(job_id, job)
        if job.follows is not None:
            self.followers.setdefault(job.follows, set()).add(job_id)

    def _set_run(self, run_id: str, before: Run | None, run: Run | None) -> None:
        if before is not None and before.finished_at is None:
            self._close(before)
        if run is None:
            del self.runs[run_id]
            return
        self.runs[run_id] = run
        if run.finished_at is None:
            self._open(run)
            if run.ready_at is not None:
                self.ready.push(run_id, run)

    def _open(self, run: Run) -> None:
        self.open.setdefault(run.incarnation, set()).add(run.id)
        if run.queued:
            self.queued.setdefault(run.incarnation, set()).add(run.id)

    def _close(self, run: Run) -> None:
        _discard(self.open, run.incarnation, run.id)
        if run.queued:
            _discard(self.queued, run.incarnation, run.id)


def _discard(groups: dict[str, set[str]], name: str, member: str) -> None:
    """Take a member out of a group, and the group away with its last one."""
    group = groups[name]
    group.discard(member)
    if not group:
        del groups[name]


class TimeQueue(Generic[Row]):
    """Rows by executor and time. Entries of rows that have changed since stay until they come up, and are dropped then.

    Arguments:
        rows: the table.
        time_of: a row's time; None: it waits for nothing.
        job_of: the id of a row's job.
    """

    def __init__(
        self, rows: dict[str, Row], time_of: Callable[[Row], datetime | None], job_of: Callable[[Row], str]
    ) -> None:
        self._rows: dict[str, Row] = rows
        self._time_of: Callable[[Row], datetime | None] = time_of
        self._job_of: Callable[[Row], str] = job_of
        self._heaps: dict[str, list[tuple[datetime, str]]] = {}

    def push(self, key: str, row: Row) -> None:
        """Queue a row under its present executor and time."""
        time = self._time_of(row)
        if time is None:
            return
        heap = self._heaps.setdefault(row.executor, [])
        heapq.heappush(heap, (time, key))
        if len(heap) > 2 * len(self._rows) + 1_000:
            self._rebuild(row.executor)

    def take(self, executor: str, until: datetime, limit: int, skip: Collection[str]) -> list[Row]:
        """Take up to `limit` rows that are due out of the queue, oldest first; they must be pushed to come back."""
        heap = self._heaps.get(executor, [])
        taken: dict[str, Row] = {}
        passed = []
        while heap and len(taken) < limit and heap[0][0] <= until:
            entry = heapq.heappop(heap)
            row = self._current(executor, entry)
            if row is None or entry[1] in taken:
                continue
            if skip and self._job_of(row) in skip:
                passed.append(entry)
            else:
                taken[entry[1]] = row
        for entry in passed:
            heapq.heappush(heap, entry)
        return list(taken.values())

    def first(self, executor: str, skip: Collection[str]) -> datetime | None:
        """Return the earliest time of a row whose job is not in `skip`."""
        heap = self._heaps.get(executor, [])
        passed = []
        found = None
        while heap:
            row = self._current(executor, heap[0])
            if row is not None and not (skip and self._job_of(row) in skip):
                found = heap[0][0]
                break
            entry = heapq.heappop(heap)
            if row is not None:
                passed.append(entry)
        for entry in passed:
            heapq.heappush(heap, entry)
        return found

    def _current(self, executor: str, entry: tuple[datetime, str]) -> Row | None:
        row = self._rows.get(entry[1])
        return row if row is not None and self._time_of(row) == entry[0] and row.executor == executor else None

    def _rebuild(self, executor: str) -> None:
        entries = ((self._time_of(row), key) for key, row in self._rows.items() if row.executor == executor)
        heap = [(time, key) for time, key in entries if time is not None]
        heapq.heapify(heap)
        self._heaps[executor] = heap
