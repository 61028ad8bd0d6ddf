"""First half of a turn: attempts that ended are settled and recorded, and what follows from that."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

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
    """What was recorded in one turn about attempts that ended. After the commit, `Announcer.ended` takes note of it."""

    revocations: deque[Revocation]
    """Where runs are left that are to make place for later ones: before the commit, as its answer may be lost."""
    settled: list[tuple[Run, Job | None]] = field(default_factory=list)
    """Runs as they are now, and their jobs."""
    refused: list[tuple[Run, Job | None]] = field(default_factory=list)
    """Runs as they would be, had the store not had them in other hands."""
    called: list[tuple[Run, Job]] = field(default_factory=list)
    """New runs that these ends called, waiting or SKIPPED."""
    added: list[Job] = field(default_factory=list)
    """Jobs of those that are callbacks."""
    broken: list[tuple[Job, str]] = field(default_factory=list)
    """Jobs that should follow, but of which nobody can tell when, and why."""
    removed: Collection[str] = ()
    """Ids of jobs that ended with these runs."""
    unclaimed: bool = False
    """Whether runs wait now, for a retry or because one before them ended, and no claim has looked for them since."""


def record_ended(turn: Turn, outcomes: Iterable[tuple[Start, Outcome]], endings: Endings) -> None:
    """Settle attempts and write what becomes of their runs, and of the jobs that wait for that."""
    jobs: dict[str, Job | None] = {}
    attempts: dict[str, list[Run]] = {}
    for start, outcome in outcomes:
        retry = None if start.job is None else start.job.retry
        jobs[start.run.id] = start.job
        attempts.setdefault(start.run.node or "", []).append(settle(start.run, outcome, retry=retry, now=turn.now))
    for node, runs in attempts.items():
        written = set(turn.finish(runs, node))
        for run in runs:
            (endings.settled if run.id in written else endings.refused).append((run, jobs[run.id]))
    if endings.settled:
        _conclude(turn, [run.incarnation for run, _ in endings.settled if run.finished_at is not None], endings)


def record_revoked(turn: Turn, revocation: Revocation, endings: Endings) -> None:
    """Revoke a run that has not ended, whoever holds it. Nothing is written where there is none."""
    found = turn.open_run(revocation.run_id)
    if found is not None:
        run = revoke(found.run, revocation.reason, now=turn.now, cause=revocation.cause)
        turn.revoke(run)
        endings.settled.append((run, found.job))
        _conclude(turn, [] if found.run.queued else [run.incarnation], endings)


def is_recorded(stored: Run | None, run: Run) -> bool:
    """Tell whether a run came to this state on record, and may have gone on since: by a commit whose answer was lost.

    Only this node reports an attempt's result, so that what the store had to say of it does not matter.
    """
    if stored is None:
        return False
    if run.state is RunState.RETRY:
        last = run.attempts[-1]
        return any(
            (one.number, one.node, one.reason) == (last.number, last.node, last.reason) for one in stored.attempts
        )
    same = (stored.state, stored.node, stored.attempt) == (run.state, run.node, run.attempt)
    return same and (run.state is RunState.SUCCESS or (stored.reason, stored.cause) == (run.reason, run.cause))


def _conclude(turn: Turn, freed: Sequence[str], endings: Endings) -> None:
    """Do what follows from attempts that ended: in their jobs' queues, in jobs that follow, in callbacks.

    Arguments:
        freed: for each instance that is free now, its job's incarnation.
    """
    ended = [(run, job) for run, job in endings.settled if run.finished_at is not None]
    again = {run.incarnation for run, _ in endings.settled if run.finished_at is None}
    _follow(turn, [run for run, _ in ended], {run.job_id for run, _ in endings.settled}, endings)
    _call_back(turn, ended, endings)
    if again:
        turn.rehouse(again)
        endings.unclaimed = True
    if freed and turn.release(freed):  # before new runs queue, which were judged knowing what has ended
        endings.unclaimed = True
    if endings.called:
        _insert(turn, endings)
        endings.unclaimed = True
    endings.removed = turn.remove_ended({run.job_id for run, _ in ended})


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
                endings.called.append((new, job))
                if new.state is not RunState.SKIPPED:
                    waiting.append(new.id)
        if waiting:
            before = [*older, *waiting[:-1]]
            for run_id in replaced(job, active + len(waiting), before):
                endings.revocations.append(Revocation(run_id, Reason.REPLACED, waiting[-1]))


def _call_back(turn: Turn, ended: Sequence[tuple[Run, Job | None]], endings: Endings) -> None:
    """Let the jobs of the runs have their callbacks called."""
    for ended_run, job in ended:
        if job is None or (job.on_success is None and job.on_failure is None):
            continue
        made = callback(job, ended_run, now=turn.now)
        if made is not None:
            once, run = made
            endings.added.append(once)
            endings.called.append((run, once))


def _insert(turn: Turn, endings: Endings) -> None:
    """Insert what these ends have called. A callback that cannot be stored costs itself only."""
    try:
        turn.insert([run for run, _ in endings.called], endings.added)
    except (SerializationError, FunctionLookupError):
        called, added = endings.called, {job.id for job in endings.added}
        endings.called, endings.added = [], []
        for run, job in called:
            jobs = [job] if job.id in added else []
            try:
                turn.insert([run], jobs)
            except (SerializationError, FunctionLookupError) as error:
                logger.error("%r is not called, because it cannot be stored: %s", run.job_id, error)
                continue
            endings.called.append((run, job))
            endings.added += jobs
