"""From matching wall times to instants, across the turns of the clock, as cron in Debian does it.

A schedule with a fixed minute and hour follows wall time: a skipped wall time fires at the end of the gap, one that
comes twice fires the first time. One whose minute or hour begins with `*` follows elapsed time: it fires whenever the
clock on the wall matches, so never in a gap and twice in a repeated hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from scheduler.timezones import offsets, turn_between
from scheduler.triggers.cron.schedule import FIRST_YEAR, Schedule

SECOND = timedelta(seconds=1)


def following_instant(schedule: Schedule, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first fire time after the instant `after`, both in UTC; None where the calendar ends before."""
    if after.year < FIRST_YEAR - 1:
        after = datetime(FIRST_YEAR - 1, 1, 1, tzinfo=UTC)
    try:
        local = after.astimezone(zone)
        if isinstance(zone, timezone):
            wall = schedule.following(local)
            return None if wall is None else wall.astimezone(UTC)
        if _is_plain(local):
            wall = schedule.following(local)
            if wall is None or _is_plain(wall):
                return None if wall is None else wall.astimezone(UTC)
        return _by_elapsed_time(schedule, local) if schedule.elapsed else _by_wall_time(schedule, local)
    except OverflowError:  # the year 10000 in UTC or in the zone
        return None


def _is_plain(wall: datetime) -> bool:
    """Whether the clock shows this wall time exactly once."""
    return wall.utcoffset() == wall.replace(fold=1 - wall.fold).utcoffset()


def _by_wall_time(schedule: Schedule, local: datetime) -> datetime | None:
    if local.fold:  # all of the repeated hour has fired the first time round
        before, after = offsets(local)
        turn = _turn(local)
        local = (turn + (before - after)).astimezone(local.tzinfo) - SECOND
    wall = schedule.following(local)
    if wall is None:
        return None
    before, after = offsets(wall)
    return _turn(wall) if before < after else wall.astimezone(UTC)


def _by_elapsed_time(schedule: Schedule, local: datetime) -> datetime | None:
    wall = schedule.following(local)
    before, after = offsets(local)
    if before > after:
        again = _turn(local).astimezone(local.tzinfo)  # the wall time at which the second time round begins
        end = again + (before - after)
        if not local.fold:
            if wall is not None and wall < end:
                return wall.astimezone(UTC)
            wall = schedule.following(again - SECOND)
        if wall is not None and wall < end:
            return wall.replace(fold=1).astimezone(UTC)
    while wall is not None:
        before, after = offsets(wall)
        if before >= after:
            return wall.astimezone(UTC)
        wall = schedule.following(_turn(wall).astimezone(wall.tzinfo) - SECOND)
    return None


def _turn(wall: datetime) -> datetime:
    """The instant at which the clock is put forward over this wall time, or back to show it again."""
    before, after = offsets(wall)
    utc = wall.replace(tzinfo=UTC, microsecond=0)
    assert wall.tzinfo is not None
    return turn_between(utc - max(before, after), utc - min(before, after), wall.tzinfo)
