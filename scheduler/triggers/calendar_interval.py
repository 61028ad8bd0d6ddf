"""Every so many months or days of the calendar, at the same time of day on the wall."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, ClassVar, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import first_instant, in_utc, local_zone, to_zone, zone_name
from scheduler.triggers.arguments import check_keys, to_jitter
from scheduler.triggers.built_in import BuiltIn
from scheduler.wording import show

UNITS = ("years", "months", "weeks", "days")
CLOCK = {"hour": 23, "minute": 59, "second": 59}
"""The greatest values of a time of day."""
MOST_MONTHS = 12 * (date.max.year - date.min.year)
MOST_DAYS = (date.max - date.min).days
LAST_MONTH = 12 * date.max.year + 11
DAY = timedelta(days=1)
FAR = 64
"""Strides of months and days that are walked at once."""


@dataclass(frozen=True, slots=True)
class Stride:
    """From one date to the next: so many months on, the day of the month kept, and then so many days on.

    Where the month has no such day, as many months again, until one has it.
    """

    months: int
    days: int

    def after(self, day: date) -> date | None:
        """Return the date that follows `day`; None where the calendar ends before."""
        landed = self._months_after(day) if self.months else day
        try:
            return None if landed is None else landed + timedelta(days=self.days)
        except OverflowError:
            return None

    def last(self, start: date, until: date) -> date | None:
        """Return the last date up to `until`, that included, of those that begin with `start`; None: there is none."""
        if until < start:
            return None
        if not self.months:
            return until - (until - start) % timedelta(days=self.days)
        if not self.days:
            return self._last_by_months(start, until)
        day = start  # which day of the month comes next depends on the months before, so that only walking tells
        while (ahead := _far_after(self, day)) is not None and ahead <= until:
            day = ahead
        while (following := self.after(day)) is not None and following <= until:
            day = following
        return day

    def _months_after(self, day: date) -> date | None:
        month = _month(day) + self.months
        while month <= LAST_MONTH:
            landed = _date(month, day.day)
            if landed is not None:
                return landed
            month += self.months
        return None

    def _last_by_months(self, start: date, until: date) -> date:
        """As `last`. Months without such a day are few in a row: 15 at the most, from a 29 February by 25 years."""
        month = _month(until) - (_month(until) - _month(start)) % self.months
        while (day := _date(month, start.day)) is None or day > until:
            month -= self.months
        return day


@lru_cache(maxsize=4096)
def _far_after(stride: Stride, day: date) -> date | None:
    """The date after FAR strides; None where the calendar ends before. Kept, so that a long way is walked once."""
    following: date | None = day
    for _ in range(FAR):
        if following is None:
            return None
        following = stride.after(following)
    return following


@dataclass(frozen=True, slots=True, init=False, repr=False)
class CalendarIntervalTrigger(BuiltIn):
    """Fires on its start date, and each time so many years, months, weeks and days later, at the same time of day.

    From one date to the next, years and months are added first, with the day of the month kept; where there is no such
    day they are added again, so that a month after 31 January comes 31 March. Then weeks and days are added. So it is
    in APScheduler 3.11.

    Arguments:
        years, months, weeks, days: integers ≥ 0, not all of them 0.
        hour, minute, second: the time of day that the clock on the wall shows.
        start_date: the first date, a date or its ISO 8601 text; None: the date on which the job is added. A time of day
            that has passed by then does not fire on that date.
        end_date: the last date that may be one of the trigger's dates.
        timezone: whose clock on the wall and whose dates count; None: the local one.
        jitter: seconds, or a timedelta, by which runs are delayed at the most; the fire times stay where they are.

    Where the clock is put forward or back it does as cron in Debian does: a time that is skipped fires at the end of
    the gap, and one that comes twice fires once, the first time. Two dates whose fires meet at the end of a gap fire
    once.

    Raises InvalidTriggerError for an interval of zero, one longer than the calendar, values out of range, a start or
    end with a time of day, and an end before the start.
    """

    kind: ClassVar[str] = "calendarinterval"

    stride: Stride
    at: time
    start_date: date | None
    end_date: date | None
    timezone: tzinfo
    anchor: date | None
    """The date on which the job was added; set only where there is no `start_date`."""
    jitter: float | None = field(compare=False)

    def __init__(
        self,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        hour: int = 0,
        minute: int = 0,
        second: int = 0,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        timezone: str | tzinfo | None = None,
        jitter: float | timedelta | None = None,
    ) -> None:
        start, end = _to_date("start_date", start_date), _to_date("end_date", end_date)
        if start is not None and end is not None and end < start:
            raise InvalidTriggerError(f"end_date: {end_date!r} is before the start_date {start_date!r}")
        self._set(
            stride=_stride((years, months, weeks, days)),
            at=_time((hour, minute, second)),
            start_date=start,
            end_date=end,
            timezone=local_zone() if timezone is None else to_zone(timezone),
            anchor=None,
            jitter=to_jitter(jitter),
        )

    def next(self, after: datetime) -> datetime | None:
        after = in_utc("after", after)
        today = self._date_at(after)  # no earlier date fires later, as each has shown its time of day, or more, before
        start = self.start_date or self.anchor or today
        day = start if today <= start else self.stride.last(start, today)
        while day is not None and (self.end_date is None or day <= self.end_date):
            fire = self._fire(day) if day >= today else None
            if fire is not None and fire > after:
                return fire
            day = self.stride.after(day)
        return None

    def previous(self, before: datetime) -> datetime | None:
        before = in_utc("before", before)
        today = self._date_at(before)
        start = self.start_date or self.anchor or today
        latest = min(today, date.max - DAY) + DAY  # where the clock was put back over midnight, tomorrow may have fired
        day = self.stride.last(start, latest if self.end_date is None else min(latest, self.end_date))
        while day is not None:
            fire = self._fire(day)
            if fire is not None and fire < before:
                return fire
            day = self.stride.last(start, day - DAY) if day > start else None
        return None

    def anchored(self, at: datetime) -> Self:
        if self.start_date is not None or self.anchor is not None:
            return self
        return self._with(anchor=self._date_at(in_utc("at", at)))

    def definition(self) -> Self:
        return self if self.anchor is None else self._with(anchor=None)

    def to_json(self) -> dict[str, Any]:
        years, months = divmod(self.stride.months, 12)
        numbers = {"years": years, "months": months, "days": self.stride.days}
        numbers |= {name: getattr(self.at, name) for name in CLOCK}
        dates = {"start_date": self.start_date, "end_date": self.end_date, "anchor": self.anchor}
        values: dict[str, Any] = {name: number for name, number in numbers.items() if number}
        values |= {name: day.isoformat() for name, day in dates.items() if day is not None}
        values["timezone"] = zone_name(self.timezone)
        return values if self.jitter is None else values | {"jitter": self.jitter}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        valid = (*UNITS, *CLOCK, "start_date", "end_date", "anchor", "timezone", "jitter")
        values = check_keys(cls.kind, data, valid)
        if values.get("timezone") is None:
            raise InvalidTriggerError("calendarinterval trigger: the key 'timezone' is missing")
        anchor = _to_date("anchor", values.pop("anchor", None))
        trigger = cls(**values)
        return trigger if trigger.start_date is not None else trigger._with(anchor=anchor)

    def _date_at(self, instant: datetime) -> date:
        """The date in the trigger's zone."""
        try:
            return instant.astimezone(self.timezone).date()
        except OverflowError:
            return instant.date()  # the first or the last day of the calendar

    def _fire(self, day: date) -> datetime | None:
        """The instant at which a date fires; None where UTC has left the calendar by then."""
        try:
            return first_instant(datetime.combine(day, self.at, self.timezone))
        except OverflowError:
            return None

    def __str__(self) -> str:
        units = ", ".join(f"{name}={value}" for name, value in self.to_json().items() if name in UNITS)
        return f"{self.kind}[{units}, at={str(self.at)!r}]"


