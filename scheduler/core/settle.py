"""What becomes of a run when an attempt has ended, or is not wanted any more: the only place that knows retries, lost
attempts and time-outs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from scheduler.core.retry import ASKED_RETRIES, Again, RetryPolicy, error_types
from scheduler.core.run import MOST_ATTEMPTS, Attempt, Reason, Run, RunState


class Ending(StrEnum):
    """How an attempt ended."""

    RETURNED = "returned"
    RAISED = "raised"
    LOST = "lost"
    """Its process died, or gave up on it."""
    TIMED_OUT = "timed out"


class Outcome(NamedTuple):
    """How one attempt ended, as an executor reports it."""

    run_id: str
    ending: Ending
    result: Any = None
    error: str | None = None
    """Type and message of the exception."""
    traceback: str | None = None
    error_types: tuple[str, ...] = ()
    """The names of the exception's class and its bases, as `RetryPolicy.on` knows them."""
    attempt: int = 1
    """Which attempt it was; that of the call."""
    again: Again | None = None
    """What a function that raised Retry asked for."""
    reason: Reason | None = None
    """Of a lost attempt: why, where its process did not die."""


class ProgressReport(NamedTuple):
    """What the function of a run says while it runs."""

    run_id: str
    attempt: int
    state: str
    meta: Mapping[str, Any]


TIMED_OUT_TYPES = error_types(TimeoutError())
"""As what RetryPolicy.on knows a time-out."""


def settle(run: Run, outcome: Outcome, *, retry: RetryPolicy | None, now: datetime) -> Run:
    """Return the run as it is after its attempt ended with `outcome` at the instant `now`."""
    if outcome.ending is Ending.RETURNED:
        return run.moved(RunState.SUCCESS, result=outcome.result, finished_at=now)
    reason = _reason(outcome)
    words = {"error": outcome.error, "traceback": outcome.traceback, "reason": reason}
    ready_at = _next_attempt(run, outcome, retry, now)
    if ready_at is not None:
        ended = Attempt(run.attempt, run.started_at, now, run.node, outcome.error, reason)
        attempts = (*run.attempts, ended)[-MOST_ATTEMPTS:]
        return run.moved(RunState.RETRY, ready_at=ready_at, node=None, attempts=attempts, **words)
    lost = outcome.ending is Ending.LOST
    return run.moved(RunState.LOST if lost else RunState.FAILURE, finished_at=now, **words)


def revoke(run: Run, reason: Reason, *, now: datetime, cause: str | None = None) -> Run:
    """Return a run that has not ended as it is when nobody wants it any more, whatever its function does now."""
    return run.moved(RunState.REVOKED, reason=reason.value, cause=cause or run.cause, finished_at=now, ready_at=None)


def _reason(outcome: Outcome) -> str | None:
    if outcome.ending is Ending.TIMED_OUT:
        return Reason.TIMEOUT.value
    return (outcome.reason or Reason.LOST).value if outcome.ending is Ending.LOST else None


def _next_attempt(run: Run, outcome: Outcome, retry: RetryPolicy | None, now: datetime) -> datetime | None:
    """When the next attempt may start; None: there is none."""
    again = outcome.again
    if again is None:
        types = None if outcome.ending is Ending.LOST else outcome.error_types
        if retry is None or not retry.retries(run.attempt, types):
            return None
        return now + retry.delay_after(run.attempt, run.id)
    most = again.max_retries
    if most is None:
        most = ASKED_RETRIES if retry is None else retry.max_retries
    if run.attempt > most:
        return None
    if again.eta is not None:
        return max(again.eta, now)
    if again.countdown is not None:
        return now + timedelta(seconds=again.countdown)
    return now if retry is None else now + retry.delay_after(run.attempt, run.id)


def begin(run: Run, *, node: str, now: datetime) -> Run:
    """Return a waiting run as it is when its next attempt starts on `node`."""
    return run.moved(
        RunState.STARTED,
        attempt=run.attempt + 1,
        node=node,
        ready_at=None,
        started_at=now,
        finished_at=None,
        reason=None,
        progress=None,
    )
