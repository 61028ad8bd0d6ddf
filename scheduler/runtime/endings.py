"""First half of a turn: attempts that ended are settled and recorded, and what follows from that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from scheduler.core.call import callback, follow
from scheduler.core.job import Job
from scheduler.core.run import Reason, Run, RunState
from scheduler.core.settle import Outcome, revoke, settle
from scheduler.jobstores.base import Turn
from scheduler.runtime.link import Revocation, Start


@dataclass(slots=True)
class Endings:
    """What was recorded in one turn about attempts that ended."""

    written: list[Run] = field(default_factory=list)
    """Runs as they are now."""
    refused: list[Run] = field(default_factory=list)
    """Runs as they would be, had the store not had them in other hands."""
    concluded: list[tuple[Run, Job | None]] = field(default_factory=list)
    """Runs that have ended for good, and their jobs."""
    followed: list[Run] = field(default_factory=list)
    """New runs that these endings called, waiting or SKIPPED."""
    revocations: list[Revocation] = field(default_factory=list)
    """Runs that are to make place for those."""
    removed: Collection[str] = ()
    """Ids of jobs that ended with these runs."""
    more_waiting: bool = False
    """Whether runs have come to wait, for a retry or because one before them ended."""


def record_ended(turn: Turn, outcomes: Iterable[tuple[Start, Outcome]]) -> Endings:
    """Settle attempts and write what becomes of their runs, and of the jobs that wait for that."""
    jobs: dict[str, Job | None] = {}
    settled: dict[str, list[Run]] = {}
    for start, outcome in outcomes:
        retry = None if start.job is None else start.job.retry
        jobs[start.run.id] = start.job
        settled.setdefault(start.run.node or "", []).append(settle(start.run, outcome, retry=retry, now=turn.now))
    endings = Endings()
    for node, runs in settled.items():
        written = set(turn.finish(runs, node))
        for run in runs:
            (endings.written if run.id in written else endings.refused).append(run)
    final = [(run, jobs[run.id]) for run in endings.written if run.finished_at is not None]
    if final:
        _conclude(turn, final, [run.incarnation for run, _ in final], endings)
    endings.more_waiting = endings.more_waiting or len(final) < len(endings.written)
    return endings


def record_revoked(turn: Turn, revocation: Revocation) -> Endings:
    """Revoke a run that has not ended, whoever holds it. Nothing is written where there is none."""
    endings = Endings()
    found = turn.open_run(revocation.run_id)
    if found is not None:
        run = revoke(found.run, revocation.reason, now=turn.now, cause=revocation.cause)
        turn.revoke(run)
        endings.written.append(run)
        _conclude(turn, [(run, found.job)], [] if found.run.queued else [run.incarnation], endings)
    return endings


def _conclude(turn: Turn, ended: Sequence[tuple[Run, Job | None]], freed: Sequence[str], endings: Endings) -> None:
    """Do what follows from runs that have ended for good: in their jobs' queues, in jobs that follow, in callbacks.

    Arguments:
        ended: runs and their jobs.
        freed: for each instance that is free now, its job's incarnation.
    """
    endings.concluded += ended
    job_ids = {run.job_id for run, _ in ended}
    _follow(turn, ended, job_ids, endings)
    called = [made for run, job in ended if job is not None and (made := callback(job, run, now=turn.now)) is not None]
    if endings.followed or called:
        turn.insert([*endings.followed, *[run for _, run in called]], [job for job, _ in called])
        endings.followed += [run for _, run in called]
        endings.more_waiting = True
    if freed and turn.release(freed):
        endings.more_waiting = True
    endings.removed = turn.remove_ended(job_ids)


def _follow(turn: Turn, ended: Sequence[tuple[Run, Job | None]], job_ids: Collection[str], endings: Endings) -> None:
    """Let the jobs that follow fire."""
    for job, active in turn.followers(job_ids):
        blockers: Sequence[str] = ()
        if active >= job.max_instances:
            blockers = turn.blockers([job.incarnation])[job.incarnation]
        for run, _ in ended:
            new = (
                follow(job, run, now=turn.now, active=active, blockers=blockers) if run.job_id == job.follows else None
            )
            if new is None:
                continue
            endings.followed.append(new)
            if new.state is RunState.SKIPPED:
                endings.concluded.append((new, job))
            active += new.state is not RunState.SKIPPED
            if job.overlap == "cancel_running" and active > job.max_instances:
                replaced = blockers[: active - job.max_instances]
                endings.revocations += [Revocation(run_id, Reason.REPLACED, new.id) for run_id in replaced]
