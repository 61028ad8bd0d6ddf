"""The interval trigger: start + n · step."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import IntervalTrigger, Span, Trigger

START = datetime(2024, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("after", "fire"),
    [
        (START - 1000 * HOUR, START),
        (START - TICK, START),
        (START, START + HOUR),
        (START + TICK, START + HOUR),
        (START + HOUR - TICK, START + HOUR),
        (START + HOUR, START + 2 * HOUR),
        (START + 9 * HOUR, START + 10 * HOUR),
        (START + 10 * HOUR, None),
        (START + 1000 * HOUR, None),
    ],
)
def test_it_fires_at_its_start_and_each_step_after_it_up_to_its_end(after: datetime, fire: datetime | None) -> None:
    assert IntervalTrigger(hours=1, start_date=START, end_date=START + 10 * HOUR).next(after) == fire


@pytest.mark.parametrize(
    ("after", "fire"),
    [(START - 5 * HOUR, START + HOUR), (START, START + HOUR), (START + 90 * timedelta(minutes=1), START + 2 * HOUR)],
)
def test_without_a_start_it_counts_from_when_it_was_added(after: datetime, fire: datetime) -> None:
    assert IntervalTrigger(hours=1).anchored(START).next(after) == fire


def test_before_it_is_added_it_counts_from_the_instant_asked_for() -> None:
    assert IntervalTrigger(hours=1).next(START + TICK) == START + TICK + HOUR


def test_the_anchor_is_part_of_the_value_but_not_of_the_definition() -> None:
    trigger = IntervalTrigger(hours=1)
    anchored = trigger.anchored(START)
    assert anchored != trigger
    assert anchored.anchored(START + HOUR) == anchored
    assert anchored.definition() == trigger
    assert anchored.to_json() == {"hours": 1, "anchor": "2024-05-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("after", "fire"),
    [(START - 5 * HOUR, START), (START - TICK, START), (START, START + HOUR), (START + 9 * HOUR, START + 10 * HOUR)],
)
def test_a_start_now_is_itself_a_fire_time(after: datetime, fire: datetime) -> None:
    assert IntervalTrigger(hours=1, start="now").anchored(START).next(after) == fire


def test_the_first_fire_is_told_before_it_is_added_too() -> None:
    assert IntervalTrigger(hours=1).first(START) == START + HOUR
    assert IntervalTrigger(hours=1, start="now").first(START) == START
    assert IntervalTrigger(hours=1, start="now", end_date=START - TICK).first(START) is None


def test_a_start_now_is_part_of_the_definition_and_its_time_is_not() -> None:
    trigger = IntervalTrigger(hours=1, start="now")
    anchored = trigger.anchored(START)
    assert trigger != IntervalTrigger(hours=1)
    assert anchored.definition() == trigger
    assert anchored.anchored(START + HOUR) == anchored
    assert anchored.to_json() == {"hours": 1, "start": "now", "anchor": "2024-05-01T00:00:00+00:00"}
    assert repr(trigger) == "IntervalTrigger(hours=1, start='now')"


def test_jitter_delays_runs_and_leaves_the_fire_times() -> None:
    trigger = IntervalTrigger(hours=1, jitter=timedelta(minutes=1))
    assert trigger.jitter == 60
    assert trigger.anchored(START).definition().jitter == 60
    assert trigger == IntervalTrigger(hours=1)
    assert trigger.to_json() == {"hours": 1, "jitter": 60}
    assert repr(trigger) == "IntervalTrigger(hours=1, jitter=60.0)"
    assert IntervalTrigger.from_json(trigger.to_json()).jitter == 60


@pytest.mark.parametrize(
    ("before", "fire"),
    [
        (START, None),
        (START + TICK, START),
        (START + HOUR, START),
        (START + HOUR + TICK, START + HOUR),
        (START + 10 * HOUR, START + 9 * HOUR),
        (START + 1000 * HOUR, START + 10 * HOUR),
    ],
)
def test_the_fire_before_an_instant(before: datetime, fire: datetime | None) -> None:
    end = START + 10 * HOUR + TICK
    assert IntervalTrigger(hours=1, start_date=START, end_date=end).previous(before) == fire
    assert IntervalTrigger(hours=1, start="now", end_date=end).anchored(START).previous(before) == fire
    from_the_first_step = None if fire == START else fire
    assert IntervalTrigger(hours=1, end_date=end).anchored(START).previous(before) == from_the_first_step


@pytest.mark.parametrize("end", [None, START, START + timedelta(days=1)], ids=str)
@pytest.mark.parametrize("start", [{}, {"start": "now"}, {"start_date": START}], ids=str)
@given(st.timedeltas(TICK, timedelta(days=3)), st.datetimes(timezones=st.just(UTC)))
def test_the_fire_before_the_next_one_is_not_later(
    start: dict[str, Any], end: datetime | None, interval: timedelta, after: datetime
) -> None:
    trigger = IntervalTrigger(seconds=interval.total_seconds(), **start, end_date=end)
    for each in (trigger, trigger.anchored(START)):
        fire = each.next(after)
        previous = None if fire is None else each.previous(fire)
        assert previous is None or previous <= after


@given(st.timedeltas(TICK, timedelta(days=3000)), st.timedeltas(timedelta(-1), timedelta(days=9000)))
def test_the_fire_before_is_the_one_that_a_search_by_next_finds(interval: timedelta, away: timedelta) -> None:
    trigger = IntervalTrigger(
        days=interval.days,
        seconds=interval.seconds,
        microseconds=interval.microseconds,
        start_date=START,
        end_date=START + timedelta(days=8000),
    )
    assert trigger.previous(START + away) == Trigger.previous(trigger, START + away)


def test_an_end_before_it_is_added_leaves_no_fire() -> None:
    assert IntervalTrigger(hours=1, end_date=START).anchored(START).next(START) is None


def test_days_are_elapsed_time_across_a_turn_of_the_clock() -> None:
    trigger = IntervalTrigger(days=1, start_date="2024-03-30 12:00:00", timezone="Europe/Berlin")
    assert trigger.next(datetime(2024, 3, 30, 12, tzinfo=UTC)) == datetime(2024, 3, 31, 11, tzinfo=UTC)  # 13:00 there


@pytest.mark.parametrize(
    ("arguments", "interval"),
    [
        ({"weeks": 1, "days": 1, "hours": 1, "minutes": 1, "seconds": 1, "microseconds": 1}, 694_861_000_001),
        ({"seconds": 0.5}, 500_000),
        ({"minutes": 1.5}, 90_000_000),
        ({"microseconds": 1}, 1),
    ],
)
def test_the_units_add_up(arguments: dict[str, float], interval: int) -> None:
    assert IntervalTrigger(**arguments).interval == timedelta(microseconds=interval)  # type: ignore[arg-type]


def test_triggers_of_the_same_length_are_equal_whatever_their_units() -> None:
    assert IntervalTrigger(minutes=120) == IntervalTrigger(hours=2)
    assert hash(IntervalTrigger(weeks=1)) == hash(IntervalTrigger(days=7))


def test_it_is_readable_at_rest() -> None:
    trigger = IntervalTrigger(
        weeks=1, minutes=90, start_date=date(2024, 5, 1), end_date=START + 9 * HOUR, timezone="UTC"
    )
    assert trigger.to_json() == {
        "days": 7,
        "hours": 1,
        "minutes": 30,
        "start_date": "2024-05-01T00:00:00+00:00",
        "end_date": "2024-05-01T09:00:00+00:00",
    }
    assert str(trigger) == "interval[7 days, 1:30:00]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "interval: no interval is given; pass one of weeks"),
        ({"seconds": 0}, "interval: no interval is given"),
        ({"seconds": 1e-9}, "interval: seconds=1e-09 is less than the shortest"),
        ({"seconds": -1}, "seconds: -1"),
        ({"hours": 1, "minutes": -30}, "minutes: -30"),
        ({"seconds": math.nan}, "seconds: nan"),
        ({"seconds": math.inf}, "seconds: inf"),
        ({"seconds": True}, "seconds: True"),
        ({"seconds": "5"}, "seconds: '5'"),
        ({"seconds": None}, "seconds: None"),
        ({"hours": Fraction(1, 2)}, r"hours: Fraction\(1, 2\)"),
        ({"weeks": 10**7}, "weeks=10000000 is longer than the calendar"),
        ({"days": 1e300}, r"days=1e\+300 is longer than the calendar"),
        ({"days": 10**30}, "days=1000.* is longer than the calendar"),
        ({"days": 10**5000}, "days=<an object of the class int> is longer than the calendar"),
        ({"days": "9" * 999}, "days: '999.*… is text, not a number$"),
        ({"hours": 1, "start_date": "soon"}, "start_date: 'soon'"),
        ({"hours": 1, "end_date": 5}, "end_date: 5"),
        ({"hours": 1, "start_date": START, "end_date": START - TICK}, "end_date: .* is before the start_date"),
        ({"hours": 1, "timezone": "Mars"}, "timezone: 'Mars'"),
        (
            {"hours": 1, "start": "2024-05-01"},
            "start: '2024-05-01' is not 'now'; pass a given time as start_date",
        ),
        ({"hours": 1, "start": START}, "start: datetime.* is not 'now'; pass a given time as start_date"),
        ({"hours": 1, "start": True}, "start: True is not 'now'"),
        ({"hours": 1, "start": "now", "start_date": START}, "start: 'now' cannot be combined with start_date="),
        ({"hours": 1, "jitter": -1}, "jitter: -1"),
        ({"hours": 1, "jitter": "5"}, "jitter: '5'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        IntervalTrigger(**arguments)  # type: ignore[arg-type]


def test_an_end_at_the_start_leaves_one_fire() -> None:
    trigger = IntervalTrigger(hours=1, start_date=START, end_date=START)
    assert trigger.next(START - HOUR) == START
    assert trigger.next(START) is None


def test_a_year_of_missed_microseconds_is_counted_without_walking() -> None:
    trigger = IntervalTrigger(microseconds=1, start_date=START)
    year = timedelta(days=366)
    assert trigger.span(START, START + year, 10**15) == Span(START + year, year // TICK + 1, START + year + TICK)
    assert trigger.span(START, START + year, 1).walked == 0


@given(st.timedeltas(TICK, datetime.max - datetime.min), st.datetimes(timezones=st.just(UTC)))
def test_it_never_leaves_the_calendar(interval: timedelta, start: datetime) -> None:
    seconds = {"days": interval.days, "seconds": interval.seconds, "microseconds": interval.microseconds}
    trigger = IntervalTrigger(**seconds, start_date=start)
    latest = datetime.max.replace(tzinfo=UTC)
    span = trigger.span(start, latest, 10**30)
    assert span.following is None
    assert span.last == start + (span.count - 1) * interval
    assert latest - span.last < interval
