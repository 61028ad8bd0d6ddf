"""Fire times of cron are counted by arithmetic: as many as walking finds, at the same cost for a year of seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scheduler.core.job import Job
from scheduler.core.plan import plan
from scheduler.core.run import Reason
from scheduler.timezones import to_zone, turns
from scheduler.triggers import CronTrigger, Trigger

YEAR = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza", "America/Nuuk", "+05:30")
TURNS = {name: [turn for turn, _, _ in turns(to_zone(name), *YEAR)] or [YEAR[0]] for name in ZONES}

minutes = st.sampled_from(["*", "*/7", "*/20", "0", "30", "59", "0,30", "10-50/10"])
hours = st.sampled_from(["*", "*/2", "*/5", "0", "1", "2", "3", "1-3", "0-23", "23"])
days = st.sampled_from(["* * *", "* * *", "*/2 * *", "* * sun", "13 * 5", "27-31 3,10 *"])
expressions = st.tuples(minutes, hours, days).map(" ".join)
near = st.integers(-400, 400).map(lambda minutes: timedelta(minutes=minutes)) | st.sampled_from([timedelta(0)])


@given(st.sampled_from(ZONES), expressions, near, near, st.integers(0, 9), st.data())
def test_the_count_near_a_turn_of_the_clock_is_that_of_walking(
    zone: str, expression: str, before: timedelta, after: timedelta, days: int, data: st.DataObject
) -> None:
    turn = data.draw(st.sampled_from(TURNS[zone]))
    trigger = CronTrigger.from_crontab(expression, zone)
    first = trigger.next(turn + before)
    assert first is not None
    until = turn + after + timedelta(days=days)
    assert trigger.span(first, until, 1)[:3] == Trigger.span(trigger, first, until, 10**9)[:3]


@given(st.sampled_from(ZONES), expressions, near, near, st.data())
def test_the_count_from_beside_the_fire_times_is_that_of_walking(
    zone: str, expression: str, before: timedelta, after: timedelta, data: st.DataObject
) -> None:
    turn = data.draw(st.sampled_from(TURNS[zone]))
    trigger = CronTrigger.from_crontab(expression, zone)
    first, until = turn + before, turn + after + timedelta(hours=6)
    assume(first <= until)
    assert trigger.span(first, until, 1)[:3] == Trigger.span(trigger, first, until, 10**9)[:3]


@pytest.mark.parametrize(
    ("trigger", "count"),
    [
        (CronTrigger(second="*", timezone="Europe/Berlin"), 366 * 86_400),
        (CronTrigger(minute="*/5", timezone="America/New_York"), 366 * 288),
        (CronTrigger(hour=2, minute=30, timezone="Europe/Berlin"), 366),
        (CronTrigger(hour="0-23", minute="0", timezone="Europe/Berlin"), 366 * 24 - 1),
        (CronTrigger(hour="0-23", minute="30", second="*", timezone="Europe/Berlin"), (366 * 24 - 1) * 60 + 1),
        (CronTrigger(day_of_week="mon-fri", hour=9, timezone="+05:30"), 262),
        (CronTrigger(day="last", timezone="Pacific/Apia"), 12),
        (CronTrigger(week=1, hour=12, timezone="UTC"), 9),
        (CronTrigger(second="*", end_date="2024-01-02", timezone="UTC"), 86_400 + 1),
        (CronTrigger(second="*", start_date="2024-12-31", timezone="UTC"), 86_400),
    ],
    ids=str,
)
def test_a_year_is_counted_exactly(trigger: CronTrigger, count: int) -> None:
    first = trigger.next(YEAR[0] - timedelta(seconds=1))
    last = YEAR[1] - timedelta(microseconds=1)
    assert first is not None
    assert trigger.span(first, last, 10**9).count == count


def test_a_year_of_missed_seconds_is_one_run_and_one_record() -> None:
    late = Job(id="a", func=print, trigger=CronTrigger(second="*", timezone="Europe/Berlin"), next_run_time=YEAR[0])
    decided = plan(late, active=0, now=YEAR[1], room=1, node="n")
    assert [run.scheduled_time for run in decided.starts] == [YEAR[1]]
    assert [(run.reason, run.count) for run in decided.skips] == [(Reason.COALESCED.value, 366 * 86_400)]
    assert decided.next_run_time == YEAR[1] + timedelta(seconds=1)


def test_a_count_up_to_the_end_of_the_calendar_walks_where_it_cannot_reckon() -> None:
    trigger = CronTrigger(month=12, day=31, timezone="America/New_York")
    end = datetime.max.replace(tzinfo=UTC)
    assert trigger.span(datetime(9990, 12, 31, 5, tzinfo=UTC), end, 10**9).count == 10
