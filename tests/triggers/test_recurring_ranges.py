"""Ranges of an excluding trigger that begin whenever another trigger fires: nights, weekends, maintenance windows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import InvalidTriggerError
from scheduler.serialization import TriggerCodec
from scheduler.triggers import AndTrigger, CronTrigger, DateTrigger, ExcludingTrigger, IntervalTrigger, Trigger

START = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)

HOURLY = IntervalTrigger(hours=1, start_date=START)
EVER = IntervalTrigger(microseconds=1, start_date="1900-01-01", timezone="UTC")
"""It fires at every instant."""
SUNDAYS = CronTrigger(day_of_week="sun", hour=2, timezone="Europe/Berlin")
NIGHTS = CronTrigger(hour=2, timezone="Europe/Berlin")


@dataclass(frozen=True)
class Noted(Trigger):
    """A trigger of a program's own that fires when another does, and notes each question."""

    trigger: Trigger
    asked: list[datetime] = field(default_factory=list, compare=False)

    def next(self, after: datetime) -> datetime | None:
        self.asked.append(after)
        return self.trigger.next(after)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_range_begins_when_its_trigger_fires_and_its_end_does_not_belong() -> None:
    trigger = ExcludingTrigger(EVER, ranges=[(SUNDAYS, 2 * HOUR)])
    first = utc("2024-03-03 01:00")
    assert trigger.next(first - 2 * TICK) == first - TICK
    assert trigger.next(first - TICK) == first + 2 * HOUR
    assert trigger.next(first + HOUR) == first + 2 * HOUR
    assert trigger.next(first + 2 * HOUR) == first + 2 * HOUR + TICK
    assert trigger.previous(first + 2 * HOUR) == first - TICK
    assert trigger.previous(first + 2 * HOUR + TICK) == first + 2 * HOUR


@pytest.mark.parametrize(
    ("start", "end"),
    [("2024-03-30 01:00", "2024-03-30 04:00"), ("2024-03-31 01:00", "2024-03-31 04:00")],
)
def test_it_lasts_as_time_elapses_also_where_the_clock_is_turned(start: str, end: str) -> None:
    """Three hours from 02:00 in Berlin end at 05:00, and on the 31st, from 03:00 after the gap, at 06:00."""
    trigger = ExcludingTrigger(EVER, ranges=[(NIGHTS, 3 * HOUR)])
    assert trigger.next(utc(start) - TICK) == utc(end)


moments = st.integers(0, 20 * 96).map(lambda quarters: START + quarters * HOUR / 4)
grids = st.builds(
    lambda quarters, start: IntervalTrigger(minutes=15 * quarters, start_date=start), st.integers(1, 40), moments
)
recurring = st.lists(
    st.tuples(
        grids | moments.map(DateTrigger) | st.just(NIGHTS),
        st.integers(1, 60).map(lambda quarters: quarters * HOUR / 4) | st.just(HOUR + TICK),
    ),
    min_size=1,
    max_size=3,
)


@given(grids, recurring, moments)
def test_what_remains_lies_in_none_of_the_ranges_however_they_overlap(
    trigger: Trigger, ranges: list[tuple[Trigger, timedelta]], start: datetime
) -> None:
    end = START + 20 * DAY
    windows = [
        (begin, begin + length) for other, length in ranges for begin in other.fire_times(START - 2 * DAY, end, 2000)
    ]
    remaining = [
        fire for fire in trigger.fire_times(start, end) if not any(first <= fire < last for first, last in windows)
    ]
    found = ExcludingTrigger(trigger, ranges=[*ranges, (START - 9 * DAY, START - 8 * DAY)])
    after = start - TICK
    for expected in remaining:
        after = found.next(after) or end
        assert after == expected
    if remaining:
        assert found.previous(end + TICK) == remaining[-1]


def test_a_range_is_passed_over_at_once_and_costs_one_question_a_fire_time() -> None:
    weekends, seconds = (
        Noted(CronTrigger(day_of_week="sat", timezone="UTC")),
        Noted(IntervalTrigger(seconds=10, start_date=START + TICK)),
    )
    trigger = ExcludingTrigger(seconds, ranges=[(weekends, 2 * DAY)])
    assert trigger.next(utc("2024-03-01 23:59:55")) == utc("2024-03-04") + TICK
    assert (len(weekends.asked), len(seconds.asked)) == (2, 2)
    assert trigger.previous(utc("2024-03-04")) == utc("2024-03-01 23:59:50") + TICK


