"""Slow and obvious answers to compare the cron trigger with: every minute of a stretch of time is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)

Matches = Callable[[datetime], bool]
"""Whether a wall time matches, told from its calendar fields."""


def by_elapsed_time(matches: Matches, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Every instant after `start`, by whole minutes, at which the clock on the wall matches."""
    return [instant for instant in minutes(start, end) if matches(instant.astimezone(zone))]


def by_wall_time(matches: Matches, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The instants after `start` of all matching wall times: the first where it comes twice, the gap's end in a gap."""
    first = (start.astimezone(zone) - timedelta(days=2)).replace(tzinfo=None, second=0, microsecond=0)
    instants = {
        end_of_gap(wall, zone)
        for wall in minutes(first, end.astimezone(zone).replace(tzinfo=None) + timedelta(days=2))
        if matches(wall)
    }
    return sorted(instant for instant in instants if start < instant <= end)


def end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows `wall`, or where it never does, the first at which it shows more."""
    while (instant := wall.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(tzinfo=None) != wall:
        wall += MINUTE
    return instant


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    """The whole minutes after `start`, up to `end`."""
    moment = start.replace(second=0, microsecond=0) + MINUTE
    while moment <= end:
        yield moment
        moment += MINUTE


def turns(zone: ZoneInfo, year: int) -> list[datetime]:
    """The hours in UTC of a year before which the offset of `zone` changes."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(366 * 24)]
    moments = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hour for hour, before, after in zip(hours[1:], moments, moments[1:], strict=False) if before != after]
