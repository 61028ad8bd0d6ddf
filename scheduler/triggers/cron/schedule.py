"""Which wall times match, the search for the next of them, and their number: by calendar fields, without zones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from scheduler.triggers.cron.dates import Dates, lowest

FREQUENT = 50
"""Matching wall times a year."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The wall times that match all fields. An integer is a set: bit n stands for n."""

    seconds: int
    minutes: int
    hours: int
    dates: Dates
    elapsed: bool
    """Whether fire times follow elapsed time where the clock is put forward or back, instead of wall time."""

    frequent: bool = field(init=False, repr=False, compare=False)
    """Whether most months have several matching wall times."""
    _seconds: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _minutes: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _hours: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, size in (("seconds", 60), ("minutes", 60), ("hours", 24)):
            object.__setattr__(self, f"_{name}", _successors(getattr(self, name), size))
        object.__setattr__(self, "frequent", self.dates.a_year * self._times_a_day() > FREQUENT)

    def following(self, wall: datetime) -> datetime | None:
        """Return the first matching wall time after the second of `wall`, with its tzinfo; None: there is none."""
        year, month, day = wall.year, wall.month, wall.day
        days = self.dates.month(year, month)
        if days >> day & 1:
            hour, minute = wall.hour, wall.minute
            if self._hours[hour] == hour:
                if self._minutes[minute] == minute:
                    second = self._seconds[wall.second + 1]
                    if second >= 0:
                        return datetime(year, month, day, hour, minute, second, 0, wall.tzinfo)
                minute = self._minutes[minute + 1]
                if minute >= 0:
                    return datetime(year, month, day, hour, minute, self._seconds[0], 0, wall.tzinfo)
            hour = self._hours[hour + 1]
            if hour >= 0:
                return datetime(year, month, day, hour, self._minutes[0], self._seconds[0], 0, wall.tzinfo)
        days = days >> day + 1 << day + 1
        if not days:
            found = self.dates.month_after(year, month)
            if found is None:
                return None
            year, month, days = found
        return datetime(year, month, lowest(days), self._hours[0], self._minutes[0], self._seconds[0], 0, wall.tzinfo)

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many wall times match after the second of one and up to the second of another, that included."""
        return self._count_until(until, after.year) - self._count_until(after, after.year)

    def _times_a_day(self) -> int:
        return self.hours.bit_count() * self.minutes.bit_count() * self.seconds.bit_count()

    def _count_until(self, wall: datetime, since: int) -> int:
        a_minute = self.seconds.bit_count()
        an_hour = self.minutes.bit_count() * a_minute
        count = self.dates.count_before(wall.year, wall.month, wall.day, since) * self._times_a_day()
        if self.dates.month(wall.year, wall.month) >> wall.day & 1:
            count += _below(self.hours, wall.hour) * an_hour
            if self.hours >> wall.hour & 1:
                count += _below(self.minutes, wall.minute) * a_minute
                if self.minutes >> wall.minute & 1:
                    count += _below(self.seconds, wall.second + 1)
        return count


@lru_cache(maxsize=1024)
def _successors(allowed: int, size: int) -> tuple[int, ...]:
    """For each value from 0 to `size`, the least allowed one that is not less, or -1."""
    return tuple((value + lowest(allowed >> value)) if allowed >> value else -1 for value in range(size + 1))


def _below(allowed: int, value: int) -> int:
    """How many allowed values are less than this."""
    return (allowed & (1 << value) - 1).bit_count()
