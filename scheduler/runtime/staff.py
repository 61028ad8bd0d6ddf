"""The executors of a scheduler, which come and go while it runs; one that goes is known until its calls have ended."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from scheduler.clock import Clock
from scheduler.errors import ExecutorLookupError, InvalidSettingError
from scheduler.executors.base import Executor
from scheduler.runtime.flights import Flights


class Staff:
    """Takes executors in and lets them go."""

    def __init__(self, flights: Flights, clock: Clock) -> None:
        self._executors = flights.executors
        self._leaving = flights.leaving
        self._report = flights.inbox.put
        self._clock = clock
        self._lock = threading.Lock()

    def start(self, undo: ExitStack) -> None:
        """Start all; `undo` takes what to do if a later one fails."""
        for alias, executor in list(self._executors.items()):
            if alias not in self._leaving:
                executor.start(self._report, self._clock)
                undo.callback(executor.stop, 0.0)

    def add(self, alias: str, executor: Executor, running: bool) -> None:
        """Take in one, and start it if the scheduler runs."""
        with self._lock:
            if alias in self._leaving:
                raise InvalidSettingError(
                    f"executor {alias!r} is being removed, and has calls that go on; wait, or choose another alias"
                )
            if alias in self._executors:
                raise InvalidSettingError(f"there is an executor {alias!r} already; remove it first")
            if running:
                executor.start(self._report, self._clock)
            self._executors[alias] = executor

    def dismiss(self, alias: str, running: bool) -> Executor:
        """Hand an executor no more calls; if the scheduler runs, `let_go` has to follow."""
        with self._lock:
            executor = self._executors.get(alias)
            if executor is None:
                raise ExecutorLookupError(alias, self._executors)
            if running:
                self._leaving.add(alias)
            else:
                self._forget(alias)
            return executor

    def let_go(self, alias: str, executor: Executor) -> None:
        """Wait until its calls have ended; meanwhile they can be cancelled and time out."""
        try:
            executor.stop(None)
        finally:
            with self._lock:
                if self._executors.get(alias) is executor:
                    self._forget(alias)

    def after_fork(self) -> None:
        """In the child of a fork: nothing is under way, so what was leaving has left."""
        self._lock = threading.Lock()
        for executor in self._executors.values():
            executor.after_fork()
        for alias in list(self._leaving):
            self._forget(alias)

    def _forget(self, alias: str) -> None:
        self._executors.pop(alias, None)
        self._leaving.discard(alias)
