"""What the tests of the job store contract share: a store on a clock that stands still, and short ways to fill it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scheduler.core.job import Job
from scheduler.core.plan import Plan
from scheduler.core.run import Reason, Run, RunState, run_id
from scheduler.jobstores.base import Due, JobStore
from scheduler.testing.clock import FakeClock
from scheduler.triggers import IntervalTrigger

START = datetime(2024, 1, 1, tzinfo=UTC)
"""When the suite's clock begins."""

TRIGGER = IntervalTrigger(seconds=60, start_date=START)

NODE = "node-1"
OTHER_NODE = "node-2"


def at(seconds: float) -> datetime:
    """Return the instant so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def make_job(job_id: str = "job", due: float | None = 0, **changes: Any) -> Job:
    """Return a job that is due so many seconds after the start; None: never."""
    fields: dict[str, Any] = {
        "func": "builtins:print",
        "trigger": TRIGGER,
        "next_run_time": None if due is None else at(due),
        "incarnation": f"life-of-{job_id}",
    }
    return Job(id=job_id, **(fields | changes))


def make_run(job: Job, seconds: float = 0, state: RunState = RunState.STARTED, **changes: Any) -> Run:
    """Return a run of the job that was scheduled so many seconds after the start, as a plan would make it."""
    started = state is RunState.STARTED
    fields: dict[str, Any] = {
        "attempt": 1 if started else 0,
        "executor": job.executor,
        "node": NODE if started else None,
        "started_at": at(seconds) if started else None,
    }
    if state is RunState.SKIPPED:
        fields |= {"reason": Reason.MISSED.value, "finished_at": at(seconds)}
    identity = run_id(job.incarnation, at(seconds))
    return Run(
        id=identity,
        job_id=job.id,
        incarnation=job.incarnation,
        scheduled_time=at(seconds),
        state=state,
        **(fields | changes),
    )


class StoreTests:
    """A fresh store for each test, open on `self.clock`, which stands at START."""

    clock: FakeClock
    store: JobStore

    def make_store(self) -> JobStore:
        """Return a new, empty store that is not open."""
        raise NotImplementedError("a subclass of JobStoreContract makes the store to be tested")

    def drop_store(self, store: JobStore) -> None:
        """Remove what `make_store` made; the store is closed."""

    def setup_method(self) -> None:
        """Open a new store."""
        self.clock = FakeClock(START)
        self.store = self.make_store()
        self.store.open(self.clock)

    def teardown_method(self) -> None:
        """Close the store."""
        self.store.close()
        self.drop_store(self.store)

    # short ways

    def _add(self, *jobs: Job) -> None:
        self.store.write_jobs(add=jobs)

    def _claim(self, room: Mapping[str, int] | None = None, skip: Collection[str] = ()) -> Due:
        """Claim in a turn of its own, which records nothing."""
        with self.store.turn() as turn:
            return turn.claim(room or {"default": 100}, skip)

    def _claimed(self, room: Mapping[str, int] | None = None, skip: Collection[str] = ()) -> list[str]:
        """Return the ids of the runs, then of the jobs, that a claim gets hold of."""
        due = self._claim(room, skip)
        return [run.id for run, _ in due.runs] + [job.id for job, _ in due.jobs]

    def _record(self, job: Job, *runs: Run, next_due: float | None = 60) -> None:
        """Record that the stored job moves on, with these runs."""
        by_state = {state: tuple(run for run in runs if run.state is state) for state in RunState}
        plan = Plan(
            job,
            None if next_due is None else at(next_due),
            starts=by_state[RunState.STARTED],
            delayed=tuple(run for run in by_state[RunState.PENDING] if run.ready_at is not None),
            queued=tuple(run for run in by_state[RunState.PENDING] if run.ready_at is None),
            skips=by_state[RunState.SKIPPED],
        )
        with self.store.turn() as turn:
            turn.record([plan], [])

    def _add_with_runs(self, job: Job, *runs: Run) -> Job:
        """Add a job and record runs of it. Returns the job as it is stored then."""
        self._add(job)
        self._record(job, *runs, next_due=None if job.next_run_time is None else 60)
        return self._job(job.id)

    def _job(self, job_id: str) -> Job:
        job = self.store.get_job(job_id)
        assert job is not None, f"there is no job {job_id!r}"
        return job

    def _run(self, run: Run) -> Run:
        stored = self.store.get_run(run.id)
        assert stored is not None, f"there is no run {run.id!r}"
        return stored

    def _active_runs(self) -> int:
        """Return how many runs have not ended."""
        return sum(run.finished_at is None for run in self.store.get_runs(limit=10_000))

    def _finish(self, *runs: Run, node: str = NODE) -> list[str]:
        with self.store.turn() as turn:
            return sorted(turn.finish(runs, node))

    def _end(self, run: Run, **changes: Any) -> None:
        """Record that the function returned."""
        ended = run.moved(RunState.SUCCESS, finished_at=self.clock.now(), **changes)
        assert self._finish(ended) == [run.id]

    def _retry(self, run: Run, ready: float) -> None:
        """Record that the attempt failed and is repeated so many seconds after the start."""
        again = run.moved(RunState.RETRY, node=None, ready_at=at(ready), error="E", traceback="T")
        assert self._finish(again) == [run.id]

    def _next_due(self, executors: Collection[str] = ("default",), skip: Collection[str] = ()) -> datetime | None:
        """Return when something is due; the store and a turn must say the same."""
        outside = self.store.next_due(executors, skip)
        with self.store.turn() as turn:
            assert turn.next_due(executors, skip) == outside
        return outside


def ids(values: Sequence[Job | Run]) -> list[str]:
    """Return the ids of jobs or runs."""
    return [value.id for value in values]


def changed(job: Job, **changes: Any) -> Job:
    """Return the job with other fields."""
    return replace(job, **changes)


def error_of(kind: type[Any], call: Callable[[], object]) -> Any:
    """Return the error of this kind that the call raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
