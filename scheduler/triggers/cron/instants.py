"""From matching wall times to instants, across the turns of the clock, as cron in Debian does it.

A schedule with a fixed minute and hour follows wall time: a skipped wall time fires at the end of the gap, one that
comes twice fires the first time. One whose minute or hour begins with `*` follows elapsed time: it fires whenever the
clock on the wall matches, so never in a gap and twice in a repeated hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from scheduler.timezones import offsets, turn_between, turns
from scheduler.triggers.cron.dates import FIRST_YEAR
from scheduler.triggers.cron.schedule import Schedule

SECOND = timedelta(seconds=1)
BEGINNING = datetime(FIRST_YEAR - 1, 12, 30, tzinfo=UTC)
"""Before the first year in every zone."""


def following_instant(schedule: Schedule, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first fire time after the instant `after`, both in UTC; None where the calendar ends before."""
    if after.year < FIRST_YEAR:
        after = max(after, BEGINNING)
    if zone is UTC:
        return schedule.following(after)
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


def count_instants(schedule: Schedule, zone: tzinfo, after: datetime, until: datetime) -> int:
    """Return the number of fire times after the instant `after` and up to `until`, that included, both in UTC.

    Wall times are counted by their calendar fields, from one turn of the clock to the next. Raises OverflowError near
    the ends of the calendar.
    """
    after = max(after, BEGINNING)
    counted = _shown(schedule, zone, after)
    total = 0
    for turn, before, now in turns(zone, after, until):
        last = turn + before - SECOND
        if schedule.elapsed:
            total += schedule.count(counted, last)
            counted = turn + now - SECOND
        elif now > before:  # all that match in the gap, and at its end, are one fire
            total += schedule.count(counted, last) + bool(schedule.count(last, turn + now))
            counted = turn + now
    return total + schedule.count(counted, _shown(schedule, zone, until))


def _shown(schedule: Schedule, zone: tzinfo, instant: datetime) -> datetime:
    """The wall time up to which all has fired at an instant, written in UTC to reckon with it as if no clock turned."""
    local = instant.astimezone(zone)
    if local.fold and not schedule.elapsed:
        local = _repeated(local)[1] - SECOND
    return local.replace(tzinfo=UTC, fold=0)


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
