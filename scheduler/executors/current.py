"""One attempt: the function is called, and may ask and say through `current_run()` what belongs to its run."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from scheduler.core.run import Reason, RunState
from scheduler.core.settle import Ending, Outcome, ProgressReport
from scheduler.errors import InvalidSettingError, NotInARunError
from scheduler.executors.base import Call, deliver, raised
from scheduler.wording import describe, show

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

LONGEST_STATE = 64
"""Characters that a state of a function's own may have."""

_STATES = frozenset(RunState)

_CURRENT: ContextVar[CurrentRun | None] = ContextVar("scheduler_run", default=None)
"""The run whose function is called in this context."""


class Cancellation(threading.Event):
    """An event that counts as true once it is set: when a run was cancelled, timed out or its scheduler shuts down."""

    def __bool__(self) -> bool:
        return self.is_set()


class CurrentRun:
    """What the function of a run may know of it, and say about it. May be handed to threads and used there.

    Executors make one for each call, with the callback that takes what the function says, and `tell` it to end.
    """

    told_at: float | None = None
    """When the function was told to end, on the executor's monotonic clock; None: it may go on."""
    told_why: Reason | None = None
    """SHUTDOWN where it was told as its executor stopped."""

    def __init__(self, call: Call, report: Callable[[ProgressReport], None] | None = None) -> None:
        self.call = call
        """What the executor was given."""
        self._report = report

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.call.run_id

    @property
    def job_id(self) -> str:
        """The id of its job."""
        return self.call.job_id

    @property
    def scheduled_time(self) -> datetime:
        """The fire time, or for when it was called; aware, in UTC."""
        return self.call.scheduled_time

    @property
    def cause(self) -> str | None:
        """The id of the run whose end has called this one, for `get_run`; None for one of its own accord."""
        return self.call.cause

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self.call.attempt

    @property
    def cancelled(self) -> Cancellation:
        """True when the run was cancelled, has timed out, or its scheduler is shutting down: the function should end.

        For conditions, `if current_run().cancelled:`, and to wait in a thread, `cancelled.wait(seconds)`, which
        returns whether it is so. A coroutine need not ask: it is cancelled where it waits.
        """
        # Most functions never ask. Threads may ask at the same time, so finding and keeping it is one step.
        found: Cancellation = self.__dict__.setdefault("_cancelled", Cancellation())
        return found

    def update_state(self, state: str, meta: Mapping[str, Any]) -> None:
        """Say how far the run is; the last word is kept as `Run.progress`, and told as RunProgress.

        Arguments:
            state: a name of your own, 1 to 64 characters, such as "PROGRESS"; not that of a RunState.
            meta: what there is to say, by text; a copy is taken.

        It is written every half a second at the most. After the end of the run nobody hears it.
        Raises InvalidSettingError for something else.
        """
        if not isinstance(state, str) or not 1 <= len(state) <= LONGEST_STATE or state in _STATES:
            raise InvalidSettingError(
                f"state must be 1 to {LONGEST_STATE} characters, such as 'PROGRESS', and no state of runs "
                f"({', '.join(RunState)}), not {show(state)}"
            )
        copied = _copied(meta) if isinstance(meta, Mapping) else None
        if copied is None or not all(isinstance(key, str) for key in copied):
            raise InvalidSettingError(f"meta must be a mapping with text as keys, not {show(meta)}")
        self._say(str(state), copied)

    def progress(self, done: float, total: float | None = None, **more: Any) -> None:
        """Say how much is done: `update_state("PROGRESS", {"done": done, "total": total, **more})`.

        Arguments:
            done: a number from 0 to `total`.
            total: how much there is to do, a number from 0; None: not known.

        Raises InvalidSettingError for anything else.
        """
        if not _is_amount(done):
            raise InvalidSettingError(f"done must be a number from 0, not {show(done)}")
        if total is not None and not _is_amount(total):
            raise InvalidSettingError(f"total must be a number from 0, or None (not known), not {show(total)}")
        if total is not None and done > total:
            raise InvalidSettingError(f"done must be at the most total, {show(total)}, not {show(done)}")
        self._say("PROGRESS", {"done": done, "total": total, **_copied(more)})

    def tell(self, at: float, why: Reason | None = None) -> None:
        """Tell the function that it should end; for executors.

        Arguments:
            at: the time, on the monotonic clock of the executor's `start`.
            why: SHUTDOWN where the executor is being stopped.
        """
        if self.told_at is None:
            self.told_at, self.told_why = at, why
            self.cancelled.set()

    def _say(self, state: str, meta: Mapping[str, Any]) -> None:
        if self._report is not None:
            deliver(self._report, ProgressReport(self.run_id, self.attempt, state, meta))


