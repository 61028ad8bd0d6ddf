"""After a commit: tells listeners, the log and the housekeeping of it. Events that nobody hears are not built."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from scheduler.clock import Clock
from scheduler.core.events import RUN_EVENTS, JobAdded, JobBroken, JobRemoved, RunProgress, RunSkipped, RunStarted
from scheduler.core.job import Job
from scheduler.core.run import Reason, Run, RunState
from scheduler.runtime.batch import Batch
from scheduler.runtime.bus import EventBus
from scheduler.runtime.endings import Endings, is_recorded
from scheduler.runtime.housekeeping import Housekeeping
from scheduler.runtime.link import Start, StoreLink

logger = logging.getLogger(__name__)


class Announcer:
    """Publishes the events of runs, in the order in which they happened."""

    def __init__(self, bus: EventBus, housekeeping: Housekeeping, clock: Clock) -> None:
        self._bus = bus
        self._housekeeping = housekeeping
        self._clock = clock

    def ended(self, link: StoreLink, endings: Endings) -> None:
        """Take note, and tell, of attempts that ended and of all that followed from that, whoever has recorded it."""
        if endings.unclaimed or endings.revocations:
            link.dirty = True
        for run, job in endings.refused:
            self._refused(link, run, job, endings)
        skipped = [(run, job) for run, job in endings.called if run.state is RunState.SKIPPED]
        ended = [(run, job) for run, job in endings.settled if run.finished_at is not None]
        self._housekeeping.note(link, [*ended, *skipped])
        for job in endings.added:
            self._bus.publish(JobAdded(job.id, link.alias))
        self._runs(run for run, _ in endings.settled)
        for run, _ in skipped:
            link.overlaps.held(run.job_id, run.cause, self._clock.monotonic())
        self._runs(run for run, _ in skipped)
        self.broken(link, endings.broken)
        self._removed(link, endings.removed)

    def broken(self, link: StoreLink, jobs: Iterable[tuple[Job, str]]) -> None:
        """Leave jobs alone for a while that cannot be loaded here, and say so once."""
        for job, reason in jobs:
            if link.park(job.id, job.version, reason, self._clock.monotonic()):
                logger.error("Job %r in job store %r cannot run here and is kept: %s", job.id, link.alias, reason)
                self._bus.publish(JobBroken(job.id, link.alias, reason))

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

    def batch(self, link: StoreLink, batch: Batch) -> None:
        """Tell of what due jobs did."""
        self._housekeeping.note(link, [(run, plan.job) for plan in batch.plans for run in plan.skips])
        self._overlaps(link, batch)
        self.started(batch.starts)
        if self._bus.heard(RunSkipped):
            for plan in batch.plans:
                self._runs(run for run in plan.skips if run.id not in batch.known)
        self._runs(batch.given_up)
        self._removed(link, batch.removed)

    def _runs(self, runs: Iterable[Run]) -> None:
        """Tell of runs that have come to a new state."""
        for run in runs:
            kind = RUN_EVENTS[run.state]
            if self._bus.heard(kind):
                self._bus.publish(kind(run))

    def _refused(self, link: StoreLink, run: Run, job: Job | None, endings: Endings) -> None:
        """Find out why the store refused an ending: it has it already, or others took the run from this node."""
        try:
            stored = link.store.get_run(run.id)
        except Exception:
            stored = None
        if stored is not None and is_recorded(stored, run):
            endings.settled.append((stored if stored.state is run.state else run, job))
            return
        level = logging.DEBUG if stored is not None and stored.state is RunState.REVOKED else logging.WARNING
        text = "Run %s was taken from this node; that it ended as %s is not recorded"
        logger.log(level, text, run.id, run.state)

    def _overlaps(self, link: StoreLink, batch: Batch) -> None:
        for plan in batch.plans:
            if plan.skips or link.overlaps:
                blocked = next((run for run in plan.skips if run.reason == Reason.OVERLAP), None)
                if blocked is not None:
                    link.overlaps.held(plan.job.id, blocked.cause, self._clock.monotonic())
                elif plan.starts or plan.delayed or plan.queued:
                    link.overlaps.runs(plan.job.id, self._clock.monotonic())

    def _removed(self, link: StoreLink, job_ids: Iterable[str]) -> None:
        """Tell of jobs that have ended."""
        for job_id in job_ids:
            link.overlaps.forget(job_id)
            self._bus.publish(JobRemoved(job_id, link.alias))
