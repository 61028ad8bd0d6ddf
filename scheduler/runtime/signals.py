"""The signals that ask a program to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from scheduler.runtime.forks import tell_of_forks


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in the list that is given, instead of what they did before, while the block runs.

    Outside the main thread, where Python lets nobody catch signals, the list stays empty. In a process that is forked
    meanwhile, by a job say, they do what they did before: nobody looks at the list there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield []
        return
    catcher = _Catcher()
    tell_of_forks(catcher)
    try:
        yield catcher.caught
    finally:
        catcher.restore()


class _Catcher:
    """Catches the signals until they are restored."""

    def __init__(self) -> None:
        self.caught: list[int] = []
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in self._before:
            signal.signal(number, self._catch)

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def after_fork(self) -> None:
        if signal.getsignal(signal.SIGTERM) == self._catch:
            self.restore()

    def _catch(self, number: int, _: FrameType | None) -> None:
        self.caught.append(number)
