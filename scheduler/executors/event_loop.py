"""Awaits coroutine functions on an event loop, and nothing else: for jobs that wait most of their time."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from typing import Any

from scheduler.clock import Clock
from scheduler.executors.base import Done, checked_size
from scheduler.executors.coroutines import Coroutines, check_coroutine_function, checked_loop
from scheduler.executors.lives import Life, LivesExecutor


class AsyncIOExecutor(LivesExecutor):
    """Awaits coroutine functions on an event loop, many at a time and without threads.

    Each sees fresh context variables. One that blocks the loop delays the others.

    Arguments:
        max_coroutines: how many run at a time; 1 to 10,000.
        loop: a running event loop; None: that of the AsyncScheduler, otherwise one of its own, whose thread starts with
            the first coroutine.

    Raises InvalidSettingError for something else.
    """

    def __init__(self, max_coroutines: int = 1000, loop: AbstractEventLoop | None = None) -> None:
        super().__init__()
        self._size = checked_size(max_coroutines, "max_coroutines")
        self._loop = checked_loop(loop)
        self._lent: AbstractEventLoop | None = None

    def new_life(self, done: Done, clock: Clock) -> Life:
        return Coroutines(self._size, done, clock, self._loop or self._lent)

    def use_loop(self, loop: AbstractEventLoop | None) -> None:
        self._lent = loop

    def after_fork(self) -> None:
        super().after_fork()
        self._loop = self._lent = None  # they run in the parent

    def check(self, func: Callable[..., Any], options: Mapping[str, Any]) -> None:
        super().check(func, options)
        check_coroutine_function(func)
