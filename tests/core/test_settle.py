"""What becomes of a run when an attempt has ended, or when nobody wants it any more."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.core.retry import ASKED_RETRIES, MAX_DELAY, Again, Retry, RetryPolicy
from scheduler.core.run import MOST_ATTEMPTS, MOVES, Progress, Reason, Run, RunState
from scheduler.core.settle import TIMED_OUT_TYPES, Ending, Outcome, begin, revoke, settle
from scheduler.errors import InvalidJobError, InvalidMoveError

NOW = datetime(2024, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(seconds=5)
POLICY = RetryPolicy(max_retries=2, delay=60)


def started(attempt=1, **fields):
    return Run(
        id="r",
        job_id="job",
        incarnation="life",
        scheduled_time=NOW,
        state=RunState.STARTED,
        attempt=attempt,
        node="node",
        started_at=NOW,
        **fields,
    )


def failed(again=None, **fields):
    return Outcome("r", Ending.RAISED, error="Retry: x", error_types=("Retry",), again=again, **fields)


LOST = Outcome("r", Ending.LOST, error="died")
SHUT_DOWN = Outcome("r", Ending.LOST, error="left", reason=Reason.SHUTDOWN)
TIMED_OUT = Outcome("r", Ending.TIMED_OUT, error="TimeoutError: x", error_types=TIMED_OUT_TYPES)


@pytest.mark.parametrize(
    ("outcome", "retry", "state", "reason"),
    [
        (Outcome("r", Ending.RETURNED, result=7), POLICY, RunState.SUCCESS, None),
        (failed(), None, RunState.FAILURE, None),
        (failed(), POLICY, RunState.RETRY, None),
        (LOST, None, RunState.LOST, "lost"),
        (LOST, POLICY, RunState.RETRY, "lost"),
        (LOST, RetryPolicy(1, on=ValueError), RunState.RETRY, "lost"),
        (SHUT_DOWN, None, RunState.LOST, "shutdown"),
        (SHUT_DOWN, POLICY, RunState.RETRY, "shutdown"),
        (TIMED_OUT, None, RunState.FAILURE, "timeout"),
        (TIMED_OUT, POLICY, RunState.RETRY, "timeout"),
        (TIMED_OUT, RetryPolicy(1, on="TimeoutError"), RunState.RETRY, "timeout"),
        (TIMED_OUT, RetryPolicy(1, on=ValueError), RunState.FAILURE, "timeout"),
    ],
)
def test_an_attempt_that_ends_leads_to_the_next_or_to_an_end(outcome, retry, state, reason):
    run = settle(started(), outcome, retry=retry, now=SOON)
    assert (run.state, run.reason, run.result, run.error) == (state, reason, outcome.result, outcome.error)
    if state is RunState.RETRY:
        assert (run.finished_at, run.node) == (None, None)
        assert run.ready_at == SOON + timedelta(seconds=retry.delay)
        assert [(a.number, a.node, a.error, a.reason) for a in run.attempts] == [(1, "node", outcome.error, reason)]
    else:
        assert (run.finished_at, run.node, run.attempts) == (SOON, "node", ())


@pytest.mark.parametrize(
    ("again", "retry", "attempt", "delay"),
    [
        (Again(), None, 1, 0),
        (Again(), None, ASKED_RETRIES, 0),
        (Again(), None, ASKED_RETRIES + 1, None),
        (Again(countdown=9), None, 1, 9),
        (Again(countdown=9), POLICY, 1, 9),
        (Again(), POLICY, 1, 60),
        (Again(), POLICY, 3, None),
        (Again(max_retries=5), POLICY, 5, 60),
        (Again(max_retries=5), POLICY, 6, None),
        (Again(max_retries=0), POLICY, 1, None),
        (Again(eta=SOON + timedelta(seconds=30)), POLICY, 1, 30),
        (Again(eta=NOW), POLICY, 1, 0),
        (Again(), RetryPolicy(1, delay=7, on=ValueError), 1, 7),
    ],
)
def test_a_function_that_asks_for_another_attempt_is_given_it_where_one_is_left(again, retry, attempt, delay):
    run = settle(started(attempt), failed(again), retry=retry, now=SOON)
    if delay is None:
        assert run.state is RunState.FAILURE
    else:
        assert (run.state, run.ready_at) == (RunState.RETRY, SOON + timedelta(seconds=delay))


@pytest.mark.parametrize(
    "wrong",
    [
        {"countdown": -1},
        {"countdown": MAX_DELAY * 2},
        {"countdown": float("nan")},
        {"countdown": "soon"},
        {"countdown": timedelta(seconds=-1)},
        {"eta": NOW.replace(tzinfo=None)},
        {"eta": 5},
        {"countdown": 1, "eta": NOW},
        {"max_retries": -1},
        {"max_retries": True},
        {"max_retries": 1.5},
    ],
)
def test_what_a_function_asks_for_must_make_sense(wrong):
    with pytest.raises(InvalidJobError, match=next(iter(wrong))):
        Retry(**wrong)


@pytest.mark.parametrize(
    ("message", "remedy"),
    [(5, "pass countdown=5"), (timedelta(seconds=5), "pass countdown=5"), (None, "pass countdown=5"),
     (OSError("x"), r"raise Retry\(…\) from the error")],
    ids=repr,
)  # fmt: skip
def test_why_it_asks_is_text(message, remedy):
    with pytest.raises(InvalidJobError, match=f"Retry: the message must be text, not .*; {remedy}$"):
        Retry(message)
    assert str(Retry("why")) == "why"


def test_of_very_many_attempts_the_latest_are_kept():
    run = started()
    for number in range(1, MOST_ATTEMPTS + 10):
        run = settle(run, failed(Again(max_retries=10_000)), retry=None, now=NOW)
        run = begin(run, node=f"node-{number}", now=NOW)
    assert [attempt.number for attempt in run.attempts] == list(range(10, MOST_ATTEMPTS + 10))


def test_the_next_attempt_begins_without_what_the_one_before_said():
    run = settle(started(progress=Progress("X", {}, NOW)), LOST, retry=POLICY, now=SOON)
    assert run.progress is not None
    run = begin(run, node="other", now=SOON)
    assert (run.state, run.attempt, run.node, run.reason, run.progress) == (RunState.STARTED, 2, "other", None, None)
    assert run.error == "died"


@pytest.mark.parametrize("state", [state for state in RunState if not state.final])
def test_a_run_that_has_not_ended_can_be_revoked(state):
    run = revoke(started().evolved(state=state, ready_at=SOON), Reason.REPLACED, now=SOON, cause="later")
    assert (run.state, run.reason, run.cause) == (RunState.REVOKED, "replaced", "later")
    assert (run.finished_at, run.ready_at) == (SOON, None)


@pytest.mark.parametrize("state", [state for state in RunState if not MOVES[state]])
def test_a_run_that_has_ended_cannot_be_revoked(state):
    with pytest.raises(InvalidMoveError):
        revoke(started().evolved(state=state), Reason.CANCELLED, now=SOON)
