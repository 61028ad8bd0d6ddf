"""Handles on runs: they show a run, ask again, and say why there is no result."""

import copy
import dataclasses
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import (
    InvalidJobError,
    Run,
    RunFailedError,
    RunHandle,
    RunLookupError,
    RunLostError,
    RunRevokedError,
    RunSkippedError,
    RunState,
    RunTimeoutError,
    StoreUnavailableError,
)
from scheduler.core.run import Reason
from scheduler.jobstores import MemoryJobStore
from scheduler.run_operations import Placed
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.jobs import act, fail, note, one
from tests.api.waiting import SOON
from tests.flow.executors import HeldExecutor
from tests.flow.faulty import FaultyStore

START = datetime(2024, 1, 1, tzinfo=UTC)


# what it is


def test_a_handle_is_the_run_that_was_read_last(scheduler, passing):
    handle = scheduler.submit(note)
    before = handle.evolved()
    assert isinstance(handle, Run)
    assert type(before) is Run
    assert handle == before
    assert before == handle
    assert handle == scheduler.get_run(handle.id)
    assert hash(handle) == hash(before)
    passing.settle()
    assert (handle.result, handle.finished_at) == (None, None)
    assert handle.state is RunState.SUCCESS
    assert (handle.result, handle.finished_at) == (1, START)
    assert handle != before
    assert handle in {handle}
    assert handle == scheduler.get_runs()[0]
    assert handle != handle.id


def test_refresh_reads_all_fields_again(scheduler, passing):
    handle = scheduler.submit(note)
    passing.settle()
    assert handle.refresh() is handle
    assert (handle.result, handle.attempt) == (1, 1)


def test_a_handle_is_shown_without_asking_the_store(make, clock):
    store = FaultyStore(MemoryJobStore())
    scheduler = make(store, clock=clock)
    handle = scheduler.submit(note, countdown=5)
    store.away = True
    assert repr(handle) == f"<RunHandle {handle.id} of job {handle.job_id!r}: PENDING>"
    with pytest.raises(StoreUnavailableError):
        handle.ready()


def test_copies_of_a_handle_work_and_a_pickle_of_one_is_refused(scheduler, passing):
    handle = scheduler.submit(one, [1])
    copies = [copy.copy(handle), copy.deepcopy(handle)]
    with pytest.raises(TypeError, match=r"pickle its id, and call get_run\(id\)"):
        pickle.dumps(handle)
    passing.settle()
    assert [each.get() for each in copies] == [2, 2]
    assert pickle.loads(pickle.dumps(handle.refresh().evolved())) == handle


def test_the_fields_of_a_handle_cannot_be_set(scheduler):
    handle = scheduler.submit(note)
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
        handle.result = 5
    with pytest.raises(AttributeError):
        handle.state = RunState.SUCCESS
    assert dataclasses.asdict(handle)["state"] is RunState.PENDING


# results and errors


ENDS = [
    ({"state": RunState.FAILURE, "error": "ValueError: no"}, RunFailedError, "ended as FAILURE: ValueError: no"),
    (
        {"state": RunState.FAILURE, "error": "TimeoutError: 5 s", "reason": Reason.TIMEOUT.value},
        RunTimeoutError,
        "ended as FAILURE: TimeoutError",
    ),
    ({"state": RunState.LOST, "error": "node n died", "reason": "lost"}, RunLostError, "ended as LOST: node n died"),
    ({"state": RunState.REVOKED, "reason": "cancelled"}, RunRevokedError, "ended as REVOKED: cancelled"),
    ({"state": RunState.SKIPPED, "reason": "overlap"}, RunSkippedError, "ended as SKIPPED: overlap"),
]


@pytest.mark.parametrize(("fields", "error", "message"), ENDS)
def test_a_run_without_a_result_raises_why(scheduler, fields, error, message):
    run = Run(id="r", job_id="job", incarnation="1", scheduled_time=START, finished_at=START, **fields)
    handle = RunHandle(Placed("default", run), scheduler._runs)
    with pytest.raises(RunFailedError, match=message) as caught:
        handle.get()
    assert type(caught.value) is error
    assert (caught.value.run, type(caught.value.run)) == (run, Run)
    assert handle.get(propagate=False) is None
    assert handle.wait() is True
    assert pickle.loads(pickle.dumps(caught.value)).run == run


def test_a_failed_attempt_that_is_tried_again_is_waited_for(running):
    jobs.present["action"] = lambda: len(jobs.calls) > 2 or note() / 0
    handle = running.submit(act, retry=5)
    assert handle.get(SOON) is True
    assert (handle.attempt, handle.attempts[0].error) == (4, "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("result", [None, 0, "text", [1, {"a": None}], datetime(2024, 1, 1, tzinfo=UTC)], ids=str)
def test_any_result_comes_back(running, result):
    jobs.present["action"] = lambda: result
    assert running.submit(act).get(SOON) == result


def test_what_failed_in_a_thread_says_so(running):
    handle = running.submit(fail)
    assert handle.wait(SOON) is True
    with pytest.raises(RunFailedError, match="ValueError: this job always fails"):
        handle.get()
    assert "in fail" in handle.traceback


def test_a_run_that_was_pruned_meanwhile_is_looked_up_in_vain(scheduler, passing):
    handle, known = scheduler.submit(note), scheduler.submit(note)
    passing.settle()
    known.get()
    scheduler.engine.links["default"].store.prune(START + timedelta(days=1), 10)
    for ask in (handle.get, handle.wait, handle.ready, handle.refresh, handle.cancel, lambda: handle.state):
        with pytest.raises(RunLookupError, match=f"{handle.id}'; it was there, .* as History and keep_runs of its job"):
            ask()
    assert (known.get(), known.state, known.cancel()) == (2, "SUCCESS", False)


@pytest.mark.parametrize(
    ("run_id", "error", "message"),
    [
        ("ghost", RunLookupError, "no run has the id 'ghost'"),
        ("призрак 👻", RunLookupError, "no run has the id 'призрак 👻'"),
        ("", InvalidJobError, "run_id must have 1 to 255 characters"),
        ("x" * 256, InvalidJobError, "not 256"),
        (None, InvalidJobError, "run_id must be text, not None"),
        ("a\0", InvalidJobError, "must not contain NUL"),
    ],
)
def test_a_run_that_cannot_be_is_named(sharing, clock, run_id, error, message):
    scheduler = sharing(clock=clock)
    for call in (scheduler.get_run, scheduler.cancel_run):
        with pytest.raises(error, match=message):
            call(run_id)


# held


def test_a_handle_follows_a_run_through_its_states(make, clock):
    held = HeldExecutor(pooled=True)
    scheduler = make(clock=clock, executors={"default": held})
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    handle = scheduler.submit(fail, retry=1, countdown=5)
    states = [handle.state]
    passing.advance(5)
    states.append(handle.state)
    held.begin()
    held.finish()
    scheduler.engine.step()
    states.append((handle.state, handle.ready()))
    passing.settle()
    held.finish()
    passing.settle()
    states.append((handle.state, handle.ready(), handle.attempt))
    assert isinstance(handle, RunHandle)
    assert states[:2] == ["PENDING", "STARTED"]
    assert states[2][0] in ("RETRY", "STARTED")
    assert states[3] == ("FAILURE", True, 2)
