"""Long times, downtime, and clocks that jump."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler import RunState
from scheduler.core.plan import CATCH_UP
from scheduler.triggers import CronTrigger, DateTrigger, IntervalTrigger, OrTrigger
from tests.flow.functions import note
from tests.flow.world import START, accounted, at, skipped

pytestmark = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)

YEAR, DAY, MINUTE = 365 * 86_400, 86_400, 60


def test_a_year_of_jobs_fires_each_of_them_at_its_time(world, calls):
    scheduler = world.scheduler(heartbeat_interval=DAY, node_timeout=3 * DAY)
    scheduler.add_job(note, "cron", hour=9, minute=30, id="daily", args=("daily",))
    scheduler.add_job(note, "cron", day=1, id="monthly", args=("monthly",))
    scheduler.add_job(note, "interval", weeks=1, id="weekly", args=("weekly",))
    world.time.run_until("2025-01-01T00:00:00+00:00")
    counts = {name: calls.count((name,)) for name in ("daily", "monthly", "weekly")}
    assert counts == {"daily": 366, "monthly": 13, "weekly": 52}
    runs = world.runs()
    assert {run.state for run in runs} == {RunState.SUCCESS}
    assert all(run.started_at == run.scheduled_time for run in runs)
    times = [run.scheduled_time for run in world.runs("daily")]
    assert times[0] == datetime(2024, 1, 1, 9, 30, tzinfo=UTC)
    assert times == sorted(set(times))


DOWN = 605
"""Seconds without any scheduler, for a job of every ten seconds; it starts again five seconds after a fire."""

RULES = [
    # rules                                                      → runs of the missed fires, skip records
    ({}, 1, [("coalesced", 59)]),
    ({"misfire_grace_time": 3600}, 1, [("coalesced", 59)]),
    ({"misfire_grace_time": 100}, 1, [("missed", 50), ("coalesced", 9)]),
    ({"misfire_grace_time": 5}, 1, [("missed", 59)]),
    ({"misfire_grace_time": 4}, 0, [("missed", 60)]),
    ({"coalesce": False}, 60, []),
    ({"coalesce": False, "max_instances": 7}, 60, []),
    ({"coalesce": False, "misfire_grace_time": 100}, 10, [("missed", 50)]),
]


@pytest.mark.parametrize(("rules", "ran", "skips"), RULES)
def test_after_downtime_each_fire_is_accounted_for_by_the_rules(world, calls, rules, ran, skips):
    world.client.add_job(note, "interval", seconds=10, id="job", **rules)
    world.clock.advance(DOWN)
    world.scheduler()
    world.advance(10)
    runs = world.runs("job")
    assert skipped(runs) == skips
    assert accounted(runs, "job") == 61
    assert len(calls) == ran + 1
    assert all(run.started_at >= run.scheduled_time for run in runs if run.started_at)


def test_catching_up_a_year_is_bounded_and_complete(world, calls):
    """Of a trigger that has to be walked through, fire by fire."""
    walked = OrTrigger([CronTrigger(minute="*/5", timezone="UTC"), DateTrigger(START)])
    world.client.add_job(note, walked, id="job")
    world.clock.advance(YEAR)
    world.scheduler()
    world.advance(5 * MINUTE)
    runs = world.runs("job")
    assert accounted(runs, "job") == YEAR // (5 * MINUTE) + 2
    assert len(calls) == 2
    assert max(run.count for run in runs) <= CATCH_UP
    assert len(runs) < YEAR // (5 * MINUTE) // (CATCH_UP // 2) + 10  # each is a question to both of them


@pytest.mark.parametrize(
    "trigger",
    [IntervalTrigger(seconds=1, start_date=at(1)), CronTrigger(second="*", start_date=at(1), timezone="Europe/Berlin")],
    ids=str,
)
def test_catching_up_a_year_of_seconds_is_one_record(world, calls, trigger):
    world.client.add_job(note, trigger, id="job")
    world.clock.advance(YEAR)
    world.scheduler()
    world.advance(0)
    assert skipped(world.runs("job")) == [("coalesced", YEAR - 1)]
    assert len(calls) == 1


def test_a_clock_that_jumps_a_year_ahead_costs_one_run_and_keeps_the_books(world, calls):
    scheduler = world.scheduler(heartbeat_interval=DAY, node_timeout=3 * DAY)
    scheduler.add_job(note, "interval", minutes=1, id="job")
    world.advance(5 * MINUTE)
    world.clock.jump_to(at(5 * MINUTE + YEAR))
    world.advance(5 * MINUTE)
    assert accounted(world.runs("job"), "job") == 10 + YEAR // MINUTE
    assert len(calls) == 5 + 1 + 5


def test_a_clock_that_is_set_back_a_day_repeats_no_fire(world, calls):
    scheduler = world.scheduler(heartbeat_interval=DAY / 4, node_timeout=3 * DAY)
    scheduler.add_job(note, "interval", minutes=10, id="job")
    world.advance(3600)
    world.clock.jump_to(START - timedelta(days=1))
    world.advance(DAY + 2 * 3600)
    times = [run.scheduled_time for run in world.runs("job")]
    assert times == [at(600 * number) for number in range(1, 13)]
    assert len(calls) == 12


def test_nothing_is_ever_early(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=7.3, id="job")
    scheduler.add_job(note, "date", run_date=at(50.000001), id="once")
    for _ in range(20):
        world.advance(4.999999)
        for run in world.runs():
            assert run.started_at >= run.scheduled_time
            assert run.scheduled_time <= world.clock.now()
