"""The trigger without some of its fire times: days, ranges of time, and what other triggers do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import InvalidTriggerError, Scheduler
from scheduler.triggers import (
    CronTrigger,
    DateTrigger,
    ExcludingTrigger,
    IntervalTrigger,
    Span,
    Trigger,
)

START = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
ALL = 2**62

BERLIN = ZoneInfo("Europe/Berlin")
HOURLY = IntervalTrigger(hours=1, start_date=START)
NINE = CronTrigger(hour=9, timezone="Europe/Berlin")
EVER = IntervalTrigger(microseconds=1, start_date="1900-01-01", timezone="UTC")
"""It fires at every instant."""


@dataclass(frozen=True)
class Seconds(Trigger):
    """A trigger of a program's own that fires each second, and notes each question."""

    asked: list[datetime] = field(default_factory=list, compare=False)

    def next(self, after: datetime) -> datetime:
        self.asked.append(after)
        return after.replace(microsecond=0) + timedelta(seconds=1)


def excluded(trigger: ExcludingTrigger, instants: Iterable[datetime]) -> list[datetime]:
    """Which of these instants a trigger leaves out that would otherwise fire at each of them."""
    return [instant for instant in instants if trigger.next(instant - TICK) != instant]


def minutes(start: datetime, end: datetime) -> list[datetime]:
    return IntervalTrigger(minutes=1, start_date=start).fire_times(start, end)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("UTC", "2024-03-31", 1440),
        ("Europe/Berlin", "2024-03-31", 1380),
        ("Europe/Berlin", "2024-10-27", 1500),
        ("America/New_York", "2024-11-03", 1500),
        ("Australia/Lord_Howe", "2024-04-07", 1470),
        ("+05:30", "2024-03-31", 1440),
        ("America/Sao_Paulo", "2018-11-04", 1380),  # begins at 01:00, as midnight is skipped
        ("America/Sao_Paulo", "2018-11-03", 1440),
        ("America/Sao_Paulo", "2018-02-17", 1500),  # its last hour comes twice
        ("America/Sao_Paulo", "2018-02-18", 1440),
        ("Africa/Cairo", "2024-04-26", 1380),
        ("Africa/Cairo", "2024-10-31", 1500),
        ("America/Havana", "2024-11-03", 1500),  # its first hour comes twice
        ("America/Toronto", "1919-03-30", 1410),  # at 23:30 it is 00:30
        ("America/Toronto", "1919-03-31", 1410),
        ("America/St_Johns", "2006-10-28", 1499),  # at 00:01 of the 29th it is 23:01 of the 28th again
        ("America/St_Johns", "2006-10-29", 1441),
        ("Asia/Kathmandu", "1986-01-01", 1425),
        ("Pacific/Apia", "2011-12-29", 1440),
        ("Pacific/Apia", "2011-12-30", 0),
        ("Pacific/Apia", "2011-12-31", 1440),
        ("Pacific/Kwajalein", "1969-09-30", 2820),
    ],
)
def test_a_day_is_when_the_clock_of_the_zone_shows_its_date(zone: str, day: str, length: int) -> None:
    middle = utc(day)
    looked_at = minutes(middle - 2 * DAY, middle + 3 * DAY)
    trigger = ExcludingTrigger(EVER, dates=[day], timezone=zone)
    left_out = excluded(trigger, looked_at)
    assert left_out == [i for i in looked_at if i.astimezone(trigger.timezone).date().isoformat() == day]
    assert len(left_out) == length


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "America/St_Johns"])
def test_a_day_begins_and_ends_to_the_microsecond(zone: str) -> None:
    trigger = ExcludingTrigger(EVER, dates=["2024-05-01"], timezone=zone)
    first = datetime(2024, 5, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert excluded(trigger, [first - TICK, first, first + DAY - TICK, first + DAY]) == [first, first + DAY - TICK]


@pytest.mark.parametrize("texts", [["2024-05-01"], ["2024-5-1"], ["20240501"], {date(2024, 5, 1): "Labour Day"}])
def test_days_may_be_dates_or_texts_and_any_collection(texts: Any) -> None:
    assert ExcludingTrigger(NINE, dates=texts) == ExcludingTrigger(NINE, dates=[date(2024, 5, 1)])
    assert ExcludingTrigger(NINE, dates=texts).to_json()["dates"] == ["2024-05-01"]


@pytest.mark.parametrize(
    ("start", "end", "first", "after"),
    [
        (date(2024, 5, 1), date(2024, 5, 2), "2024-04-30 22:00", "2024-05-02 22:00"),
        ("2024-05-01", "2024-05-01", "2024-04-30 22:00", "2024-05-01 22:00"),
        ("2024-05-01T08:30", "2024-05-01 17:00", "2024-05-01 06:30", "2024-05-01 15:00"),
        (datetime(2024, 5, 1, 8, 30), utc("2024-05-01 15:00"), "2024-05-01 06:30", "2024-05-01 15:00"),
        ("2024-05-01T00:00:00-08:00", "2024-05-01T18:00:00+05:30", "2024-05-01 08:00", "2024-05-01 12:30"),
        ("2024-05-01", "2024-05-01T12:00", "2024-04-30 22:00", "2024-05-01 10:00"),
        ("2024-05-01T12:00", "2024-05-02", "2024-05-01 10:00", "2024-05-02 22:00"),
        ("2024-05-01T12:00", "2024-05-01", "2024-05-01 10:00", "2024-05-01 22:00"),
        ("2024-03-31T02:30", "2024-03-31T04:00", "2024-03-31 01:30", "2024-03-31 02:00"),  # 02:30 is skipped
        ("2024-10-27T02:30", "2024-10-27T03:00", "2024-10-27 00:30", "2024-10-27 02:00"),  # 02:30 comes twice
    ],
)
def test_a_range_includes_whole_days_and_the_time_at_its_start(start: Any, end: Any, first: str, after: str) -> None:
    trigger = ExcludingTrigger(EVER, ranges=[(start, end)], timezone=BERLIN)
    assert trigger.next(utc(first) - 2 * TICK) == utc(first) - TICK
    assert trigger.next(utc(first) - TICK) == utc(after)
    assert trigger.previous(utc(after)) == utc(first) - TICK


@pytest.mark.parametrize("zone", ["America/St_Johns", "America/Sao_Paulo", "Europe/Berlin"])
@pytest.mark.parametrize("end", ["2006-10-29", "2006-11-05", "2006-10-29T12:00"])
@pytest.mark.parametrize("start", ["2006-10-28", "2006-10-29", "2006-10-28T12:00"])
def test_days_at_the_ends_of_a_range_are_whole_where_the_clock_is_turned(zone: str, start: str, end: str) -> None:
    def within(instant: datetime) -> bool:
        wall = instant.astimezone(ZoneInfo(zone)).isoformat()
        return start <= wall[: len(start)] and (wall[:10] <= end if len(end) == 10 else wall[:16] < end)

    looked_at = minutes(utc("2006-10-27"), utc("2006-10-31")) + minutes(utc("2006-11-04"), utc("2006-11-07"))
    trigger = ExcludingTrigger(EVER, ranges=[(start, end)], timezone=zone)
    assert excluded(trigger, looked_at) == [instant for instant in looked_at if within(instant)]


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (date(2006, 10, 29), utc("2006-10-29 02:30:30"), ["02:30:00", "02:30:29"]),
        (utc("2006-10-29 02:31:30"), date(2006, 10, 28), ["02:31:30", "03:29:59"]),
    ],
)
def test_a_range_may_begin_and_end_while_the_clock_goes_over_midnight_twice(
    start: date, end: date, seconds: list[str]
) -> None:
    """In St. John's the 29th began at 02:30 UTC, at 02:31 it was the 28th again, and at 03:30 the 29th."""
    trigger = ExcludingTrigger(EVER, ranges=[(start, end)], timezone="America/St_Johns")
    looked_at = IntervalTrigger(seconds=1, start_date="2006-10-29 01:00", timezone="UTC").fire_times(
        utc("2006-10-29 01:00"), utc("2006-10-29 05:00")
    )
    left_out = [f"{instant:%H:%M:%S}" for instant in excluded(trigger, looked_at)]
    assert left_out[:1] + left_out[-1:] == seconds


