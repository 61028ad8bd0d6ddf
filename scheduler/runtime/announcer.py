"""Tells listeners what a turn has recorded. Events that nobody hears are not built."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.core.events import RUN_EVENTS, JobRemoved, RunSkipped, RunStarted
from scheduler.core.run import Run
from scheduler.runtime.batch import Batch
from scheduler.runtime.bus import EventBus
from scheduler.runtime.link import Start


class Announcer:
    """Publishes the events of runs, in the order in which they happened."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def runs(self, runs: Iterable[Run]) -> None:
        """Tell of runs that have come to a new state."""
        for run in runs:
            kind = RUN_EVENTS[run.state]
            if self._bus.heard(kind):
                self._bus.publish(kind(run))

    def started(self, starts: Iterable[Start]) -> None:
        """Tell of runs that were handed to their executors."""
        if self._bus.heard(RunStarted):
            for start in starts:
                self._bus.publish(RunStarted(start.run))

    def batch(self, batch: Batch, jobstore: str) -> None:
        """Tell of what due jobs did."""
        self.started(batch.starts)
        if self._bus.heard(RunSkipped):
            for plan in batch.plans:
                self.runs(run for run in plan.skips if run.id not in batch.known)
        self.runs(batch.given_up)
        self.removed(batch.removed, jobstore)

    def removed(self, job_ids: Iterable[str], jobstore: str) -> None:
        """Tell of jobs that have ended."""
        for job_id in job_ids:
            self._bus.publish(JobRemoved(job_id, jobstore))
