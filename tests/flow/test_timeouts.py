"""Attempts that take longer than their jobs allow: recorded as failed at once, whatever their functions do."""

import logging

import pytest

from scheduler import RetryPolicy, RunState
from scheduler.core.settle import Ending, Outcome
from scheduler.executors import InlineExecutor
from tests.flow.executors import HeldExecutor
from tests.flow.functions import note
from tests.flow.world import at, moves_of

LIMIT = 5
FIRE = 10


@pytest.fixture
def held():
    return HeldExecutor()


@pytest.fixture
def scheduler(world, held):
    return world.scheduler(executors={"default": held})


def add(scheduler, **rules):
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job", **{"timeout": LIMIT, **rules})


def test_an_attempt_has_failed_at_the_instant_its_time_is_over_and_its_call_is_told(world, calls, held, scheduler):
    told = moves_of(scheduler)
    add(scheduler)
    world.advance(FIRE + LIMIT - 0.5)
    assert (world.run("job").state, held.told) == (RunState.STARTED, [])
    world.advance(0.5)
    run = world.run("job")
    assert (run.state, run.reason, run.finished_at) == (RunState.FAILURE, "timeout", at(FIRE + LIMIT))
    assert run.error == "TimeoutError: the attempt took longer than 5 seconds"
    assert held.told == [run.id]
    assert told == [("job", "STARTED", None), ("job", "FAILURE", "timeout")]
    assert scheduler.health().active_runs == 0


def test_what_the_function_does_when_its_time_is_over_changes_nothing_and_is_no_warning(
    world, calls, held, scheduler, caplog
):
    add(scheduler)
    world.advance(FIRE + LIMIT)
    held.current().progress(1)
    held.finish()
    world.advance(1)
    run = world.run("job")
    assert (run.state, run.result, run.progress, len(calls)) == (RunState.FAILURE, None, None, 1)
    assert [entry for entry in caplog.records if entry.levelno > logging.INFO] == []


def test_an_executor_that_reports_an_outcome_twice_is_warned_of(world, calls, caplog):
    class Stammering(InlineExecutor):
        def start(self, done, clock):
            super().start(lambda outcome: (done(outcome), done(outcome)), clock)

    scheduler = world.scheduler(executors={"default": Stammering()})
    add(scheduler)
    world.advance(FIRE)
    assert world.states() == [RunState.SUCCESS]
    assert "nobody waits for" in caplog.text


@pytest.mark.parametrize(
    ("retry", "attempts"),
    [
        (2, 3),
        (RetryPolicy(max_retries=2, on=TimeoutError), 3),
        (RetryPolicy(max_retries=2, on=OSError), 3),  # of which TimeoutError is one
        (RetryPolicy(max_retries=2, on=ValueError), 1),
        (None, 1),
    ],
)
def test_it_is_tried_again_where_the_policy_names_time_outs(world, calls, held, scheduler, retry, attempts):
    add(scheduler, retry=retry)
    world.advance(100)
    run = world.run("job")
    assert (run.state, run.reason, run.attempt) == (RunState.FAILURE, "timeout", attempts)
    assert [attempt.reason for attempt in run.attempts] == ["timeout"] * (attempts - 1)
    assert [call.attempt for call in held.calls] == list(range(1, attempts + 1))


def test_attempts_of_one_run_that_go_on_side_by_side_are_told_apart(world, calls, held, scheduler):
    add(scheduler, retry=RetryPolicy(max_retries=1, delay=1))
    world.advance(FIRE + LIMIT + 1)
    assert [call.attempt for call in held.calls] == [1, 2]
    held.current(at=0).progress(1)
    held.finish(at=0)
    world.advance(1)
    run = world.run("job")
    assert (run.state, run.attempt, run.progress) == (RunState.STARTED, 2, None)
    held.finish()
    world.advance(1)
    run = world.run("job")
    assert (run.state, run.attempt, run.result) == (RunState.SUCCESS, 2, 2)


def test_the_time_counts_from_when_the_call_began_and_not_while_it_waits_in_the_pool(world, calls):
    held = HeldExecutor(pooled=True)
    add(world.scheduler(executors={"default": held}))
    world.advance(FIRE + 3 * LIMIT + 1)
    assert world.states() == [RunState.STARTED]
    held.begin()
    world.advance(LIMIT - 0.5)
    assert world.states() == [RunState.STARTED]
    world.advance(0.5)
    run = world.run("job")
    assert (run.state, run.finished_at) == (RunState.FAILURE, at(FIRE + 4 * LIMIT + 1))


def test_what_has_ended_in_time_is_not_late_because_nobody_looked(world, calls, held, scheduler):
    add(scheduler)
    world.advance(FIRE)
    world.freeze(scheduler)
    held.finish()
    world.clock.advance(3 * LIMIT)
    world.thaw(scheduler)
    world.advance(1)
    assert world.states() == [RunState.SUCCESS]


def test_a_time_out_while_the_store_is_away_is_recorded_when_it_is_back(world, calls):
    store, held = world.store(), HeldExecutor()
    scheduler = world.scheduler(store, executors={"default": held})
    add(scheduler)
    world.advance(FIRE)
    store.away = True
    world.advance(LIMIT)
    assert len(held.told) == 1
    held.finish()
    store.away = False
    world.advance(5)
    run = world.run("job")
    assert (run.state, run.reason) == (RunState.FAILURE, "timeout")


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_time_outs_of_runs_that_have_ended_cost_nothing(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=1, id="job", timeout=86_400)
    world.advance(3_000)
    assert scheduler.engine.flights.next_deadline == float("inf")
    assert len(calls) == 3_000


def test_the_time_out_of_one_attempt_frees_the_instance_and_the_queue_goes_on(world, calls, held, scheduler):
    scheduler.add_job(note, "interval", seconds=10, id="job", timeout=12, overlap="queue")
    world.advance(23)
    first, second = world.runs("job")
    assert (first.state, second.state, second.started_at) == (RunState.FAILURE, RunState.STARTED, at(22))


@pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)
@pytest.mark.parametrize("unwell", ["began", "cancel"])
def test_an_executor_that_fails_when_asked_of_one_run_holds_up_no_other(world, calls, caplog, unwell):
    held = HeldExecutor()

    def fail(*_):
        raise SystemExit("out of order")

    setattr(held, unwell, fail)
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job", timeout=LIMIT, executor="held")
    scheduler.add_job(note, "interval", seconds=1, id="other")
    world.advance(FIRE + LIMIT)
    assert world.run("job").state is RunState.FAILURE
    assert len(world.runs("other")) == FIRE + LIMIT
    assert "out of order" in caplog.text


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_an_outcome_that_asks_for_nonsense_is_a_failure(world, calls, held, scheduler):
    add(scheduler)
    world.advance(FIRE)
    call = held.calls[0]
    held._done(Outcome(call.run_id, Ending.RAISED, error="x", again="soon"))
    world.advance(1)
    assert "which is no outcome" in world.run("job").error
