"""Runs that this node has started and not recorded as ended: handed to executors, awaited, given up."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from heapq import heappop, heappush
from math import inf
from operator import index
from types import NoneType
from typing import NamedTuple

from scheduler.clock import Clock
from scheduler.core.history import History
from scheduler.core.run import Progress, Reason
from scheduler.core.settle import TIMED_OUT_TYPES, Ending, Outcome, ProgressReport
from scheduler.errors import ExecutorStoppedError
from scheduler.executors.base import Call, Executor, StuckCall, raised
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
    """The executors, and what is under way in them. But for `executors` and the counts, for the loop's thread only."""

    def __init__(self, wakeup: Wakeup, clock: Clock, history: History) -> None:
        self.executors: dict[str, Executor] = {}
        self.inbox = Inbox(wakeup)
        self._clock = clock
        self._history = history
        self._runs: dict[str, Flight] = {}
        self._deadlines: list[tuple[float, str, int]] = []
        """A heap of when time-outs are to be looked at, with run id and attempt."""
        self._mute: set[str] = set()
        """Executors that could not tell their room; each is complained of once."""

    def __len__(self) -> int:
        return len(self._runs)

    def on(self, link: StoreLink) -> int:
        """Return how many of the runs are in one store."""
        return sum(flight.link is link for flight in list(self._runs.values()))

    def older(self, link: StoreLink, than: float) -> list[str]:
        """Return the ids of the runs in one store that were started before a monotonic time."""
        return [run_id for run_id, flight in self._runs.items() if flight.link is link and flight.launched <= than]

    def room(self) -> dict[str, int]:
        """Return how many runs each executor takes now; those that take none, or cannot tell, are left out."""
        room = {}
        for alias, executor in list(self.executors.items()):
            try:
                places = index(executor.free_room())
                self._mute.discard(alias)
            except (Exception, SystemExit):
                places = 0
                if alias not in self._mute:
                    self._mute.add(alias)
                    logger.exception("Executor %r cannot tell its room; its jobs wait", alias)
            if places > 0:
                room[alias] = places
        return room

    def launch(self, link: StoreLink, starts: Iterable[Start]) -> None:
        """Hand recorded runs to their executors. One that takes none gives failed attempts, never a lost word."""
        calls: dict[str, list[Call]] = {}
        now = self._clock.monotonic()
        for start in starts:
            if start.call is not None:
                self._runs[start.run.id] = Flight(link, start, now)
                if start.job is not None and start.job.timeout is not None:
                    heappush(self._deadlines, (now + start.job.timeout, start.run.id, start.run.attempt))
                calls.setdefault(start.run.executor, []).append(start.call)
        for alias, batch in calls.items():
            try:
                self._executor(alias).submit(batch)
            except ExecutorStoppedError:
                self._give_up([call.run_id for call in batch], f"executor {alias!r} had stopped before it could begin")
            except (Exception, SystemExit) as error:
                logger.exception("Executor %r took none of %d calls", alias, len(batch))
                for call in batch:
                    self.inbox.put(raised(call.run_id, error, call.attempt))

    def land(self) -> None:
        """Take in what executors have reported, and leave it to the store of each run."""
        for outcome in self.inbox.drain():
            if isinstance(outcome, ProgressReport):
                self._note(outcome)
                continue
            if not _is_sound(outcome):
                logger.error("An executor reported %s, which is no outcome of a run", show(outcome))
                outcome = _failure(outcome)
            flight = self._runs.get(outcome.run_id)
            if flight is None or flight.start.run.attempt != outcome.attempt:
                logger.warning(
                    "An outcome of run %s, attempt %d, came that nobody waits for", outcome.run_id, outcome.attempt
                )
                continue
            self._end(flight, outcome)

    def time_out(self) -> None:
        """End the attempts that take longer than their jobs allow."""
        now = self._clock.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            _, run_id, attempt = heappop(self._deadlines)
            flight = self._runs.get(run_id)
            if flight is None or flight.start.run.attempt != attempt:
                continue
            assert flight.start.job is not None
            timeout = flight.start.job.timeout
            assert timeout is not None
            ends_at = self._began(flight, now) + timeout
            if ends_at > now:
                heappush(self._deadlines, (ends_at, run_id, attempt))
                continue
            self._tell(flight)
            error = f"TimeoutError: the attempt took longer than {timeout:g} seconds"
            self._end(
                flight,
                Outcome(run_id, Ending.TIMED_OUT, error=error, error_types=TIMED_OUT_TYPES, attempt=attempt),
            )

    @property
    def next_deadline(self) -> float:
        """When to look at time-outs, on the monotonic clock."""
        return self._deadlines[0][0] if self._deadlines else inf

    def drop(self, run_id: str) -> None:
        """End a run's attempt, whose outcome nobody waits for any more."""
        flight = self._runs.pop(run_id, None)
        if flight is not None:
            flight.link.progress.pop(run_id, None)
            self._tell(flight)

    def stuck(self) -> list[StuckCall]:
        """Return the calls that were told to end, and still run; from any thread."""
        return [call for executor in list(self.executors.values()) for call in executor.stuck()]

    def _end(self, flight: Flight, outcome: Outcome) -> None:
        """Leave an outcome to the store of its run."""
        del self._runs[outcome.run_id]
        flight.link.progress.pop(outcome.run_id, None)
        flight.link.outcomes.append((flight.start, self._history.bounded(outcome)))

    def _note(self, report: ProgressReport) -> None:
        """Leave what a function says of its progress to the store of its run."""
        flight = self._runs.get(report.run_id)
        if flight is not None and flight.start.run.attempt == report.attempt:
            progress = Progress(report.state, report.meta, self._clock.now())
            run = flight.start.run.evolved(progress=progress)
            self._runs[report.run_id] = flight._replace(start=flight.start._replace(run=run))
            flight.link.progress[report.run_id] = run

    def _began(self, flight: Flight, now: float) -> float:
        run = flight.start.run
        executor = self.executors.get(run.executor)
        began = 0.0 if executor is None else executor.began(run.id, run.attempt)
        return now if began is None else max(began, flight.launched)

    def _tell(self, flight: Flight) -> None:
        """Tell the executor of a run to end it."""
        run = flight.start.run
        executor = self.executors.get(run.executor)
        if executor is not None:
            try:
                executor.cancel(run.id)
            except Exception:
                logger.exception("Executor %r could not end run %s", run.executor, run.id)

    def abandon(self) -> None:
        """Give up on every run that has not ended; they will be recorded as lost."""
        self.land()
        error = "the scheduler was shut down before the function ended"
        self._give_up(list(self._runs), error, Reason.SHUTDOWN)

    def forget(self) -> None:
        """Forget all runs; other nodes, or this one restarted, find them lost."""
        self._runs.clear()

    def _executor(self, alias: str) -> Executor:
        executor = self.executors.get(alias)
        if executor is None:
            raise ExecutorStoppedError(f"executor {alias!r} was removed")
        return executor

    def _give_up(self, run_ids: Iterable[str], error: str, reason: Reason = Reason.LOST) -> None:
        for run_id in run_ids:
            attempt = self._runs[run_id].start.run.attempt
            self.inbox.put(Outcome(run_id, Ending.LOST, error=error, attempt=attempt, reason=reason))


def _is_sound(outcome: object) -> bool:
    """Whether an executor reported what the contract asks for; one that does not must not stop the others' work."""
    return (
        isinstance(outcome, Outcome)
        and isinstance(outcome.run_id, str)
        and isinstance(outcome.ending, Ending)
        and isinstance(outcome.error, (str, NoneType))
        and isinstance(outcome.traceback, (str, NoneType))
    )


def _failure(outcome: object) -> Outcome:
    """Return a failure in place of what an executor reported, for the run that it means, if that can be told."""
    run_id, attempt = getattr(outcome, "run_id", None), getattr(outcome, "attempt", 1)
    error = f"the executor reported {show(outcome)}, which is no outcome"
    return Outcome(run_id if isinstance(run_id, str) else "", Ending.RAISED, error=error, attempt=attempt)
