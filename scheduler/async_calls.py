"""From a coroutine to a call that blocks, and back: the threads that wait so that the event loop need not."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from scheduler.async_listeners import LoopListeners
from scheduler.blocking import Scheduler
from scheduler.errors import WrongLoopError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Q = TypeVar("Q")

THREADS = 4
"""How many calls are made at a time. More of them rarely helps: they wait for the same databases."""


class CallThreads:
    """Makes blocking calls in a few daemon threads, which are started as they are needed.

    Daemons, as a call that a database never answers must not keep the program from ending.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # `end` may come from the garbage collector, while this thread has the lock
        self._forget()

    def submit(self, call: Callable[[], R], *, apart: bool = False) -> Future[R]:
        """Make a call in a copy of the caller's context; `apart`, for one that may take long: in a thread of its own.

        It is not made if its future is cancelled before it begins.
        """
        future: Future[R] = Future()
        work = functools.partial(copy_context().run, _make, call, future)
        if apart:
            threading.Thread(target=work, name="scheduler-call-apart", daemon=True).start()
            return future
        with self._lock:
            self._unfinished += 1
            if self._threads < min(self._unfinished, THREADS):
                threading.Thread(target=self._work, args=(self._queue,), name="scheduler-call", daemon=True).start()
                self._threads += 1
            self._queue.put(work)
        return future

    def end(self) -> None:
        """Let the threads end when the calls that were taken have been made; a later call starts others."""
        with self._lock:
            for _ in range(self._threads):
                self._queue.put(None)
            self._forget()

    def after_fork(self) -> None:
        """In the child of a fork: have no threads."""
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = 0
        self._unfinished = 0

    def _work(self, queue: SimpleQueue[Callable[[], None] | None]) -> None:
        while (work := queue.get()) is not None:
            work()
            work = None  # what it holds must not live on while the thread waits
            with self._lock:
                if queue is self._queue:
                    self._unfinished -= 1


def _make(call: Callable[[], R], future: Future[R]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            result = call()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)


class LoopCalls:
    """Makes the calls of a scheduler that blocks, for coroutines: in threads, and on the right event loop only."""

    def __init__(self, blocking: Scheduler) -> None:
        self.blocking = blocking
        self.listeners = LoopListeners()
        self.threads = CallThreads()
        self.loop: asyncio.AbstractEventLoop | None = None
        """That in which the scheduler was started, until it has been shut down."""

    async def call(self, call: Callable[[], R], what: str, *, apart: bool = False) -> R:
        """Make a call in a thread; `apart`, for one that may take long: in its own. Raises WrongLoopError."""
        with self.entered():
            return await self.result(self.threads.submit(call, apart=apart), what)

    async def result(self, future: Future[R], what: str) -> R:
        """Wait for a call. Who stops waiting does not stop one that has begun; if that fails then, it is logged."""
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(functools.partial(_log_unheard, what))
            raise

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Check that this is the right event loop, and within the block let what the caller waits for not wait for it.

        Raises WrongLoopError.
        """
        self.check_loop()
        if self.listeners.inside:
            with self.listeners.never_waited_for():
                yield
        else:
            yield

    def check_loop(self) -> None:
        """Raise WrongLoopError in another event loop than that of `start`, also when that is closed."""
        here = asyncio.get_running_loop()
        if self.loop is None:
            self.listeners.use(here)
        elif self.loop.is_closed():
            raise WrongLoopError(
                "the event loop in which this AsyncScheduler was started is closed; await shutdown(wait=False), then "
                "start() it in this one; 'async with' shuts it down in time"
            )
        elif self.loop is not here:
            raise WrongLoopError(
                "this AsyncScheduler was started in another event loop; make its calls there, by "
                "asyncio.run_coroutine_threadsafe(call, loop) from other threads, or give each loop one of its own"
            )

    def after_fork(self) -> None:
        """In the child of a fork: be bound to no loop, and have no threads."""
        self.loop = None
        self.threads.after_fork()
        self.listeners.after_fork()


def _log_unheard(what: str, future: Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.warning("%s failed when nobody waited for it any more", what, exc_info=error)


class HasCalls(Protocol):
    """A front end for event loops."""

    _calls: LoopCalls


S = TypeVar("S", bound=HasCalls)


def awaited(
    call: Callable[Concatenate[Scheduler, P], R], *, apart: bool = False
) -> Callable[Concatenate[HasCalls, P], Coroutine[Any, Any, R]]:
    """Return a method of Scheduler as one that is awaited, with its arguments and documentation.

    `apart`: for one that waits for more than a store.
    """

    @functools.wraps(call)
    async def method(self: HasCalls, /, *args: P.args, **kwargs: P.kwargs) -> R:
        blocking = functools.partial(call, self._calls.blocking, *args, **kwargs)
        return await self._calls.call(blocking, call.__name__, apart=apart)

    return method


def handed_out(
    call: Callable[Concatenate[Scheduler, P], R], convert: Callable[[S, R], Q]
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, Q]]:
    """Return a method as `awaited` does, whose result is converted: handles that block to handles that do not."""

    @functools.wraps(call)
    async def method(self: S, /, *args: P.args, **kwargs: P.kwargs) -> Q:
        blocking = functools.partial(call, self._calls.blocking, *args, **kwargs)
        return convert(self, await self._calls.call(blocking, call.__name__))

    return method


def taking_arguments_of(
    call: Callable[Concatenate[Scheduler, P], None],
) -> Callable[[Callable[Concatenate[S, P], None]], Callable[Concatenate[S, P], None]]:
    """Decorate a constructor that hands its arguments on, to have their names and types."""

    def decorate(init: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
        functools.update_wrapper(init, call, ("__doc__",), ())
        return init

    return decorate
