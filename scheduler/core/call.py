"""Runs that no fire time makes: called by a user, or by the end of another run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from scheduler.core.job import Job
from scheduler.core.overlap import Place, place
from scheduler.core.plan import ready_time
from scheduler.core.run import Reason, Run, RunState, run_id
from scheduler.triggers.date import DateTrigger

ENDS: Mapping[str, frozenset[RunState]] = MappingProxyType(
    {
        "success": frozenset({RunState.SUCCESS}),
        "failure": frozenset({RunState.FAILURE, RunState.LOST}),
        "any": frozenset({RunState.SUCCESS, RunState.FAILURE, RunState.LOST, RunState.REVOKED}),
    }
)
"""What `on` of an AfterTrigger means: the states of the other job's run that make it fire."""


def call(job: Job, key: str, *, at: datetime, active: int) -> Run:
    """Return a run of `job` that a user has asked for: it may start at `at`, or when an instance of the job is free.

    Arguments:
        key: what sets it apart from other runs of that time; 1 to 32 letters and digits.
        at: the store's time, or a later one.
        active: how many runs of this incarnation have not ended.

    Its jitter does not delay it, and however late it starts, it is not missed.
    """
    return _waiting(job, key, at, at if place(job, active) is Place.FREE else None)


def follow(job: Job, ended: Run, *, now: datetime, active: int, blockers: Sequence[str] = ()) -> Run | None:
    """Return what a job does whose AfterTrigger names the job of `ended`: a run, a skip, or None: not on such an end.

    Arguments:
        ended: a run that has ended, not SKIPPED.
        active: how many runs of the following job have not ended.
        blockers: the ids of some of them, the oldest first.

    With overlap="cancel_running" the run waits as with "queue"; the caller has the blockers revoked.
    """
    on = getattr(job.trigger, "on", "")
    if job.paused or ended.state not in ENDS.get(on, ()):
        return None
    key = key_of(ended.id, job.id)
    found = place(job, active)
    if found is Place.FREE:
        return _waiting(job, key, now, ready_time(job, now), cause=ended.id)
    if found is Place.QUEUED:
        return _waiting(job, key, now, None, cause=ended.id)
    blocker = blockers[0] if blockers else ended.id
    return _run(job, key, now, RunState.SKIPPED, reason=Reason.OVERLAP.value, cause=blocker, finished_at=now)


def callback(job: Job, ended: Run, *, now: datetime) -> tuple[Job, Run] | None:
    """Return the call that a job wants made after a run of it has ended, as a job of its own and its run; None: none.

    The function is called with the run that ended. It has the executor, the retries and the time-out of the job.
    """
    func, on = None, ""
    if ended.state in ENDS["success"]:
        func, on = job.on_success, "success"
    elif ended.state in ENDS["failure"]:
        func, on = job.on_failure, "failure"
    if func is None:
        return None
    key = key_of(ended.id, f"on_{on}")
    once = Job(
        id=f"{job.id[:200]}:on_{on}:{key}",
        func=func,
        trigger=DateTrigger(now),
        args=(ended,),
        name=f"{job.name[:200]} on_{on}",
        executor=job.executor,
        jobstore=job.jobstore,
        retry=job.retry,
        timeout=job.timeout,
        tags=job.tags,
        incarnation=key,
    )
    return once, _waiting(once, "", now, now, cause=ended.id)


def key_of(*parts: str) -> str:
    """Return 16 letters and digits that are derived from these names, and as good as unique."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _waiting(job: Job, key: str, time: datetime, ready_at: datetime | None, cause: str | None = None) -> Run:
    return _run(job, key, time, RunState.PENDING, ready_at=ready_at, cause=cause)


def _run(job: Job, key: str, time: datetime, state: RunState, **fields: Any) -> Run:
    return Run(
        id=run_id(job.incarnation, time, key),
        job_id=job.id,
        incarnation=job.incarnation,
        scheduled_time=time,
        state=state,
        attempt=0,
        executor=job.executor,
        **fields,
    )