def test_a_day_that_its_zone_skipped_may_be_excluded() -> None:
    trigger = ExcludingTrigger(EVER, ranges=[("2011-12-30", "2011-12-30")], timezone="Pacific/Apia")
    assert trigger == ExcludingTrigger(EVER, dates=["2011-12-30"], timezone="Pacific/Apia")


moments = st.integers(0, 20 * 96).map(lambda quarters: START + quarters * HOUR / 4)
ranges = st.lists(st.tuples(moments, moments).filter(lambda pair: pair[0] < pair[1]), max_size=6)
days = st.lists(st.integers(0, 20).map(lambda day: START.date() + day * DAY), max_size=6)
grids = st.builds(
    lambda quarters, start: IntervalTrigger(minutes=15 * quarters, start_date=start), st.integers(1, 40), moments
)


@given(grids, days, ranges, st.lists(grids | moments.map(DateTrigger), min_size=1, max_size=3), moments)
def test_what_remains_is_what_nothing_excludes(
    trigger: Trigger, dates: list[date], spans: list[tuple[datetime, datetime]], others: list[Trigger], end: datetime
) -> None:
    end += TICK
    found = ExcludingTrigger(trigger, dates=dates, ranges=spans, triggers=others, timezone=BERLIN)
    at_others = {fire for other in others for fire in other.fire_times(START, end)}
    remaining = [
        fire
        for fire in trigger.fire_times(START, end)
        if fire.astimezone(BERLIN).date() not in dates
        and not any(start <= fire < stop for start, stop in spans)
        and fire not in at_others
    ]
    walked: list[datetime] = []
    after = START - TICK
    while len(walked) < len(remaining) and (fire := found.next(after)) is not None:
        walked.append(fire)
        after = fire
    assert walked == remaining
    assert found.previous(end) == (remaining[-1] if remaining else None)


