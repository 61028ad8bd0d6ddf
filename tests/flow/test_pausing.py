"""Pausing the scheduler makes fires late; pausing a job takes them off its schedule."""

import pytest

from scheduler import RunState, SchedulerPaused, SchedulerResumed
from tests.flow.executors import HeldExecutor
from tests.flow.functions import note
from tests.flow.world import accounted, at, skipped

pytestmark = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("rules", "skips", "called"),
    [
        ({}, [("coalesced", 2)], 4),
        ({"coalesce": False}, [], 6),
        ({"misfire_grace_time": 10}, [("missed", 2)], 4),
        ({"misfire_grace_time": 4}, [("missed", 3)], 3),
    ],
)
def test_fires_that_a_pause_of_the_scheduler_delays_are_late(world, calls, rules, skips, called):
    scheduler = world.scheduler()
    heard = []
    scheduler.add_listener(heard.append, SchedulerPaused, SchedulerResumed)
    scheduler.add_job(note, "interval", seconds=10, id="job", **rules)
    world.advance(20)
    scheduler.pause()
    world.advance(35)
    assert len(calls) == 2
    scheduler.resume()
    world.advance(5)
    runs = world.runs("job")
    assert accounted(runs, "job") == 6
    assert (skipped(runs), len(calls)) == (skips, called)
    assert heard == [SchedulerPaused(), SchedulerResumed()]


def test_a_scheduler_that_starts_paused_fires_only_once_resumed(world, calls):
    scheduler = world.scheduler(start=False)
    scheduler.add_job(note, "date", run_date=at(10), id="job")
    scheduler.start(paused=True)
    world.thaw(scheduler)
    world.advance(60)
    assert (calls, world.runs()) == ([], [])
    scheduler.resume()
    world.advance(0)
    assert [(run.scheduled_time, run.started_at) for run in world.runs()] == [(at(10), at(60))]


def test_what_runs_ends_and_is_recorded_during_a_pause(world, calls):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(10)
    scheduler.pause()
    held.finish()
    world.advance(20)
    assert world.states() == [RunState.SUCCESS]


def test_another_node_takes_what_a_paused_one_leaves(world, calls):
    paused, _ = world.scheduler(), world.scheduler()
    paused.add_job(note, "interval", seconds=10, id="job")
    paused.pause()
    world.advance(30)
    assert [run.started_at for run in world.runs()] == [at(10), at(20), at(30)]


def test_a_paused_job_leaves_no_records_and_goes_on_from_when_it_is_resumed(world, calls):
    scheduler = world.scheduler()
    job = scheduler.add_job(note, "interval", seconds=10, id="job")
    scheduler.add_job(note, "interval", seconds=10, id="other")
    world.advance(20)
    assert job.pause().next_run_time is None
    world.advance(35)
    assert scheduler.get_job("job").paused
    assert job.resume().next_run_time == at(60)
    world.advance(15)
    assert [run.scheduled_time for run in world.runs("job")] == [at(seconds) for seconds in (10, 20, 60, 70)]
    assert [run.scheduled_time for run in world.runs("other")] == [at(10 * number) for number in range(1, 8)]


def test_a_job_that_is_paused_while_it_runs_ends_its_run_and_stays(world, calls):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(10)
    scheduler.pause_job("job")
    held.finish()
    world.advance(60)
    assert world.states() == [RunState.SUCCESS]
    assert scheduler.get_job("job").paused


def test_a_scheduler_that_is_shut_down_can_be_started_again(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(20)
    scheduler.shutdown()
    assert scheduler.health().nodes == ()
    world.clock.advance(30)
    scheduler.start()
    world.advance(10)
    runs = world.runs("job")
    assert accounted(runs, "job") == 6
    assert skipped(runs) == [("coalesced", 2)]


def test_an_outcome_that_came_before_a_shutdown_counts_and_one_that_comes_later_does_not(world, calls, caplog):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"default": held})
    for job_id in "early", "late":
        scheduler.add_job(note, "date", run_date=at(10), id=job_id)
    world.advance(10)
    early = next(place for place, call in enumerate(held.calls) if call.job_id == "early")
    held.finish(at=early)
    scheduler.shutdown(wait=False)
    held.finish()
    scheduler.start()
    world.advance(10)
    assert {run.job_id: run.state for run in world.runs()} == {"early": RunState.SUCCESS, "late": RunState.LOST}
    assert caplog.text == ""


def test_runs_that_shutdown_does_not_wait_for_are_lost(world, calls):
    scheduler = world.scheduler(executors={"default": HeldExecutor()})
    scheduler.add_job(note, "date", run_date=at(10), id="once")
    scheduler.add_job(note, "date", run_date=at(10), id="again", retry=1)
    world.advance(10)
    scheduler.shutdown(wait=False)
    assert {run.job_id: run.state for run in world.runs()} == {"once": RunState.LOST, "again": RunState.RETRY}
    world.scheduler()
    world.advance(1)
    assert {run.job_id: run.state for run in world.runs()} == {"once": RunState.LOST, "again": RunState.SUCCESS}
