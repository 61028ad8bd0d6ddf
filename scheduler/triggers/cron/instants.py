"""From matching wall times to instants, across the turns of the clock, as cron in Debian does it.

A schedule with a fixed minute and hour follows wall time: a skipped wall time fires at the end of the gap, one that
comes twice fires the first time. One whose minute or hour begins with `*` follows elapsed time: it fires whenever the
clock on the wall matches, so never in a gap and twice in a repeated hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from scheduler.timezones import DAY, first_instant, offsets, steady_offset, turn_at, turns
from scheduler.triggers.cron.dates import FIRST_YEAR
from scheduler.triggers.cron.schedule import Schedule

SECOND = timedelta(seconds=1)
GAPS = 500
"""Gaps in a row that a search passes over. Turns of the clock repeat themselves after 400 years: these are all."""
BEGINNING = datetime(FIRST_YEAR - 1, 12, 30, tzinfo=UTC)
"""Before the first year in every zone."""


def following_instant(schedule: Schedule, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first fire time after the instant `after`, both in UTC; None where the calendar ends before."""
    if after.year < FIRST_YEAR:
        after = max(after, BEGINNING)
    if zone is UTC:
        return schedule.following(after)
    try:
        if schedule.frequent:
            offset = steady_offset(zone, after.year, after.month)
            wall = None if offset is None else schedule.following(after + offset)
            if offset is not None and wall is not None:
                fire = wall - offset
                if fire.month == after.month and fire.year == after.year:
                    return fire
        return (_by_elapsed_time if schedule.elapsed else _by_wall_time)(schedule, zone, after)
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


def _by_wall_time(schedule: Schedule, zone: tzinfo, after: datetime) -> datetime | None:
    local = after.astimezone(zone)
    if local.fold:  # all of the repeated hour has fired the first time round
        local = _repeated(local)[1] - SECOND
    wall = schedule.following(local)
    return None if wall is None else first_instant(wall)


def _by_elapsed_time(schedule: Schedule, zone: tzinfo, after: datetime) -> datetime | None:
    local = after.astimezone(zone)
    wall = schedule.following(local)
    if wall is not None and not local.fold:
        fire = wall.astimezone(UTC)
        if fire - after == wall - local < DAY and fire.astimezone(zone) == wall:
            return fire  # the usual case: no turn of the clock in between
    before, later = offsets(local)
    if before > later:
        return _in_repeated_hour(schedule, local, wall)
    return None if wall is None else _after_gap(schedule, wall)


def _in_repeated_hour(schedule: Schedule, local: datetime, wall: datetime | None) -> datetime | None:
    """The next fire by elapsed time, from a wall time that comes twice; `wall` is the one that matches next."""
    start, end = _repeated(local)
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
    for _ in range(GAPS):
        if following is None:
            break
        before, after = offsets(following)
        if before >= after:
            return following.astimezone(UTC)
        following = schedule.following(turn_at(following).astimezone(wall.tzinfo) - SECOND)
    return None


def _repeated(local: datetime) -> tuple[datetime, datetime]:
    """The wall times between which the clock runs twice, for one of them; the end is not included."""
    before, after = offsets(local)
    start = turn_at(local).astimezone(local.tzinfo).replace(fold=0)
    return start, start + (before - after)
