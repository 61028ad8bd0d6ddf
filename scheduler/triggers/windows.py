"""Whole days and ranges of time, as they are written, to the windows of instants that they cover."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, offsets, to_instant, turn_at
from scheduler.triggers.base import BEGINNING, MOMENT, Trigger
from scheduler.triggers.combining import Search, ask, to_trigger
from scheduler.wording import show

LATEST = datetime.max.replace(tzinfo=UTC)
ELSEWHERE = timezone(timedelta(hours=1))
"""Where a time without zone is another instant than in UTC."""
LONE_DIGIT = re.compile(r"(?<!\d)(\d)(?!\d)")
PAIR = '("2024-12-24", "2024-12-26")'
RECURRING = "(CronTrigger(hour=2), timedelta(hours=2))"
LONGEST = timedelta(days=36_525)
"""A hundred years: as long as a recurring range may last."""

Range = tuple[date, date]
"""From one time to another. A date is its whole day; a datetime, in UTC, does not itself belong to what it ends."""


class Window(NamedTuple):
    """The instants from one to another, both included, in UTC."""

    first: datetime
    last: datetime


class Recurring(NamedTuple):
    """Ranges that begin whenever a trigger fires, and last for so long as time elapses; their ends do not belong."""

    trigger: Trigger
    length: timedelta

    def around(self, instant: datetime, search: Search) -> Window | None:
        """Return the first of these ranges that holds an instant; None: none does.

        It is one question to the trigger, as crons find a next fire time much sooner than the previous one.
        """
        earliest = instant - self.length if instant - BEGINNING > self.length else BEGINNING
        start = ask(self.trigger, earliest, search)
        if start is None or start > instant:
            return None
        return Window(start, start + self.length - MOMENT if LATEST - start > self.length else LATEST)

    def changed(self, change: Callable[[Trigger], Trigger]) -> Self:
        """Return the ranges with their trigger changed; themselves where it is not."""
        trigger = change(self.trigger)
        return self if trigger is self.trigger else self._replace(trigger=trigger)


class Edge(NamedTuple):
    """Where a day begins, or a range of time begins or ends.

    It begins at `first`. Where the clock is put back over midnight, the day before goes on from `back` to `again`.
    """

    first: datetime
    back: datetime
    again: datetime


def to_dates(argument: str, value: object, zone: tzinfo | None) -> tuple[date, ...]:
    """Return dates, or ISO 8601 texts of them, in order.

    Raises InvalidTriggerError for anything else, and where there is no zone whose days they are.
    """
    days = sorted({_day(argument, item) for item in _items(argument, value, '"2024-12-25"')})
    if days and zone is None:
        raise _zoneless(argument, days[0].isoformat())
    return tuple(days)


def to_ranges(argument: str, value: object, zone: tzinfo | None) -> tuple[tuple[Range, ...], tuple[Recurring, ...]]:
    """Return pairs of a start and an end, and pairs of a trigger and the time that its ranges last.

    Starts and ends are dates, datetimes or ISO 8601 texts, read in `zone` where they name none.
    Raises InvalidTriggerError for anything else, for an end that is not after the start, and where a zone is missing.
    """
    pairs = [_pair(argument, item) for item in _items(argument, value, PAIR)]
    ranges = tuple(_range(argument, first, last, zone) for first, last in pairs if not isinstance(first, Trigger))
    lasting = [(to_trigger(argument, first), last) for first, last in pairs if isinstance(first, Trigger)]
    return ranges, tuple(Recurring(first, _length(argument, last)) for first, last in lasting)


def to_windows(dates: Iterable[date], ranges: Iterable[Range], zone: tzinfo) -> tuple[Window, ...]:
    """Return what dates and ranges cover, in order; windows that touch one another are one."""
    windows: list[Window] = []
    pairs = [*((day, day) for day in dates), *ranges]
    for first, last in sorted(window for start, end in pairs for window in _covered(start, end, zone)):
        if windows and first - windows[-1].last <= MOMENT:
            windows[-1] = Window(windows[-1].first, max(windows[-1].last, last))
        else:
            windows.append(Window(first, last))
    return tuple(windows)


def around(windows: tuple[Window, ...], instant: datetime) -> Window | None:
    """Return the one of these windows that holds an instant; None: none does."""
    at = bisect_right(windows, (instant, LATEST)) - 1
    return windows[at] if at >= 0 and instant <= windows[at].last else None


def _items(argument: str, value: object, example: str) -> Iterable[object]:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        raise InvalidTriggerError(f"{argument}: {show(value)} is not a list; pass {argument}=[{example}]")
    return value


def _day(argument: str, value: object) -> date:
    day = _as_day(value)
    if day is None:
        raise InvalidTriggerError(
            f"{argument}: {show(value)} is not a date such as '2024-12-25'; a part of a day is a range"
        )
    return day


def _as_day(value: object) -> date | None:
    """The date that is meant; None: a time, or neither."""
    if isinstance(value, str):
        for text in (value, LONE_DIGIT.sub(r"0\1", value)):  # also "2024-5-1", as in other arguments
            with suppress(ValueError):
                return date.fromisoformat(text)
    return value if _is_day(value) and isinstance(value, date) else None


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _pair(argument: str, value: object) -> tuple[object, object]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InvalidTriggerError(
            f"{argument}: {show(value)} is not a pair of a start and an end; pass {argument}=[{PAIR}] or [{RECURRING}]"
        )
    return value[0], value[1]


def _range(argument: str, first: object, last: object, zone: tzinfo | None) -> Range:
    start, end = (_time(argument, value, zone) for value in (first, last))
    zone = zone or UTC  # none is given only where both are datetimes
    both_days = _is_day(start) and _is_day(end)
    if end < start if both_days else _end(end, zone).again <= _start(start, zone).first:
        raise InvalidTriggerError(f"{argument}: the end {show(last)} is not after the start {show(first)}")
    return start, end


def _time(argument: str, value: object, zone: tzinfo | None) -> date:
    """A date, or the instant that is meant."""
    time = _as_day(value) or to_instant(argument, value, zone or UTC)
    if zone is None and (_is_day(time) or time != to_instant(argument, value, ELSEWHERE)):
        raise _zoneless(argument, value)
    return time


def _zoneless(argument: str, value: object) -> InvalidTriggerError:
    """The machine's zone is not taken, as it may be another one on each node."""
    return InvalidTriggerError(
        f"{argument}: the time zone of {show(value)} is not known, as the trigger has none, or several; "
        'pass timezone=, such as timezone="Europe/Berlin"'
    )


