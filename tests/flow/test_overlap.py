"""Fires of a job whose earlier runs are still under way: skipped, queued, or taking their place."""

import logging

import pytest

from scheduler import RetryPolicy, RunState
from scheduler.core import overlap, plan
from tests.flow.executors import HeldExecutor
from tests.flow.faulty import lose_the_answer
from tests.flow.functions import fail, note
from tests.flow.world import accounted, at, moves_of

PENDING, STARTED, SUCCESS, REVOKED, SKIPPED = (
    RunState.PENDING, RunState.STARTED, RunState.SUCCESS, RunState.REVOKED, RunState.SKIPPED)  # fmt: skip


@pytest.fixture
def held():
    return HeldExecutor()


def add(scheduler, overlap, seconds=10, **rules):
    scheduler.add_job(note, "interval", seconds=seconds, id="job", overlap=overlap, **rules)


# skip


def test_a_skipped_fire_names_the_run_that_blocked_it(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "skip", max_instances=2)
    world.advance(40)
    first, second, *skipped = world.runs("job")
    assert (first.state, second.state) == (STARTED, STARTED)
    assert [(run.state, run.reason, run.cause) for run in skipped] == [(SKIPPED, "overlap", first.id)] * 2


def test_instances_are_counted_in_the_store_across_nodes(world, calls):
    executors = [HeldExecutor(room=1), HeldExecutor(room=1), HeldExecutor(room=1)]
    for executor in executors:
        scheduler = world.scheduler(executors={"default": executor})
    add(scheduler, "skip", max_instances=2)
    world.advance(30)
    assert world.states("job") == [STARTED, STARTED, SKIPPED]
    assert sorted(len(executor.calls) for executor in executors) == [0, 1, 1]


def test_skipping_is_logged_when_it_begins_and_when_it_ends_and_not_in_between(world, calls, held, caplog):
    caplog.set_level(logging.INFO, "scheduler.runtime.overlaps")
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "skip")
    world.advance(100)
    first = world.runs("job")[0]
    lines = [entry.getMessage() for entry in caplog.records]
    assert len(lines) == 1
    assert "'job'" in lines[0]
    assert first.id in lines[0]
    held.finish()
    world.advance(10)
    assert [entry.getMessage() for entry in caplog.records][1:] == ["Job 'job' runs again"]
    world.advance(50)
    assert len(caplog.records) == 2
    world.advance(20)
    assert len(caplog.records) == 3


# queue


@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("coalesce", [True, False])
def test_queued_fires_run_in_their_order_and_no_more_at_a_time_than_may(world, calls, held, instances, coalesce):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "queue", max_instances=instances, coalesce=coalesce, end_date=at(80))
    world.advance(85)
    for ended in range(9):
        states = world.states("job")
        under_way = min(instances, 8 - ended)
        assert states == [SUCCESS] * ended + [STARTED] * under_way + [PENDING] * (8 - ended - under_way)
        if ended < 8:
            held.finish()
            world.advance(0)
    assert scheduler.get_job("job") is None
    assert scheduler.health().lag == 0


def test_late_fires_that_may_queue_do_so_each_or_coalesced(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "queue", coalesce=False)
    scheduler.add_job(note, "interval", seconds=10, id="other", overlap="queue")
    world.advance(10)
    world.clock.advance(30)
    world.advance(0)
    assert world.states("job") == [STARTED] + [PENDING] * 3
    assert [(run.state, run.reason, run.count) for run in world.runs("other")] == [
        (STARTED, None, 1), (SKIPPED, "coalesced", 2), (PENDING, None, 1)]  # fmt: skip


@pytest.mark.parametrize("coalesce", [True, False])
def test_a_queue_is_bounded_and_what_finds_no_place_in_it_is_skipped(world, calls, held, monkeypatch, coalesce):
    for module in (overlap, plan):
        monkeypatch.setattr(module, "QUEUE", 5)
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "queue", coalesce=coalesce)
    world.advance(60)
    world.clock.advance(95)
    world.advance(10)
    states = world.states("job")
    assert states.count(STARTED) == 1
    assert states.count(PENDING) == 5
    assert accounted(world.runs("job"), "job") == 16
    blocked = [run for run in world.runs("job") if run.reason == "overlap"]
    assert sum(run.count for run in blocked) == 10
    for _ in range(6):
        held.finish()
        world.advance(0)
    assert PENDING not in world.states("job")


