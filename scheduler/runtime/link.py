"""What the engine remembers about one job store between its turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from scheduler.core.job import Job
from scheduler.core.run import Reason, Run
from scheduler.core.settle import Outcome
from scheduler.executors.base import Call
from scheduler.jobstores.base import JobStore
from scheduler.runtime.overlaps import OverlapLog

FIRST_RETRY = 0.1
LONGEST_RETRY = 2.0
"""Seconds between attempts to reach a store that fails: the first, and the longest, so that its return is seen soon."""

TRIGGER_RAISED = "its trigger raised"
"""How the reason begins where a job can be loaded, but its next fire time cannot be found."""

PARKED_FOR = 30.0
"""Seconds after which a job that could not be loaded is tried again."""


class Revocation(NamedTuple):
    """A run that nobody wants any more, and why."""

    run_id: str
    reason: Reason
    cause: str | None = None
    """The id of the run that takes its place."""


class Start(NamedTuple):
    """A recorded run that a node holds."""

    run: Run
    job: Job | None
    """None where that incarnation has been removed meanwhile."""
    call: Call | None = None
    """What to call; None for a run that another node had started."""


class Parked(NamedTuple):
    """Why a job is left alone for a while."""

    version: int
    reason: str
    until: float
    """When to try it again, on the monotonic clock."""


class StoreLink:
    """One job store: what is known of its next due time, what waits to be recorded, how it fares."""

    def __init__(self, alias: str, store: JobStore, node: str) -> None:
        self.alias = alias
        self.store = store
        self.node = node
        self.outcomes: list[tuple[Start, Outcome]] = []
        """Attempts of runs that this node holds, that have ended and are not recorded yet."""
        self.revocations: deque[Revocation] = deque()
        """Runs that are to make place for later ones, once those are recorded."""
        self.progress: dict[str, Run] = {}
        """Run id → a run that this node holds, with progress that is not recorded yet."""
        self.progress_at = 0.0
        """When progress may be recorded again, on the monotonic clock."""
        self.look_for_taken_at = 0.0
        """When to ask which of the runs that this node holds were taken from it, on the monotonic clock."""
        self.dead: list[str] = []
        """Nodes that have died, and may hold runs still."""
        self.overlaps = OverlapLog()
        """What was told of jobs whose fires are skipped as earlier runs are still under way."""
        self.unconfirmed: list[Start] = []
        """Runs of a turn whose commit failed, and may have been recorded all the same."""
        self.untold: list[Start] = []
        """Those of them that were, and have been handed over; listeners hear of it after the ends of that turn."""
        self.next_due: datetime | None = None
        self.dirty = True
        """Whether a job may have changed since the store was last asked; lowered before asking."""
        self.look_at = 0.0
        """When to ask the store for its next due time again, on the monotonic clock."""
        self.parked: dict[str, Parked] = {}
        """Job id → why it cannot be loaded here, and when to try again (monotonic)."""
        self.error: str | None = None
        self.since: datetime | None = None
        """Since when the store has been answering, or (with `error`) failing."""
        self.retry_at = 0.0
        self.rest_until = 0.0
        """Until when to leave the store to others, on the monotonic clock."""
        self.outdated = 0
        """How many turns in a row found a job changed under their hands."""
        self._failures = 0
        self._asked: frozenset[str] = frozenset()

    def changed(self, next_run_time: datetime | None) -> bool:
        """Take note, in any thread and after the store has it, that a job has changed. Returns whether to wake up.

        The mark is set even where the loop need not wake: it may be asking the store just now, and have missed it.
        """
        self.dirty = True
        return next_run_time is not None and (self.next_due is None or next_run_time < self.next_due)

    def must_look(self, executors: Collection[str], monotonic: float) -> bool:
        """Tell whether the next due time of these executors' jobs has to be asked for."""
        return self.dirty or monotonic >= self.look_at or not self._asked.issuperset(executors)

    def looked(self, next_due: datetime | None, executors: Collection[str], look_at: float) -> None:
        """Take note of the store's answer, which holds for these executors."""
        self.next_due = next_due
        self.look_at = look_at
        self._asked = frozenset(executors)

    def failed(self, error: str, now: datetime, monotonic: float) -> bool:
        """Take note of a failure. Returns whether it is the first after a success."""
        first = self.error is None
        self.error = error
        if first:
            self.since = now
        self.retry_at = monotonic + min(FIRST_RETRY * 2**self._failures, LONGEST_RETRY)
        self._failures = min(self._failures + 1, 10)
        self.look_at = 0.0
        return first

    def answered(self, now: datetime) -> datetime | None:
        """Take note of a success. Returns since when the store had failed, None if it had not."""
        self.outdated = 0
        if self.error is None:
            self.since = self.since or now
            return None
        failed_since, self.since = self.since, now
        self.error, self._failures, self.retry_at = None, 0, 0.0
        return failed_since

    def sound(self, job_ids: Iterable[str]) -> None:
        """Take note that these jobs could be loaded after all."""
        if self.parked:
            for job_id in job_ids:
                self.parked.pop(job_id, None)

    def park(self, job_id: str, version: int, reason: str, monotonic: float) -> bool:
        """Leave a job alone for a while. Returns whether it was sound, or broken for another reason, until now."""
        before = self.parked.get(job_id)
        self.parked[job_id] = Parked(version, reason, monotonic + PARKED_FOR)
        return before is None or before.reason != reason

    def unpark(self, monotonic: float) -> None:
        """Forget jobs whose time is over and which were not found broken again: mended, or removed elsewhere."""
        for job_id, parked in list(self.parked.items()):
            if parked.until <= monotonic:
                self.parked.pop(job_id, None)

    def parked_now(self, monotonic: float) -> Collection[str]:
        """Return the ids of the jobs to leave alone now."""
        if not self.parked:
            return ()
        return {job_id for job_id, parked in list(self.parked.items()) if parked.until > monotonic}
