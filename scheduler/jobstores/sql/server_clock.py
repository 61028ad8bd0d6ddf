"""The store's time: the database's, read now and then, and carried on by this machine's monotonic clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from scheduler.clock import Clock
from scheduler.jobstores.sql.dialects import Dialect
from scheduler.jobstores.sql.rows import instant

_ANCHORED_FOR = 30.0
"""Seconds for which this machine's monotonic clock is trusted to go on from the database's time."""


class ServerClock:
    """Tells the database's time, or this machine's where the database has none of its own."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._anchor: tuple[datetime, float] | None = None
        """The database's time, and when it was read on the monotonic clock; None where it has none."""

    def stale(self, clock: Clock) -> bool:
        """Return whether the database has to be asked again."""
        return self._anchor is not None and clock.monotonic() - self._anchor[1] > _ANCHORED_FOR

    def read(self, connection: Connection, clock: Clock) -> None:
        """Note the database's time, and when it was: later than it truly was, so that nothing is ever early."""
        time = None if clock.virtual else instant(self._dialect.server_time(connection))
        self._anchor = None if time is None else (time, clock.monotonic())

    def now(self, clock: Clock) -> datetime:
        """Return the time, as far as it was read."""
        if self._anchor is None:
            return clock.now()
        time, read_at = self._anchor
        return time + timedelta(seconds=clock.monotonic() - read_at)
