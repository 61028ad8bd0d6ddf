"""From matching wall times to instants, across the turns of the clock, as cron in Debian does it.

A schedule with a fixed minute and hour follows wall time: a skipped wall time fires at the end of the gap, one that
comes twice fires the first time. One whose minute or hour begins with `*` follows elapsed time: it fires whenever the
clock on the wall matches, so never in a gap and twice in a repeated hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from scheduler.timezones import offsets, turn_between
from scheduler.triggers.cron.schedule import FIRST_YEAR, Schedule

SECOND = timedelta(seconds=1)
BEGINNING = datetime(FIRST_YEAR - 1, 12, 30, tzinfo=UTC)
"""Before the first year in every zone."""


def following_instant(schedule: Schedule, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first fire time after the instant `after`, both in UTC; None where the calendar ends before."""
    if after.year < FIRST_YEAR:
        after = max(after, BEGINNING)
    try:
        local = after.astimezone(zone)
        if schedule.elapsed and (local.fold or _comes_again(local)):
            return _in_repeated_hour(schedule, local)
        if local.fold:  # all of the repeated hour has fired the first time round
            local = _repeated(local)[1] - SECOND
        wall = schedule.following(local)
        if wall is None:
            return None
        fire = wall.astimezone(UTC)
        if fire.astimezone(zone) == wall:
            return fire
        return _after_gap(schedule, wall) if schedule.elapsed else _turn(wall)
    except OverflowError:  # the year 10000 in UTC or in the zone
        return None


def _comes_again(local: datetime) -> bool:
    """Whether the clock will show this wall time a second time."""
    again = datetime(
        local.year, local.month, local.day, local.hour, local.minute, local.second, tzinfo=local.tzinfo, fold=1
    )
    return again.utcoffset() != local.utcoffset()


def _in_repeated_hour(schedule: Schedule, local: datetime) -> datetime | None:
    """The next fire by elapsed time, from a wall time that comes twice."""
    start, end = _repeated(local)
    wall = schedule.following(local)
    if not local.fold:
        if wall is not None and wall < end:
            return wall.astimezone(UTC)
        wall = schedule.following(start - SECOND)
    if wall is not None and wall < end:
        return wall.replace(fold=1).astimezone(UTC)
    return None if wall is None else _after_gap(schedule, wall)


def _after_gap(schedule: Schedule, wall: datetime) -> datetime | None:
    """The first instant at which the clock shows this matching wall time, or else a later one that matches."""
    following: datetime | None = wall
    while following is not None:
        before, after = offsets(following)
        if before >= after:
            return following.astimezone(UTC)
        following = schedule.following(_turn(following).astimezone(wall.tzinfo) - SECOND)
    return None


def _repeated(local: datetime) -> tuple[datetime, datetime]:
    """The wall times between which the clock runs twice, for one of them; the end is not included."""
    before, after = offsets(local)
    start = _turn(local).astimezone(local.tzinfo).replace(fold=0)
    return start, start + (before - after)


def _turn(wall: datetime) -> datetime:
    """The instant at which the clock is put forward over this wall time, or back to show it again."""
    before, after = offsets(wall)
    utc = wall.replace(tzinfo=UTC, microsecond=0)
    assert wall.tzinfo is not None
    return turn_between(utc - max(before, after), utc - min(before, after), wall.tzinfo)
