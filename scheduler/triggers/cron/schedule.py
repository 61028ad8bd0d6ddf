"""Which wall times match, and the search for the next of them: by calendar fields, without zones."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1970, 9999

ALL_WEEKDAYS = 0b1111111
ALL_WEEKS = (1 << 54) - 2
"""Bits 1 to 53."""
ALL_YEARS = (1 << LAST_YEAR + 1) - (1 << FIRST_YEAR)

MONTH_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SIX_WEEKS = sum(1 << 7 * week for week in range(6))
SATURDAY, SUNDAY = 5, 6
LAST = -1
"""The position of the last weekday of its kind in a month."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days of a month: those that any of these names. An integer is a set: bit n stands for n."""

    numbers: int = 0
    """Days of the month, 1 to 31."""
    weekdays: int = 0
    """0 is Monday."""
    last: bool = False
    """The last day of the month."""
    positions: frozenset[tuple[int, int]] = frozenset()
    """Pairs (n, weekday): the nth of these weekdays in the month; n = LAST: the last one."""
    nearest: int = 0
    """Days of the month, 1 to 31, that stand for the working day (Monday to Friday) of the month nearest to them."""
    last_working: bool = False
    """The last working day of the month."""

    def within(self, first: int, length: int) -> int:
        """Return the days in a month of `length` days that begins with the weekday `first`, as bits 1 to `length`."""
        days = self.numbers | (self.weekdays * SIX_WEEKS >> first) << 1
        if self.last:
            days |= 1 << length
        for position, weekday in self.positions:
            day = 1 + (weekday - first) % 7
            day += (length - day) // 7 * 7 if position == LAST else (position - 1) * 7
            days |= 1 << day
        for day in _members(self.nearest & (2 << length) - 1):
            days |= 1 << _nearest_working_day(day, first, length)
        if self.last_working:
            days |= 1 << _nearest_working_day(length, first, length)
        return days & (2 << length) - 2


@dataclass(frozen=True, slots=True)
class Schedule:
    """The wall times that match all fields. An integer is a set: bit n stands for n."""

    seconds: int
    minutes: int
    hours: int
    days: Days
    weekdays: Days
    months: int
    weeks: int = ALL_WEEKS
    """Weeks of the year as ISO 8601 counts them."""
    years: int = ALL_YEARS
    either: bool = False
    """Whether a day has to match `days` or `weekdays` only, instead of both."""
    elapsed: bool = False
    """Whether fire times follow elapsed time where the clock is put forward or back, instead of wall time."""

    _seconds: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _minutes: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _hours: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _months: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _any_year: bool = field(init=False, repr=False, compare=False)
    _month_days: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The matching days of the 28 months there are, by length and first weekday."""

    def __post_init__(self) -> None:
        for name, size in (("seconds", 60), ("minutes", 60), ("hours", 24), ("months", 13)):
            object.__setattr__(self, f"_{name}", _successors(getattr(self, name), size))
        object.__setattr__(self, "_any_year", self.years == ALL_YEARS)
        both = [
            (self.days.within(first, length), self.weekdays.within(first, length))
            for length in range(28, 32)
            for first in range(7)
        ]
        month_days = tuple(a | b if self.either else a & b for a, b in both)
        object.__setattr__(self, "_month_days", month_days)

    def following(self, wall: datetime) -> datetime | None:
        """Return the first matching wall time after the second of `wall`, with its tzinfo; None: there is none."""
        year, month, day = wall.year, wall.month, wall.day
        days = self._month(year, month)
        if days >> day & 1:
            time = self._time_after(wall.hour, wall.minute, wall.second)
            if time is not None:
                return datetime(year, month, day, *time, tzinfo=wall.tzinfo)
        later = days >> day + 1 << day + 1
        found = (year, month, later) if later else self._month_after(year, month)
        if found is None:
            return None
        year, month, days = found
        return datetime(
            year, month, _lowest(days), self._hours[0], self._minutes[0], self._seconds[0], tzinfo=wall.tzinfo
        )

    def possible(self) -> bool:
        """Return whether any date matches: a year is one of 14 kinds, and one year of each kind is tried."""
        seen = set()
        for year in _members(self.years):
            kind = date(year, 1, 1).weekday(), isleap(year)
            if kind not in seen:
                seen.add(kind)
                if any(self._month(year, month) for month in _members(self.months)):
                    return True
                if len(seen) == 14:
                    break
        return False

    def _time_after(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        if self._hours[hour] == hour:
            if self._minutes[minute] == minute:
                following = self._seconds[second + 1]
                if following >= 0:
                    return hour, minute, following
            following = self._minutes[minute + 1]
            if following >= 0:
                return hour, following, self._seconds[0]
        following = self._hours[hour + 1]
        return (following, self._minutes[0], self._seconds[0]) if following >= 0 else None

    def _month_after(self, year: int, month: int) -> tuple[int, int, int] | None:
        """The next month that has matching days, as year, month and days."""
        while True:
            month = self._months[month + 1]
            if month < 0:
                later = self.years >> year + 1
                if not later:
                    return None
                year, month = year + 1 + _lowest(later), self._months[0]
            days = self._month(year, month)
            if days:
                return year, month, days

    def _month(self, year: int, month: int) -> int:
        """The matching days of one month; none where the year or the month do not match."""
        if self._months[month] != month:
            return 0
        if not (year >= FIRST_YEAR if self._any_year else self.years >> year & 1):
            return 0
        length = 29 if month == 2 and isleap(year) else MONTH_LENGTHS[month]
        first = date(year, month, 1).weekday()
        days = self._month_days[7 * (length - 28) + first]
        return days if self.weeks == ALL_WEEKS else days & self._days_of_weeks(date(year, month, 1), length)

    def _days_of_weeks(self, first: date, length: int) -> int:
        """The days of the month of `first` that lie in matching weeks."""
        days, day = 0, 1
        while day <= length:
            start = first.replace(day=day)
            following = day + 7 - start.weekday()
            if self.weeks >> start.isocalendar().week & 1:
                days |= (1 << following) - (1 << day)
            day = following
        return days


def _nearest_working_day(day: int, first: int, length: int) -> int:
    weekday = (first + day - 1) % 7
    if weekday == SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == SUNDAY:
        return day + 1 if day < length else day - 2
    return day


@lru_cache(maxsize=1024)
def _successors(allowed: int, size: int) -> tuple[int, ...]:
    """For each value from 0 to `size`, the least allowed one that is not less, or -1."""
    return tuple((value + _lowest(allowed >> value)) if allowed >> value else -1 for value in range(size + 1))


def _lowest(bits: int) -> int:
    """The least member of a set that is not empty."""
    return (bits & -bits).bit_length() - 1


def _members(bits: int) -> Iterator[int]:
    """The members of a set, the least first."""
    value = 0
    while bits:
        skipped = _lowest(bits)
        yield value + skipped
        bits >>= skipped + 1
        value += skipped + 1
