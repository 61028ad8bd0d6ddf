"""The only reader of clocks: everything else is told the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the scheduler asks the time of.

    `virtual` says that somebody else moves the time: a scheduler on such a clock starts no thread, and job stores
    take the clock's word for the time instead of the database's.
    """

    virtual: bool

    def now(self) -> datetime:
        """Return the wall time as an aware datetime in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards, from an arbitrary start."""


class SystemClock:
    """The clock of this machine."""

    virtual = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