def test_ranges_without_a_gap_end_the_search() -> None:
    always = (IntervalTrigger(hours=1, start_date="1990-01-01", timezone="UTC"), HOUR)
    trigger = ExcludingTrigger(HOURLY, ranges=[always])
    with pytest.raises(
        InvalidTriggerError, match=r"^excluding trigger: no fire time in 20,000 steps; all are excluded"
    ):
        trigger.next(START)


def test_a_search_for_a_range_shares_the_bound() -> None:
    """Otherwise each of 20,000 ranges in a row could take 20,000 steps to find."""
    sevens = Noted(IntervalTrigger(minutes=7, start_date=START))
    meeting = AndTrigger([sevens, IntervalTrigger(minutes=1009, start_date=START)])
    with pytest.raises(InvalidTriggerError, match=r"no fire time in 20,000 steps"):
        ExcludingTrigger(HOURLY, ranges=[(meeting, 7 * 1009 * MINUTE)]).next(START)
    assert len(sevens.asked) <= 20_000


def test_missed_fire_times_are_walked() -> None:
    assert ExcludingTrigger(HOURLY, ranges=[(SUNDAYS, HOUR)]).span(START, START + 9 * HOUR, 5).walked >= 5


def test_its_triggers_count_from_the_adding_of_the_job() -> None:
    trigger = ExcludingTrigger(HOURLY, ranges=[(IntervalTrigger(hours=6), 2 * HOUR)])
    added = trigger.anchored(START + MINUTE)
    assert [fire.hour for fire in added.fire_times(START, limit=8)] == [0, 1, 2, 3, 4, 5, 6, 9]
    assert added.anchored(START + DAY) is added
    assert added != trigger
    assert added.definition() == trigger
    assert trigger.definition() is trigger


def test_what_is_excluded_alike_is_equal() -> None:
    one = ExcludingTrigger(HOURLY, ranges=[(SUNDAYS, 2 * HOUR)])
    assert one == ExcludingTrigger(HOURLY, ranges=[(SUNDAYS, 7200)])
    assert hash(one) == hash(ExcludingTrigger(HOURLY, ranges=[(SUNDAYS, 7200.0)], timezone="UTC"))
    assert one != ExcludingTrigger(HOURLY, ranges=[(SUNDAYS, 3 * HOUR)])
    assert one != ExcludingTrigger(HOURLY, ranges=[(NIGHTS, 2 * HOUR)])


@pytest.mark.parametrize("length", [TICK, timedelta(hours=2), timedelta(days=36_525) - TICK])
def test_it_is_readable_at_rest_and_exact_to_the_microsecond(length: timedelta) -> None:
    trigger = ExcludingTrigger(NIGHTS, ranges=[(SUNDAYS, length), (START, START + HOUR)])
    assert trigger.to_json()["ranges"] == [
        ["2024-03-01T00:00:00+00:00", "2024-03-01T01:00:00+00:00"],
        [SUNDAYS, length.total_seconds()],
    ]
    codec = TriggerCodec()
    read = codec.decode(json.loads(json.dumps(codec.encode(trigger))))
    assert read == trigger
    assert isinstance(read, ExcludingTrigger)
    assert read.recurring[0].length == length
    assert str(trigger) == f"excluding[cron[hour='2'], ranges=1, cron[day_of_week='sun', hour='2'] for {length}]"


@pytest.mark.parametrize(
    "length",
    ["2h", None, timedelta(0), -HOUR, timedelta(days=36_526), 0, -1, 1e-9, float("nan"), float("inf"), True, SUNDAYS],
    ids=str,
)
def test_a_length_that_is_none_is_refused(length: Any) -> None:
    with pytest.raises(InvalidTriggerError, match=r"^ranges: .* is not a timedelta above 0, .*; pass ranges=\[\(Cron"):
        ExcludingTrigger(HOURLY, ranges=[(SUNDAYS, length)])


def test_its_triggers_count_where_triggers_are_nested() -> None:
    trigger: Trigger = HOURLY
    for _ in range(19):
        trigger = AndTrigger([trigger])
    with pytest.raises(InvalidTriggerError, match=r"^excluding trigger: more than 20 triggers are nested"):
        ExcludingTrigger(HOURLY, ranges=[(trigger, HOUR)])


def test_the_ends_of_the_calendar_are_no_trouble() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    ever = IntervalTrigger(microseconds=1, start_date=first)
    trigger = ExcludingTrigger(ever, ranges=[(DateTrigger(last - HOUR), 9 * HOUR), (SUNDAYS, HOUR)])
    assert trigger.next(first) == first + TICK
    assert trigger.previous(first + 2 * TICK) == first + TICK
    assert trigger.next(last - HOUR - TICK) is None
    assert trigger.previous(last) == last - HOUR - TICK
