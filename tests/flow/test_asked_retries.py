"""Functions that ask to be called again, by raising Retry; and what is kept of each attempt."""

import pytest

from scheduler import Attempt, RetryPolicy, RunState
from scheduler.core.retry import ASKED_RETRIES
from tests.flow.executors import HeldExecutor
from tests.flow.functions import again, again_at, fail, fail_until
from tests.flow.world import NODE_TIMEOUT, at

FIRE = 10
SLOW = RetryPolicy(max_retries=2, delay=20)


def starts(run):
    """When each attempt of a run began, in seconds."""
    times = [attempt.started_at for attempt in run.attempts] + [run.started_at]
    return [(time - at(0)).total_seconds() for time in times]


@pytest.mark.parametrize(
    ("asked", "retry", "expected"),
    [
        ({}, None, [10] * (1 + ASKED_RETRIES)),
        ({"countdown": 5}, None, [10, 15, 20, 25]),
        ({"countdown": 5, "max_retries": 1}, None, [10, 15]),
        ({"max_retries": 0}, None, [10]),
        ({}, SLOW, [10, 30, 50]),
        ({"countdown": 5}, SLOW, [10, 15, 20]),
        ({"countdown": 5, "max_retries": 4}, SLOW, [10, 15, 20, 25, 30]),  # more than the policy has
        ({"max_retries": 1}, SLOW, [10, 30]),
        ({}, RetryPolicy(max_retries=1, on=ZeroDivisionError), [10, 10]),  # whatever it is `on`
        ({}, RetryPolicy(max_retries=0), [10]),
    ],
)
def test_the_function_says_whether_and_when_it_is_called_again(world, calls, asked, retry, expected):
    scheduler = world.scheduler()
    scheduler.add_job(again, "date", run_date=at(FIRE), kwargs=asked, id="job", retry=retry)
    world.advance(200)
    run = world.run("job")
    assert starts(run) == expected
    assert (run.state, run.attempt, len(calls)) == (RunState.FAILURE, len(expected), len(expected))
    assert run.error == "Retry: not yet"


@pytest.mark.parametrize(("eta", "second"), [(40, 40), (-100, 10)], ids=["to come", "past: at once"])
def test_the_function_may_say_at_what_time(world, calls, eta, second):
    scheduler = world.scheduler()
    scheduler.add_job(again_at, "date", run_date=at(FIRE), args=(at(eta),), id="job", retry=1)
    world.advance(100)
    assert starts(world.run("job")) == [10, second]


def test_each_attempt_is_kept_with_its_error(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(fail_until, "date", run_date=at(FIRE), args=(3,), id="job", retry=RetryPolicy(3, delay=5))
    world.advance(100)
    run = world.run("job")
    assert (run.state, run.result, run.attempt) == (RunState.SUCCESS, "done", 3)
    assert run.attempts == tuple(
        Attempt(number, time, time, run.node, "ConnectionError: not yet")
        for number, time in ((1, at(FIRE)), (2, at(FIRE + 5)))
    )


def test_a_run_that_waits_for_another_attempt_shows_the_one_that_failed(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(fail, "date", run_date=at(FIRE), id="job", retry=SLOW)
    world.advance(FIRE)
    run = world.run("job")
    assert (run.state, run.ready_at, run.error) == (RunState.RETRY, at(FIRE + 20), "ValueError: as it was told")
    assert [attempt.error for attempt in run.attempts] == [run.error]


def test_a_lost_attempt_is_kept_among_the_others(world, calls):
    held = HeldExecutor()
    doomed, _ = world.scheduler(executors={"default": held}), world.scheduler()
    doomed.add_job(fail_until, "date", run_date=at(FIRE), args=(1,), id="job", retry=1)
    world.advance(FIRE)
    world.freeze(doomed)
    world.advance(NODE_TIMEOUT + 10)
    run = world.run("job")
    [lost] = run.attempts
    assert (run.state, run.attempt) == (RunState.SUCCESS, 2)
    assert (lost.number, lost.reason, lost.started_at) == (1, "lost", at(FIRE))
    assert lost.node != run.node


def test_a_retry_that_waits_survives_the_death_of_its_node_and_is_made_by_another(world, calls):
    doomed = world.scheduler()
    doomed.add_job(again, "date", run_date=at(FIRE), kwargs={"countdown": 60, "max_retries": 1}, id="job")
    world.advance(FIRE)
    world.freeze(doomed)
    world.scheduler()
    world.advance(2 * NODE_TIMEOUT)
    assert world.states("job") == [RunState.RETRY]
    world.advance(60)
    assert starts(world.run("job")) == [10, 70]
