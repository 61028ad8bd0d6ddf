"""Runs that nobody wants any more: revoked at once, for good, wherever they wait or run."""

import logging

import pytest

from scheduler import RetryPolicy, RunLookupError, RunRevoked, RunState
from tests.flow.executors import HeldExecutor
from tests.flow.faulty import lose_the_answer
from tests.flow.functions import fail, note
from tests.flow.world import NODE_TIMEOUT, at, moves_of

FIRE = 10
REVOKED = (RunState.REVOKED, "cancelled")


@pytest.fixture
def held():
    return HeldExecutor()


def outcome(run):
    return run.state, run.reason


@pytest.mark.parametrize("by", ["the same node", "another node", "a client"])
def test_a_run_under_way_is_revoked_at_once_and_its_call_is_told(world, calls, held, by):
    scheduler = world.scheduler(executors={"default": held})
    other = world.scheduler()
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.freeze(other)
    world.advance(FIRE)
    world.thaw(other)
    run = world.run("job")
    who = {"the same node": scheduler, "another node": other, "a client": world.client}[by]
    assert who.cancel_run(run.id) is True
    run = world.run("job")
    assert (outcome(run), run.finished_at) == (REVOKED, at(FIRE))
    world.advance(0)
    assert held.told == [run.id]
    assert scheduler.health().active_runs == 0


def test_revoked_is_final_even_if_the_function_returns_later_and_that_is_no_warning(world, calls, held, caplog):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job", retry=3)
    world.advance(FIRE)
    world.client.cancel_run(world.run("job").id)
    held.finish()  # before the node has noticed
    world.advance(NODE_TIMEOUT)
    run = world.run("job")
    assert (outcome(run), run.result, run.attempt, len(calls)) == (REVOKED, None, 1, 1)
    assert [entry for entry in caplog.records if entry.levelno > logging.INFO] == []


def test_what_returns_after_it_was_told_to_end_is_no_warning(world, calls, held, caplog):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    scheduler.cancel_run(world.run("job").id)
    world.advance(1)
    held.current().progress(1)
    held.finish()
    world.advance(1)
    run = world.run("job")
    assert (outcome(run), run.progress) == (REVOKED, None)
    assert [entry for entry in caplog.records if entry.levelno > logging.INFO] == []


def test_a_call_that_waits_in_the_pool_is_dropped(world, calls):
    held = HeldExecutor(pooled=True)
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    scheduler.cancel_run(world.run("job").id)
    world.advance(1)
    assert held.calls == []
    assert outcome(world.run("job")) == REVOKED


def retrying(scheduler):
    scheduler.add_job(fail, "date", run_date=at(FIRE), id="job", retry=RetryPolicy(max_retries=2, delay=60))


def delayed(scheduler):
    scheduler.submit(note, countdown=60)


@pytest.mark.parametrize(("waiting", "state"), [(retrying, RunState.RETRY), (delayed, RunState.PENDING)])
def test_a_run_that_waits_for_its_time_never_starts_and_its_job_is_gone(world, calls, waiting, state):
    scheduler = world.scheduler()
    told = moves_of(scheduler)
    waiting(scheduler)
    world.advance(FIRE)
    before = len(calls)
    [run] = world.runs()
    assert run.state is state
    assert scheduler.cancel_run(run.id) is True
    world.advance(300)
    [run] = world.runs()
    assert (outcome(run), run.ready_at) == (REVOKED, None)
    assert len(calls) == before
    assert scheduler.get_jobs() == []
    assert told[-1] == (run.job_id, "REVOKED", "cancelled")


def test_the_end_of_a_run_under_way_releases_the_next_and_that_of_a_queued_one_does_not(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "interval", seconds=10, id="job", overlap="queue", end_date=at(40))
    world.advance(45)
    first, second, _, fourth = world.runs("job")
    scheduler.cancel_run(second.id)
    world.advance(0)
    assert [run.state for run in world.runs("job")][2:] == [RunState.PENDING] * 2
    scheduler.cancel_run(first.id)
    world.advance(0)
    assert [run.state for run in world.runs("job")] == ["REVOKED", "REVOKED", "STARTED", "PENDING"]
    scheduler.cancel_run(fourth.id)
    held.finish(at=1)
    world.advance(0)
    assert outcome(world.runs("job")[2]) == (RunState.SUCCESS, None)
    assert scheduler.get_jobs() == []


