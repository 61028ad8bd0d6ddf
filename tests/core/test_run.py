"""The states of a run, the table of moves, and what becomes of a run when an attempt ends."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import InvalidMoveError, RetryPolicy, Run, RunState
from scheduler.core.run import HELD, MOVES, WAITING, run_id
from scheduler.core.settle import Ending, Outcome, begin, settle

NOW = datetime(2024, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
FINAL = {RunState.SUCCESS, RunState.FAILURE, RunState.REVOKED, RunState.SKIPPED, RunState.LOST}
BORN = {RunState.PENDING, RunState.STARTED, RunState.SKIPPED}


def make_run(state=RunState.STARTED, **fields):
    fields = {"attempt": 1, "node": "node-1", "started_at": NOW} | fields
    return Run(id="run", job_id="job", incarnation="life", scheduled_time=NOW, state=state, **fields)


# the table of moves


def test_the_table_of_moves_knows_every_state():
    assert set(MOVES) == set(RunState)


def test_final_states_have_no_moves_and_all_others_have():
    assert {state for state in RunState if state.final} == FINAL
    assert {state for state in RunState if not MOVES[state]} == FINAL


def test_every_state_can_be_reached_and_every_run_can_end():
    reached = set(BORN)
    while more := {after for state in reached for after in MOVES[state]} - reached:
        reached |= more
    assert reached == set(RunState)
    ending = set(FINAL)
    while more := {state for state in RunState if MOVES[state] & ending} - ending:
        ending |= more
    assert ending == set(RunState)


def test_each_state_that_is_not_final_either_waits_or_is_held():
    assert set(RunState) - FINAL == WAITING | HELD
    assert not WAITING & HELD


@pytest.mark.parametrize("after", RunState)
@pytest.mark.parametrize("before", RunState)
def test_a_run_moves_as_the_table_allows_and_not_otherwise(before, after):
    run = make_run(before)
    if after in MOVES[before]:
        assert run.moved(after, reason="why") == make_run(after, reason="why")
    else:
        with pytest.raises(InvalidMoveError, match=f"'run' is {before} and cannot become {after}"):
            run.moved(after)


def test_a_run_and_the_table_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        make_run().state = RunState.SUCCESS
    with pytest.raises(TypeError):
        MOVES[RunState.SUCCESS] = frozenset(RunState)


# settle and begin

RETURNED = Outcome("run", Ending.RETURNED, result=42)
RAISED = Outcome("run", Ending.RAISED, error="OSError: no", traceback="trace", error_types=("OSError",))
LOST = Outcome("run", Ending.LOST, error="node died")


@pytest.mark.parametrize(
    ("outcome", "attempt", "retry", "expected"),
    [
        (RETURNED, 1, None, {"state": RunState.SUCCESS, "result": 42, "finished_at": LATER}),
        (RETURNED, 3, RetryPolicy(), {"state": RunState.SUCCESS, "result": 42, "finished_at": LATER}),
        (RAISED, 1, None, {"state": RunState.FAILURE, "finished_at": LATER, "reason": None, "error": "OSError: no"}),
        (RAISED, 4, RetryPolicy(3), {"state": RunState.FAILURE, "finished_at": LATER, "traceback": "trace"}),
        (RAISED, 1, RetryPolicy(on=KeyError), {"state": RunState.FAILURE}),
        (RAISED, 3, RetryPolicy(3, delay=7), {"state": RunState.RETRY, "ready_at": LATER + timedelta(seconds=7)}),
        (RAISED, 1, RetryPolicy(3), {"node": None, "finished_at": None, "error": "OSError: no", "traceback": "trace"}),
        (LOST, 1, None, {"state": RunState.LOST, "reason": "lost", "error": "node died", "finished_at": LATER}),
        (LOST, 1, RetryPolicy(0), {"state": RunState.LOST, "node": "node-1"}),
        (LOST, 1, RetryPolicy(1), {"state": RunState.RETRY, "reason": "lost", "ready_at": LATER, "node": None}),
        (LOST, 1, RetryPolicy(1, on=KeyError), {"state": RunState.RETRY}),
        (LOST, 2, RetryPolicy(1), {"state": RunState.LOST}),
    ],
)
def test_an_attempt_that_ended_is_settled_by_the_policy(outcome, attempt, retry, expected):
    run = settle(make_run(attempt=attempt), outcome, retry=retry, now=LATER)
    assert {name: getattr(run, name) for name in expected} == expected
    assert (run.attempt, run.scheduled_time, run.started_at) == (attempt, NOW, NOW)


@pytest.mark.parametrize("state", sorted(FINAL | WAITING))
def test_a_run_that_nobody_holds_cannot_be_settled(state):
    with pytest.raises(InvalidMoveError):
        settle(make_run(state), RETURNED, retry=None, now=LATER)


def test_a_waiting_run_begins_its_next_attempt():
    waiting = make_run(RunState.RETRY, attempt=2, node=None, ready_at=NOW, reason="lost", error="node died")
    run = begin(waiting, node="node-2", now=LATER)
    assert (run.state, run.attempt, run.node, run.started_at) == (RunState.STARTED, 3, "node-2", LATER)
    assert (run.ready_at, run.finished_at, run.reason) == (None, None, None)
    assert run.error == "node died", "the error of the last failed attempt stays until there is another"


def test_a_queued_run_begins_its_first_attempt():
    assert begin(make_run(RunState.PENDING, attempt=0, node=None), node="node-2", now=LATER).attempt == 1


@pytest.mark.parametrize("state", sorted(FINAL | {RunState.STARTED}))
def test_only_a_waiting_run_can_begin(state):
    with pytest.raises(InvalidMoveError):
        begin(make_run(state), node="node-2", now=LATER)


@given(st.integers(0, 5), st.lists(st.sampled_from([RETURNED, RAISED, LOST]), min_size=8, max_size=8))
def test_a_run_makes_at_most_one_attempt_more_than_its_retries(retries, outcomes):
    run, made = make_run(), 0
    for outcome in outcomes:
        made += 1
        run = settle(run, outcome, retry=RetryPolicy(retries), now=LATER)
        if run.state.final:
            break
        run = begin(run, node="node", now=LATER)
    assert run.state.final
    assert run.attempt == made <= retries + 1


# identity

instants = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(instants, instants)
def test_run_ids_sort_by_time_and_are_unique(one, other):
    first, second = run_id("life", one), run_id("life", other)
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)


@given(instants)
def test_run_ids_of_other_lives_differ_and_are_safe_in_any_key(time):
    assert run_id("a", time) != run_id("b", time)
    assert run_id("0f" * 8, time).replace("-", "").replace("T", "").isalnum()
