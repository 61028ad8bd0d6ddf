"""Which dates match the calendar fields of an expression, and the search for the next month that has one."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

FIRST_YEAR, LAST_YEAR = 1970, 9999

ALL_WEEKDAYS = 0b1111111
ALL_WEEKS = (1 << 54) - 2
"""Bits 1 to 53."""
ALL_YEARS = (1 << LAST_YEAR + 1) - (1 << FIRST_YEAR)

SATURDAY, SUNDAY = 5, 6
LAST = -1
"""The position of the last weekday of its kind in a month."""

MONTH_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SIX_WEEKS = sum(1 << 7 * week for week in range(6))

CYCLE = 400
"""Years after which the calendar repeats itself, weekdays and weeks of the year included."""
ALL_CYCLES = sum(1 << CYCLE * number for number in range(LAST_YEAR // CYCLE + 1))
SOON = (1 << 64) - 1


def _year_kinds() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """For each year of a cycle the number of its kind, and for each kind a year.

    Years are of one kind if their dates have the same weekdays and weeks: those that begin with the same weekday and
    are of the same length, as is the year before them, from which the first week may come.
    """
    numbers: dict[tuple[int, bool, bool], int] = {}
    samples: list[int] = []
    kinds: list[int] = []
    for year in range(2000, 2000 + CYCLE):
        kind = date(year, 1, 1).weekday(), isleap(year), isleap(year - 1)
        if kind not in numbers:
            numbers[kind] = len(samples)
            samples.append(year)
        kinds.append(numbers[kind])
    return tuple(kinds), tuple(samples)


KIND_OF, SAMPLES = _year_kinds()
assert 2000 % CYCLE == 0


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
        for day in members(self.nearest & (2 << length) - 1):
            days |= 1 << _nearest_working_day(day, first, length)
        if self.last_working:
            days |= 1 << _nearest_working_day(length, first, length)
        return days & (2 << length) - 2


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates that match all calendar fields. An integer is a set: bit n stands for n."""

    days: Days
    weekdays: Days
    months: int
    weeks: int = ALL_WEEKS
    """Weeks of the year as ISO 8601 counts them."""
    years: int = ALL_YEARS
    either: bool = False
    """Whether a day has to match `days` or `weekdays` only, instead of both."""

    _months: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    """For each kind of year, the matching days of its months 1 to 12; at 0 the set of months that have any."""
    _sizes: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """For each kind of year, how many dates match."""
    _years: int = field(init=False, repr=False, compare=False)
    """The years that have matching dates."""
    _cycles: int = field(init=False, repr=False, compare=False)
    """The same for two cycles from the year 0 on, which is quicker to search and says all where any year matches."""
    _any_year: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shapes = {(first, length): self._matching(first, length) for first in range(7) for length in range(28, 32)}
        same: dict[tuple[int, ...], tuple[int, ...]] = {}  # most kinds of year share their months
        months = tuple(same.setdefault(one, one) for one in (self._months_of(year, shapes) for year in SAMPLES))
        cycle = sum(1 << year for year in range(CYCLE) if months[KIND_OF[year]][0])
        object.__setattr__(self, "_months", months)
        object.__setattr__(self, "_sizes", tuple(sum(days.bit_count() for days in year[1:]) for year in months))
        object.__setattr__(self, "_years", cycle * ALL_CYCLES & self.years)
        object.__setattr__(self, "_cycles", cycle << CYCLE | cycle)
        object.__setattr__(self, "_any_year", self.years == ALL_YEARS)

    def __bool__(self) -> bool:
        """Whether any date matches."""
        return bool(self._years)

    @property
    def a_year(self) -> int:
        """How many dates of a year match, in the year that has most of them."""
        return max(self._sizes)

    def month(self, year: int, month: int) -> int:
        """Return the matching days of a month, as bits 1 to 31."""
        if year >= FIRST_YEAR if self._any_year else self.years >> year & 1:
            return self._months[KIND_OF[year % CYCLE]][month]
        return 0

    def month_after(self, year: int, month: int) -> tuple[int, int, int] | None:
        """Return the next month that has matching days, as year, month and days; None: there is none."""
        if self._any_year or self.years >> year & 1:
            months = self._months[KIND_OF[year % CYCLE]]
            later = months[0] >> month + 1
            if later:
                month += 1 + lowest(later)
                return year, month, months[month]
        years = self._cycles >> year % CYCLE + 1 if self._any_year else self._years >> year + 1
        if not years:
            return None
        year += 1 + lowest(years & SOON or years)
        if year > LAST_YEAR:
            return None
        months = self._months[KIND_OF[year % CYCLE]]
        month = lowest(months[0])
        return year, month, months[month]

    def count_before(self, year: int, month: int, day: int, since: int) -> int:
        """Return how many dates match before this one, from the beginning of the year `since` on."""
        years = range(since, year)
        count = sum(self._sizes[KIND_OF[other % CYCLE]] for other in years if self._years >> other & 1)
        count += sum(self.month(year, other).bit_count() for other in range(1, month))
        return count + (self.month(year, month) & (1 << day) - 1).bit_count()

    def _months_of(self, year: int, shapes: Mapping[tuple[int, int], int]) -> tuple[int, ...]:
        months = [0] * 13
        for month in members(self.months):
            first = date(year, month, 1)
            length = 29 if month == 2 and isleap(year) else MONTH_LENGTHS[month]
            days = shapes[first.weekday(), length]
            months[month] = days if self.weeks == ALL_WEEKS else days & self._days_of_weeks(first, length)
            months[0] |= bool(months[month]) << month
        return tuple(months)

    def _matching(self, first: int, length: int) -> int:
        """The days of a month of this shape that match both kinds of days, or either."""
        days, weekdays = self.days.within(first, length), self.weekdays.within(first, length)
        return days | weekdays if self.either else days & weekdays

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


dates_of = lru_cache(maxsize=256)(Dates)
"""The dates of these fields: most expressions share them with others, and their tables are dear to build."""


def _nearest_working_day(day: int, first: int, length: int) -> int:
    weekday = (first + day - 1) % 7
    if weekday == SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def lowest(bits: int) -> int:
    """Return the least member of a set that is not empty."""
    return (bits & -bits).bit_length() - 1


def members(bits: int) -> Iterator[int]:
    """Yield the members of a set, the least first."""
    value = 0
    while bits:
        skipped = lowest(bits)
        yield value + skipped
        bits >>= skipped + 1
        value += skipped + 1
