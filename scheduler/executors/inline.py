"""Calls each function in the thread that submits it: for tests, and for jobs that are short and few."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextvars import Context
from typing import TYPE_CHECKING

from scheduler.clock import Clock
from scheduler.core.run import Reason
from scheduler.core.settle import Ending
from scheduler.errors import ExecutorStoppedError, SchedulerAlreadyRunningError
from scheduler.executors.base import Call, Done, Executor, StuckCall, checked_size, deliver, stuck_thread
from scheduler.executors.current import CurrentRun, attempt

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class InlineExecutor(Executor):
    """Calls each function in the submitting thread; its outcome is reported before `submit` returns.

    A long call delays everything else of the scheduler, so that nothing looks after its time-out. Coroutines are run
    to their end, each on an event loop of its own; those of an AsyncScheduler on the loop in which it was started,
    unless that is where they are submitted.

    Arguments:
        room: how many calls it takes at a time; 1 to 10,000.

    Raises InvalidSettingError for another `room`.
    """

    def __init__(self, room: int = 100) -> None:
        self._room = checked_size(room, "room")
        self._done: Done | None = None
        self._clock: Clock | None = None
        self._loop: AbstractEventLoop | None = None
        self._running: dict[CurrentRun, threading.Thread] = {}

    def start(self, done: Done, clock: Clock) -> None:
        if self._done is not None:
            raise SchedulerAlreadyRunningError("this executor runs already; give each scheduler executors of its own")
        self._done, self._clock = done, clock

    def free_room(self) -> int:
        return 0 if self._done is None else self._room

    def submit(self, calls: Sequence[Call]) -> None:
        done = self._done
        if done is None:
            raise ExecutorStoppedError("this executor was not started, or has stopped")
        process = os.getpid()
        for call in calls:
            current = CurrentRun(call, done)
            self._running[current] = threading.current_thread()
            outcome = Context().run(attempt, call, current, self._loop)
            self._running.pop(current, None)
            if process != os.getpid():  # the function has forked, and the child has returned from it
                os._exit(0 if outcome.ending is Ending.RETURNED else 1)
            deliver(done, outcome)

    def cancel(self, run_id: str) -> bool:
        self._tell([current for current in list(self._running) if current.run_id == run_id])
        return False

    def stuck(self) -> Sequence[StuckCall]:
        return [
            stuck_thread(current.call, thread, current.told_at)
            for current, thread in list(self._running.items())
            if current.told_at is not None
        ]

    def use_loop(self, loop: AbstractEventLoop | None) -> None:
        self._loop = loop

    def after_fork(self) -> None:
        self._done = self._loop = None
        self._running = {}

    def stop(self, timeout: float | None = None) -> bool:
        self._done = None
        self._tell(list(self._running), Reason.SHUTDOWN)
        return not self._running

    def _tell(self, currents: Sequence[CurrentRun], why: Reason | None = None) -> None:
        for current in currents:
            if self._clock is not None:
                current.tell(self._clock.monotonic(), why)
