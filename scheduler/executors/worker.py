"""What goes on in a worker process of the process pool: it takes calls, makes them, and sends back how each ended.

Each worker has a pipe of its own, so that one that is killed in the middle of a message harms no other.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context
from enum import Enum
from multiprocessing.connection import Connection, wait
from typing import Any

from scheduler.core.retry import Again
from scheduler.core.settle import Ending, Outcome
from scheduler.executors.base import Call, raised
from scheduler.executors.current import CurrentRun, attempt
from scheduler.wording import describe, show

LOOK = 1.0
"""Seconds between two looks at whether a process lives, where the system may not tell of its end: a pipe that would
tell is kept open by processes that it has started itself."""

NEVER = Again(max_retries=0)
"""Of a call whose result cannot be sent: the work is done, and is not to be done again."""

LEAVE = b""
"""What tells a worker that there will be no more calls."""


class Word(bytes, Enum):
    """How messages of a worker begin: what the rest is."""

    READY = b"r"
    TAKEN = b"t"
    """It has read a call, and loads it: imports what the call names."""
    BEGAN = b"b"
    PROGRESS = b"p"
    """A ProgressReport."""
    OUTCOME = b"o"
    """An Outcome; of the initializer, if the worker is not ready."""


def serve(connection: Connection, initializer: Callable[..., Any] | None, initargs: Sequence[Any]) -> None:
    """Make the calls that come, one at a time, until the pool says to leave, or is gone."""
    _set_signals()
    _leave_with_parent()
    line = _Line(connection)
    with suppress(EOFError, OSError):  # what the pipe raises when nobody is at its other end
        if initializer is not None:
            try:
                initializer(*initargs)
            except BaseException as error:
                line.send(Word.OUTCOME, _failure("the initializer of the worker process failed", error))
                return
            line.end_if_forked(0)
        line.send(Word.READY)
        while (data := connection.recv_bytes()) != LEAVE:
            _make(data, line)


def pack(call: Call) -> bytes:
    """Return a call as a worker takes it. Raises pickle.PicklingError, which names what cannot be pickled."""
    plain = call._replace(args=tuple(call.args), kwargs=dict(call.kwargs), options=dict(call.options))
    try:
        return pickle.dumps(plain, pickle.HIGHEST_PROTOCOL)
    except BaseException as error:
        parts = [("func", plain.func)]
        parts += [(f"args[{number}]", value) for number, value in enumerate(plain.args)]
        parts += [(f"kwargs[{name!r}]", value) for name, value in plain.kwargs.items()]
        name, value = next(((name, value) for name, value in parts if not _can_be_pickled(value)), ("the call", call))
        raise pickle.PicklingError(
            f"{name}: {show(value)} cannot be pickled for a worker process: {describe(error)}; "
            "pass something plain, such as an id or a path, or use an executor of threads"
        ) from error


def unpack(data: bytes) -> Any:
    """Return what a worker has sent after the word. Raises pickle.UnpicklingError for what cannot be loaded here."""
    try:
        return pickle.loads(data)
    except BaseException as error:
        raise pickle.UnpicklingError(
            f"what the function returned cannot be loaded from its worker process: {describe(error)}"
        ) from error


class _Line:
    """The worker's end of the pipe. Functions may speak from several threads at a time.

    What processes say that a function has forked is not sent: it would get in the way of what the worker says.
    """

    def __init__(self, connection: Connection) -> None:
        self.of_process = os.getpid()
        self._connection = connection
        self._lock = threading.Lock()

    def end_if_forked(self, code: int) -> None:
        """End this process if it was forked by the program's code and has returned from it: calls are the worker's."""
        if self.of_process != os.getpid():
            os._exit(code)

    def send(self, word: Word, value: Any = None) -> None:
        if self.of_process != os.getpid():
            return
        data = b"" if value is None else pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._connection.send_bytes(word.value + data)


def _make(data: bytes, line: _Line) -> None:
    """Make one call and send how it ended."""
    line.send(Word.TAKEN)
    try:
        call: Call = pickle.loads(data)
    except BaseException as error:
        what = "the call cannot be loaded in the worker process, which must be able to import all that it names"
        line.send(Word.OUTCOME, _failure(what, error))
        return
    line.send(Word.BEGAN)
    current = CurrentRun(call, lambda report: line.send(Word.PROGRESS, report))
    outcome = Context().run(attempt, call, current)
    line.end_if_forked(0 if outcome.ending is Ending.RETURNED else 1)
    try:
        line.send(Word.OUTCOME, outcome)
    except OSError:
        raise
    except BaseException as error:
        what = f"the result {show(outcome.result)} cannot be pickled for its way back from the worker process"
        line.send(Word.OUTCOME, _failure(what, error)._replace(again=NEVER))


def _failure(what: str, error: BaseException) -> Outcome:
    """An outcome that says what went wrong around a call. Whose it is, the pool knows."""
    outcome = raised("", error)
    return outcome._replace(ending=Ending.RAISED, error=f"{what}: {outcome.error}", again=None)


def _can_be_pickled(value: object) -> bool:
    try:
        pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except BaseException:
        return False
    return True


def _set_signals() -> None:
    """SIGTERM ends a worker at once. Ctrl-C reaches all processes of a terminal: only the parent shuts down by it."""
    with suppress(ValueError):  # a program may start its processes in an unusual way; only main threads set signals
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # the program may wait for signals that it blocks, and blocking is inherited
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


def _leave_with_parent() -> None:
    """Have this process end when its parent has, whatever it is doing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        arguments = (parent.sentinel, os.getppid())
        threading.Thread(target=_watch, args=arguments, name="scheduler-parent-watch", daemon=True).start()


def _watch(sentinel: int, parent_id: int) -> None:
    while not wait([sentinel], LOOK) and os.getppid() == parent_id:
        pass
    os._exit(1)
