"""The slow and obvious answer: the minutes after an instant are looked at one by one, by the rules of the guide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LEAP = timedelta(hours=12)


class Rule(Protocol):
    """What an expression allows, told by a peer's reading of its fields."""

    seconds: Sequence[int]
    by_elapsed_time: bool
    """Whether minute or hour begins with `*`."""

    def matches(self, wall: datetime) -> bool:
        """Whether a wall time matches, its seconds apart."""

    def on(self, day: date) -> bool:
        """Whether a day matches."""


def following(rule: Rule, zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The first instant after another at which a rule fires; None: there is none up to `until`."""
    moment, on = after.replace(second=0, microsecond=0), cache(rule.on)
    while moment <= until:
        if not any(on(moment.astimezone(zone).date() + day * DAY) for day in (-1, 0, 1, 2)):
            moment += LEAP
            continue
        for fire in _in_minute(rule, zone, moment):
            if fire > after:
                return fire
        moment += MINUTE
    return None


def _in_minute(rule: Rule, zone: ZoneInfo, moment: datetime) -> list[datetime]:
    """The instants within a minute at which a rule fires."""
    wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    fires = {moment + timedelta(seconds=second) for second in rule.seconds} if rule.matches(wall) else set()
    if not rule.by_elapsed_time:
        if _shown_before(wall, moment, zone):
            return []
        if any(rule.matches(skipped) for skipped in _skipped(wall, moment, zone)):
            fires.add(moment)
    return sorted(fires)


def _shown_before(wall: datetime, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock has shown a wall time, that it shows now, once before."""
    return wall.replace(tzinfo=zone).astimezone(UTC) < moment


def _skipped(wall: datetime, moment: datetime, zone: ZoneInfo) -> list[datetime]:
    """The wall times between the one that the clock showed a minute ago and the one that it shows now."""
    skipped, found = (moment - MINUTE).astimezone(zone).replace(tzinfo=None, fold=0) + MINUTE, []
    while skipped < wall:
        found.append(skipped)
        skipped += MINUTE
    return found
