"""Runs that no fire time makes: called, following another, and callbacks."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.core.call import call, callback, follow, key_of
from scheduler.core.job import Job
from scheduler.core.overlap import QUEUE, Place, place, replaced
from scheduler.core.run import Run, RunState, run_id
from scheduler.core.settle import Ending, Outcome, settle
from scheduler.triggers import AfterTrigger, IntervalTrigger

NOW = datetime(2024, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def make_job(**fields):
    return Job(**{"id": "job", "func": print, "trigger": IntervalTrigger(hours=1), "incarnation": "life", **fields})


def ended(state, job_id="first"):
    return Run(id="r1", job_id=job_id, incarnation="x", scheduled_time=NOW, state=state, finished_at=NOW)


PLACES = [
    # overlap, max_instances, active → place
    ("skip", 1, 0, Place.FREE),
    ("skip", 1, 1, Place.NONE),
    ("skip", 3, 2, Place.FREE),
    ("skip", 3, 5, Place.NONE),
    ("queue", 1, 0, Place.FREE),
    ("queue", 1, 1, Place.QUEUED),
    ("queue", 2, QUEUE + 1, Place.QUEUED),
    ("queue", 2, QUEUE + 2, Place.NONE),
    ("cancel_running", 1, 1, Place.QUEUED),
]


@pytest.mark.parametrize(("overlap", "instances", "active", "expected"), PLACES)
def test_a_run_starts_waits_or_does_not_run(overlap, instances, active, expected):
    assert place(make_job(overlap=overlap, max_instances=instances), active) is expected


@pytest.mark.parametrize(
    ("overlap", "instances", "active", "expected"),
    [
        ("skip", 1, 2, ()),
        ("queue", 1, 2, ()),
        ("cancel_running", 1, 1, ()),
        ("cancel_running", 1, 2, ("a",)),
        ("cancel_running", 2, 3, ("a",)),
        ("cancel_running", 1, 3, ("b", "a")),
        ("cancel_running", 1, 9, ("b", "a")),
    ],
)
def test_as_many_make_place_as_are_too_many_the_oldest_last(overlap, instances, active, expected):
    assert replaced(make_job(overlap=overlap, max_instances=instances), active, ["a", "b"]) == expected


@pytest.mark.parametrize(("active", "ready_at"), [(0, LATER), (1, None)])
@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel_running"])
def test_a_called_run_waits_for_its_time_or_for_an_instance(active, ready_at, overlap):
    job = make_job(overlap=overlap, jitter=600.0)
    run = call(job, "key", at=LATER, active=active)
    assert (run.state, run.ready_at, run.attempt, run.scheduled_time) == (RunState.PENDING, ready_at, 0, LATER)
    assert run.id == run_id("life", LATER, "key")
    assert (run.called, run.queued) == (True, ready_at is None)


ONS = {
    "success": {RunState.SUCCESS},
    "failure": {RunState.FAILURE, RunState.LOST},
    "any": {RunState.SUCCESS, RunState.FAILURE, RunState.LOST, RunState.REVOKED},
}


@pytest.mark.parametrize("on", ONS)
@pytest.mark.parametrize("state", [state for state in RunState if state.final])
def test_a_job_follows_the_ends_that_it_is_on(on, state):
    run = follow(make_job(trigger=AfterTrigger("first", on)), ended(state), now=NOW, active=0)
    assert (run is not None) is (state in ONS[on])


@pytest.mark.parametrize("changes", [{"paused": True}, {"trigger": None, "broken": "x"}])
def test_a_job_that_is_paused_or_cannot_be_read_follows_nobody(changes):
    job = make_job(**{"trigger": AfterTrigger("first"), **changes})
    assert follow(job, ended(RunState.SUCCESS), now=NOW, active=0) is None


@pytest.mark.parametrize(
    ("overlap", "active", "state", "ready", "cause"),
    [
        ("skip", 0, RunState.PENDING, True, "r1"),
        ("skip", 1, RunState.SKIPPED, False, "older"),
        ("queue", 1, RunState.PENDING, False, "r1"),
        ("cancel_running", 1, RunState.PENDING, False, "r1"),
        ("queue", QUEUE + 1, RunState.SKIPPED, False, "older"),
    ],
)
def test_a_follower_keeps_its_own_rules_of_overlap(overlap, active, state, ready, cause):
    job = make_job(trigger=AfterTrigger("first"), overlap=overlap)
    run = follow(job, ended(RunState.SUCCESS), now=NOW, active=active, blockers=["older"])
    assert (run.state, run.ready_at == NOW, run.cause) == (state, ready, cause)
    assert (run.finished_at is not None) is (state is RunState.SKIPPED)


def test_the_runs_that_follow_different_ends_at_one_instant_differ_and_that_of_one_end_is_one():
    job = make_job(trigger=AfterTrigger("first"))
    first, second = ended(RunState.SUCCESS), ended(RunState.SUCCESS).evolved(id="r2")
    ids = [follow(job, run, now=NOW, active=0).id for run in (first, second, first)]
    assert ids[0] == ids[2] != ids[1]
    assert key_of("a", "b") != key_of("ab", "")


def test_a_callback_is_a_job_of_its_own_with_the_executor_the_retries_and_the_time_out_of_the_other():
    rules = {"executor": "pool", "timeout": 5.0, "tags": ("x",), "jobstore": "other"}
    job = make_job(on_success=repr, on_failure=ascii, max_instances=3, keep_runs=1, **rules)
    run = ended(RunState.LOST, "job")
    once, made = callback(job, run, now=LATER)
    assert (once.func, once.args, once.next_run_time, once.ended) == (ascii, (run,), None, True)
    assert {name: getattr(once, name) for name in rules} == rules
    assert (once.on_success, once.on_failure) == (None, None)
    assert (made.state, made.ready_at, made.cause, made.incarnation) == (
        RunState.PENDING, LATER, run.id, once.incarnation)  # fmt: skip
    success, _ = callback(job, ended(RunState.SUCCESS, "job"), now=LATER)
    assert success.func is repr
    assert success.id != once.id
    assert len(callback(make_job(id="x" * 255, on_failure=ascii), run, now=LATER)[0].id) <= 255


@pytest.mark.parametrize("state", [RunState.REVOKED, RunState.SKIPPED])
def test_a_run_that_was_revoked_or_skipped_calls_nobody(state):
    assert callback(make_job(on_success=repr, on_failure=ascii), ended(state, "job"), now=NOW) is None


def test_a_callback_calls_nobody_itself():
    once, made = callback(make_job(on_failure=ascii), ended(RunState.FAILURE, "job"), now=NOW)
    run = made.moved(RunState.STARTED, attempt=1)
    failed = settle(run, Outcome(run.id, Ending.RAISED, error="x"), retry=None, now=LATER)
    assert callback(once, failed, now=LATER) is None
