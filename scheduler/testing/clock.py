"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_START = "2024-01-01T00:00:00+00:00"


class FakeClock:
    """A clock for tests: the time changes only by `advance`, `move_to` and `jump_to`.

    Schedulers on it start no thread; `VirtualTime` drives them.

    Arguments:
        start: the first wall time; an aware datetime or ISO text with an offset.

    Raises ValueError for a naive start.
    """

    virtual = True

    def __init__(self, start: datetime | str = _START) -> None:
        self._now = to_instant(start)
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a timedelta or seconds, not negative."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError(f"time does not pass backwards ({by!r}); use jump_to() to set the wall clock back")
        self._now += step
        self._monotonic += step.total_seconds()

    def move_to(self, time: datetime | str) -> None:
        """Let time pass until `time`; nothing happens if that is not later."""
        self.advance(max(to_instant(time) - self._now, timedelta(0)))

    def jump_to(self, time: datetime | str) -> None:
        """Set the wall clock, forwards or backwards, while no time passes: what an administrator or NTP does."""
        self._now = to_instant(time)


def to_instant(time: datetime | str) -> datetime:
    """Return an aware datetime, or ISO text with an offset, in UTC. Raises ValueError for a naive one."""
    value = datetime.fromisoformat(time) if isinstance(time, str) else time
    if value.tzinfo is None:
        raise ValueError(f"{time!r} has no offset from UTC; add one, as in '2024-01-01T00:00:00+00:00'")
    return value.astimezone(UTC)