@given(grids, days, ranges, moments, moments)
def test_fire_times_are_counted_as_walking_counts_them(
    trigger: Trigger,
    dates: list[date],
    spans: list[tuple[datetime, datetime]],
    first: datetime,
    until: datetime,
) -> None:
    found = ExcludingTrigger(trigger, dates=[START.date(), *dates], ranges=spans, timezone=BERLIN)
    assert found.span(first, until, 1) == Trigger.span(found, first, until, ALL)._replace(walked=0)


def test_a_year_without_each_second_is_passed_over_at_once() -> None:
    seconds = Seconds()
    trigger = ExcludingTrigger(seconds, ranges=[(START, START + 365 * DAY)], dates=["2025-03-01"], timezone="UTC")
    assert trigger.next(START) == utc("2025-03-02")
    assert trigger.next(START + 9 * DAY) == utc("2025-03-02")
    assert len(seconds.asked) == 4
    seconds.asked.clear()
    assert trigger.previous(utc("2025-03-02")) == START - timedelta(seconds=1)
    assert len(seconds.asked) < 500


def test_a_year_of_missed_seconds_is_counted_without_walking() -> None:
    seconds = IntervalTrigger(seconds=1, start_date=START)
    trigger = ExcludingTrigger(
        seconds, dates=["2024-12-25", "2024-12-26"], ranges=[("2024-06-01", "2024-06-30")], timezone="UTC"
    )
    trigger = ExcludingTrigger(trigger, ranges=[(START + HOUR, START + 2 * HOUR)], timezone="UTC")
    last = START + 365 * DAY
    count = 333 * 86_400 - 3_600 + 1
    assert trigger.span(START, last, ALL) == Span(last, count, last + timedelta(seconds=1))


