"""Removes history that is not to be kept: by the loop, a little at a time, when nothing is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from math import inf
from typing import NamedTuple
from weakref import WeakKeyDictionary

from scheduler.clock import Clock
from scheduler.core.history import History
from scheduler.core.job import Job
from scheduler.core.run import Run
from scheduler.runtime.link import StoreLink
from scheduler.triggers.date import DateTrigger

BATCH = 200
"""The most runs that are removed at a time, so that the store is busy for milliseconds only."""

JOBS = 20
"""Of how many jobs the runs are counted at a time."""

INTERVAL = 30.0
"""Seconds between looks for runs that are too old."""

BREATH = 0.01
"""Seconds at the least between two batches."""

SHARE = 2
"""Of the loop's time, one part in so many is spent here at the most, however slow the store: in half of it, more runs
are removed than the other half can make, so that a history stays in its bounds under any load."""

PATIENCE = 1.0
"""Seconds for which this gives way to what is due, where there is always something due."""

FRESH = 60.0
"""Seconds for which a run stays after its end, however few are kept: who waits for it elsewhere, or was called by its
end, has seen it by then."""

LATER = FRESH + 1.0
"""Seconds after which the surplus of a job is looked for: what has ended when it is noted may go then."""

MOST_JOBS = 10_000
"""Of how many jobs the ended runs are counted; beyond that, counting begins anew."""


class Surplus(NamedTuple):
    """A job that may have more ended runs than are kept."""

    keep: int
    look_at: float
    """When to look, on the monotonic clock."""


class Chores:
    """What is known of one store's history."""

    def __init__(self, monotonic: float) -> None:
        self.look_at = monotonic
        """When to look for what is too old."""
        self.rest_until = monotonic
        self.gives_way_until: float | None = None
        """Until when what is due comes first; None where nothing had to wait for it."""
        self.ended: dict[str, int] = {}
        """Job id → how many of its runs have ended since they were last counted in the store."""
        self.crowded: dict[str, Surplus] = {}
        """Job id → what to look for, the first one first."""

    @property
    def due_at(self) -> float:
        """When there is something to do."""
        first = list(islice(self.crowded.values(), 1))  # in one step, as other threads add to them
        return max(self.rest_until, min([self.look_at, *(each.look_at for each in first)]))


class Housekeeping:
    """Keeps each store's history within its bounds. `note` may be called from any thread.

    Runs that are too old are looked for every 30 seconds. How many runs a recurring job has is looked up a minute after
    the first of them has ended here, as nobody knows how many there were before, and then whenever a tenth of what it
    keeps has ended, as much later. For that minute after its end every run stays.
    """

    def __init__(self, history: History, clock: Clock) -> None:
        self._history = history
        self._clock = clock
        self._chores: WeakKeyDictionary[StoreLink, Chores] = WeakKeyDictionary()

    def note(self, link: StoreLink, ended: Iterable[tuple[Run, Job | None]]) -> None:
        """Take note of runs that have ended, and their jobs where they are still there."""
        chores = self._of(link)
        for run, job in ended:
            keep = self._history.keep_runs if job is None or job.keep_runs is None else job.keep_runs
            if keep is None:
                continue
            unknown = link.store.persistent and _recurs(job)
            count = chores.ended.get(run.job_id, _often(keep) - 1 if unknown else 0) + 1
            if len(chores.ended) >= MOST_JOBS:
                chores.ended.clear()
            chores.ended[run.job_id] = count
            self._look_later(chores, run.job_id, keep)

    def tidy(self, link: StoreLink, wait: float) -> float:
        """Remove a little, if it is time to. Returns after how many seconds to come again.

        Arguments:
            wait: seconds until something else is due on the store.

        Raises what the store raises; then nothing is forgotten, and the next call tries again.
        """
        chores = self._of(link)
        monotonic = self._clock.monotonic()
        if monotonic >= chores.due_at:
            if self._gives_way(chores, wait, monotonic):
                return inf
            self._prune(link, chores, monotonic)
            began, monotonic = monotonic, self._clock.monotonic()
            chores.rest_until = monotonic + max(BREATH, (SHARE - 1) * (monotonic - began))
        due_at = chores.due_at
        # Virtual time is not made to pass for the next look, which would be most of what happens in a year.
        return inf if self._clock.virtual and due_at > chores.rest_until else due_at - monotonic

    def _look_later(self, chores: Chores, job_id: str, keep: int) -> None:
        """Have the surplus of a job looked for if enough of its runs have ended, and it is not to be already."""
        waiting = chores.crowded.get(job_id)
        if waiting is not None:
            chores.crowded[job_id] = waiting._replace(keep=keep)
        elif len(chores.crowded) < MOST_JOBS and chores.ended.get(job_id, 0) >= _often(keep):
            chores.crowded[job_id] = Surplus(keep, self._clock.monotonic() + LATER)
            chores.ended[job_id] = 0

    def _gives_way(self, chores: Chores, wait: float, monotonic: float) -> bool:
        if wait > 0:
            chores.gives_way_until = None
            return False
        if chores.gives_way_until is None:
            chores.gives_way_until = monotonic + PATIENCE
        return monotonic < chores.gives_way_until

    def _prune(self, link: StoreLink, chores: Chores, monotonic: float) -> None:
        left, fresh = BATCH, timedelta(seconds=FRESH)
        age = self._history.age
        if monotonic >= chores.look_at:
            if age is not None:
                left -= link.store.prune(link.store.now() - max(age, fresh), left)
            if left > 0:
                chores.look_at = monotonic + INTERVAL
        for job_id, surplus in list(islice(chores.crowded.items(), JOBS)):
            if left <= 0 or surplus.look_at > monotonic:
                break
            pruned = link.store.prune_job(job_id, surplus.keep, link.store.now() - fresh, left)
            if pruned < left:
                chores.crowded.pop(job_id, None)
                self._look_later(chores, job_id, surplus.keep)
            left -= pruned

    def _of(self, link: StoreLink) -> Chores:
        chores = self._chores.get(link)
        if chores is None:
            chores = self._chores[link] = Chores(self._clock.monotonic())
        return chores


def _often(keep: int) -> int:
    """After how many ended runs a job is looked at that keeps so many."""
    return max(keep // 10, 1)


def _recurs(job: Job | None) -> bool:
    """Whether there may be many runs: single calls are jobs of their own, each with one."""
    return job is not None and not job.ended and not isinstance(job.trigger, DateTrigger)
