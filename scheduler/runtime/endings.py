"""First half of a turn: attempts that ended are settled and recorded, and what follows from that."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scheduler.core.call import callback, follow
from scheduler.core.job import Job
from scheduler.core.overlap import replaced
from scheduler.core.run import Reason, Run, RunState
from scheduler.core.settle import Outcome, revoke, settle
from scheduler.errors import FunctionLookupError, SerializationError
from scheduler.jobstores.base import Turn
from scheduler.runtime.link import Revocation, Start

logger = logging.getLogger(__name__)


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
    added: list[Job] = field(default_factory=list)
    """Jobs of those that are callbacks."""
    broken: list[tuple[Job, str]] = field(default_factory=list)
    """Jobs that should follow, but of which nobody can tell when, and why."""
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


def record_revoked(turn: Turn, revocation: Revocation, endings: Endings) -> None:
    """Revoke a run that has not ended, whoever holds it. Nothing is written where there is none."""
    found = turn.open_run(revocation.run_id)
    if found is not None:
        run = revoke(found.run, revocation.reason, now=turn.now, cause=revocation.cause)
        turn.revoke(run)
        endings.written.append(run)
        _conclude(turn, [(run, found.job)], [] if found.run.queued else [run.incarnation], endings)


def is_recorded(stored: Run | None, run: Run) -> bool:
    """Tell whether a run that was refused came to this state on record: by a commit whose answer was lost."""
    return stored is not None and _outcome_of(stored) == _outcome_of(run)


def _outcome_of(run: Run) -> tuple[Any, ...]:
    return run.state, run.attempt, run.reason, run.cause


def _conclude(turn: Turn, ended: Sequence[tuple[Run, Job | None]], freed: Sequence[str], endings: Endings) -> None:
    """Do what follows from runs that have ended for good: in their jobs' queues, in jobs that follow, in callbacks.

    Arguments:
        ended: runs and their jobs.
        freed: for each instance that is free now, its job's incarnation.
    """
    endings.concluded += ended
    job_ids = {run.job_id for run, _ in ended}
    _follow(turn, [run for run, _ in ended], job_ids, endings)
    _call_back(turn, ended, endings)
    if freed and turn.release(freed):  # before new runs queue, which were judged knowing what has ended
        endings.more_waiting = True
    if endings.followed:
        _insert(turn, endings)
        endings.more_waiting = True
    endings.removed = turn.remove_ended(job_ids)


def _follow(turn: Turn, ended: Sequence[Run], job_ids: Collection[str], endings: Endings) -> None:
    """Let the jobs that follow fire, once for each end that they fire on."""
    for job, active in turn.followers(job_ids):
        if job.follows is None:
            endings.broken.append((job, job.broken or "its trigger follows no job"))
            continue
        older = list(turn.blockers([job.incarnation])[job.incarnation]) if active >= job.max_instances else []
        waiting: list[str] = []
        for run in ended:
            new = None
            if run.job_id == job.follows:
                new = follow(job, run, now=turn.now, active=active + len(waiting), blockers=older)
            if new is not None:
                endings.followed.append(new)
                if new.state is RunState.SKIPPED:
                    endings.concluded.append((new, job))
                else:
                    waiting.append(new.id)
        if waiting:
            before = [*older, *waiting[:-1]]
            for run_id in replaced(job, active + len(waiting), before):
                endings.revocations.append(Revocation(run_id, Reason.REPLACED, waiting[-1]))


def _call_back(turn: Turn, ended: Sequence[tuple[Run, Job | None]], endings: Endings) -> None:
    """Let the jobs of the runs have their callbacks called."""
    for run, job in ended:
        if job is None or (job.on_success is None and job.on_failure is None):
            continue
        made = callback(job, run, now=turn.now)
        if made is not None:
            endings.added.append(made[0])
            endings.followed.append(made[1])


def _insert(turn: Turn, endings: Endings) -> None:
    """Insert what these ends have called. A callback that cannot be stored costs itself only."""
    try:
        turn.insert(endings.followed, endings.added)
    except (SerializationError, FunctionLookupError):
        runs, added = endings.followed, {job.id: job for job in endings.added}
        endings.followed, endings.added = [], []
        for run in runs:
            jobs = [added[run.job_id]] if run.job_id in added else []
            try:
                turn.insert([run], jobs)
            except (SerializationError, FunctionLookupError) as error:
                logger.error("%r is not called, because it cannot be stored: %s", run.job_id, error)
                continue
            endings.followed.append(run)
            endings.added += jobs
