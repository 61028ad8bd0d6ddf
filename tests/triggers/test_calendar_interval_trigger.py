"""The calendar interval trigger: by tables, beside dateutil and APScheduler, and by walking from date to date."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger as Peer
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CalendarIntervalTrigger, CronTrigger
from tests.triggers.oracles import end_of_gap

MAY = datetime(2024, 5, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)

TURNS = {
    "Europe/Berlin": date(2024, 3, 31),
    "America/New_York": date(2024, 11, 3),
    "Australia/Lord_Howe": date(2024, 10, 6),  # by half an hour
    "Asia/Kathmandu": date(1986, 1, 1),  # by a quarter, at midnight
    "America/St_Johns": date(2010, 11, 7),  # back at a minute past midnight, to the day before
    "Asia/Beirut": date(2024, 3, 31),  # from midnight on
    "Pacific/Apia": date(2011, 12, 30),  # skipped
    "Pacific/Kwajalein": date(1969, 10, 1),  # back by 23 hours, over the date line
}
"""Zones, and a date on which the clock is turned there."""

ONE = {"years": 1}, {"months": 1}, {"months": 5}, {"years": 1, "months": 1}, {"weeks": 1}, {"days": 1}, {"days": 10}
MIXED = {"months": 1, "days": 1}, {"years": 1, "weeks": 1}, {"months": 2, "days": 29}

intervals = st.fixed_dictionaries(
    {},
    optional={
        "years": st.integers(0, 30),
        "months": st.integers(0, 30),
        "weeks": st.integers(0, 9),
        "days": st.integers(0, 60),
    },
).filter(lambda interval: any(interval.values()))
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0, fold=0))
starts = st.dates(date(1950, 1, 1), date(2100, 12, 31)) | st.sampled_from([date(2024, 1, 31), date(2000, 2, 29)])


def at(clock: time) -> dict[str, int]:
    return {"hour": clock.hour, "minute": clock.minute, "second": clock.second}


def fires(trigger: CalendarIntervalTrigger, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    fire = trigger.next(after)
    while fire is not None and len(found) < count:
        found.append(fire)
        fire = trigger.next(fire)
    return found


def days(interval: dict[str, int], start: date, count: int) -> list[date]:
    """The dates of an interval, by the rule in words."""
    found, day = [start], start
    months = 12 * interval.get("years", 0) + interval.get("months", 0)
    while len(found) < count:
        for hops in range(1, 30):
            month = day.year * 12 + day.month - 1 + hops * months
            try:
                landed = date(month // 12, month % 12 + 1, day.day)
                break
            except ValueError:
                continue
        else:
            break
        try:
            day = landed + timedelta(days=interval.get("days", 0), weeks=interval.get("weeks", 0))
        except OverflowError:
            break
        found.append(day)
    return found


def walls(trigger: CalendarIntervalTrigger, after: str, count: int) -> list[str]:
    """The fires after a wall time, as wall times with their offsets from UTC in hours."""
    start = datetime.fromisoformat(after).replace(tzinfo=trigger.timezone).astimezone(UTC)
    found = []
    for fire in fires(trigger, start, count):
        local = fire.astimezone(trigger.timezone)
        found.append(f"{local:%m-%d %H:%M}{local.utcoffset() / timedelta(hours=1):+g}")  # type: ignore[operator]
    return found


@pytest.mark.parametrize(
    ("interval", "start", "expected"),
    [
        ({"months": 1}, "2024-01-15", ["2024-01-15", "2024-02-15", "2024-03-15"]),
        ({"months": 1}, "2024-01-31", ["2024-01-31", "2024-03-31", "2024-05-31", "2024-07-31", "2024-08-31"]),
        ({"months": 1}, "2023-01-30", ["2023-01-30", "2023-03-30", "2023-04-30"]),
        ({"months": 1}, "2024-01-29", ["2024-01-29", "2024-02-29", "2024-03-29"]),
        ({"months": 18}, "2024-12-01", ["2024-12-01", "2026-06-01", "2027-12-01"]),
        ({"years": 1}, "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29"]),
        ({"years": 1}, "2096-02-29", ["2096-02-29", "2104-02-29"]),
        ({"years": 25}, "2000-02-29", ["2000-02-29", "2400-02-29"]),
        ({"years": 1, "months": 1}, "2024-12-31", ["2024-12-31", "2026-01-31", "2028-03-31"]),
        ({"weeks": 2}, "2024-02-20", ["2024-02-20", "2024-03-05", "2024-03-19"]),
        ({"days": 10}, "2024-02-20", ["2024-02-20", "2024-03-01", "2024-03-11"]),
        ({"weeks": 1, "days": 3}, "2024-02-20", ["2024-02-20", "2024-03-01"]),
        ({"months": 1, "days": 1}, "2024-01-30", ["2024-01-30", "2024-03-31", "2024-06-01", "2024-07-02"]),
        ({"years": 1, "weeks": 1}, "2024-02-22", ["2024-02-22", "2025-03-01", "2026-03-08"]),
    ],
)  # fmt: skip
def test_the_next_date_keeps_the_day_of_the_month_until_there_is_one_and_then_adds_days(
    interval: dict[str, int], start: str, expected: list[str]
) -> None:
    trigger = CalendarIntervalTrigger(**interval, hour=9, start_date=start, timezone="UTC")  # type: ignore[arg-type]
    assert [f"{fire:%Y-%m-%d %H:%M}" for fire in fires(trigger, MAY - 36525 * DAY, len(expected))] == [
        f"{day} 09:00" for day in expected
    ]


@pytest.mark.parametrize(
    ("interval", "time", "zone", "start", "expected"),
    [
        # A time in a gap fires once, at its end; the date counts on as if nothing were.
        ({"days": 1}, "02:30", "Europe/Berlin", "2024-03-30", ["03-30 02:30+1", "03-31 03:00+2", "04-01 02:30+2"]),
        ({"months": 1}, "02:30", "Europe/Berlin", "2024-01-31", ["01-31 02:30+1", "03-31 03:00+2", "05-31 02:30+2"]),
        ({"weeks": 1}, "02:30", "America/New_York", "2024-03-03", ["03-03 02:30-5", "03-10 03:00-4", "03-17 02:30-4"]),
        ({"days": 1}, "02:15", "Australia/Lord_Howe", "2024-10-06", ["10-06 02:30+11", "10-07 02:15+11"]),
        ({"days": 1}, "00:05", "Asia/Kathmandu", "1986-01-01", ["01-01 00:15+5.75", "01-02 00:05+5.75"]),
        ({"days": 1}, "00:30", "Asia/Beirut", "2024-03-30", ["03-30 00:30+2", "03-31 01:00+3", "04-01 00:30+3"]),
        # A time that comes twice fires once, the first time.
        ({"days": 1}, "02:30", "Europe/Berlin", "2024-10-27", ["10-27 02:30+2", "10-28 02:30+1"]),
        ({"days": 1}, "01:30", "America/New_York", "2024-11-03", ["11-03 01:30-4", "11-04 01:30-5"]),
        ({"days": 1}, "01:45", "Australia/Lord_Howe", "2024-04-07", ["04-07 01:45+11", "04-08 01:45+10.5"]),
        ({"days": 1}, "23:30", "America/St_Johns", "2010-11-06", ["11-06 23:30-2.5", "11-07 23:30-3.5"]),
        ({"days": 1}, "02:30", "Africa/Casablanca", "2024-03-10", ["03-10 02:30+1", "03-11 02:30+0"]),
        # A day that is skipped fires at the end of the gap, and where the next date fires then too, once.
        ({"days": 1}, "09:00", "Pacific/Apia", "2011-12-29", ["12-29 09:00-10", "12-31 00:00+14", "12-31 09:00+14"]),
        ({"days": 1}, "00:00", "Pacific/Apia", "2011-12-29", ["12-29 00:00-10", "12-31 00:00+14", "01-01 00:00+14"]),
        ({"months": 1}, "09:00", "Pacific/Apia", "2011-11-30", ["11-30 09:00-10", "12-31 00:00+14", "01-30 09:00+14"]),
        # A zone that has changed its offset for good.
        ({"days": 1}, "12:00", "Pacific/Kwajalein", "1969-09-30", ["09-30 12:00+11", "10-01 12:00-12"]),
    ],
)  # fmt: skip
def test_turns_of_the_clock(interval: dict[str, int], time: str, zone: str, start: str, expected: list[str]) -> None:
    hour, minute = map(int, time.split(":"))
    trigger = CalendarIntervalTrigger(**interval, hour=hour, minute=minute, start_date=start, timezone=zone)  # type: ignore[arg-type]
    assert walls(trigger, f"{date.fromisoformat(start) - DAY} 12:00", len(expected)) == expected


def test_an_interval_of_days_keeps_the_time_on_the_wall_and_not_the_elapsed_hours() -> None:
    trigger = CalendarIntervalTrigger(days=2, hour=9, start_date="2024-03-30", timezone="Europe/Berlin")
    assert walls(trigger, "2024-03-29 12:00", 2) == ["03-30 09:00+1", "04-01 09:00+2"]


@pytest.mark.parametrize("zone", TURNS)
@given(st.sampled_from([*ONE, *MIXED]), clocks, st.timedeltas(-3 * DAY, 3 * DAY), st.integers(0, 20))
def test_next_and_previous_are_those_found_by_walking(
    zone: str, interval: dict[str, int], clock: time, around: timedelta, behind: int
) -> None:
    start = TURNS[zone] - behind * DAY
    local = datetime.combine(TURNS[zone], time(12)) + around
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    dates = days(interval, start, 40)
    expected = {end_of_gap(datetime.combine(day, clock), ZoneInfo(zone)) for day in dates}
    trigger = CalendarIntervalTrigger(**interval, **at(clock), start_date=start, timezone=zone)  # type: ignore[arg-type]
    assert fires(trigger, moment, 9) == sorted(instant for instant in expected if instant > moment)[:9]
    assert trigger.previous(moment) == max((instant for instant in expected if instant < moment), default=None)


@pytest.mark.parametrize(
    ("zone", "midnight", "before", "previous"),
    [
        # At 00:01 of the 7th the clock goes back to 23:01 of the 6th, after midnight of the 7th has fired.
        ("America/St_Johns", "2010-11-07 02:30", "2010-11-07 02:30", "2010-11-06 02:30"),
        ("America/St_Johns", "2010-11-07 02:30", "2010-11-07 02:31", "2010-11-07 02:30"),
        ("America/St_Johns", "2010-11-07 02:30", "2010-11-07 03:29", "2010-11-07 02:30"),
        ("America/St_Johns", "2010-11-07 02:30", "2010-11-08 03:30", "2010-11-07 02:30"),
        # The 30th and the 31st both begin at the end of the gap.
        ("Pacific/Apia", "2011-12-30 10:00", "2011-12-30 10:00", "2011-12-29 10:00"),
        ("Pacific/Apia", "2011-12-30 10:00", "2011-12-31 10:00", "2011-12-30 10:00"),
    ],
)
def test_previous_where_the_date_is_turned(zone: str, midnight: str, before: str, previous: str) -> None:
    daily = CalendarIntervalTrigger(days=1, start_date="2010-11-01", timezone=zone)
    instants = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (midnight, before, previous)]
    assert daily.next(instants[0] - TICK) == instants[0]
    assert daily.previous(instants[1]) == instants[2]


@given(intervals, starts, st.integers(0, 600))
def test_a_long_way_is_that_of_single_steps(interval: dict[str, int], start: date, count: int) -> None:
    trigger = CalendarIntervalTrigger(**interval, start_date=start, timezone="UTC")  # type: ignore[arg-type]
    walked = [datetime.combine(day, time(), UTC) for day in days(interval, start, count + 3)]
    known = min(count, len(walked) - 2)
    if known < 0:
        return
    here, following = walked[known], walked[known + 1]
    assert trigger.next(here) == following
    assert trigger.next(following - TICK) == following
    assert trigger.previous(following) == here
    assert trigger.previous(here + TICK) == here
    assert trigger.previous(walked[0]) is None


@pytest.mark.parametrize(
    ("unit", "frequency"),
    [("years", rrule.YEARLY), ("months", rrule.MONTHLY), ("weeks", rrule.WEEKLY), ("days", rrule.DAILY)],
)
@given(st.integers(1, 30), starts, clocks)
def test_the_fires_are_those_of_dateutil(unit: str, frequency: int, amount: int, start: date, clock: time) -> None:
    begin = datetime.combine(start, clock)
    rule = rrule.rrule(frequency, interval=amount, dtstart=begin)  # type: ignore[arg-type]
    expected = [fire.replace(tzinfo=UTC) for fire in islice(rule, 9)]
    trigger = CalendarIntervalTrigger(**{unit: amount}, **at(clock), start_date=start, timezone="UTC")  # type: ignore[arg-type]
    assert fires(trigger, begin.replace(tzinfo=UTC) - TICK, len(expected)) == expected


@given(intervals, starts, clocks, st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]))
def test_the_fires_are_those_of_apscheduler_except_in_gaps(
    interval: dict[str, int], start: date, clock: time, zone: str
) -> None:
    """It leaves out a date whose time is in a gap. These zones have no gap at midnight, from where it shifts dates."""
    peer = Peer(**interval, **at(clock), start_date=start, timezone=zone)
    trigger = CalendarIntervalTrigger(**interval, **at(clock), start_date=start, timezone=zone)  # type: ignore[arg-type]
    before = datetime.combine(start - DAY, clock, UTC)
    expected: datetime | None = None
    for fire in fires(trigger, before, 20):
        if fire.astimezone(ZoneInfo(zone)).time() == clock:
            expected = peer.get_next_fire_time(expected, MAY)
            assert fire == expected


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (datetime(2024, 5, 1, 6, 59, tzinfo=UTC), ["05-01 07:00", "06-01 07:00"]),
        (datetime(2024, 5, 1, 7, 0, tzinfo=UTC), ["05-01 07:00", "06-01 07:00"]),
        (datetime(2024, 5, 1, 7, 0, 0, 1, tzinfo=UTC), ["06-01 07:00", "07-01 07:00"]),
        (datetime(2024, 5, 1, 21, 59, tzinfo=UTC), ["06-01 07:00", "07-01 07:00"]),
        (datetime(2024, 5, 1, 22, 0, tzinfo=UTC), ["05-02 07:00", "06-02 07:00"]),
    ],
)
def test_without_a_start_it_counts_from_the_date_of_adding_in_its_zone(added: datetime, expected: list[str]) -> None:
    trigger = CalendarIntervalTrigger(months=1, hour=9, timezone="Europe/Berlin")
    anchored = trigger.anchored(added)
    assert trigger.first(added) == anchored.first(added)
    assert [f"{fire:%m-%d %H:%M}" for fire in anchored.fire_times(added, limit=2)] == expected


@given(st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)), st.sampled_from([*ONE, *MIXED]))
def test_before_it_is_added_it_counts_from_the_date_asked_for(moment: datetime, interval: dict[str, int]) -> None:
    trigger = CalendarIntervalTrigger(**interval, hour=9, timezone="Europe/Berlin")  # type: ignore[arg-type]
    fire = trigger.next(moment)
    assert fire == trigger.anchored(moment).next(moment)
    earlier = None if fire is None else trigger.previous(fire)
    assert earlier is None or earlier <= moment


def test_the_anchor_is_part_of_the_value_but_not_of_the_definition() -> None:
    trigger = CalendarIntervalTrigger(months=1, hour=9, timezone="UTC", jitter=5)
    anchored = trigger.anchored(MAY)
    assert anchored != trigger
    assert anchored.anchored(MAY + 40 * DAY) == anchored
    assert anchored.definition() == trigger
    assert anchored.definition().jitter == 5
    assert anchored.to_json() == {"months": 1, "hour": 9, "anchor": "2024-05-01", "timezone": "UTC", "jitter": 5}


def test_a_start_in_the_future_fires_itself_and_one_in_the_past_stays_the_origin() -> None:
    trigger = CalendarIntervalTrigger(weeks=2, hour=9, start_date=date(2024, 5, 8), timezone="UTC")
    assert trigger.first(MAY) == datetime(2024, 5, 8, 9, tzinfo=UTC)
    assert trigger.first(MAY + 30 * DAY) == datetime(2024, 6, 5, 9, tzinfo=UTC)


def test_the_end_is_the_last_date_included() -> None:
    trigger = CalendarIntervalTrigger(
        days=1, hour=23, start_date="2024-05-01", end_date="2024-05-02", timezone="America/New_York"
    )
    assert [fire.isoformat() for fire in fires(trigger, MAY, 9)] == [
        "2024-05-02T03:00:00+00:00",
        "2024-05-03T03:00:00+00:00",
    ]
    assert trigger.previous(MAY + 30 * DAY) == datetime(2024, 5, 3, 3, tzinfo=UTC)
    mixed = CalendarIntervalTrigger(
        months=1, days=1, start_date="2024-05-01", end_date="2024-06-02", timezone="America/New_York"
    )
    assert mixed.previous(MAY + 300 * DAY) == datetime(2024, 6, 2, 4, tzinfo=UTC)
    assert CalendarIntervalTrigger(days=1, end_date="2024-04-30", timezone="UTC").anchored(MAY).first(MAY) is None


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "UTC", "Etc/GMT-14"])
@pytest.mark.parametrize("interval", [*ONE, *MIXED], ids=str)
def test_it_keeps_within_the_calendar(interval: dict[str, int], zone: str) -> None:
    late = CalendarIntervalTrigger(**interval, hour=23, start_date="9990-01-01", timezone=zone)  # type: ignore[arg-type]
    last = late.previous(datetime.max.replace(tzinfo=UTC))
    assert last is not None
    assert last.year >= 9998
    assert late.next(last) is None
    early = CalendarIntervalTrigger(**interval, start_date=date.min, timezone=zone)  # type: ignore[arg-type]
    first = early.next(datetime.min.replace(tzinfo=UTC))
    assert first is not None
    assert first.year <= 2
    assert early.previous(first) in (None, datetime.min.replace(tzinfo=UTC))


def test_the_last_month_of_the_calendar_counts() -> None:
    trigger = CalendarIntervalTrigger(months=1, start_date="9999-10-31", timezone="UTC")
    found = fires(trigger, datetime(9999, 1, 1, tzinfo=UTC), 9)
    assert [fire.month for fire in found] == [10, 12]


def test_triggers_of_the_same_stride_are_equal_whatever_their_units() -> None:
    assert CalendarIntervalTrigger(years=1, timezone="UTC") == CalendarIntervalTrigger(months=12, timezone="UTC")
    assert CalendarIntervalTrigger(weeks=1, timezone="UTC") == CalendarIntervalTrigger(days=7, timezone="UTC")
    assert CalendarIntervalTrigger(days=1, timezone="UTC") != CalendarIntervalTrigger(days=1, timezone="Asia/Tokyo")


def test_it_is_readable_at_rest() -> None:
    trigger = CalendarIntervalTrigger(
        months=14, weeks=1, hour=9, minute=30, start_date=date(2024, 5, 1), end_date="2030-12-31", timezone="Asia/Tokyo"
    )
    assert trigger.to_json() == {
        "years": 1,
        "months": 2,
        "days": 7,
        "hour": 9,
        "minute": 30,
        "start_date": "2024-05-01",
        "end_date": "2030-12-31",
        "timezone": "Asia/Tokyo",
    }
    assert str(trigger) == "calendarinterval[years=1, months=2, days=7, at='09:30:00']"
    assert repr(CalendarIntervalTrigger(days=1, timezone="UTC")) == "CalendarIntervalTrigger(days=1, timezone='UTC')"


def test_a_stored_trigger_needs_its_zone() -> None:
    with pytest.raises(InvalidTriggerError, match="calendarinterval trigger: the key 'timezone' is missing"):
        CalendarIntervalTrigger.from_json({"days": 1})


def test_jitter_delays_runs_and_leaves_the_fire_times() -> None:
    trigger = CalendarIntervalTrigger(days=1, timezone="UTC", jitter=timedelta(minutes=1))
    assert trigger.jitter == 60
    assert trigger == CalendarIntervalTrigger(days=1, timezone="UTC")
    assert repr(trigger) == "CalendarIntervalTrigger(days=1, timezone='UTC', jitter=60.0)"


def test_every_day_is_the_same_as_cron() -> None:
    daily = CalendarIntervalTrigger(days=1, hour=2, minute=30, start_date="2024-01-01", timezone="Europe/Berlin")
    cron = CronTrigger(hour=2, minute=30, start_date="2024-01-01", timezone="Europe/Berlin")
    start = datetime(2024, 1, 1, tzinfo=UTC)
    assert fires(daily, start, 400) == cron.fire_times(start, limit=400)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "calendarinterval: no interval is given; pass one of years, months, weeks, days above 0$"),
        ({"months": 0, "hour": 9}, "calendarinterval: no interval is given"),
        ({"years": 10**9}, "calendarinterval: years=1000000000 is longer than the calendar, which ends with"),
        ({"years": 9998, "months": 1}, "years=9998, months=1 is longer than the calendar"),
        ({"days": 10**7}, "days=10000000 is longer than the calendar"),
        ({"months": 10**5000}, "months=<an object of the class int> is longer than the calendar"),
        ({"months": -1}, "months: -1 is not an integer of at least 0"),
        ({"days": 1.5}, "days: 1.5 is not an integer of at least 0"),
        ({"days": True}, "days: True is not an integer"),
        ({"days": None}, "days: None is not an integer"),
        ({"days": "3"}, "days: '3' is text, not a number; pass days=3"),
        ({"days": "a"}, "days: 'a' is text, not a number$"),
        ({"days": 1, "hour": 24}, "hour: 24 is not an integer from 0 to 23"),
        ({"days": 1, "hour": "9"}, "hour: '9' is text, not a number; pass hour=9"),
        ({"days": 1, "minute": 60}, "minute: 60 is not an integer from 0 to 59"),
        ({"days": 1, "second": -1}, "second: -1 is not an integer from 0 to 59"),
        ({"days": 1, "start_date": "soon"}, "start_date: 'soon' is not a date such as '2024-05-01'"),
        ({"days": 1, "start_date": "2024-05-01 10:00"}, "start_date: .* pass a time as hour, minute and second"),
        ({"days": 1, "start_date": MAY}, r"start_date: datetime.* pass its date\(\), and its time as hour"),
        ({"days": 1, "end_date": 5}, "end_date: 5 is not a date"),
        ({"days": 1, "start_date": "2024-05-01", "end_date": "2024-04-30"}, "end_date: .* is before the start_date"),
        ({"days": 1, "timezone": "Mars"}, "timezone: 'Mars'"),
        ({"days": 1, "jitter": -1}, "jitter: -1"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        CalendarIntervalTrigger(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{"years": 9998}, {"days": 3_652_058}])
def test_the_longest_interval_fires_at_both_ends_of_the_calendar(arguments: dict[str, int]) -> None:
    trigger = CalendarIntervalTrigger(**arguments, hour=1, start_date=date.min, timezone="UTC")  # type: ignore[arg-type]
    assert [fire.year for fire in fires(trigger, datetime.min.replace(tzinfo=UTC), 9)] == [1, 9999]
