"""What one due job, or one run that has waited, does now: the only place that knows misfire, coalesce and jitter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from scheduler.core.chance import part_of
from scheduler.core.job import Job
from scheduler.core.overlap import QUEUE, Place, place, replaced
from scheduler.core.run import Reason, Run, RunState, run_id
from scheduler.core.settle import begin
from scheduler.triggers.base import MOMENT, Span, checked_next, checked_span

CATCH_UP = 10_000
"""How many steps one turn takes through fire times; a job with more of them stays due and goes on next turn."""

END = datetime.max.replace(tzinfo=UTC)
"""Of the calendar: no delay leads beyond."""


class Plan(NamedTuple):
    """What one due job does now. The store records all of it in one transaction."""

    job: Job
    """The job as it was claimed."""
    next_run_time: datetime | None
    """The fire time it moves on to; None: there is no more."""
    starts: tuple[Run, ...] = ()
    """Runs that start now, in state STARTED."""
    delayed: tuple[Run, ...] = ()
    """Runs that jitter delays, in state PENDING, with the time at which each is `ready_at`."""
    queued: tuple[Run, ...] = ()
    """Runs that wait for an earlier run of the job to end, in state PENDING."""
    skips: tuple[Run, ...] = ()
    """Records of fire times that do not run, in state SKIPPED."""
    replaced: tuple[str, ...] = ()
    """The ids of runs that are to be revoked, so that the last of the queued ones can take their place."""
    walked: int = 0
    """In how many steps its fire times were found."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """All of its runs, for the store to insert."""
        return self.starts + self.delayed + self.queued + self.skips


def plan(
    job: Job,
    *,
    active: int,
    now: datetime,
    room: int,
    node: str,
    walk: int = CATCH_UP,
    blockers: Sequence[str] = (),
) -> Plan:
    """Decide what a due job does.

    Arguments:
        job: with a `next_run_time` that is not after `now`.
        active: how many runs of this incarnation have not ended.
        now: the store's time, aware.
        room: how many runs the job's executor can take now; at least 1.
        node: the node that will hold the runs.
        walk: in about how many steps to find late fire times that cannot be counted by arithmetic; at least 1.
        blockers: where no instance is free, the ids of the runs that have not ended, the oldest first.

    Late fires are judged in this order: too late for the grace time → missed; no instance free → overlap, unless the
    job lets them wait for one; several left → coalesced into the last of them, or all run, the oldest first. A run
    whose jitter is not over yet waits for that, and is an instance meanwhile; how late a fire is, counts from the end
    of its delay.

    Raises InvalidTriggerError where a trigger of the user's own does not keep its promises.
    """
    first = job.next_run_time
    if first is None or job.trigger is None:
        raise ValueError(f"job {job.id!r} is not due")
    skips: list[Run] = []
    walked = 0
    oldest = _oldest(job, now)
    if oldest is not None and first < oldest:
        missed = checked_span(job.trigger, first, oldest - MOMENT, walk)
        skips.append(_skip(job, first, missed.count, Reason.MISSED, now))
        first, walked = missed.following, missed.walked
        if first is None or first > now or first < oldest:
            return Plan(job, first, skips=tuple(skips), walked=walked)
    found = place(job, active)
    left = max(walk - walked, 1) if walked else walk
    if not job.coalesce and found is not Place.NONE:
        most = min(QUEUE, left, job.max_instances + QUEUE - active)
        decided = _each(job, first, now, job.max_instances - active, room, node, skips, most)
    else:
        decided = _last(job, found, checked_span(job.trigger, first, now, left), first, now, node, skips, blockers)
    return _completed(decided, active, blockers, walked) if walked or decided.queued else decided


def _oldest(job: Job, now: datetime) -> datetime | None:
    """The earliest fire time that may be in time: with the longest delay there is; None: all are."""
    if job.misfire_grace_time is None:
        return None
    return now - timedelta(seconds=job.misfire_grace_time + (job.jitter or 0.0))


def _is_late(job: Job, ready_at: datetime, now: datetime) -> bool:
    """Whether a first attempt that could start at `ready_at` comes later than the grace time allows."""
    return job.misfire_grace_time is not None and now - ready_at > timedelta(seconds=job.misfire_grace_time)


def ready_time(job: Job, fire: datetime) -> datetime:
    """Return when the run of a fire time may start: then, or after a part of the jitter that each node finds alike."""
    if job.jitter is None:
        return fire
    return fire + min(part_of(job.jitter, f"{job.id}/{fire.isoformat()}"), END - fire)


def proceed(run: Run, job: Job, *, now: datetime, node: str) -> Run:
    """Return what becomes of a waiting run of `job` that was claimed because it is ready: as a rule, it begins.

    A run that was called begins however late it is: its caller waits for it.

    A first attempt that has waited, for its delay or for an earlier run, is missed where it is claimed later than the
    grace time after it was ready. It waits on where its delay is not over yet: it was queued, and its turn came soon.
    """
    if run.attempt or run.called:
        return begin(run, node=node, now=now)
    ready_at = ready_time(job, run.scheduled_time)
    if ready_at > now:
        return run.evolved(ready_at=ready_at)
    if _is_late(job, run.ready_at or ready_at, now):
        return run.moved(RunState.SKIPPED, reason=Reason.MISSED.value, finished_at=now, ready_at=None)
    return begin(run, node=node, now=now)


def _last(
    job: Job,
    found: Place,
    due: Span,
    first: datetime,
    now: datetime,
    node: str,
    skips: list[Run],
    blockers: Sequence[str],
) -> Plan:
    """The last due fire stands for all of them: it becomes a run if there is a place for it."""
    if found is Place.NONE:
        skips.append(_skip(job, first, due.count, Reason.OVERLAP, now, blockers[0] if blockers else None))
        return Plan(job, due.following, skips=tuple(skips), walked=due.walked)
    more = due.following is not None and due.following <= now
    coalesced = due.count if more else due.count - 1
    if coalesced:
        skips.append(_skip(job, first, coalesced, Reason.COALESCED, now))
    starts: tuple[Run, ...] = ()
    delayed: tuple[Run, ...] = ()
    queued: tuple[Run, ...] = ()
    ready_at = ready_time(job, due.last)
    if more:
        pass  # the next turn finds the last one
    elif found is Place.FREE and ready_at > now:
        delayed = (_delay(job, due.last, ready_at),)
    elif _is_late(job, ready_at, now):
        skips.append(_skip(job, due.last, 1, Reason.MISSED, now))
    elif found is Place.FREE:
        starts = (_start(job, due.last, now, node),)
    else:
        queued = (_queue(job, due.last),)
    return Plan(job, due.following, starts, delayed, queued, tuple(skips), walked=due.walked)


def _completed(decided: Plan, active: int, blockers: Sequence[str], walked: int) -> Plan:
    """Add whose place the queued runs take, and the steps that were taken before."""
    if decided.queued:
        together = active + len(decided.starts) + len(decided.delayed) + len(decided.queued)
        decided = decided._replace(replaced=replaced(decided.job, together, blockers))
    return decided._replace(walked=walked + decided.walked)


def _each(
    job: Job, first: datetime, now: datetime, free: int, room: int, node: str, skips: list[Run], most: int
) -> Plan:
    """Every due fire becomes a run: as many as instances and room allow start or are delayed, the others queue."""
    assert job.trigger is not None
    starts: list[Run] = []
    delayed: list[Run] = []
    queued: list[Run] = []
    fire: datetime | None = first
    before = len(skips)
    while fire is not None and fire <= now and len(starts) + len(delayed) + len(queued) + len(skips) - before < most:
        ready_at = ready_time(job, fire)
        instance_free = len(starts) + len(delayed) < free
        if instance_free and ready_at > now:
            delayed.append(_delay(job, fire, ready_at))
        elif _is_late(job, ready_at, now):
            skips.append(_skip(job, fire, 1, Reason.MISSED, now))
        elif instance_free and len(starts) < room:
            starts.append(_start(job, fire, now, node))
        else:
            queued.append(_queue(job, fire))
        fire = checked_next(job.trigger, fire)
    made = (tuple(starts), tuple(delayed), tuple(queued), tuple(skips))
    return Plan(job, fire, *made, walked=sum(map(len, made)) - before)


def _start(job: Job, fire: datetime, now: datetime, node: str) -> Run:
    return Run.of(
        id=run_id(job.incarnation, fire),
        job_id=job.id,
        incarnation=job.incarnation,
        scheduled_time=fire,
        state=RunState.STARTED,
        executor=job.executor,
        node=node,
        started_at=now,
    )


def _delay(job: Job, fire: datetime, ready_at: datetime) -> Run:
    return _record(job, fire, RunState.PENDING, attempt=0, ready_at=ready_at)


def _queue(job: Job, fire: datetime) -> Run:
    return _record(job, fire, RunState.PENDING, attempt=0)


def _skip(job: Job, first: datetime, count: int, reason: Reason, now: datetime, cause: str | None = None) -> Run:
    run = _record(job, first, RunState.SKIPPED, attempt=0, count=count, reason=reason.value, finished_at=now)
    return run if cause is None else run.evolved(cause=cause)


def _record(
    job: Job,
    fire: datetime,
    state: RunState,
    *,
    attempt: int,
    count: int = 1,
    reason: str | None = None,
    ready_at: datetime | None = None,
    finished_at: datetime | None = None,
) -> Run:
    return Run(
        id=run_id(job.incarnation, fire),
        job_id=job.id,
        incarnation=job.incarnation,
        scheduled_time=fire,
        state=state,
        attempt=attempt,
        executor=job.executor,
        count=count,
        reason=reason,
        ready_at=ready_at,
        finished_at=finished_at,
    )
