"""Tells listeners what a turn has recorded. Events that nobody hears are not built."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from scheduler.core.events import RUN_EVENTS, JobRemoved, RunProgress, RunSkipped, RunStarted
from scheduler.core.run import Reason, Run, RunState
from scheduler.runtime.batch import Batch
from scheduler.runtime.bus import EventBus
from scheduler.runtime.link import Start, StoreLink

logger = logging.getLogger(__name__)


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

    def progress(self, runs: Iterable[Run]) -> None:
        """Tell how far runs are."""
        if self._bus.heard(RunProgress):
            for run in runs:
                self._bus.publish(RunProgress(run))

    def skipped(self, runs: Iterable[Run]) -> None:
        """Tell of those new runs that do not run."""
        self.runs(run for run in runs if run.state is RunState.SKIPPED)

    def batch(self, batch: Batch, link: StoreLink) -> None:
        """Tell of what due jobs did."""
        self._overlaps(batch, link)
        self.started(batch.starts)
        if self._bus.heard(RunSkipped):
            for plan in batch.plans:
                self.runs(run for run in plan.skips if run.id not in batch.known)
        self.runs(batch.given_up)
        self.removed(batch.removed, link.alias)

    def _overlaps(self, batch: Batch, link: StoreLink) -> None:
        """Log when a job begins to be held up by its own runs, and when it no longer is: not at each fire between."""
        for plan in batch.plans:
            job_id = plan.job.id
            blocked = next((run for run in plan.skips if run.reason == Reason.OVERLAP), None)
            if blocked is not None and job_id not in link.overlapping:
                link.overlapping.add(job_id)
                logger.warning(
                    "Job %r skips fires until run %s ends, as max_instances=%d are under way",
                    job_id, blocked.cause, plan.job.max_instances,
                )  # fmt: skip
            elif blocked is None and job_id in link.overlapping:
                link.overlapping.discard(job_id)
                logger.info("Job %r runs again", job_id)

    def removed(self, job_ids: Iterable[str], jobstore: str) -> None:
        """Tell of jobs that have ended."""
        for job_id in job_ids:
            self._bus.publish(JobRemoved(job_id, jobstore))
