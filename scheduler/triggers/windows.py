"""Whole days and ranges of time, as they are written, to the windows of instants that they cover."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, offsets, to_instant, turn_at
from scheduler.triggers.base import MOMENT
from scheduler.wording import show

LATEST = datetime.max.replace(tzinfo=UTC)
LONE_DIGIT = re.compile(r"(?<!\d)(\d)(?!\d)")
PAIR = '("2024-12-24", "2024-12-26")'

Range = tuple[date, date]
"""From one time to another. A date is its whole day; a datetime, in UTC, does not itself belong to what it ends."""


class Window(NamedTuple):
    """The instants from one to another, both included, in UTC."""

    first: datetime
    last: datetime


class Edge(NamedTuple):
    """Where a day begins, or a range of time begins or ends.

    It begins at `first`. Where the clock is put back over midnight, the day before goes on from `back` to `again`.
    """

    first: datetime
    back: datetime
    again: datetime


def to_dates(argument: str, value: object) -> tuple[date, ...]:
    """Return dates, or ISO 8601 texts of them, in order. Raises InvalidTriggerError for anything else."""
    return tuple(sorted({_day(argument, item) for item in _items(argument, value, '"2024-12-25"')}))


def to_ranges(argument: str, value: object, zone: tzinfo) -> tuple[Range, ...]:
    """Return pairs of a start and an end: dates, datetimes or ISO 8601 texts, read in `zone` where they name none.

    Raises InvalidTriggerError for anything else, and for an end that is not after the start.
    """
    return tuple(_range(argument, item, zone) for item in _items(argument, value, PAIR))


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


def _range(argument: str, value: object, zone: tzinfo) -> Range:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InvalidTriggerError(
            f"{argument}: {show(value)} is not a pair of a start and an end; pass {argument}=[{PAIR}]"
        )
    start, end = (_as_day(item) or to_instant(argument, item, zone) for item in value)
    both_days = _is_day(start) and _is_day(end)
    if end < start if both_days else _end(end, zone).again <= _start(start, zone).first:
        raise InvalidTriggerError(f"{argument}: the end {show(value[1])} is not after the start {show(value[0])}")
    return start, end


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
