"""What the constructors of several triggers check alike: start and end, and the keys of stored triggers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from scheduler.errors import InvalidTriggerError, suggest
from scheduler.timezones import to_instant
from scheduler.wording import show

LONGEST_JITTER = 366 * 86_400.0
"""Seconds."""


def to_bounds(start_date: object, end_date: object, zone: tzinfo | None) -> tuple[datetime | None, datetime | None]:
    """Return the first and last instant at which a trigger may fire, both included; None: no limit.

    Raises InvalidTriggerError for what is not a time, and for an end before the start.
    """
    start = None if start_date is None else to_instant("start_date", start_date, zone)
    end = None if end_date is None else to_instant("end_date", end_date, zone)
    if start is not None and end is not None and end < start:
        raise InvalidTriggerError(f"end_date: {show(end_date)} is before the start_date {show(start_date)}")
    return start, end


def bounds_to_json(start: datetime | None, end: datetime | None) -> dict[str, str]:
    """Return the bounds that are set, as texts that `to_bounds` takes."""
    bounds = {"start_date": start, "end_date": end}
    return {name: bound.isoformat() for name, bound in bounds.items() if bound is not None}


def to_jitter(value: object) -> float | None:
    """Return a jitter in seconds; None: none. Raises InvalidTriggerError for what is not a number of at least 0."""
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_JITTER:
        raise InvalidTriggerError(
            f"jitter: {show(value)} is not a number of seconds from 0 to {LONGEST_JITTER:.0f} (366 days), or None"
        )
    return float(seconds) or None


def check_keys(kind: str, data: object, valid: Iterable[str]) -> dict[str, Any]:
    """Return a copy of a stored trigger. Raises InvalidTriggerError for a key that is not valid, or no mapping."""
    if not isinstance(data, Mapping):
        raise InvalidTriggerError(f"{kind} trigger: {show(data)} is not a JSON object")
    names = set(valid)
    for name in data:
        if name not in names:
            raise InvalidTriggerError(f"{kind} trigger: unknown key {show(name)}; {suggest(str(name), names)}")
    return dict(data)
