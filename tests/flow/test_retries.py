"""Attempts that fail and are made again, and jobs that end."""

import pytest

from scheduler import JobRemoved, RetryPolicy, RunFailed, RunRetrying, RunStarted, RunState, RunSucceeded
from tests.flow.executors import HeldExecutor
from tests.flow.functions import fail, fail_until, note
from tests.flow.world import at

pytestmark = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)

GROWING = RetryPolicy(max_retries=3, delay=10, backoff=2)


def test_attempts_are_repeated_after_growing_delays_until_one_succeeds(world, calls):
    scheduler = world.scheduler()
    started = []
    scheduler.add_listener(lambda event: started.append((event.run.started_at, event.run.attempt)), RunStarted)
    scheduler.add_job(fail_until, "date", run_date=at(10), args=(4,), id="job", retry=GROWING)
    world.advance(120)
    assert started == [(at(10), 1), (at(20), 2), (at(40), 3), (at(80), 4)]
    [run] = world.runs()
    assert (run.state, run.attempt, run.result, run.scheduled_time) == (RunState.SUCCESS, 4, "done", at(10))


def test_after_the_last_attempt_the_run_has_failed_and_says_why(world, calls):
    scheduler = world.scheduler()
    heard = []
    scheduler.add_listener(lambda event: heard.append(type(event)), RunRetrying, RunFailed, RunSucceeded, JobRemoved)
    scheduler.add_job(fail, "date", run_date=at(10), id="job", retry=2)
    world.advance(20)
    [run] = world.runs()
    assert (run.state, run.attempt, len(calls)) == (RunState.FAILURE, 3, 3)
    assert run.error == "ValueError: as it was told"
    assert "in fail" in run.traceback
    assert heard == [RunRetrying, RunRetrying, RunFailed, JobRemoved]


@pytest.mark.parametrize(
    ("on", "attempts"), [((ValueError,), 2), (("ValueError",), 2), ((Exception,), 2), (("builtins.OSError",), 1)]
)
def test_only_exceptions_that_the_policy_names_are_retried(world, calls, on, attempts):
    scheduler = world.scheduler()
    scheduler.add_job(fail, "date", run_date=at(10), id="job", retry=RetryPolicy(max_retries=1, on=on))
    world.advance(20)
    assert len(calls) == attempts


def test_a_retry_that_waits_outlives_a_restart(world, calls):
    first = world.scheduler()
    first.add_job(fail_until, "date", run_date=at(10), args=(2,), id="job", retry=GROWING)
    world.advance(12)
    assert [(run.state, run.ready_at, run.node) for run in world.runs()] == [(RunState.RETRY, at(20), None)]
    first.shutdown()
    second = world.scheduler()
    world.advance(5)
    assert len(calls) == 1
    assert second.get_job("job").ended
    world.advance(5)
    [run] = world.runs()
    assert (run.state, run.attempt, run.started_at) == (RunState.SUCCESS, 2, at(20))
    assert second.get_job("job") is None


def test_a_retry_that_waits_is_revoked_with_its_job(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(fail, "date", run_date=at(10), id="job", retry=GROWING)
    world.advance(12)
    scheduler.remove_job("job")
    world.advance(60)
    [run] = world.runs()
    assert (run.state, run.reason, len(calls)) == (RunState.REVOKED, "removed", 1)


def test_a_run_that_waits_for_a_retry_counts_as_an_instance(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(fail, "interval", seconds=10, id="job", retry=RetryPolicy(max_retries=1, delay=25))
    world.advance(30)
    assert [(run.state, run.reason) for run in world.runs()] == [
        (RunState.RETRY, None),
        (RunState.SKIPPED, "overlap"),
        (RunState.SKIPPED, "overlap"),
    ]


def test_a_job_that_has_ended_is_removed_after_its_last_run(world, calls):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"default": held})
    removed = []
    scheduler.add_listener(removed.append, JobRemoved)
    scheduler.add_job(note, "interval", seconds=10, end_date=at(20), id="job", max_instances=2)
    world.advance(30)
    assert world.states() == [RunState.STARTED] * 2
    job = scheduler.get_job("job")
    assert (job.next_run_time, job.ended) == (None, True)
    for kept in (True, False):
        held.finish()
        world.advance(1)
        assert (scheduler.get_job("job") is not None) is kept
    assert [event.job_id for event in removed] == ["job"]
    assert len(world.runs("job")) == 2


def test_a_date_that_has_passed_long_ago_still_runs_once(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "date", run_date=at(-86_400), id="job")
    world.advance(0)
    assert [(run.scheduled_time, run.started_at) for run in world.runs()] == [(at(-86_400), at(0))]
    assert scheduler.get_jobs() == []


def test_a_date_that_its_grace_time_excludes_is_missed_and_its_job_ends(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "date", run_date=at(-60), misfire_grace_time=10, id="job")
    world.advance(60)
    assert [(run.state, run.reason) for run in world.runs()] == [(RunState.SKIPPED, "missed")]
    assert scheduler.get_jobs() == []
