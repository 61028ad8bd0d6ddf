"""Executors that can be started again: each start begins a life, and one that is being stopped may last for a while."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

from scheduler.clock import Clock
from scheduler.errors import ExecutorStoppedError, SchedulerAlreadyRunningError
from scheduler.executors.base import Call, Done, Executor, StuckCall


class Life(ABC):
    """The calls of an executor from one start to the end of what was taken, and what makes them.

    The methods do what those of the executor do; `submit` and `close` are called under its lock.
    """

    @abstractmethod
    def free_room(self) -> int:
        """Return how many calls it would take now."""

    @abstractmethod
    def submit(self, calls: Sequence[Call]) -> None:
        """Take calls."""

    @abstractmethod
    def cancel(self, run_id: str) -> bool:
        """End a call, and return whether it was dropped before it began."""

    @abstractmethod
    def began(self, run_id: str, attempt: int) -> float | None:
        """Return when a call began; None while it waits, or when it is not here."""

    @abstractmethod
    def stuck(self) -> Sequence[StuckCall]:
        """Return the calls that were told to end, and still run."""

    @abstractmethod
    def close(self) -> None:
        """Be asked for no more calls."""

    @abstractmethod
    def stop(self, timeout: float | None) -> bool:
        """After `close`: wait for all calls, and end what can be ended when the time is over."""


class LivesExecutor(Executor):
    """An executor that has a life from each start on. Until that is over, its calls are ended and looked at as ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._life: Life | None = None
        self._stopping: Life | None = None
        """The life that was stopped last, whether or not it is over."""

    @abstractmethod
    def new_life(self, done: Done, clock: Clock) -> Life:
        """Return what takes calls from now on."""

    def start(self, done: Done, clock: Clock) -> None:
        with self._lock:
            if self._life is not None:
                raise SchedulerAlreadyRunningError(
                    "this executor runs already; give each scheduler executors of its own"
                )
            self._life = self.new_life(done, clock)

    def free_room(self) -> int:
        life = self._life
        return 0 if life is None else life.free_room()

    def submit(self, calls: Sequence[Call]) -> None:
        with self._lock:
            if self._life is None:
                raise ExecutorStoppedError("this executor was not started, or has stopped")
            self._life.submit(calls)

    def cancel(self, run_id: str) -> bool:
        return True in [life.cancel(run_id) for life in self._lives()]

    def began(self, run_id: str, attempt: int) -> float | None:
        for life in self._lives():
            began = life.began(run_id, attempt)
            if began is not None:
                return began
        return None

    def stuck(self) -> Sequence[StuckCall]:
        return [call for life in self._lives() for call in life.stuck()]

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._life = self._stopping = None

    def stop(self, timeout: float | None = None) -> bool:
        with self._lock:
            if self._life is not None:
                self._life.close()
                self._stopping = self._life  # before it is taken away, so that who asks without the lock finds it
                self._life = None
            stopping = self._stopping
        return stopping is None or stopping.stop(timeout)

    def _lives(self) -> list[Life]:
        life = self._life
        stopping = self._stopping
        return [each for each in (life, None if stopping is life else stopping) if each is not None]
