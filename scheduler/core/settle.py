"""What becomes of a run when an attempt has ended: the only place that knows retries and lost attempts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from scheduler.core.retry import RetryPolicy
from scheduler.core.run import Reason, Run, RunState


class Ending(StrEnum):
    """How an attempt ended."""

    RETURNED = "returned"
    RAISED = "raised"
    LOST = "lost"
    """Its process died, or gave up on it."""


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


def settle(run: Run, outcome: Outcome, *, retry: RetryPolicy | None, now: datetime) -> Run:
    """Return the run as it is after its attempt ended with `outcome` at the instant `now`."""
    if outcome.ending is Ending.RETURNED:
        return run.moved(RunState.SUCCESS, result=outcome.result, finished_at=now)
    lost = outcome.ending is Ending.LOST
    error_types = None if lost else outcome.error_types
    words = {"error": outcome.error, "traceback": outcome.traceback, "reason": Reason.LOST.value if lost else None}
    if retry is not None and retry.retries(run.attempt, error_types):
        ready_at = now + retry.delay_after(run.attempt, run.id)
        return run.moved(RunState.RETRY, ready_at=ready_at, node=None, **words)
    return run.moved(RunState.LOST if lost else RunState.FAILURE, finished_at=now, **words)


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
    )