def test_a_count_ends_where_the_trigger_does_or_at_the_end_of_time() -> None:
    ending = IntervalTrigger(hours=1, start_date=START, end_date=START + DAY)
    trigger = ExcludingTrigger(ending, dates=["2024-03-02"], timezone="UTC")
    assert trigger.span(START, START + 9 * DAY, ALL) == Span(START + 23 * HOUR, 24, None)
    latest = datetime.max.replace(tzinfo=UTC)
    assert trigger.span(START, latest, ALL) == Span(START + 23 * HOUR, 24, None)
    assert ExcludingTrigger(HOURLY, dates=["9999-12-31"], timezone="UTC").previous(latest) == utc("9999-12-30 23:00")


def test_others_that_fire_are_not_counted_at_once() -> None:
    assert ExcludingTrigger(HOURLY, triggers=[NINE], timezone="UTC").span(START, START + DAY, 5).walked >= 5


def test_it_ends_when_its_trigger_ends_or_when_all_that_is_left_is_excluded() -> None:
    trigger = ExcludingTrigger(DateTrigger(START), dates=["2024-03-01"], timezone="UTC")
    assert trigger.next(START - DAY) is None
    assert trigger.first(START - DAY) is None
    assert trigger.previous(START + DAY) is None


def test_a_date_that_has_passed_does_not_fire_when_the_job_is_added() -> None:
    assert ExcludingTrigger(DateTrigger(START), dates=["2024-04-01"], timezone="UTC").first(START + HOUR) is None


def test_a_trigger_without_itself_is_an_error_and_no_endless_search() -> None:
    trigger = ExcludingTrigger(HOURLY, triggers=[HOURLY], timezone="UTC")
    advice = (
        r"^excluding trigger: no fire time in 20,000 steps; all are excluded; exclude many in a row by one range.*; "
    )
    with pytest.raises(InvalidTriggerError, match=advice + r"searched .* for excluding\[interval\[1:00:00\], interval"):
        trigger.next(START)
    with pytest.raises(InvalidTriggerError, match=r"searched from 2025-04-21 .* to 2024-03-01 00:00:00"):
        trigger.previous(START + 10_001 * HOUR)


def test_all_in_it_count_from_the_adding_of_the_job() -> None:
    trigger = ExcludingTrigger(
        IntervalTrigger(hours=1), dates=["2024-03-02"], triggers=[IntervalTrigger(hours=2)], timezone="UTC"
    )
    added = trigger.anchored(START + MINUTE)
    expected = [START + MINUTE + hour * HOUR for hour in (21, 23, 49)]
    assert added.fire_times(START + 20 * HOUR, limit=3) == expected
    assert added.anchored(START + DAY) is added
    assert added != trigger
    assert added.definition() == trigger
    assert trigger.definition() is trigger
    assert trigger.next(START + MINUTE) == START + MINUTE + HOUR


def test_what_fires_alike_is_equal() -> None:
    one = ExcludingTrigger(NINE, dates=["2024-05-02", "2024-05-01"])
    assert one == ExcludingTrigger(NINE, ranges=[("2024-05-01", "2024-05-02")], timezone="Europe/Berlin", jitter=5)
    assert one != ExcludingTrigger(NINE, dates=["2024-05-02", "2024-05-01"], timezone="UTC")
    assert one != ExcludingTrigger(NINE, dates=["2024-05-02", "2024-05-01"], triggers=[HOURLY])
    assert one != ExcludingTrigger(HOURLY, dates=["2024-05-02", "2024-05-01"], timezone="Europe/Berlin")


def test_it_is_readable_at_rest() -> None:
    trigger = ExcludingTrigger(
        NINE,
        dates=["2024-12-25", date(2024, 5, 1)],
        ranges=[("2024-12-24T18:00", "2024-12-26"), (START, START + HOUR)],
        triggers=[DateTrigger(START)],
        jitter=30,
    )
    assert trigger.to_json() == {
        "trigger": NINE,
        "dates": ["2024-05-01", "2024-12-25"],
        "ranges": [
            ["2024-12-24T17:00:00+00:00", "2024-12-26"],
            ["2024-03-01T00:00:00+00:00", "2024-03-01T01:00:00+00:00"],
        ],
        "triggers": [DateTrigger(START)],
        "timezone": "Europe/Berlin",
        "jitter": 30.0,
    }
    assert ExcludingTrigger(NINE, dates=["2024-12-25"]).to_json() == {
        "trigger": NINE,
        "dates": ["2024-12-25"],
        "timezone": "Europe/Berlin",
    }
    assert str(trigger) == "excluding[cron[hour='9'], dates=2, ranges=2, date[2024-03-01 00:00:00+00:00]]"