def test_the_queue_goes_on_after_a_run_that_failed_or_timed_out(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(fail, "interval", seconds=10, id="job", overlap="queue", timeout=25, end_date=at(30))
    world.advance(30)
    held.finish()
    world.advance(0)
    assert world.states("job") == [RunState.FAILURE, STARTED, PENDING]
    world.advance(25)
    assert world.states("job") == [RunState.FAILURE, RunState.FAILURE, STARTED]


def test_a_run_that_waits_for_a_retry_is_an_instance_that_others_wait_for(world, calls):
    scheduler = world.scheduler()
    retry = RetryPolicy(max_retries=1, delay=25)
    scheduler.add_job(fail, "interval", seconds=10, id="job", overlap="queue", retry=retry, end_date=at(20))
    world.advance(34)
    assert world.states("job") == [RunState.RETRY, PENDING]
    world.advance(1)
    assert world.states("job") == [RunState.FAILURE, RunState.RETRY]


# cancel_running


@pytest.mark.parametrize("where", ["on the same node", "on another node"])
def test_the_later_run_takes_the_place_of_the_one_under_way(world, calls, held, where):
    first = world.scheduler(executors={"default": held})
    add(first, "cancel_running")
    world.advance(10)
    if where == "on another node":
        later = world.scheduler(executors={"default": HeldExecutor()})
        first.pause()
    else:
        later = first
    world.advance(10)
    old, new = world.runs("job")
    assert (old.state, old.reason, old.cause) == (REVOKED, "replaced", new.id)
    assert (new.state, new.started_at) == (STARTED, at(20))
    assert held.told == [old.id]
    assert later.health().active_runs == 1


def test_the_oldest_of_several_makes_place(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "cancel_running", max_instances=2)
    world.advance(40)
    runs = world.runs("job")
    assert [run.state for run in runs] == [REVOKED, REVOKED, STARTED, STARTED]
    assert [run.cause for run in runs[:2]] == [run.id for run in runs[2:]]


def test_a_run_that_waits_for_a_retry_makes_place_too(world, calls):
    scheduler = world.scheduler()
    told = moves_of(scheduler)
    retry = RetryPolicy(max_retries=5, delay=100)
    scheduler.add_job(fail, "interval", seconds=10, id="job", overlap="cancel_running", retry=retry, end_date=at(20))
    world.advance(20)
    assert world.states("job") == [REVOKED, RunState.RETRY]
    assert ("job", "REVOKED", "replaced") in told


def test_late_fires_that_are_all_missed_replace_nobody(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "cancel_running", coalesce=False, misfire_grace_time=1, jitter=None)
    world.advance(10)
    world.clock.advance(38)
    world.advance(0)
    states = [(run.state, run.reason, run.count) for run in world.runs("job")]
    assert states == [(STARTED, None, 1), (SKIPPED, "missed", 3)]


def test_late_fires_that_each_run_replace_what_was_under_way_and_then_queue(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "cancel_running", coalesce=False)
    world.advance(10)
    world.clock.advance(30)
    world.advance(0)
    assert world.states("job") == [REVOKED, STARTED, PENDING, PENDING]


def test_nobody_makes_place_for_a_run_whose_turn_was_rolled_back(world, calls, held):
    store = world.store()
    scheduler = world.scheduler(store, executors={"default": held})
    add(scheduler, "cancel_running")
    world.advance(10)
    store.before_commit = lambda did: lose_the_answer() if "record" in did else None
    world.advance(12)
    assert (world.states("job"), held.told) == ([STARTED], [])
    store.before_commit = lambda did: None
    world.advance(2)
    assert world.states("job") == [REVOKED, STARTED]


def test_place_is_made_for_a_run_whose_commit_has_lost_its_answer(world, calls, held):
    store = world.store()

    def lose_it_once(did):
        store.after_commit = lambda did: None
        lose_the_answer()

    scheduler = world.scheduler(store, executors={"default": held})
    add(scheduler, "cancel_running")
    world.advance(10)
    store.after_commit = lose_it_once
    world.advance(12)
    assert world.states("job") == [REVOKED, STARTED]
    assert len(held.told) == 1


# calls beside the schedule


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel_running"])
def test_a_run_that_is_called_waits_until_an_instance_is_free(world, calls, held, overlap):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, overlap, seconds=1000)
    first = scheduler.run_job("job")
    second = scheduler.run_job("job")
    world.advance(0)
    assert (first.state, second.state) == (STARTED, PENDING)
    held.finish()
    world.advance(0)
    assert (first.state, second.state) == (SUCCESS, STARTED)


def test_a_fire_counts_the_runs_that_were_called(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    add(scheduler, "skip")
    called = scheduler.run_job("job")
    world.advance(10)
    _, skipped = world.runs("job")
    assert (skipped.state, skipped.cause) == (SKIPPED, called.id)