def test_a_job_whose_last_run_is_cancelled_is_removed(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    scheduler.cancel_run(world.run("job").id)
    assert world.client.get_job("job") is None


def test_a_run_that_has_ended_is_not_cancelled(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(FIRE)
    run = world.run("job")
    assert scheduler.cancel_run(run.id) is False
    assert world.run("job") == run
    with pytest.raises(RunLookupError):
        scheduler.cancel_run("nobody")


def test_of_several_who_cancel_a_run_one_has_done_it(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    run = world.run("job")
    assert [who.cancel_run(run.id) for who in (world.client, scheduler)] == [True, False]
    world.advance(0)
    assert held.told == [run.id]


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_a_function_that_cancels_its_own_run_has_not_succeeded(world, calls):
    def cancel_myself():
        calls.append(scheduler.cancel_run(world.run("job").id))

    scheduler = world.scheduler()
    told = moves_of(scheduler)
    scheduler.add_job(cancel_myself, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    assert calls == [True]
    assert outcome(world.run("job")) == REVOKED
    assert told == [("job", "STARTED", None), ("job", "REVOKED", "cancelled")]


def test_what_a_listener_cancels_when_it_starts_is_told_in_this_order(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_listener(lambda event: scheduler.cancel_run(event.run.id))
    told = moves_of(scheduler)
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    assert told == [("job", "STARTED", None), ("job", "REVOKED", "cancelled")]
    assert len(held.told) == 1


def test_a_revocation_whose_commit_has_lost_its_answer_is_one_all_the_same(world, calls, held):
    store = world.store()
    scheduler = world.scheduler(store, executors={"default": held})
    told = moves_of(scheduler)
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    store.after_commit = lose_the_answer
    assert scheduler.cancel_run(world.run("job").id) is True
    store.after_commit = lambda did: None
    world.advance(1)
    assert outcome(world.run("job")) == REVOKED
    assert len(held.told) == 1
    assert told[-1] == ("job", "REVOKED", "cancelled")


def test_a_revocation_that_failed_leaves_the_run_as_it_was(world, calls, held):
    store = world.store()
    scheduler = world.scheduler(store, executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    store.before_commit = lose_the_answer
    with pytest.raises(ConnectionError):
        scheduler.cancel_run(world.run("job").id)
    store.before_commit = lambda did: None
    held.finish()
    world.advance(1)
    assert world.states("job") == [RunState.SUCCESS]


def test_the_runs_of_a_node_that_was_declared_dead_are_ended_when_it_wakes(world, calls, held):
    frozen, _ = world.scheduler(executors={"default": held}), world.scheduler()
    frozen.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    world.freeze(frozen)
    world.advance(NODE_TIMEOUT + 10)
    world.thaw(frozen)
    world.advance(1)
    run = world.run("job")
    assert (run.state, held.told) == (RunState.LOST, [run.id])
    assert frozen.health().active_runs == 0


def test_the_runs_of_a_store_that_is_away_are_not_taken_for_revoked(world, calls, held):
    store = world.store()
    scheduler = world.scheduler(store, executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job")
    world.advance(FIRE)
    store.away = True
    world.advance(5)
    store.away = False
    world.advance(5)
    held.finish()
    world.advance(1)
    assert (held.told, world.states("job")) == ([], [RunState.SUCCESS])


def test_who_cancels_hears_of_it_without_a_scheduler_that_runs(world, calls):
    heard = []
    world.client.add_listener(heard.append, RunRevoked)
    handle = world.client.submit(note)
    assert handle.cancel() is True
    assert [event.run.id for event in heard] == [handle.id]