def test_a_job_takes_it_as_a_value() -> None:
    """By its name it cannot be added, as `trigger` is an argument of both."""
    scheduler = Scheduler(timezone="UTC")
    trigger = ExcludingTrigger(IntervalTrigger(hours=1), dates=["2024-12-25"], timezone="UTC")
    job = scheduler.add_job(print, trigger)
    assert job.trigger != trigger
    assert job.trigger.definition() == trigger
    with pytest.raises(InvalidTriggerError, match=r"'excluding'.* ExcludingTrigger\("):
        scheduler.add_job(print, "excluding", dates=["2024-12-25"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "^excluding trigger: nothing is excluded; pass dates, ranges or triggers$"),
        ({"dates": [], "ranges": []}, "nothing is excluded"),
        ({"dates": "2024-12-25"}, r"^dates: '2024-12-25' is not a list; pass dates=\[\"2024-12-25\"\]$"),
        ({"dates": date(2024, 12, 25)}, "^dates: .* is not a list"),
        (
            {"dates": ["2024-02-30"]},
            "^dates: '2024-02-30' is not a date such as '2024-12-25'; a part of a day is a range$",
        ),
        ({"dates": ["2024-12-25T10:00"]}, "a part of a day is a range"),
        ({"dates": [START]}, "a part of a day is a range"),
        ({"dates": [None]}, "^dates: None is not a date"),
        ({"ranges": ("2024-12-24", "2024-12-26")}, "^ranges: '2024-12-24' is not a pair of a start and an end; pass"),
        ({"ranges": [("2024-12-24",)]}, "is not a pair"),
        ({"ranges": "always"}, "^ranges: 'always' is not a list; pass ranges="),
        ({"ranges": [("2024-12-24", None)]}, "^ranges: None is not a datetime"),
        ({"ranges": [("2024-12-24", "later")]}, "^ranges: 'later' is not a date or time"),
        (
            {"ranges": [("2024-12-24", "2024-12-23")]},
            "^ranges: the end '2024-12-23' is not after the start '2024-12-24'$",
        ),
        ({"ranges": [(START, START)]}, "is not after the start"),
        ({"ranges": [("2024-12-24", "2024-12-24T00:00")]}, "is not after the start"),
        ({"ranges": [("2024-12-25T00:00", "2024-12-24")]}, "is not after the start"),
        ({"triggers": NINE}, r"^triggers: CronTrigger.* is one trigger, not a list; pass triggers=\[…\]$"),
        ({"triggers": ["cron"]}, "^triggers: 'cron' is not a Trigger"),
        ({"trigger": "cron", "dates": ["2024-12-25"]}, "^trigger: 'cron' is not a Trigger; build one"),
        ({"dates": ["2024-12-25"], "timezone": "Mars"}, "^timezone: 'Mars'"),
        ({"dates": ["2024-12-25"], "jitter": -1}, "^jitter: -1"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        ExcludingTrigger(**{"trigger": NINE, **arguments})


@pytest.mark.parametrize("name", ["trigger", "timezone"])
def test_stored_data_that_lacks_a_part_is_refused(name: str) -> None:
    stored = ExcludingTrigger(HOURLY, dates=["2024-12-25"], timezone="UTC").to_json()
    del stored[name]
    with pytest.raises(InvalidTriggerError, match=r"the key 'trigger' is missing$|pass timezone="):
        ExcludingTrigger.from_json(stored)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_first_and_the_last_day_of_the_calendar_can_be_excluded(zone: str, day: date) -> None:
    trigger = ExcludingTrigger(HOURLY, dates=[day], ranges=[(day, day)], timezone=zone)
    assert trigger.next(START) == START + HOUR
