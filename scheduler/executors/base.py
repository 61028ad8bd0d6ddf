"""The contract of an executor: it calls functions, or hands them to a queue, and reports how each attempt ended.

An executor knows neither jobs, stores nor the engine. It is given calls and a callback, and may report an outcome
later, from any thread. `scheduler.testing.ExecutorContract` is this contract as tests.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from scheduler.clock import Clock
from scheduler.core.job import NOTHING
from scheduler.core.retry import Again, Retry, error_types
from scheduler.core.settle import Ending, Outcome, ProgressReport
from scheduler.errors import InvalidJobError, InvalidSettingError, UnknownOptionError
from scheduler.wording import describe, show, storable

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_LOGGER = logging.getLogger(__name__)

Done = Callable[[Outcome | ProgressReport], None]

_Report = TypeVar("_Report", Outcome, ProgressReport)

LARGEST = 10_000
"""The most threads or calls that an executor may be told to have; more is a mistake."""

LONGEST = 100_000
"""How many characters of a message or traceback are kept."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Call(NamedTuple):
    """One attempt of one run: what to call."""

    run_id: str
    func: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = NOTHING
    options: Mapping[str, Any] = NOTHING
    """The job's `executor_options`."""
    attempt: int = 1
    """Which attempt of the run this is; its outcome must say the same."""
    job_id: str = ""
    scheduled_time: datetime = EPOCH
    cause: str | None = None
    """The run's, as `current_run()` tells them."""


class StuckCall(NamedTuple):
    """A call that was told to end, and has not."""

    run_id: str
    attempt: int
    thread: str
    """The name of the thread, task or process that makes it."""
    told_at: float
    """When it was told, on the monotonic clock of the executor's `start`."""
    stack: str
    """Where it is, as text; empty if that cannot be seen."""


class Executor(ABC):
    """Calls functions and reports outcomes. Every method may be called from any thread.

    A call sees context variables neither of the submitter nor of other calls.
    """

    @abstractmethod
    def start(self, done: Done, clock: Clock) -> None:
        """Make ready for calls. `done` takes each outcome once, from any thread, and never blocks; and before that
        what the function says of its progress, as often as it does.

        A stopped executor may be started again. Raises SchedulerAlreadyRunningError for one that runs.
        """

    @abstractmethod
    def free_room(self) -> int:
        """Return how many calls it would take now and begin soon (within about 50 ms). 0 when saturated or stopped."""

    @abstractmethod
    def submit(self, calls: Sequence[Call]) -> None:
        """Take calls; never blocks for room. Raises ExecutorStoppedError, and takes none, if not started or stopped.

        An outcome may be reported before `submit` returns. A call whose run still waits here from an earlier
        attempt takes that one's place.
        """

    @abstractmethod
    def cancel(self, run_id: str) -> bool:
        """End a call as this executor can, and do not wait for that. Nobody waits for its outcome any more.

        One that has not begun is dropped, and reports nothing: returns True. One that has begun is told: a thread by
        `current_run().cancelled`, a coroutine by CancelledError, a process by SIGTERM and then SIGKILL. It keeps its
        place until it ends; what it reports then is Ending.LOST if it ended by that. Returns False, and for a run that
        is not here too. All attempts of the run that are here are meant.
        """

    def began(self, run_id: str, attempt: int) -> float | None:
        """Return when a call began, on the monotonic clock of `start`; None while it waits here.

        From then on its time-out counts. Executors that do not say are taken to begin at once.
        """
        return 0.0

    def stuck(self) -> Sequence[StuckCall]:
        """Return the calls that were told to end, by `cancel` or `stop`, and still run."""
        return ()

    def use_loop(self, loop: AbstractEventLoop | None) -> None:  # noqa: B027 - most have no use for one
        """Run coroutines on this event loop from the next `start` on, unless told otherwise before; None: as before.

        An AsyncScheduler says so of the loop that it lives on.
        """

    def after_fork(self) -> None:  # noqa: B027 - most have nothing to let go
        """In the child of a fork: be as one that was stopped, whatever the parent's threads and processes do."""

    @abstractmethod
    def stop(self, timeout: float | None = None) -> bool:
        """Take no more calls and wait until those taken have reported, up to `timeout` seconds (None: no limit).

        Returns whether all have. What has not begun by then never begins, and reports nothing; what still runs is told
        to end, as by `cancel`: coroutines and processes do, within 5 seconds, which are waited for as well, and a
        thread may report later. A second call only waits again. While it waits, `cancel`, `began` and `stuck` go on as
        before, so that calls can be cancelled and time out.
        """

    def check(self, func: Callable[..., Any], options: Mapping[str, Any]) -> None:
        """Raise InvalidJobError when a job with this function and these `executor_options` cannot run here."""
        for name in options:
            raise UnknownOptionError(name, (), f"executor_options of {type(self).__name__}")
        if is_generator_function(func):
            raise InvalidJobError(
                f"func: {show(func)} is a generator function: a call makes a generator and runs nothing of it; "
                "use a function that iterates over what it yields"
            )


