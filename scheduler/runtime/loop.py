"""The thread that takes the engine's steps and waits in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from scheduler.runtime.wakeup import Wakeup

logger = logging.getLogger(__name__)

RETRY_AFTER = 1.0
"""Seconds to wait after a step that raised; stores and jobs that fail are dealt with inside the step."""

LONGEST_WAIT = 60.0
"""Seconds after which a step is taken without a reason, so that a clock that jumps or a suspend is noticed."""


class Loop:
    """Takes steps until it is stopped. No exception ends it."""

    def __init__(self, step: Callable[[], float], wakeup: Wakeup, name: str = "scheduler-loop") -> None:
        self._step = step
        self._wakeup = wakeup
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Let the present step end, and take no other. Waits for it, unless called from within it.

        Arguments:
            timeout: seconds to wait at the most; None: no limit.

        Returns whether it has ended.
        """
        self._stopping = True
        self._wakeup.set()
        if not self.current:
            self._thread.join(timeout)
        return self.current or not self.alive

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def current(self) -> bool:
        """Whether the caller is the loop's own thread."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        while not self._stopping:
            try:
                wait = self._step()
            except BaseException:
                logger.exception("A step of the scheduler raised; the loop goes on")
                wait = RETRY_AFTER
            self._wakeup.wait(min(wait, LONGEST_WAIT))
