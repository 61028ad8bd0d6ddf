"""Every so often: start + n · step, by arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, ClassVar, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, to_instant, to_zone
from scheduler.triggers.arguments import bounds_to_json, check_keys, to_bounds, to_jitter
from scheduler.triggers.base import MOMENT, Span
from scheduler.triggers.built_in import BuiltIn
from scheduler.wording import show

UNITS = ("weeks", "days", "hours", "minutes", "seconds", "microseconds")
LONGEST = datetime.max - datetime.min
"""No interval is longer than the calendar."""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class IntervalTrigger(BuiltIn):
    """Fires at `start_date` + n · interval for n ≥ 0; without a start at the time of adding + n · interval for n ≥ 1.

    With `start="now"` it fires at the time of adding too. Before it is added it counts from the instant asked for.

    Days and weeks are elapsed time: 24 and 168 hours, also where the clock is put forward or back.

    Arguments:
        weeks, days, hours, minutes, seconds, microseconds: numbers ≥ 0, also with fractions; their sum is the interval.
        start_date, end_date: the first and last instant that may be a fire time; datetimes, dates or ISO 8601 texts.
        timezone: in which a start or end without zone is read; None: the local one.
        start: "now" for a first fire at the time of adding, instead of `start_date`.
        jitter: seconds, or a timedelta, by which runs are delayed at the most; the fire times stay where they are.

    Raises InvalidTriggerError for an interval of zero, one longer than the calendar, an end before the start, and both
    ways to start at once.
    """

    kind: ClassVar[str] = "interval"

    interval: timedelta
    start_date: datetime | None
    end_date: datetime | None
    anchor: datetime | None
    """From when the trigger counts; set when its job is added, and only where there is no `start_date`."""
    start: str | None
    jitter: float | None = field(compare=False)

    def __init__(
        self,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        microseconds: float = 0,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: str | tzinfo | None = None,
        start: str | None = None,
        jitter: float | timedelta | None = None,
    ) -> None:
        interval = _interval((weeks, days, hours, minutes, seconds, microseconds))
        zone = None if timezone is None else to_zone(timezone)
        first, end = to_bounds(start_date, end_date, zone)
        _check_start(start, start_date)
        self._set(interval=interval, start_date=first, end_date=end, anchor=None, start=start, jitter=to_jitter(jitter))

    def next(self, after: datetime) -> datetime | None:
        after = in_utc("after", after)
        base = self.start_date or self.anchor or after
        try:
            fire = base + max((after - base) // self.interval + 1, self._least) * self.interval
        except OverflowError:
            return None
        return None if self.end_date is not None and fire > self.end_date else fire

    def previous(self, before: datetime) -> datetime | None:
        before = in_utc("before", before)
        base = self.start_date or self.anchor
        try:
            latest = before - MOMENT
            if self.end_date is not None and self.end_date < latest:
                latest = self.end_date
            steps = (latest - (base or before)) // self.interval
            if base is not None and steps < self._least:
                return None
            return (base or before) + steps * self.interval
        except OverflowError:
            return None

    def span(self, first: datetime, until: datetime, walk: int) -> Span:
        second = self.next(first)
        if second is None or second > until:
            return Span(first, 1, second)
        end = until if self.end_date is None else min(until, self.end_date)
        more = (end - second) // self.interval + 1
        last = second + (more - 1) * self.interval
        return Span(last, 1 + more, self.next(last))

    def anchored(self, at: datetime) -> Self:
        if self.start_date is not None or self.anchor is not None:
            return self
        return self._with(anchor=in_utc("at", at))

    def definition(self) -> Self:
        return self if self.anchor is None else self._with(anchor=None)

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {name: value for name, value in _parts(self.interval).items() if value}
        values |= bounds_to_json(self.start_date, self.end_date)
        anchor = None if self.anchor is None else self.anchor.isoformat()
        others = {"start": self.start, "anchor": anchor, "jitter": self.jitter}
        return values | {name: value for name, value in others.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        values = check_keys(cls.kind, data, (*UNITS, "start_date", "end_date", "start", "anchor", "jitter"))
        anchor = values.pop("anchor", None)
        trigger = cls(**values, timezone="UTC")
        if anchor is None or trigger.start_date is not None:
            return trigger
        return trigger._with(anchor=to_instant("anchor", anchor, None))

    @property
    def _least(self) -> int:
        """The step at which the trigger fires first."""
        return 1 if self.start_date is None and self.start is None else 0

    def __str__(self) -> str:
        return f"interval[{self.interval}]"


def _interval(amounts: tuple[float, ...]) -> timedelta:
    for name, amount in zip(UNITS, amounts, strict=True):
        if isinstance(amount, str):
            hint = f"; pass {name}={amount}" if amount.isdecimal() and len(amount) < 10 else ""
            raise InvalidTriggerError(f"{name}: {show(amount)} is text, not a number{hint}")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < math.inf:
            raise InvalidTriggerError(f"{name}: {show(amount)} is not a number of at least 0")
    weeks, days, hours, minutes, seconds, microseconds = amounts
    try:
        interval = timedelta(days, seconds, microseconds, 0, minutes, hours, weeks)
    except OverflowError:
        interval = timedelta.max
    given = ", ".join(f"{name}={show(amount)}" for name, amount in zip(UNITS, amounts, strict=True) if amount)
    if interval > LONGEST:
        raise InvalidTriggerError(f"interval: {given} is longer than the calendar, which ends with the year 9999")
    if not given:
        raise InvalidTriggerError(f"interval: no interval is given; pass one of {', '.join(UNITS)} above 0")
    if not interval:
        raise InvalidTriggerError(f"interval: {given} is less than the shortest, a microsecond")
    return interval


def _check_start(start: object, start_date: object) -> None:
    if start is None:
        return
    if start != "now":
        raise InvalidTriggerError(f"start: {show(start)} is not 'now'; pass a given time as start_date instead")
    if start_date is not None:
        raise InvalidTriggerError(
            f"start: 'now' cannot be combined with start_date={show(start_date)}; pass one of them"
        )


def _parts(interval: timedelta) -> dict[str, int]:
    """The interval in the units of the constructor."""
    minutes, seconds = divmod(interval.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    amounts = (interval.days, hours, minutes, seconds, interval.microseconds)
    return dict(zip(UNITS[1:], amounts, strict=True))
