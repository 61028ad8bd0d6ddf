"""How other threads end the loop's wait."""

from __future__ import annotations

import threading


class Wakeup:
    """A flag that one thread waits for and any thread may set."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """End the present wait, or the next one if nobody waits."""
        if not self._event.is_set():
            self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait until the flag is set, `seconds` at the most, and lower it."""
        self._event.wait(seconds)
        self._event.clear()

    def after_fork(self) -> None:
        """In the child of a fork: one of the parent's threads may have held the flag's lock."""
        self._event = threading.Event()
