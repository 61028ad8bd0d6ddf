"""Awaits coroutine functions on an event loop, and nothing else: for jobs that wait most of their time."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scheduler.clock import Clock
from scheduler.errors import ExecutorStoppedError, SchedulerAlreadyRunningError
from scheduler.executors.base import Call, Done, Executor, StuckCall, checked_size
from scheduler.executors.coroutines import Coroutines, check_coroutine_function, checked_loop


class AsyncIOExecutor(Executor):
    """Awaits coroutine functions on an event loop, many at a time and without threads.

    Each sees fresh context variables. One that blocks the loop delays the others.

    Arguments:
        max_coroutines: how many run at a time; 1 to 10,000.
        loop: a running event loop; None: that of the AsyncScheduler, otherwise one of its own, whose thread starts with
            the first coroutine.

    Raises InvalidSettingError for something else.
    """

    def __init__(self, max_coroutines: int = 1000, loop: AbstractEventLoop | None = None) -> None:
        self._size = checked_size(max_coroutines, "max_coroutines")
        self._loop = checked_loop(loop)
        self._lent: AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._life: Coroutines | None = None
        self._stopping: Coroutines | None = None

    def start(self, done: Done, clock: Clock) -> None:
        with self._lock:
            if self._life is not None:
                raise SchedulerAlreadyRunningError(
                    "this executor runs already; give each scheduler executors of its own"
                )
            self._life = Coroutines(self._size, done, clock, self._loop or self._lent)

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
        life = self._life
        return None if life is None else life.began(run_id, attempt)

    def stuck(self) -> Sequence[StuckCall]:
        return [call for life in self._lives() for call in life.stuck()]

    def use_loop(self, loop: AbstractEventLoop | None) -> None:
        self._lent = loop

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._life = self._stopping = None
        self._loop = self._lent = None  # they run in the parent

    def stop(self, timeout: float | None = None) -> bool:
        with self._lock:
            if self._life is not None:
                self._life, self._stopping = None, self._life
            stopping = self._stopping
        return stopping is None or stopping.stop(timeout)

    def check(self, func: Callable[..., Any], options: Mapping[str, Any]) -> None:
        super().check(func, options)
        check_coroutine_function(func)

    def _lives(self) -> list[Coroutines]:
        return [life for life in (self._life, self._stopping) if life is not None]
