"""Cron where the clock is put forward or back, by tables, by looking at every minute, and beside cronsim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.triggers import CronTrigger
from tests.oracles import cron
from tests.oracles.tally import Tally
from tests.triggers.oracles import by_elapsed_time, by_wall_time, turns

YEARS = {
    "Europe/Berlin": 2024,
    "America/New_York": 2024,
    "Australia/Lord_Howe": 2024,  # turns by half an hour
    "Pacific/Apia": 2011,  # skips 30 December
    "Africa/Casablanca": 2024,  # turns for Ramadan
    "Asia/Kathmandu": 1985,  # turns by a quarter, at midnight
    "Antarctica/Troll": 2024,  # turns by two hours
    "Africa/Monrovia": 1972,  # turns by 44 minutes and 30 seconds
}
"""Zones, and a year in which the clock is turned there."""


def fires(expression: str, zone: str, start: str, count: int) -> list[str]:
    """The fires after a wall time, as wall times with their offsets from UTC in hours."""
    trigger = CronTrigger.from_crontab(expression, timezone=zone)
    fire = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = []
    for _ in range(count):
        fire = trigger.next(fire)  # type: ignore[assignment]
        local = fire.astimezone(ZoneInfo(zone))
        found.append(f"{local:%m-%d %H:%M}{local.utcoffset() / timedelta(hours=1):+g}")  # type: ignore[operator]
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "start", "first"),
    [
        # A fixed time in a gap fires once, at its end.
        ("30 2 * * *", "Europe/Berlin", "2024-03-30 12:00", ["03-31 03:00+2", "04-01 02:30+2"]),
        ("0,15,30 2 * * *", "Europe/Berlin", "2024-03-30 12:00", ["03-31 03:00+2", "04-01 02:00+2"]),
        ("0 2,3 * * *", "Europe/Berlin", "2024-03-30 12:00", ["03-31 03:00+2", "04-01 02:00+2"]),
        ("30 2 * * *", "America/New_York", "2024-03-09 12:00", ["03-10 03:00-4", "03-11 02:30-4"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2024-10-05 12:00", ["10-06 02:30+11", "10-07 02:15+11"]),
        ("5 0 * * *", "Asia/Kathmandu", "1985-12-31 12:00", ["01-01 00:15+5.75", "01-02 00:05+5.75"]),
        ("0 9 * * *", "Pacific/Apia", "2011-12-29 08:00", ["12-29 09:00-10", "12-31 00:00+14", "12-31 09:00+14"]),
        ("45 23 * * *", "Asia/Pyongyang", "2018-05-04 12:00", ["05-05 00:00+9", "05-05 23:45+9"]),
        ("30 3 * * *", "Europe/Istanbul", "2016-03-27 00:00", ["03-27 04:00+3", "03-28 03:30+3"]),
        ("30 2 * * *", "Africa/Casablanca", "2024-04-14 00:00", ["04-14 03:00+1", "04-15 02:30+1"]),
        ("0 0 * * *", "America/Havana", "2024-03-09 12:00", ["03-10 01:00-4", "03-11 00:00-4"]),
        ("0,30 0,1 * * *", "America/Goose_Bay", "2005-04-03 00:00", ["04-03 01:01-3", "04-03 01:30-3"]),
        # A fixed time that comes twice fires once, the first time.
        ("30 2 * * *", "Europe/Berlin", "2024-10-26 12:00", ["10-27 02:30+2", "10-28 02:30+1"]),
        ("0-59/30 2 * * *", "Europe/Berlin", "2024-10-27 00:00", ["10-27 02:00+2", "10-27 02:30+2", "10-28 02:00+1"]),
        ("30 1 * * *", "America/New_York", "2024-11-02 12:00", ["11-03 01:30-4", "11-04 01:30-5"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2024-04-06 12:00", ["04-07 01:45+11", "04-08 01:45+10.5"]),
        ("30 2 * * *", "Africa/Casablanca", "2024-03-09 12:00", ["03-10 02:30+1", "03-11 02:30+0"]),
        ("45 23 * * *", "Asia/Pyongyang", "2015-08-14 12:00", ["08-14 23:45+9", "08-15 23:45+8.5"]),
        ("30 23 * * *", "Asia/Almaty", "2024-02-29 12:00", ["02-29 23:30+6", "03-01 23:30+5"]),
        ("0 0 * * *", "America/Goose_Bay", "2005-10-29 12:00", ["10-30 00:00-3", "10-31 00:00-4"]),
        ("0 0 * * *", "America/Havana", "2024-11-02 12:00", ["11-03 00:00-4", "11-04 00:00-5"]),
        # A new offset without a turn of the clock is nothing at all.
        ("30 3 * * *", "Europe/Istanbul", "2016-09-06 12:00", ["09-07 03:30+3", "09-08 03:30+3"]),
        # A wildcard minute or hour follows elapsed time: not in a gap, both times in a repeated hour.
        ("*/30 * * * *", "Europe/Berlin", "2024-03-31 01:00", ["03-31 01:30+1", "03-31 03:00+2", "03-31 03:30+2"]),
        ("*/30 2 * * *", "Europe/Berlin", "2024-03-30 12:00", ["04-01 02:00+2", "04-01 02:30+2"]),
        ("30 * * * *", "Europe/Berlin", "2024-03-31 01:00", ["03-31 01:30+1", "03-31 03:30+2"]),
        ("30 */2 * * *", "Europe/Berlin", "2024-03-31 00:00", ["03-31 00:30+1", "03-31 04:30+2"]),
        ("30 * * * *", "Europe/Berlin", "2024-10-27 01:00", ["10-27 01:30+2", "10-27 02:30+2", "10-27 02:30+1"]),
        ("*/40 2 * * *", "Europe/Berlin", "2024-10-27 02:00", ["10-27 02:40+2", "10-27 02:00+1", "10-27 02:40+1"]),
        ("*/15 1 * * *", "Australia/Lord_Howe", "2024-04-07 01:40", ["04-07 01:45+11", "04-07 01:30+10.5"]),
        ("0 */12 * * *", "Pacific/Apia", "2011-12-29 08:00", ["12-29 12:00-10", "12-31 00:00+14", "12-31 12:00+14"]),
        ("*/10 * * * *", "Asia/Kathmandu", "1985-12-31 23:49", ["12-31 23:50+5.5", "01-01 00:20+5.75"]),
        ("*/15 * * * *", "Asia/Pyongyang", "2018-05-04 23:14", ["05-04 23:15+8.5", "05-05 00:00+9"]),
        ("0 * * * *", "Asia/Pyongyang", "2015-08-14 22:59", ["08-14 23:00+9", "08-15 00:00+8.5"]),
        ("30 * * * *", "Asia/Almaty", "2024-02-29 23:00", ["02-29 23:30+6", "02-29 23:30+5", "03-01 00:30+5"]),
        ("* 2 30 12 *", "Pacific/Apia", "2011-12-29 08:00", ["12-30 02:00+14"]),
    ],
)  # fmt: skip
def test_turns_of_the_clock(expression: str, zone: str, start: str, first: list[str]) -> None:
    assert fires(expression, zone, start, len(first)) == first


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (datetime(2024, 10, 27, 0, 29, 59, tzinfo=UTC), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        (datetime(2024, 10, 27, 0, 30, tzinfo=UTC), datetime(2024, 10, 28, 1, 30, tzinfo=UTC)),
        (datetime(2024, 10, 27, 1, 0, 0, 5, tzinfo=UTC), datetime(2024, 10, 28, 1, 30, tzinfo=UTC)),
        (datetime(2024, 10, 27, 1, 29, tzinfo=UTC), datetime(2024, 10, 28, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_fixed_time_does_not_fire_again_from_within_the_repeated_hour(start: datetime, expected: datetime) -> None:
    assert CronTrigger(hour=2, minute=30, timezone="Europe/Berlin").next(start) == expected


def test_the_keyword_form_has_the_rules_of_the_crontab_form() -> None:
    before = datetime(2024, 3, 30, 12, tzinfo=UTC)
    fixed = CronTrigger(hour=2, minute=30, second="*/20", timezone="Europe/Berlin")
    assert fixed.next(before) == datetime(2024, 3, 31, 1, tzinfo=UTC)
    assert fixed.next(datetime(2024, 3, 31, 1, tzinfo=UTC)) == datetime(2024, 4, 1, 0, 30, tzinfo=UTC)
    assert CronTrigger(minute=30, timezone="Europe/Berlin").next(datetime(2024, 3, 31, 0, 30, tzinfo=UTC)) == datetime(
        2024, 3, 31, 1, 30, tzinfo=UTC
    )
    assert CronTrigger(hour="0-5", minute="*", timezone="Europe/Berlin").next(
        datetime(2024, 10, 27, 0, 59, tzinfo=UTC)
    ) == datetime(2024, 10, 27, 1, tzinfo=UTC)


def test_an_expression_that_matches_skipped_times_only_ends() -> None:
    skipped = CronTrigger(year=2011, month=12, day=30, minute="*", timezone="Pacific/Apia")
    assert skipped.next(datetime(2011, 12, 1, tzinfo=UTC)) is None


def test_monrovia_turned_by_seconds() -> None:
    trigger = CronTrigger(hour=0, minute=20, timezone="Africa/Monrovia")
    assert trigger.next(datetime(1972, 1, 6, 12, tzinfo=UTC)) == datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "start", "first"),
    [
        ("0 0 * * *", "Europe/Berlin", "0001-01-02", ["1970-01-01T00:00:00+01:00", "1970-01-02T00:00:00+01:00"]),
        ("0 12 * * *", "Asia/Kathmandu", "1850-01-01", ["1970-01-01T12:00:00+05:30"]),
        ("0 12 * * *", "Africa/Monrovia", "1971-07-01", ["1971-07-01T12:00:00-00:44:30"]),
        ("30 2 * * *", "America/New_York", "2038-03-14", ["2038-03-14T03:00:00-04:00", "2038-03-15T02:30:00-04:00"]),
        ("30 2 * * *", "Europe/Berlin", "2100-03-28", ["2100-03-28T03:00:00+02:00", "2100-03-29T02:30:00+02:00"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2400-04-02", ["2400-04-02T01:45:00+11:00", "2400-04-03T01:45:00+10:30"]),
        ("30 2 * * *", "America/New_York", "9999-03-14", ["9999-03-14T03:00:00-04:00", "9999-03-15T02:30:00-04:00"]),
        ("*/30 2 * * *", "Europe/Berlin", "9999-10-31", ["9999-10-31T02:00:00+02:00", "9999-10-31T02:30:00+02:00"]),
        ("0 12 31 12 *", "America/New_York", "9998-02-01", ["9998-12-31T12:00:00-05:00", "9999-12-31T12:00:00-05:00"]),
    ],
)
def test_far_years_are_like_others(expression: str, zone: str, start: str, first: list[str]) -> None:
    """A zone file ends with a rule for all years that follow, and begins before there were zones."""
    moment = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    found = CronTrigger.from_crontab(expression, zone).fire_times(moment, limit=len(first))
    assert [fire.astimezone(ZoneInfo(zone)).isoformat() for fire in found] == first


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    both = st.tuples(number, number).map(sorted)
    return st.one_of(
        st.just("*"),
        st.integers(2, 30).map(lambda step: f"*/{step}"),
        number.map(str),
        both.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.lists(number, min_size=2, max_size=4).map(lambda numbers: ",".join(map(str, numbers))),
    )


@lru_cache
def turns_of(name: str) -> list[datetime]:
    return turns(ZoneInfo(name), YEARS[name])


@st.composite
def moments(draw: st.DrawFn, names: list[str], hours: int) -> tuple[str, datetime]:
    """A zone and an instant around one of its turns."""
    name = draw(st.sampled_from(names))
    around = timedelta(hours=hours)
    return name, draw(st.sampled_from(turns_of(name))) + draw(st.timedeltas(-around, around))


@given(field(0, 59), field(0, 4) | field(0, 23), moments(sorted(YEARS.keys() - {"Africa/Monrovia"}), 6))
def test_the_fires_are_those_found_by_looking_at_every_minute(
    minute: str, hour: str, moment: tuple[str, datetime]
) -> None:
    name, start = moment
    trigger = CronTrigger.from_crontab(f"{minute} {hour} * * *", timezone=name)
    schedule = trigger.schedule
    end = start + timedelta(hours=30)

    def matches(wall: datetime) -> bool:
        return bool(schedule.minutes >> wall.minute & 1 and schedule.hours >> wall.hour & 1)

    elapsed = minute.startswith("*") or hour.startswith("*")
    expected = (by_elapsed_time if elapsed else by_wall_time)(matches, ZoneInfo(name), start, end)
    found, fire = [], trigger.next(start)
    while fire is not None and fire <= end:
        found.append(fire)
        fire = trigger.next(fire)
    assert found == expected


@given(
    st.none() | field(0, 59),
    field(0, 59),
    field(0, 4) | field(0, 23),
    st.tuples(field(1, 28) | st.sampled_from(["L", "LW"]), field(1, 12), field(0, 7)).map(" ".join),
    moments(sorted(YEARS.keys() - {"Africa/Monrovia"}), 48),
)
def test_the_fires_are_those_of_cronsim_or_differ_for_a_reason_that_is_listed(
    second: str | None, minute: str, hour: str, dates: str, moment: tuple[str, datetime]
) -> None:
    name, start = moment
    line = " ".join(part for part in (second, minute, hour, dates) if part)
    tally = Tally()
    cron.search(line, ZoneInfo(name), start.replace(microsecond=0), tally)
    assert tally.unexplained == []


def test_what_only_ever_falls_into_gaps_never_fires() -> None:
    """On the last Sunday of March the clock in Berlin is put forward from two to three o'clock."""
    trigger = CronTrigger.from_crontab("* 2 * 3 0L", timezone="Europe/Berlin")
    assert trigger.next(datetime(2024, 1, 1, tzinfo=UTC)) is None
