"""What a fire may do while runs of its job are under way: the only place that knows max_instances and overlap."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from scheduler.core.job import Job

QUEUE = 1_000
"""How many late fires of a job with coalesce=False one plan turns into runs, and how many runs of a job may wait for
others to end: they bound what waits in the store."""


class Place(Enum):
    """What there is for another run of a job."""

    FREE = "an instance is free"
    QUEUED = "it waits for one to be free"
    NONE = "it does not run"


def place(job: Job, active: int) -> Place:
    """Return what there is for another run of a job of which `active` runs have not ended."""
    if active < job.max_instances:
        return Place.FREE
    if job.overlap != "skip" and active < job.max_instances + QUEUE:
        return Place.QUEUED
    return Place.NONE


def replaced(job: Job, active: int, older: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the runs that a new one takes the place of: the oldest, as many as are too many.

    They come in the order in which to revoke them, the oldest last: so none that waits begins in the place of another.

    Arguments:
        job: whose runs they are.
        active: how many of its runs have not ended, the new one among them.
        older: the ids of those before the new one, or of some of them, the oldest first.
    """
    if job.overlap != "cancel_running":
        return ()
    return tuple(reversed(older[: max(active - job.max_instances, 0)]))
