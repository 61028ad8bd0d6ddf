"""From start to shutdown on one event loop, with what may come between: cancelled waits, signals, its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from datetime import timedelta
from functools import partial

from scheduler.async_calls import LoopCalls
from scheduler.core.events import Event, SchedulerShutdown
from scheduler.errors import SchedulerAlreadyRunningError, SchedulerNotRunningError
from scheduler.runtime.forks import tell_of_forks
from scheduler.runtime.lifecycle import SIGNAL_CHECK, SchedulerState
from scheduler.runtime.signals import caught_signals
from scheduler.runtime.stopping import Deadline

logger = logging.getLogger(__name__)


class Life:
    """Binds a scheduler to the event loop in which it is started, until it has been shut down."""

    def __init__(self, calls: LoopCalls) -> None:
        self._calls = calls
        self._blocking = calls.blocking
        self._listeners = calls.listeners
        self._ended: asyncio.Future[None] | None = None
        """Of the loop to which it is bound; done when the scheduler has stopped."""
        self._keeper: asyncio.Task[None] | None = None
        self._blocking.add_listener(self._stopped, SchedulerShutdown)
        tell_of_forks(self)

    def check_not_started(self, what: str) -> None:
        """Raise SchedulerAlreadyRunningError from `start` to the end of `shutdown`."""
        if self._calls.loop is None:
            return
        if self._blocking.state is SchedulerState.STOPPED:
            raise SchedulerAlreadyRunningError(
                f"{what}: the scheduler is being started or shut down by another call; wait for that to end"
            )
        raise SchedulerAlreadyRunningError(f"{what}: the scheduler runs already; await shutdown() first")

    async def start(self, start: Callable[[], None]) -> None:
        """Start on the running loop, by a call that blocks."""
        self._calls.check_loop()
        self.check_not_started("start")
        ended = self._bind(asyncio.get_running_loop())
        future = self._calls.threads.submit(start)
        try:
            await self._calls.result(future, "start")
        except asyncio.CancelledError:
            future.add_done_callback(self._undo)
            raise
        except BaseException:
            self._unbind()
            raise
        keeping = self._keep(ended)
        self._keeper = asyncio.get_running_loop().create_task(keeping, name="scheduler-keeper", context=Context())

    async def shutdown(self, wait: bool, timeout: float | timedelta | None) -> None:
        """Stop, and let listeners hear of it. From within a job or a listener: begun, not awaited."""
        if self._calls.loop is not None and self._calls.loop.is_closed():
            self._listeners.use(asyncio.get_running_loop())  # the only call that another loop may make then
        else:
            self._calls.check_loop()
        deadline = Deadline(timeout, wait)
        stop = partial(self._blocking.shutdown, wait, timeout)
        if self._listeners.inside:
            if self._blocking.state is SchedulerState.STOPPED:
                raise SchedulerNotRunningError("the scheduler does not run; call start() first")
            self._calls.threads.submit(stop, apart=True)
            return
        with self._listeners.never_waited_for():
            await self._calls.result(self._calls.threads.submit(stop, apart=True), "shutdown")
        if self._calls.loop is None:
            await self._listeners.heard(deadline)

    async def run_forever(self, start: Callable[[], Awaitable[None]], timeout: float | timedelta | None) -> None:
        """Start if need be, and return when the scheduler has stopped, for a signal or by `shutdown`."""
        Deadline(timeout)  # a wrong one is refused before anything starts
        self._calls.check_loop()
        ended = None
        try:
            with caught_signals() as signals:
                if self._blocking.state is SchedulerState.STOPPED:
                    await start()
                ended = self._ended
                # Signal handlers have no business on a loop, so what they note is looked at in turns.
                while ended is not None and not ended.done() and not signals:
                    await asyncio.wait({ended}, timeout=SIGNAL_CHECK)
        finally:
            if ended is not None and not ended.done():
                with suppress(SchedulerNotRunningError):  # somebody else has begun to
                    await self.shutdown(wait=True, timeout=timeout)
                await asyncio.wait({ended})
        await self._listeners.heard(Deadline(None if timeout is None else 0))

    def after_fork(self) -> None:
        """In the child: be bound to no loop."""
        self._ended = self._keeper = None
        self._calls.after_fork()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        self._calls.loop = loop
        self._ended = loop.create_future()
        for executor in list(self._blocking.engine.executors.values()):
            executor.use_loop(loop)
        return self._ended

    def _unbind(self) -> None:
        """Let go of the loop; from any thread."""
        loop, ended = self._calls.loop, self._ended
        self._calls.loop = self._ended = None
        for executor in list(self._blocking.engine.executors.values()):
            executor.use_loop(None)
        if loop is not None and ended is not None:
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(_finish, ended)

    def _stopped(self, event: Event) -> None:
        """Take note of the end of a shutdown, in the thread that made it."""
        self._unbind()
        self._calls.threads.end()

    def _undo(self, starting: Future[None]) -> None:
        """Shut down what was started when nobody waited for that any more."""
        if starting.cancelled() or starting.exception() is not None:
            self._unbind()
        else:
            self._calls.threads.submit(partial(self._blocking.shutdown, wait=False), apart=True)

    async def _keep(self, ended: asyncio.Future[None]) -> None:
        """Shut down when the loop comes to its end, where `asyncio.run` cancels all of its tasks."""
        try:
            await asyncio.wait({ended})
        except asyncio.CancelledError:
            if self._ended is ended and self._blocking.state is not SchedulerState.STOPPED:
                logger.warning(
                    "The event loop ends while the scheduler runs, which is shut down without waiting for its runs; "
                    "await shutdown() before, or use 'async with'"
                )
                with suppress(SchedulerNotRunningError):
                    await self.shutdown(wait=False, timeout=None)
            raise


def _finish(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
