"""Calls each function in the thread that submits it: for tests, and for jobs that are short and few."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import Context

from scheduler.clock import Clock
from scheduler.errors import ExecutorStoppedError, SchedulerAlreadyRunningError
from scheduler.executors.base import Call, Done, Executor, checked_size, deliver
from scheduler.executors.current import attempt


class InlineExecutor(Executor):
    """Calls each function in the submitting thread; its outcome is reported before `submit` returns.

    A long call delays everything else of the scheduler.

    Arguments:
        room: how many calls it takes at a time; 1 to 10,000.

    Raises InvalidSettingError for another `room`.
    """

    def __init__(self, room: int = 100) -> None:
        self._room = checked_size(room, "room")
        self._done: Done | None = None

    def start(self, done: Done, clock: Clock) -> None:
        if self._done is not None:
            raise SchedulerAlreadyRunningError("this executor runs already; give each scheduler executors of its own")
        self._done = done

    def free_room(self) -> int:
        return 0 if self._done is None else self._room

    def submit(self, calls: Sequence[Call]) -> None:
        done = self._done
        if done is None:
            raise ExecutorStoppedError("this executor was not started, or has stopped")
        for call in calls:
            deliver(done, Context().run(attempt, call))

    def cancel(self, run_id: str) -> bool:
        return False

    def stop(self, timeout: float | None = None) -> bool:
        self._done = None
        return True
