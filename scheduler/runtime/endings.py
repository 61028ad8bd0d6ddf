"""First half of a turn: attempts that ended are settled and recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from scheduler.core.run import Run
from scheduler.core.settle import Outcome, settle
from scheduler.jobstores.base import Turn
from scheduler.runtime.link import Start


@dataclass(slots=True)
class Endings:
    """What was recorded in one turn about attempts that ended."""

    written: list[Run] = field(default_factory=list)
    """Runs as they are now."""
    refused: list[Run] = field(default_factory=list)
    """Runs as they would be, had the store not had them in other hands."""
    removed: Collection[str] = ()
    """Ids of jobs that ended with these runs."""
    more_waiting: bool = False
    """Whether runs have come to wait, for a retry or because one before them ended."""


def record_ended(turn: Turn, outcomes: Iterable[tuple[Start, Outcome]]) -> Endings:
    """Settle attempts and write what becomes of their runs, and of the jobs that wait for that."""
    starts: dict[str, Start] = {}
    settled: dict[str, list[Run]] = {}
    for start, outcome in outcomes:
        retry = None if start.job is None else start.job.retry
        starts[start.run.id] = start
        settled.setdefault(start.run.node or "", []).append(settle(start.run, outcome, retry=retry, now=turn.now))
    endings = Endings()
    for node, runs in settled.items():
        written = set(turn.finish(runs, node))
        for run in runs:
            (endings.written if run.id in written else endings.refused).append(run)
    final = [run for run in endings.written if run.finished_at is not None]
    if final:
        queues = [run.incarnation for run in final if starts[run.id].may_have_queue]
        if queues:
            turn.release(queues)
            endings.more_waiting = True
        endings.removed = turn.remove_ended({run.job_id for run in final})
    endings.more_waiting = endings.more_waiting or len(final) < len(endings.written)
    return endings