def _stride(amounts: tuple[int, ...]) -> Stride:
    for name, amount in zip(UNITS, amounts, strict=True):
        _check_number(name, amount)
    years, months, weeks, days = amounts
    stride = Stride(12 * years + months, 7 * weeks + days)
    if stride == Stride(0, 0):
        raise InvalidTriggerError(f"calendarinterval: no interval is given; pass one of {', '.join(UNITS)} above 0")
    if stride.months > MOST_MONTHS or stride.days > MOST_DAYS:
        given = ", ".join(f"{name}={show(amount)}" for name, amount in zip(UNITS, amounts, strict=True) if amount)
        raise InvalidTriggerError(
            f"calendarinterval: {given} is longer than the calendar, which ends with the year 9999"
        )
    return stride


def _time(numbers: tuple[int, int, int]) -> time:
    for (name, greatest), number in zip(CLOCK.items(), numbers, strict=True):
        _check_number(name, number, greatest)
    return time(*numbers)


def _check_number(name: str, number: object, greatest: float = math.inf) -> None:
    if isinstance(number, str):
        hint = f"; pass {name}={int(number)}" if number.isdecimal() and len(number) < 10 else ""
        raise InvalidTriggerError(f"{name}: {show(number)} is text, not a number{hint}")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= greatest:
        allowed = "of at least 0" if greatest == math.inf else f"from 0 to {greatest}"
        raise InvalidTriggerError(f"{name}: {show(number)} is not an integer {allowed}")


def _to_date(argument: str, value: object) -> date | None:
    """The date that an argument means. One with a time of day is refused, as that time would not count."""
    if value is None:
        return None
    if isinstance(value, datetime):
        raise InvalidTriggerError(
            f"{argument}: {show(value)} is not a date; pass its date(), and its time as hour, minute and second"
        )
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)  # type: ignore[arg-type]  # what is no text raises TypeError
    except (TypeError, ValueError):
        raise InvalidTriggerError(
            f"{argument}: {show(value)} is not a date such as '2024-05-01'; pass a time as hour, minute and second"
        ) from None


def _month(day: date) -> int:
    """The number of its month, counted from January of the year 0."""
    return 12 * day.year + day.month - 1


def _date(month: int, day: int) -> date | None:
    """The day of a month that is counted as `_month` does; None where there is no such day."""
    try:
        return date(month // 12, month % 12 + 1, day)
    except ValueError:
        return None
