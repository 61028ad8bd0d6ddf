"""A job that is given another executor takes its waiting runs along."""

import pytest

from scheduler import RetryPolicy, RunState
from scheduler.executors import InlineExecutor
from tests.flow.executors import HeldExecutor, MuteExecutor
from tests.flow.functions import fail, note
from tests.flow.world import NODE_TIMEOUT, at

FIRE = 10
RETRY = RetryPolicy(max_retries=1, delay=20)


def test_a_retry_is_made_where_its_job_is_now(world, calls):
    scheduler = world.scheduler(executors={"old": InlineExecutor(), "new": InlineExecutor()})
    scheduler.add_job(fail, "date", run_date=at(FIRE), id="job", executor="old", retry=RETRY)
    world.advance(FIRE)
    assert world.states() == [RunState.RETRY]
    scheduler.modify_job("job", executor="new", func=note)
    scheduler.remove_executor("old")
    assert scheduler.health().stores["default"].unknown_executors == ()
    world.advance(20)
    run = world.run("job")
    assert (run.state, run.executor, run.started_at) == (RunState.SUCCESS, "new", at(FIRE + 20))


def test_a_run_whose_job_moves_while_it_is_under_way_is_retried_where_its_job_is_then(world, calls):
    old = HeldExecutor()
    scheduler = world.scheduler(executors={"old": old, "new": InlineExecutor()})
    scheduler.add_job(fail, "date", run_date=at(FIRE), id="job", executor="old", retry=RETRY)
    world.advance(FIRE)
    scheduler.modify_job("job", executor="new")
    assert world.run("job").executor == "old"
    old.finish()
    scheduler.remove_executor("old")
    world.advance(20)
    run = world.run("job")
    assert (run.state, run.attempt, run.executor) == (RunState.FAILURE, 2, "new")


def test_a_run_that_dies_with_its_node_is_made_again_where_its_job_is_then(world, calls):
    doomed, _ = world.scheduler(executors={"old": MuteExecutor()}), world.scheduler()
    doomed.add_job(note, "date", run_date=at(FIRE), id="job", executor="old", retry=1)
    world.advance(FIRE)
    world.freeze(doomed)
    world.client.modify_job("job", executor="default")
    world.advance(NODE_TIMEOUT + 10)
    assert world.states() == [RunState.SUCCESS]


@pytest.mark.parametrize("overlap", ["queue", "cancel_running"])
def test_queued_runs_go_along(world, calls, overlap):
    old = HeldExecutor()
    scheduler = world.scheduler(executors={"old": old, "new": InlineExecutor()})
    scheduler.add_job(
        note, "interval", seconds=10, start_date=at(FIRE), end_date=at(30), id="job", executor="old", overlap="queue"
    )
    world.advance(30)
    assert world.states() == [RunState.STARTED, RunState.PENDING, RunState.PENDING]
    scheduler.modify_job("job", executor="new", overlap=overlap)
    old.finish()
    world.advance(0)
    assert [(run.state, run.executor) for run in world.runs()] == [
        (RunState.SUCCESS, "old"),
        (RunState.SUCCESS, "new"),
        (RunState.SUCCESS, "new"),
    ]


def test_what_waits_for_an_executor_that_nobody_has_is_told_by_health(world, calls):
    scheduler = world.scheduler(executors={"old": InlineExecutor()})
    scheduler.submit(note, countdown=10, executor="old")
    scheduler.remove_executor("old")
    world.advance(25)
    health = scheduler.health().stores["default"]
    assert (health.unknown_executors, health.lag) == (("old",), 15.0)
    [job] = scheduler.get_jobs()
    job.modify(executor="default")
    world.advance(0)
    assert world.states() == [RunState.SUCCESS]
