"""How parts are stopped: all within one time, and one that fails keeps none of the others from it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from scheduler.clock import SystemClock
from scheduler.errors import InvalidSettingError
from scheduler.wording import show

logger = logging.getLogger(__name__)

CLOCK = SystemClock()
"""How long a shutdown waits is a matter of real time, whatever the scheduler's clock says."""

LONGEST = 10 * 365 * 86_400.0
"""Seconds above which a time-out is none: more than threads can wait for."""


# Seconds after the deadline until which each part of a shutdown is waited for, in their order. As a rule the first two
# need milliseconds: it is a store that does not answer, or a listener that hangs, that makes them wait.
RECORDED = 2.0
LOOP_ENDED = 2.2
CALLS_ENDED = 2.6
STORES_LEFT = 2.8
HEARD = 3.0

GRACE = 1.0
"""Seconds after the deadline, or after being told if that is later, that what was told to end has at the most."""


class Deadline:
    """Until when a shutdown waits for what runs.

    Arguments:
        timeout: from now, in seconds or as a timedelta; None: no limit.
        wait: False: now.

    Raises InvalidSettingError for a time-out that is neither None nor from 0, and for a `wait` that is no bool.
    """

    def __init__(self, timeout: float | timedelta | None, wait: bool = True) -> None:
        if not isinstance(wait, bool):
            raise InvalidSettingError(
                f"wait must be True or False, not {show(wait)}; how long to wait is another argument: "
                "pass timeout=5 for 5 seconds at the most"
            )
        seconds = _seconds(timeout) if wait else min(_seconds(timeout), 0.0)
        self._at = None if seconds > LONGEST else CLOCK.monotonic() + seconds

    def left(self, more: float = 0.0) -> float | None:
        """Return how many seconds are left until `more` seconds after it; None: no limit."""
        return None if self._at is None else max(self._at + more - CLOCK.monotonic(), 0.0)

    def grace(self, more: float) -> float | None:
        """Return the same for what is told to end, which has no more than GRACE from the deadline, or from now."""
        left, until = self.left(), self.left(more)
        return None if left is None or until is None else min(left + GRACE, until)


def _seconds(timeout: object) -> float:
    if timeout is None:
        return float("inf")
    if isinstance(timeout, timedelta):
        timeout = timeout.total_seconds()
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and timeout >= 0:
        return timeout
    raise InvalidSettingError(
        f"timeout must be None (no limit), or seconds (or a timedelta) from 0, not {show(timeout)}"
    )


def side_by_side(actions: Mapping[str, Callable[[], object]], limit: Callable[[], float | None]) -> None:
    """Do things at the same time, each in a thread, and wait for all of them.

    Arguments:
        actions: what is being done, in words for the log, and what does it.
        limit: gives the seconds that are left to wait; None: no limit. What is not done then goes on by itself.
    """

    def do(what: str, action: Callable[[], object]) -> None:
        with logged(what):
            action()

    threads = {}
    for what, action in actions.items():
        thread = threading.Thread(target=do, args=(what, action), name="scheduler-stopping", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads to be had, as when the interpreter ends
            do(what, action)
        else:
            threads[what] = thread
    for thread in threads.values():
        thread.join(limit())
    for what, thread in threads.items():
        if thread.is_alive():
            logger.warning("%s takes longer; the shutdown does not wait for it", what[0].upper() + what[1:])


@contextmanager
def logged(doing: str) -> Iterator[None]:
    """Log what goes wrong in the block, and go on."""
    try:
        yield
    except Exception:
        logger.exception("%s failed; the shutdown goes on", doing)
