"""One worker process, as the pool sees it: started, spoken with, ended."""

from __future__ import annotations

import logging
import multiprocessing.process
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from scheduler.clock import SystemClock
from scheduler.executors.worker import LEAVE, LOOK, Word, serve

_LOGGER = logging.getLogger(__name__)

GRACE = 3.0
"""Seconds from SIGTERM to SIGKILL."""

TAKEN_WITHIN = 10.0
"""Seconds in which a worker that has nothing else to do takes a call: it only has to read it."""

SLOWEST = 1e7
"""Bytes of a call that a worker reads in a second at the least."""

CLOCK = SystemClock()
"""How long a process takes is a matter of real time, whatever the scheduler's clock says."""


class _Limit(NamedTuple):
    """How long a process may take until its next word."""

    until: float
    seconds: float
    name: str


class WorkerProcess:
    """A process that makes calls, one at a time.

    Used by one thread; only `terminate`, `kill` and `kill_if_late` may be called from others.

    Arguments:
        context: makes the process and the pipe.
        name: of the process.
        initializer: what it calls before it is ready, with `initargs`.
        start_timeout: seconds in which it must be ready, and later have loaded a call.

    Raises OSError and whatever else starting a process may raise.
    """

    def __init__(
        self,
        context: BaseContext,
        name: str,
        initializer: Callable[..., Any] | None,
        initargs: Sequence[Any],
        start_timeout: float,
    ) -> None:
        self.calls = 0
        """How many it was sent."""
        self.too_late = ""
        """Why it was killed, if that was because it did not begin in time."""
        self._start_timeout = start_timeout
        self._limit: _Limit | None = None
        self._terminated_at: float | None = None
        self._seen_dead_at: float | None = None
        self._connection, theirs = context.Pipe()
        # Not a daemon in the sense of multiprocessing: those may have no children of their own.
        self._process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=serve, args=(theirs, initializer, initargs), name=name, daemon=False
        )
        try:
            self._process.start()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()
        self._limit_start()

    @property
    def name(self) -> str:
        """What the process is called, and its id."""
        return f"{self._process.name}, pid {self._process.pid}"

    @property
    def usable(self) -> bool:
        """Whether it may be sent a call."""
        return self._terminated_at is None and self._process.exitcode is None

    @property
    def killed(self) -> bool:
        """Whether it was ended by a signal."""
        return (self._process.exitcode or 0) < 0

    def call(self, data: bytes) -> None:
        """Send a packed call. Raises OSError when the process has ended."""
        self.calls += 1
        self._limit_to(TAKEN_WITHIN + len(data) / SLOWEST, "")
        self._connection.send_bytes(data)

    def receive(self) -> tuple[Word, bytes]:
        """Wait for the next message and return it in two parts. Raises EOFError or OSError when the process has ended.

        What it sent before its end comes first.
        """
        while True:
            self.kill_if_late()
            ready = wait([self._connection, self._process.sentinel], LOOK)
            ended = bool(ready) or self._process.exitcode is not None
            if self._connection in ready or (ended and self._connection.poll()):
                message = self._connection.recv_bytes()
                word = Word(message[:1])
                if word is not Word.TAKEN:
                    self._limit = None
                    return word, message[1:]
                self._limit_start()
            elif ended:
                raise EOFError

    def terminate(self) -> None:
        """Ask the process to end at once; after a few seconds it is killed."""
        if self._terminated_at is None:
            self._terminated_at = CLOCK.monotonic()
            self._process.terminate()

    def leave(self) -> None:
        """Ask the process to end when it has made its calls."""
        try:
            self._connection.send_bytes(LEAVE)
        except OSError:
            return

    def end(self) -> str:
        """Wait until the process has ended, by force after a few seconds. Returns how it ended, in words."""
        self._process.join(GRACE)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(GRACE)
        self._connection.close()
        return f"worker process {self._process.pid} {_how(self._process.exitcode)}"

    def disown(self) -> None:
        """In the child of a fork: leave the process to the parent. The child would try to join it when it ends."""
        getattr(multiprocessing.process, "_children", set()).discard(self._process)
        self._connection.close()

    def kill(self) -> None:
        """Have the process end whatever it does, also while it is stopped."""
        self._process.kill()

    def kill_if_late(self) -> None:
        """Kill the process if it has not ended, or not begun, in the time that it had, and hang up on a dead one.

        `receive` looks as well; but it may be in the middle of a message, and so may `call`.
        """
        now, limit = CLOCK.monotonic(), self._limit
        if self._process.exitcode is not None:
            self._cut_off(now)
        elif self._terminated_at is not None:
            if now >= self._terminated_at + GRACE:
                self._process.kill()
        elif limit is not None and now >= limit.until and not self.too_late:
            self.too_late = f", as that took longer than {round(limit.seconds, 2):g} seconds{limit.name}"
            _LOGGER.warning("%s is killed before it has begun to call a function%s", self.name, self.too_late)
            self._process.kill()

    def _cut_off(self, now: float) -> None:
        """Let nobody wait for the rest of a message of a process that has ended.

        A process that it has forked may keep its end of the pipe open. What it sent whole has been read by then.
        """
        if self._seen_dead_at is None:
            self._seen_dead_at = now
        elif now >= self._seen_dead_at + GRACE and hasattr(socket, "AF_UNIX") and not self._connection.closed:
            with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as pipe:
                pipe.shutdown(socket.SHUT_RDWR)

    def _limit_start(self) -> None:
        self._limit_to(self._start_timeout, " (start_timeout)")

    def _limit_to(self, seconds: float, name: str) -> None:
        self._limit = _Limit(CLOCK.monotonic() + seconds, seconds, name)


def _how(code: int | None) -> str:
    if code is None:
        return "is gone"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
