"""Takes events from the threads that publish them to listeners on the event loop, which may be coroutine functions."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar
from typing import Any

from scheduler.core.events import Event
from scheduler.runtime.stopping import HEARD, Deadline

logger = logging.getLogger(__name__)

LONGEST = 10_000
"""Events that may wait for their listeners before the threads that publish more of them wait as well."""

CHECK = 1.0
"""Seconds between looks of such a thread at whether the loop was closed without a word."""

_LISTENING: ContextVar[object | None] = ContextVar("scheduler_listening", default=None)
"""What stands for the call of a listener that is made in this context."""


class LoopListeners:
    """Calls listeners on the event loop, one after the other, in the order of the events. One that raises is logged."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Relay, Event]] = deque()
        self._relays: list[Relay] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._task: asyncio.Task[None] | None = None
        self._woken = False
        """Whether the loop was asked to begin, and has not."""
        self._open = 0
        """Of how many calls threads must not wait for listeners, as listeners may be waiting for them."""
        self._token: object | None = None
        self._telling: tuple[Relay, Event] | None = None
        """Whom the task tells of what, or has told last."""

    # from any thread

    def relay(self, callback: Callable[[Any], object]) -> Relay:
        """Return what takes events, in any thread, to a listener on the loop."""
        relay = Relay(callback, self._put)
        self._relays.append(relay)
        return relay

    def forget(self, callback: Callable[[Any], object]) -> Relay:
        """Return what is equal to the relays of a listener, which is not called any more."""
        forgotten = Relay(callback, self._put)
        for relay in self._relays:
            relay.removed = relay.removed or relay == forgotten
        self._relays = [relay for relay in self._relays if not relay.removed]
        return forgotten

    def _put(self, relay: Relay, event: Event) -> None:
        with self._changed:
            while len(self._waiting) >= LONGEST and self._must_wait():
                self._changed.wait(CHECK)
            self._waiting.append((relay, event))
            wake = (self._task is None or self._task.done()) and not self._woken
            self._woken = self._woken or wake
        if wake:
            self._wake()

    def _must_wait(self) -> bool:
        here = threading.get_ident() == self._thread
        return not (self._open or here or self._loop is None or self._loop.is_closed())

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(self._begin)

    def after_fork(self) -> None:
        """In the child of a fork: have no loop, and nothing to tell."""
        self._changed = threading.Condition()
        self._waiting.clear()
        self._loop = self._task = None
        self._woken = False

    # on the loop

    def use(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call listeners on this loop, the running one, from now on."""
        if loop is not self._loop:
            with self._changed:
                self._loop, self._thread, self._task = loop, threading.get_ident(), None
                self._woken = False
                self._changed.notify_all()
            self._begin()

    @property
    def inside(self) -> bool:
        """Whether the caller is the listener that is being called, or a task that it has started."""
        return self._token is not None and _LISTENING.get() is self._token

    @contextmanager
    def never_waited_for(self) -> Iterator[None]:
        """Within the block, let no thread wait for listeners, as the block may wait for that thread."""
        with self._changed:
            self._open += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._open -= 1

    async def heard(self, deadline: Deadline) -> None:
        """Wait until listeners have heard all there is; soon after the deadline, drop what they have not."""
        limit = deadline.grace(HEARD)
        give_up = None if limit is None else asyncio.get_running_loop().time() + limit
        self._begin()
        while (task := self._task) is not None:
            left = None if give_up is None else max(give_up - asyncio.get_running_loop().time(), 0.0)
            await asyncio.wait({task}, timeout=left)
            if not task.done():
                self._drop(task)
                return
            self._begin()

    def _drop(self, task: asyncio.Task[None]) -> None:
        """End the call of a listener that takes too long, and forget all later events."""
        with self._changed:
            dropped = len(self._waiting)
            self._waiting.clear()
            self._task = None  # later events are told by another
        task.cancel()
        if self._telling is not None:
            relay, event = self._telling
            text = "Listener %r took too long on %s for the shutdown to wait; %d later events are not heard"
            logger.error(text, relay, type(event).__name__, dropped)

    def _begin(self) -> None:
        """Call listeners in a task, if there is anything to tell and none does so."""
        loop = asyncio.get_running_loop()
        with self._changed:
            self._woken = False
            if self._task is not None and self._task.done():  # cancelled with all others of the loop
                self._task = None
            if self._waiting and self._task is None and loop is self._loop:
                self._task = loop.create_task(self._tell_all(loop), name="scheduler-listeners", context=Context())

    async def _tell_all(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            with self._changed:
                if loop is not self._loop or self._task is not asyncio.current_task():
                    return
                if not self._waiting:
                    self._task = None
                    return
                relay, event = self._waiting.popleft()
                if len(self._waiting) == LONGEST - 1:
                    self._changed.notify_all()
            if not relay.removed:
                await self._tell(relay, event)
            await asyncio.sleep(0)  # others on the loop get their turns, however many events there are

    async def _tell(self, relay: Relay, event: Event) -> None:
        token = self._token = object()
        self._telling = relay, event
        _LISTENING.set(token)
        try:
            result = relay.callback(event)
            if inspect.isawaitable(result):
                await result
        except BaseException as error:
            task = asyncio.current_task()
            ended = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling()
            if ended or isinstance(error, KeyboardInterrupt):
                raise
            logger.exception("Listener %r raised on %s", relay, type(event).__name__)
        finally:
            if self._token is token:  # otherwise it was given up, and another task tells
                self._token = None


class Relay:
    """A listener of the scheduler that takes events to one on the loop. Equal to others for the same one."""

    def __init__(self, callback: Callable[[Any], object], put: Callable[[Relay, Event], None]) -> None:
        self.callback = callback
        self.removed = False
        self._put = put

    def __call__(self, event: Event) -> None:
        self._put(self, event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Relay) and self.callback == other.callback

    __hash__ = None  # type: ignore[assignment]  # as callbacks may have none

    def __repr__(self) -> str:
        return repr(self.callback)
