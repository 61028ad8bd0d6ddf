"""How parts are stopped: all within one time, and one that fails keeps none of the others from it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from scheduler.clock import Clock
from scheduler.errors import InvalidSettingError
from scheduler.executors.base import Executor

logger = logging.getLogger(__name__)

LONGEST = 10 * 365 * 86_400.0
"""Seconds above which a time-out is none: more than threads can wait for."""


class Deadline:
    """How long a shutdown may wait for what runs.

    Arguments:
        seconds: from now; None: no limit.

    Raises InvalidSettingError for anything else than None or a number from 0.
    """

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if seconds is not None and not (number and seconds >= 0):
            raise InvalidSettingError(f"timeout must be None (no limit) or seconds from 0, not {seconds!r}")
        self._clock = clock
        self._at = None if seconds is None or seconds > LONGEST else clock.monotonic() + seconds

    def left(self, more: float = 0.0) -> float | None:
        """Return how many seconds are left until `more` seconds after it; None: no limit."""
        return None if self._at is None else max(self._at - self._clock.monotonic(), 0.0) + more


def stop_all(executors: Mapping[str, Executor], deadline: Deadline) -> None:
    """Stop executors side by side, so that one time holds for all of them."""

    def stop(alias: str, executor: Executor) -> None:
        with logged(f"stopping executor {alias!r}"):
            executor.stop(deadline.left())

    threads = []
    for alias, executor in executors.items():
        thread = threading.Thread(target=stop, args=(alias, executor), name="scheduler-executor-stop", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads to be had, as when the interpreter ends
            stop(alias, executor)
        else:
            threads.append(thread)
    for thread in threads:
        thread.join()


@contextmanager
def logged(doing: str) -> Iterator[None]:
    """Log what goes wrong in the block, and go on."""
    try:
        yield
    except Exception:
        logger.exception("%s failed; the shutdown goes on", doing)
