"""Several schedulers on one store are one scheduler."""

import pytest

from scheduler import RetryPolicy, RunStarted, RunState, RunSucceeded
from scheduler.executors import InlineExecutor
from tests.flow.faulty import lose_the_answer
from tests.flow.functions import fail, fail_once, note, return_what_no_database_keeps
from tests.flow.world import at, moves_of


def once(hook, part):
    """Do this after the first commit that did `part`."""
    left = [part]

    def call(did):
        if left and part in did:
            left.clear()
            hook()

    return call


def test_two_schedulers_share_the_fires_and_each_runs_once(world, calls):
    first, second = (world.scheduler(executors={"default": InlineExecutor(room=3)}) for _ in range(2))
    for number in range(10):
        first.add_job(note, "interval", seconds=10, id=f"job-{number}", args=(number,))
    world.advance(60)
    runs = world.runs()
    assert len(runs) == len(calls) == 60
    assert {run.state for run in runs} == {RunState.SUCCESS}
    assert len({(run.job_id, run.scheduled_time) for run in runs}) == 60
    assert {run.node for run in runs} == {node.id for node in second.health().nodes}
    assert len({run.node for run in runs}) == 2


def test_a_scheduler_that_was_never_started_is_a_client(world, calls):
    world.scheduler()
    world.client.add_job(note, "interval", seconds=10, id="job")
    world.advance(25)
    world.client.pause_job("job")
    world.advance(20)
    world.client.resume_job("job")
    world.advance(10)
    world.client.remove_job("job")
    world.advance(25)
    assert [run.scheduled_time for run in world.runs("job")] == [at(10), at(20), at(50)]
    assert len(calls) == 3


@pytest.mark.parametrize("part", ["record", "finish"])
def test_after_a_commit_whose_answer_was_lost_each_run_starts_exactly_once(world, calls, part):
    store = world.store()
    scheduler = world.scheduler(store)
    started, succeeded = [], []
    scheduler.add_listener(started.append, RunStarted)
    scheduler.add_listener(succeeded.append, RunSucceeded)
    for number in range(3):
        scheduler.add_job(note, "interval", seconds=10, id=f"job-{number}", args=(number,))
    world.advance(5)
    store.after_commit = once(lose_the_answer, part)
    world.advance(60)
    runs = world.runs()
    assert {run.state for run in runs} == {RunState.SUCCESS}
    assert {run.attempt for run in runs} == {1}
    assert len(calls) == len(runs) == len(started) == len(succeeded) == 18


@pytest.mark.parametrize(("func", "told"), [
    (return_what_no_database_keeps, ["STARTED", "SUCCESS"]),
    (fail_once, ["STARTED", "RETRY", "STARTED", "SUCCESS"]),
    (fail, ["STARTED", "RETRY", "STARTED", "FAILURE"]),
])  # fmt: skip
def test_an_end_whose_commit_has_lost_its_answer_is_told_whatever_the_store_made_of_it(
    world, calls, caplog, func, told
):
    """It kept no result, or has the next attempt on record already."""
    store = world.store()
    scheduler = world.scheduler(store)
    moves = moves_of(scheduler)
    scheduler.add_job(func, "date", run_date=at(10), id="job", retry=RetryPolicy(max_retries=1, delay=0))
    store.after_commit = once(lose_the_answer, "finish")
    world.advance(30)
    assert [state for _, state, _ in moves] == told
    assert "taken from this node" not in caplog.text


@pytest.mark.parametrize("part", ["record", "finish"])
def test_after_a_commit_that_failed_each_run_starts_exactly_once(world, calls, part):
    store = world.store()
    scheduler = world.scheduler(store)
    scheduler.add_job(note, "interval", seconds=10, id="job")
    store.before_commit = once(lose_the_answer, part)
    world.advance(60)
    runs = world.runs()
    assert {run.state for run in runs} == {RunState.SUCCESS}
    assert [run.scheduled_time for run in runs] == [at(10 * number) for number in range(1, 7)]
    assert len(calls) == len(runs)


def test_an_answer_that_is_lost_while_another_node_takes_over_is_settled_once(world, calls):
    store = world.store()
    away, _ = world.scheduler(store), world.scheduler()
    away.add_job(note, "date", run_date=at(10), id="job", retry=1)

    def vanish(did):
        store.away = True
        lose_the_answer()

    world.freeze(world.time.schedulers[1])
    store.after_commit = vanish
    world.advance(10)
    assert world.states() == [RunState.STARTED]
    assert calls == []
    other = world.scheduler()
    world.advance(40)
    assert [(run.state, run.attempt) for run in world.runs()] == [(RunState.SUCCESS, 2)]
    store.away, store.after_commit = False, lambda did: None
    world.advance(40)
    assert [(run.state, run.attempt) for run in world.runs()] == [(RunState.SUCCESS, 2)]
    assert len(calls) == 1
    assert len(other.health().nodes) == 2


def test_a_job_that_is_replaced_while_it_fires_runs_once_for_each_fire(world, calls):
    world.scheduler()
    for _ in range(6):
        world.client.add_job(note, "interval", seconds=10, id="job", replace_existing=True)
        world.advance(10)
    assert [run.scheduled_time for run in world.runs("job")] == [at(10 * number) for number in range(1, 7)]
    assert len(calls) == 6
