"""Runs that this node has started and not recorded as ended: handed to executors, awaited, given up."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from operator import index
from types import NoneType

from scheduler.core.settle import Ending, Outcome
from scheduler.errors import ExecutorStoppedError
from scheduler.executors.base import Call, Executor, raised
from scheduler.runtime.inbox import Inbox
from scheduler.runtime.link import Start, StoreLink
from scheduler.runtime.wakeup import Wakeup
from scheduler.wording import show

logger = logging.getLogger(__name__)


class Flights:
    """The executors, and what is under way in them. But for `executors` and the counts, for the loop's thread only."""

    def __init__(self, wakeup: Wakeup) -> None:
        self.executors: dict[str, Executor] = {}
        self.inbox = Inbox(wakeup)
        self._runs: dict[str, tuple[StoreLink, Start]] = {}
        self._mute: set[str] = set()
        """Executors that could not tell their room; each is complained of once."""

    def __len__(self) -> int:
        return len(self._runs)

    def on(self, link: StoreLink) -> int:
        """Return how many of the runs are in one store."""
        return sum(held is link for held, _ in list(self._runs.values()))

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
        for start in starts:
            if start.call is not None:
                self._runs[start.run.id] = (link, start)
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
            if not _is_sound(outcome):
                logger.error("An executor reported %s, which is no outcome of a run", show(outcome))
                outcome = _failure(outcome)
            flight = self._runs.get(outcome.run_id)
            if flight is None or flight[1].run.attempt != outcome.attempt:
                logger.warning(
                    "An outcome of run %s, attempt %d, came that nobody waits for", outcome.run_id, outcome.attempt
                )
                continue
            del self._runs[outcome.run_id]
            link, start = flight
            link.outcomes.append((start, outcome))

    def abandon(self) -> None:
        """Give up on every run that has not ended; they will be recorded as lost."""
        self.land()
        self._give_up(list(self._runs), "the scheduler was shut down before the function ended")

    def forget(self) -> None:
        """Forget all runs; other nodes, or this one restarted, find them lost."""
        self._runs.clear()

    def _executor(self, alias: str) -> Executor:
        executor = self.executors.get(alias)
        if executor is None:
            raise ExecutorStoppedError(f"executor {alias!r} was removed")
        return executor

    def _give_up(self, run_ids: Iterable[str], error: str) -> None:
        for run_id in run_ids:
            _, start = self._runs[run_id]
            self.inbox.put(Outcome(run_id, Ending.LOST, error=error, attempt=start.run.attempt))


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
