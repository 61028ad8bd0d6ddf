"""The rows of the memory job store, what is derived from them, and the undo log of a transaction."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from scheduler.core.job import Job
from scheduler.core.run import WAITING, Reason, Run, RunState
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

    def rehouse(self, incarnation: str) -> None:
        """Let the waiting runs of a job wait for the executor that it names."""
        for run_id in list(self.open.get(incarnation, ())):
            run = self.runs[run_id]
            job = self.job_of(run)
            if job is not None and run.state in WAITING and run.executor != job.executor:
                self.put_run(run.evolved(executor=job.executor))

    def awaited_executors(self) -> set[str]:
        """Return the executors that runs with a time to start at wait for."""
        open_runs = (self.runs[run_id] for run_ids in self.open.values() for run_id in run_ids)
        return {run.executor for run in open_runs if run.ready_at is not None}

    def next_due(self, executors: Collection[str], skip: Collection[str]) -> datetime | None:
        """Return the earliest time in both queues."""
        times = [queue.first(executor, skip) for executor in executors for queue in (self.ready, self.due)]
        return min((time for time in times if time is not None), default=None)

    def commit(self, keep_runs: int) -> None:
        """Forget the undo log, and of the runs that have ended all but the latest `keep_runs`."""
        runs, history = self.runs, self._history
        for run_id, before in self._undo_runs:
            if (before is None or before.finished_at is None) and runs[run_id].finished_at is not None:
                history[run_id] = None
        # In this order: of a process forked in between, a job repeats its last step, and finds its run on record.
        self._undo_runs.clear()
        self._undo_jobs.clear()
        while len(history) > keep_runs:
            del runs[history.popitem(last=False)[0]]

    def prune(self, before: datetime, limit: int) -> int:
        """Forget up to `limit` runs that ended before that, outside of a transaction. Returns how many."""
        old: list[str] = []
        for run_id in self._history:
            finished_at = self.runs[run_id].finished_at
            if len(old) == limit or (finished_at is not None and finished_at >= before):
                break
            old.append(run_id)
        return self._forget(old)

    def prune_job(self, job_id: str, keep: int, before: datetime, limit: int) -> int:
        """Forget up to `limit` of these among the ended runs of a job but the latest `keep`, likewise."""
        ended = sorted(run_id for run_id in self._history if self.runs[run_id].job_id == job_id)
        times = ((run_id, self.runs[run_id].finished_at) for run_id in ended[: max(len(ended) - keep, 0)])
        return self._forget([run_id for run_id, time in times if time is not None and time < before][:limit])

    def _forget(self, run_ids: Sequence[str]) -> int:
        for run_id in run_ids:
            del self._history[run_id]
            del self.runs[run_id]
        return len(run_ids)

    def roll_back(self) -> None:
        """Undo everything since the last commit."""
        while self._undo_jobs:
            self._set_job(*self._undo_jobs.pop())
        while self._undo_runs:
            run_id, before = self._undo_runs.pop()
            self._set_run(run_id, self.runs.get(run_id), before)

    def restored(self) -> Tables:
        """Return tables as these were before a transaction that will not go on, whatever it was doing."""
        jobs, runs = _undone(self.jobs, self._undo_jobs), _undone(self.runs, self._undo_runs)
        tables = Tables()
        for job in jobs.values():
            tables._set_job(job.id, job)
        for run in runs.values():
            tables._set_run(run.id, None, run)
        ended = sorted((run.finished_at, run.id) for run in runs.values() if run.finished_at is not None)
        tables._history.update((run_id, None) for _, run_id in ended)
        return tables

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
            _add(self.followers, job.follows, job_id)

    def _set_run(self, run_id: str, before: Run | None, run: Run | None) -> None:
        if before is not None and before.finished_at is None:
            _discard(self.open, before.incarnation, run_id)
            if before.ready_at is None and before.state is RunState.PENDING:
                _discard(self.queued, before.incarnation, run_id)
        if run is None:
            del self.runs[run_id]
            return
        self.runs[run_id] = run
        if run.finished_at is None:
            _add(self.open, run.incarnation, run_id)
            if run.ready_at is not None:
                self.ready.push(run_id, run)
            elif run.state is RunState.PENDING:
                _add(self.queued, run.incarnation, run_id)


def _undone(rows: dict[str, Row], log: list[tuple[str, Row | None]]) -> dict[str, Row]:
    """Return rows with the values that they had before the changes of an undo log."""
    rows = dict(rows)
    for key, before in reversed(log):
        if before is None:
            rows.pop(key, None)
        else:
            rows[key] = before
    return rows


def _add(groups: dict[str, set[str]], name: str, member: str) -> None:
    """Put a member into a group, which is made for the first one."""
    group = groups.get(name)
    if group is None:
        groups[name] = {member}
    else:
        group.add(member)


def _discard(groups: dict[str, set[str]], name: str, member: str) -> None:
    """Take a member out of a group, and the group away with its last one."""
    group = groups[name]
    if len(group) == 1:
        del groups[name]
    else:
        group.discard(member)


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
