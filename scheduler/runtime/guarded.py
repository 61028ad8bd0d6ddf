"""What the engine asks of executors. One that fails, or answers nonsense, holds up nobody but its own jobs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from operator import index

from scheduler.core.run import Run
from scheduler.executors.base import Executor, StuckCall

logger = logging.getLogger(__name__)

FAILURES = BaseException
"""What an executor may raise without ending more than its own work: CancelledError of asyncio is no Exception."""


class GuardedExecutors:
    """The executors by alias, asked with care."""

    def __init__(self, executors: dict[str, Executor]) -> None:
        self._executors = executors
        self.leaving: set[str] = set()
        """Aliases of executors that take no more runs, and stay here until those that they have taken have ended."""
        self._mute: set[str] = set()
        """Executors that could not tell their room; each is complained of once."""

    def room(self) -> dict[str, int]:
        """Return how many runs each executor takes now; those that take none, or cannot tell, are left out."""
        room = {}
        for alias, executor in list(self._executors.items()):
            if alias in self.leaving:
                continue
            try:
                places = index(executor.free_room())
                self._mute.discard(alias)
            except FAILURES:
                places = 0
                if alias not in self._mute:
                    self._mute.add(alias)
                    logger.exception("Executor %r cannot tell its room; its jobs wait", alias)
            if places > 0:
                room[alias] = places
        return room

    def began(self, run: Run) -> float | None:
        """Return when an attempt began, on the monotonic clock; None while it waits, 0 where that cannot be told."""
        executor = self._executors.get(run.executor)
        if executor is None:
            return 0.0
        try:
            began = executor.began(run.id, run.attempt)
            return None if began is None else float(began)
        except FAILURES:
            logger.exception("Executor %r cannot tell when run %s began", run.executor, run.id)
            return 0.0

    def cancel(self, run: Run) -> bool:
        """Tell the executor of a run to end it. Returns whether it will report nothing more of that."""
        executor = self._executors.get(run.executor)
        try:
            return executor is not None and executor.cancel(run.id) is True
        except FAILURES:
            logger.exception("Executor %r could not end run %s", run.executor, run.id)
            return False

    def stuck(self) -> Mapping[str, Collection[StuckCall]]:
        """Return by executor the calls that were told to end, and still run; from any thread."""
        found: dict[str, Collection[StuckCall]] = {}
        for alias, executor in list(self._executors.items()):
            try:
                if calls := list(executor.stuck()):
                    found[alias] = calls
            except FAILURES:
                logger.exception("Executor %r cannot tell which of its calls are stuck", alias)
        return found
