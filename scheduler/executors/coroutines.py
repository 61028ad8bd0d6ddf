"""Awaits coroutines as tasks of an event loop: one that is given, or one of its own in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from math import inf
from types import FrameType
from typing import Any

from scheduler.clock import Clock
from scheduler.core.run import Reason
from scheduler.core.settle import Ending, Outcome
from scheduler.errors import ExecutorStoppedError, InvalidJobError, InvalidSettingError
from scheduler.executors.base import (
    LONGEST,
    Call,
    Done,
    StuckCall,
    deliver,
    is_coroutine_function,
    raised,
)
from scheduler.executors.current import CurrentRun, awaited
from scheduler.executors.lives import Life
from scheduler.wording import show, storable

_LOGGER = logging.getLogger(__name__)

GRACE = 5.0
"""Seconds that cancelled coroutines have to end when their executor stops."""

LOOK = 0.1
"""Seconds between looks at whether an event loop still runs, while waiting for its coroutines."""

_CANCELLED = f"{asyncio.CancelledError.__module__}.{asyncio.CancelledError.__qualname__}"


class _Flight:
    """One call, from being taken to being reported."""

    def __init__(self, current: CurrentRun, coroutine: Coroutine[Any, Any, Any] | None = None) -> None:
        self.call = current.call
        self.current = current
        self.coroutine = coroutine
        """What is awaited, where the function was called already."""
        self.task: asyncio.Task[Outcome] | None = None
        self.began: float | None = None
        self.cancelled = False


class Coroutines(Life):
    """The coroutines of one life of an executor, from start to stop. May be used from any thread.

    Arguments:
        size: how many run at a time; others wait.
        done: takes outcomes.
        clock: tells when calls began.
        loop: where they run; None: on a loop of its own, whose thread starts with the first and ends with `stop`.
    """

    def __init__(self, size: int, done: Done, clock: Clock, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._size = size
        self._done = done
        self._clock = clock
        self._loop = loop
        self._thread: threading.Thread | None = None
        """That of the loop, where it is its own."""
        self._changed = threading.Condition()
        """Guards what follows; told when calls have been reported."""
        self._waiting: dict[str, _Flight] = {}
        self._running: set[_Flight] = set()
        self._unreported = 0
        self._closing = False
        self._over = False

    def free_room(self) -> int:
        """Return how many more would begin at once."""
        closed = self._loop is not None and self._loop.is_closed()
        return 0 if closed else max(0, self._size - len(self._running) - len(self._waiting))

    def submit(self, calls: Sequence[Call]) -> None:
        """Take calls of coroutine functions. Raises ExecutorStoppedError, and takes none, when the loop is closed."""
        self._take([_Flight(CurrentRun(call, self._done)) for call in calls])

    def adopt(self, current: CurrentRun, coroutine: Coroutine[Any, Any, Any], began: float) -> None:
        """Take a coroutine that a function has returned; its outcome is reported in any case."""
        flight = _Flight(current, coroutine)
        flight.began = began
        try:
            self._take([flight])
        except (RuntimeError, OSError) as error:  # no more threads or files, or stopped
            coroutine.close()
            lost = isinstance(error, ExecutorStoppedError)
            deliver(self._done, _lost(flight) if lost else raised(current.run_id, error, current.attempt))

    def cancel(self, run_id: str) -> bool:
        """Drop a call that waits, and return whether there was one; cancel one that runs."""
        with self._changed:
            waiting = self._waiting.pop(run_id, None)
            if waiting is not None:
                self._dropped(waiting)
            if self._tell([flight for flight in self._running if flight.call.run_id == run_id], None):
                self._soon(self._cancel_told)
        return waiting is not None

    def began(self, run_id: str, attempt: int) -> float | None:
        """Return when a call began; None while it waits, or when it is not here."""
        with self._changed:
            flights = [*self._running, *self._waiting.values()]
        for flight in flights:
            if (flight.call.run_id, flight.call.attempt) == (run_id, attempt):
                return flight.began
        return None

    def stuck(self) -> list[StuckCall]:
        """Return the calls that were told to end, and have not."""
        with self._changed:
            told = [flight for flight in self._running if flight.current.told_at is not None]
        return [
            StuckCall(
                flight.call.run_id,
                flight.call.attempt,
                flight.task.get_name(),
                flight.current.told_at or 0.0,
                storable(self._stack(flight.task), LONGEST),
            )
            for flight in told
            if flight.task is not None
        ]

    def close(self) -> None:
        """Take no more calls, and end an own loop after the last."""
        with self._changed:
            self._closing = True
            self._leave()

    def stop(self, timeout: float | None) -> bool:
        """Wait up to `timeout` seconds until all calls have been reported, and return whether they have.

        What waits then is dropped, and what runs is cancelled and given 5 seconds to end.
        """
        self.close()
        reported = self._wait(timeout)
        if reported or self._given_up():
            self._join()
        return reported

    # in the loop's thread

    def _begin(self) -> None:
        with self._changed:
            begun = []
            while self._waiting and len(self._running) < self._size:
                begun.append(self._waiting.pop(next(iter(self._waiting))))
                self._running.add(begun[-1])
        loop = asyncio.get_running_loop()
        for flight in begun:
            making = self._make(flight)
            try:
                # The task copies the context in which it is made.
                flight.task = Context().run(loop.create_task, making, name=f"scheduler-run-{flight.call.run_id}")
                flight.task.add_done_callback(partial(self._finished, flight))
            except Exception as error:
                making.close()
                self._ended(flight, raised(flight.call.run_id, error, flight.call.attempt))
        self._cancel_told()

    async def _make(self, flight: _Flight) -> Outcome:
        if flight.began is None:
            flight.began = self._clock.monotonic()
        return await awaited(flight.current, flight.coroutine or _result_of(flight.call))

    def _finished(self, flight: _Flight, task: asyncio.Task[Outcome]) -> None:
        if flight.coroutine is not None:
            flight.coroutine.close()  # a task that is cancelled before its first step has not begun it
        self._ended(flight, _outcome(flight, task))

    def _ended(self, flight: _Flight, outcome: Outcome) -> None:
        with self._changed:
            # Before it is reported, so that who is woken by the report finds the room.
            self._running.discard(flight)
            if self._waiting:
                self._soon(self._begin)
        deliver(self._done, outcome)
        with self._changed:
            self._reported()

    def _cancel_told(self) -> None:
        for flight in list(self._running):
            if flight.current.told_at is not None and flight.task is not None and not flight.cancelled:
                flight.cancelled = True  # once: what it does to end is not to be cancelled as well
                flight.task.cancel()

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """What the thread of an own loop does. Whatever a task raises or stops, the loop goes on until it is over."""
        runner = asyncio.Runner(loop_factory=lambda: loop)
        while not self._over:
            with _logged_errors():
                runner.get_loop().run_forever()
        with _logged_errors():
            runner.close()  # cancels what runs have left behind, closes generators and the loop

    # under the lock

    def _soon(self, callback: Callable[[], None]) -> None:
        """Have the loop call something. Nothing, where there is none that could."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    def _tell(self, flights: Sequence[_Flight], why: Reason | None) -> bool:
        for flight in flights:
            flight.current.tell(self._clock.monotonic(), why)
        return bool(flights)

    def _dropped(self, flight: _Flight) -> None:
        """Forget a call that has been taken out of those that wait."""
        if flight.coroutine is not None:
            flight.coroutine.close()
        self._reported()

    def _reported(self) -> None:
        self._unreported -= 1
        self._changed.notify_all()
        self._leave()

    def _leave(self) -> None:
        """End an own loop that has nothing to do any more."""
        if self._closing and not self._unreported and self._thread is not None and not self._over:
            self._over = True
            assert self._loop is not None
            self._soon(self._loop.stop)

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=self._serve, args=(loop,), name="scheduler-event-loop", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                loop.close()
                raise
            self._loop, self._thread = loop, thread
        return self._loop

    # in any other thread

    def _take(self, flights: Sequence[_Flight]) -> None:
        with self._changed:
            if self._closing or (self._loop is not None and self._loop.is_closed()):
                raise ExecutorStoppedError("this executor has stopped, or the event loop that it was given is closed")
            loop = self._start_loop()
            loop.call_soon_threadsafe(self._begin)  # first, as it may raise; it waits for the lock
            for flight in flights:
                replaced = self._waiting.pop(flight.call.run_id, None)
                self._waiting[flight.call.run_id] = flight
                self._unreported += 1
                if replaced is not None:
                    self._dropped(replaced)

    def _given_up(self) -> bool:
        """Drop what waits, cancel what runs, and return whether that has ended soon."""
        with self._changed:
            dropped, self._waiting = list(self._waiting.values()), {}
            if self._tell(list(self._running), Reason.SHUTDOWN):
                self._soon(self._cancel_told)
            for flight in dropped:
                self._dropped(flight)
        return self._wait(GRACE)

    def _wait(self, timeout: float | None) -> bool:
        """Wait until all calls have been reported. Returns whether they have."""
        left = inf if timeout is None else timeout
        with self._changed:
            while not self._changed.wait_for(lambda: not self._unreported, min(left, LOOK) if self._ends() else 0.0):
                left -= LOOK
                if left <= 0 or not self._ends():
                    return False
        return True

    def _ends(self) -> bool:
        """Whether calls can come to an end while the caller waits: not in the loop's own thread, or when it rests."""
        if asyncio._get_running_loop() is self._loop:
            return False
        if self._thread is not None:
            return self._thread.is_alive()
        return self._loop is not None and self._loop.is_running()

    def _join(self) -> None:
        """Wait for the thread of an own loop, which has nothing to do but to close it."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(GRACE)

    def _stack(self, task: asyncio.Task[Outcome]) -> str:
        """Return where a task is, as text: where it waits, or what the thread of the loop does for it."""
        frames: list[tuple[FrameType, int]] = []
        coroutine: Any = task.get_coro()
        while coroutine is not None:
            if getattr(coroutine, "cr_running", False):
                ident = None if self._thread is None else self._thread.ident
                frame = sys._current_frames().get(ident or 0, coroutine.cr_frame)
                return "".join(traceback.format_stack(frame))
            frame = getattr(coroutine, "cr_frame", None)
            if frame is not None:
                frames.append((frame, frame.f_lineno))
            coroutine = getattr(coroutine, "cr_await", None)
        return "".join(traceback.StackSummary.extract(iter(frames)).format())


async def _result_of(call: Call) -> Any:
    """Call a coroutine function, and await it."""
    check_coroutine_function(call.func)
    return await call.func(*call.args, **call.kwargs)


def _outcome(flight: _Flight, task: asyncio.Task[Outcome]) -> Outcome:
    """Return how a task has ended. One that ended because it was cancelled, by whomever, is lost."""
    if task.cancelled():
        return _lost(flight)
    outcome = task.result()
    return _lost(flight) if task.cancelling() and _CANCELLED in outcome.error_types else outcome


def _lost(flight: _Flight) -> Outcome:
    call, why = flight.call, flight.current.told_why
    error = "CancelledError: its task was cancelled"
    if why is Reason.SHUTDOWN:
        error = "the scheduler was shut down before the function ended"
    return Outcome(call.run_id, Ending.LOST, error=error, attempt=call.attempt, reason=why)


@contextmanager
def _logged_errors() -> Iterator[None]:
    """Log whatever a task lets out of its loop, such as SystemExit."""
    try:
        yield
    except BaseException:
        _LOGGER.exception("a task that a run has left behind raised this; the other coroutines go on")


def check_coroutine_function(func: Callable[..., Any]) -> None:
    """Raise InvalidJobError for another function."""
    if not is_coroutine_function(func):
        raise InvalidJobError(
            f"func: {show(func)} is no coroutine function, and this executor awaits only those; define it with "
            "'async def', or choose a ThreadPoolExecutor, which takes both"
        )


def checked_loop(loop: object) -> asyncio.AbstractEventLoop | None:
    """Return an event loop, or None. Raises InvalidSettingError for something else."""
    if loop is None or isinstance(loop, asyncio.AbstractEventLoop):
        return loop
    raise InvalidSettingError(f"loop must be an asyncio event loop or None, not {show(loop)}")