def _length(argument: str, value: object) -> timedelta:
    """How long recurring ranges last: a timedelta, or seconds, as they are stored."""
    length = value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST.total_seconds():
        length = timedelta(seconds=value)
    if not isinstance(length, timedelta) or not timedelta(0) < length <= LONGEST:
        raise InvalidTriggerError(
            f"{argument}: {show(value)} is not a timedelta above 0, up to {LONGEST.days:,} days, for which ranges last "
            f"that begin when a trigger fires; pass {argument}=[{RECURRING}]"
        )
    return length


def _covered(start: date, end: date, zone: tzinfo) -> list[Window]:
    """The windows of a range: one, and where the clock is put back over midnight at an end of it, parts of its days."""
    begin, finish = _start(start, zone), _end(end, zone)
    parts = [
        (begin.first, min(begin.back, finish.first)),
        (begin.again, finish.first),
        (max(begin.again, finish.back), finish.again),
    ]
    return [Window(first, end - MOMENT) for first, end in parts if first < end]


def _start(value: date, zone: tzinfo) -> Edge:
    return Edge(value, value, value) if isinstance(value, datetime) else _beginning(value, zone)


def _end(value: date, zone: tzinfo) -> Edge:
    if isinstance(value, datetime):
        return Edge(value, value, value)
    return Edge(LATEST, LATEST, LATEST) if value == date.max else _beginning(value + timedelta(days=1), zone)


def _beginning(day: date, zone: tzinfo) -> Edge:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    before, after = offsets(midnight)
    if before > after:
        return Edge(in_utc("midnight", midnight), turn_at(midnight), in_utc("midnight", midnight.replace(fold=1)))
    first = turn_at(midnight) if before < after else in_utc("midnight", midnight)
    return Edge(first, first, first)