def current_run() -> CurrentRun:
    """Return the run whose function is calling.

    Raises NotInARunError outside of one. Coroutines and the tasks they start are inside; threads that the function
    starts are not, as context variables are not handed on to them: pass them the object.
    """
    current = _CURRENT.get()
    if current is None:
        raise NotInARunError(
            "current_run() was called outside the function of a run; in a thread that the function has started, "
            "call it before, and pass on what it returns"
        )
    return current


def inside_a_run() -> bool:
    """Tell whether the caller is a function that an executor called in this context."""
    return _CURRENT.get() is not None


def attempt(call: Call, current: CurrentRun | None = None, loop: AbstractEventLoop | None = None) -> Outcome:
    """Make one attempt in this thread and return how it ended; whatever the function raises is recorded, not raised.

    A coroutine is run to its end meanwhile.

    Arguments:
        current: what `current_run()` returns; None: one whose words nobody hears.
        loop: an event loop for coroutines, which runs in another thread; otherwise they get one of their own.
    """
    current = current or CurrentRun(call)
    answer = called(current)
    return answer if isinstance(answer, Outcome) else _run_to_end(current, answer, loop)


def called(current: CurrentRun) -> Outcome | CoroutineType[Any, Any, Any]:
    """Call the function in this thread, and return how that ended, or the coroutine that it returned, not begun."""
    call = current.call
    token = _CURRENT.set(current)
    try:
        result = call.func(*call.args, **call.kwargs)
    except BaseException as error:
        return raised(call.run_id, error, call.attempt)
    finally:
        _CURRENT.reset(token)
    if type(result) is CoroutineType:
        return result
    return Outcome(call.run_id, Ending.RETURNED, result=result, attempt=call.attempt)


async def awaited(current: CurrentRun, answer: Awaitable[Any]) -> Outcome:
    """Await what a call has returned, in a task of its own, and return how it ended; nothing is raised."""
    _CURRENT.set(current)
    try:
        result = await answer
    except BaseException as error:
        return raised(current.run_id, error, current.attempt)
    return Outcome(current.run_id, Ending.RETURNED, result=result, attempt=current.attempt)


def _run_to_end(
    current: CurrentRun, coroutine: CoroutineType[Any, Any, Any], loop: AbstractEventLoop | None
) -> Outcome:
    """Await a coroutine on an event loop that runs in another thread, or one of its own."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    making = awaited(current, coroutine)
    here = asyncio._get_running_loop()
    try:
        if loop is not None and loop is not here and loop.is_running():
            return asyncio.run_coroutine_threadsafe(making, loop).result()
        if here is None:
            return asyncio.run(making)
        with ThreadPoolExecutor(1, "scheduler-coroutine") as thread:
            return thread.submit(asyncio.run, making).result()
    except BaseException as error:  # no more threads or files, or the loop was closed
        making.close()
        coroutine.close()
        return raised(current.run_id, error, current.attempt)


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def _copied(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that the function cannot change any more."""
    try:
        return copy.deepcopy(dict(meta))
    except Exception as error:
        raise InvalidSettingError(
            f"meta: {show(meta)} cannot be copied: {describe(error)}; pass plain values"
        ) from error
