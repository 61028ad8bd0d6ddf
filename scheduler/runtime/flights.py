"""Runs that this node has started and not recorded as ended: handed to executors, awaited, given up."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from scheduler.clock import Clock
from scheduler.core.history import History
from scheduler.core.retry import Again
from scheduler.core.run import Progress, Reason, Run
from scheduler.core.settle import TIMED_OUT_TYPES, Ending, Outcome, ProgressReport
from scheduler.errors import ExecutorStoppedError
from scheduler.executors.base import Call, Executor, StuckCall, raised
from scheduler.runtime.deadlines import Deadlines
from scheduler.runtime.guarded import FAILURES, GuardedExecutors
from scheduler.runtime.inbox import Inbox
from scheduler.runtime.link import Start, StoreLink
from scheduler.runtime.wakeup import Wakeup
from scheduler.wording import show

logger = logging.getLogger(__name__)


class Flight(NamedTuple):
    """A run that this node has started."""

    link: StoreLink
    start: Start
    launched: float
    """When, on the monotonic clock."""


class Flights:
    """The executors, and what is under way in them. All but these, the counts and `stuck` is for the loop."""

    def __init__(self, wakeup: Wakeup, clock: Clock, history: History) -> None:
        self.executors: dict[str, Executor] = {}
        self.inbox = Inbox(wakeup)
        self._guarded = GuardedExecutors(self.executors)
        self.leaving = self._guarded.leaving
        self._clock = clock
        self._history = history
        self._runs: dict[str, Flight] = {}
        self._deadlines = Deadlines(self._awaits)
        self._ending: set[tuple[str, int]] = set()
        """Attempts, as run id and number, that were told to end and may report yet: nobody waits for that."""
        self._abandoned = False
        """Whether nothing more is begun, and what has begun was given up."""

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def on(self, link: StoreLink) -> int:
        """Return how many of the runs are in one store."""
        return sum(flight.link is link for flight in list(self._runs.values()))

    def under_way(self, alias: str) -> list[Run]:
        """Return the runs that one executor has; from any thread."""
        return [flight.start.run for flight in list(self._runs.values()) if flight.start.run.executor == alias]

    def by_holder(self, link: StoreLink, launched_until: float) -> dict[str, list[str]]:
        """Return the ids of the runs in one store that were started by then, by the node that holds each there."""
        found: dict[str, list[str]] = {}
        for run_id, flight in self._runs.items():
            if flight.link is link and flight.launched <= launched_until:
                found.setdefault(flight.start.run.node or "", []).append(run_id)
        return found

    def room(self) -> dict[str, int]:
        """Return how many runs each executor takes now; those that take none, or cannot tell, are left out."""
        return self._guarded.room()

    def stuck(self) -> Mapping[str, Collection[StuckCall]]:
        """Return by executor the calls that were told to end, and still run; from any thread."""
        return self._guarded.stuck()

    # beginning

    def open(self) -> None:
        """Begin a life: nothing is under way, but for calls of an earlier one that were told to end, and have not."""
        self.land()
        self._runs.clear()
        self._deadlines.clear()
        self._ending &= {(call.run_id, call.attempt) for calls in self.stuck().values() for call in calls}
        self._abandoned = False

    def launch(self, link: StoreLink, starts: Iterable[Start]) -> None:
        """Hand recorded runs to their executors. One that takes none gives failed attempts, never a lost word."""
        calls: dict[str, list[Call]] = {}
        now = self._clock.monotonic()
        for start in starts:
            if start.call is not None:
                if start.run.id in self._runs:  # an earlier attempt, which others have taken for lost
                    self.drop(start.run.id)
                self._runs[start.run.id] = Flight(link, start, now)
                if start.job is not None and start.job.timeout is not None:
                    self._deadlines.add(now + start.job.timeout, start.run.id, start.run.attempt)
                calls.setdefault(start.run.executor, []).append(start.call)
        if self._abandoned:
            self.abandon()
            return
        for alias, batch in calls.items():
            try:
                self._executor(alias).submit(batch)
            except ExecutorStoppedError:
                for call in batch:
                    error = f"executor {alias!r} had stopped before it could begin"
                    self.inbox.put(Outcome(call.run_id, Ending.LOST, error=error, attempt=call.attempt))
            except FAILURES as failure:
                logger.exception("Executor %r took none of %d calls", alias, len(batch))
                for call in batch:
                    self.inbox.put(raised(call.run_id, failure, call.attempt))

    # ending

    def land(self) -> None:
        """Take in what executors have reported, and leave it to the store of each run."""
        for report in self.inbox.drain():
            if isinstance(report, ProgressReport):
                self._note(report)
                continue
            outcome = report
            if not _is_sound(outcome):
                logger.error("An executor reported %s, which is no outcome of a run", show(outcome))
                outcome = _failure(outcome)
            flight = self._runs.get(outcome.run_id)
            if flight is None or flight.start.run.attempt != outcome.attempt:
                self._ignore(outcome)
            else:
                self._end(flight, outcome)

    def time_out(self) -> None:
        """End the attempts that take longer than their jobs allow; what they do from then on is nobody's concern."""
        now = self._clock.monotonic()
        for run_id in list(self._deadlines.due(now)):
            flight = self._runs[run_id]
            run, job = flight.start.run, flight.start.job
            assert job is not None
            assert job.timeout is not None
            began = self._guarded.began(run)
            ends_at = job.timeout + (now if began is None else max(flight.launched, began))
            if ends_at > now:
                self._deadlines.add(ends_at, run_id, run.attempt)
                continue
            self._tell(flight)
            error = f"TimeoutError: the attempt took longer than {job.timeout:g} seconds"
            outcome = Outcome(run_id, Ending.TIMED_OUT, error=error, error_types=TIMED_OUT_TYPES, attempt=run.attempt)
            self._end(flight, outcome)

    @property
    def next_deadline(self) -> float:
        """When to look at time-outs, on the monotonic clock."""
        return self._deadlines.next

    def drop(self, run_id: str) -> None:
        """End a run's attempt, if it is here, as nobody waits for its outcome any more."""
        flight = self._runs.pop(run_id, None)
        if flight is not None:
            flight.link.progress.pop(run_id, None)
            self._tell(flight)

    def abandon(self) -> None:
        """Give up on every run whose outcome has not come: they are lost, whatever comes later. Nothing begins now."""
        self._abandoned = True
        error = "the scheduler was shut down before the function ended"
        for flight in list(self._runs.values()):
            run = flight.start.run
            self._ending.add((run.id, run.attempt))
            self._end(flight, Outcome(run.id, Ending.LOST, error=error, attempt=run.attempt, reason=Reason.SHUTDOWN))

    def forget(self) -> None:
        """Forget all runs; other nodes, or this one restarted, find them lost."""
        self._runs.clear()
        self._deadlines.clear()

    def _awaits(self, run_id: str, attempt: int) -> bool:
        flight = self._runs.get(run_id)
        return flight is not None and flight.start.run.attempt == attempt

    def _end(self, flight: Flight, outcome: Outcome) -> None:
        """Leave an outcome to the store of its run."""
        del self._runs[outcome.run_id]
        flight.link.progress.pop(outcome.run_id, None)
        flight.link.outcomes.append((flight.start, self._history.bounded(outcome)))

    def _ignore(self, outcome: Outcome) -> None:
        """Say that an outcome came too late, or too often: only the latter is an executor's mistake."""
        attempt = (outcome.run_id, outcome.attempt)
        level = logging.DEBUG if attempt in self._ending else logging.WARNING
        self._ending.discard(attempt)
        logger.log(level, "An outcome of run %s, attempt %s, came that nobody waits for", *attempt)

    def _note(self, report: ProgressReport) -> None:
        """Leave what a function says of its progress to the store of its run."""
        if self._awaits(report.run_id, report.attempt):
            flight = self._runs[report.run_id]
            progress = Progress(report.state, report.meta, self._clock.now())
            run = flight.start.run.evolved(progress=progress)
            self._runs[report.run_id] = flight._replace(start=flight.start._replace(run=run))
            flight.link.progress[report.run_id] = run

    def _tell(self, flight: Flight) -> None:
        """Tell the executor of a run to end it."""
        run = flight.start.run
        if not self._guarded.cancel(run):
            self._ending.add((run.id, run.attempt))

    def _executor(self, alias: str) -> Executor:
        executor = self.executors.get(alias)
        if executor is None:
            raise ExecutorStoppedError(f"executor {alias!r} was removed")
        return executor


def _is_sound(outcome: object) -> bool:
    """Whether an executor reported what the contract asks for; one that does not must not stop the others' work."""
    if not isinstance(outcome, Outcome):
        return False
    run_id, ending, _, error, traceback, types, attempt, again, reason = outcome
    return (
        isinstance(run_id, str)
        and isinstance(ending, Ending)
        and (error is None or isinstance(error, str))
        and (traceback is None or isinstance(traceback, str))
        and isinstance(types, tuple)
        and isinstance(attempt, int)
        and (again is None or isinstance(again, Again))
        and (reason is None or isinstance(reason, Reason))
    )


def _failure(outcome: object) -> Outcome:
    """Return a failure in place of what an executor reported, for the run that it means, if that can be told."""
    run_id, attempt = getattr(outcome, "run_id", None), getattr(outcome, "attempt", 1)
    error = f"the executor reported {show(outcome)}, which is no outcome"
    return Outcome(
        run_id if isinstance(run_id, str) else "",
        Ending.RAISED,
        error=error,
        attempt=attempt if isinstance(attempt, int) else 1,
    )