def is_coroutine_function(func: Callable[..., Any]) -> bool:
    """Tell whether calling `func` gives a coroutine, also for partials and objects with an async `__call__`."""
    while isinstance(func, functools.partial):
        func = func.func
    if type(func) is FunctionType and not func.__dict__:  # most are, and nobody has marked them as something else
        return bool(func.__code__.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(type(func).__call__)


def is_generator_function(func: Callable[..., Any]) -> bool:
    """Tell whether calling `func` gives a generator, plain or asynchronous; as `is_coroutine_function`."""
    while isinstance(func, functools.partial):
        func = func.func
    called = (func, type(func).__call__)
    return any(inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one) for one in called)


def deliver(done: Callable[[_Report], None], report: _Report) -> None:
    """Report an outcome or progress. A callback that raises is logged: it must not end what makes the calls."""
    try:
        done(report)
    except BaseException:
        what = "outcome" if isinstance(report, Outcome) else "progress"
        _LOGGER.exception("the %s of run %s could not be reported", what, report.run_id)


def stuck_thread(call: Call, thread: threading.Thread, told_at: float) -> StuckCall:
    """Return what there is to say of a call that was told to end, and that a thread still makes."""
    frame = sys._current_frames().get(thread.ident or 0)
    stack = "" if frame is None else "".join(traceback.format_stack(frame))
    return StuckCall(call.run_id, call.attempt, thread.name, told_at, storable(stack, LONGEST))


def raised(run_id: str, error: BaseException, attempt: int = 1) -> Outcome:
    """Return the outcome of an attempt that ended with `error`, as text that every database can keep."""
    try:
        again = _again(error)
    except Exception as wrong:
        again, error = None, wrong
    return Outcome(
        run_id,
        Ending.RAISED,
        error=storable(describe(error, None), LONGEST),
        traceback=_trace(error),
        error_types=error_types(error),
        attempt=attempt,
        again=again,
    )


def checked_size(value: int, name: str) -> int:
    """Return a number of threads or calls. Raises InvalidSettingError unless it is a whole number from 1 to 10,000."""
    if type(value) is not int or not 1 <= value <= LARGEST:
        raise InvalidSettingError(f"{name} must be a whole number from 1 to {LARGEST}, not {value!r}")
    return value


def _again(error: BaseException) -> Again | None:
    """What a Retry asks for. It is checked once more, as a subclass of it may have been made in its own way."""
    if not isinstance(error, Retry):
        return None
    countdown, eta, most = (getattr(error, name, None) for name in Again._fields)
    checked = Retry(countdown=countdown, eta=eta, max_retries=most)
    return Again(checked.countdown, checked.eta, checked.max_retries)


def _trace(error: BaseException) -> str:
    try:
        return storable("".join(traceback.format_exception(error)), LONGEST)
    except Exception:
        return "<its traceback cannot be shown>"
