"""Jobs that follow others: those that they name are there, and none comes to follow itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from scheduler.core.job import Job
from scheduler.errors import InvalidJobError, JobLookupError
from scheduler.lookups import Lookups

SHOWN = 10
"""How many jobs of a ring an error names."""


def check_followed(lookups: Lookups, alias: str, jobs: Iterable[Job], anew: Collection[str]) -> list[Job]:
    """Check jobs that are to be written into a store; return the stored ones on which the answer rests.

    Those have to be written with them, as they are, so that it fails where one of them has changed meanwhile: two calls
    at once could else close a ring together.

    Arguments:
        jobs: all that are to be written.
        anew: the ids of those of them that follow a job which they have not followed before.

    Raises JobLookupError where such a job follows one that is not there, and InvalidJobError where it follows itself,
    through others or at once.
    """
    new = {job.id: job for job in jobs}
    stored: dict[str, Job | None] = {}
    sound: set[str] = set()
    for job_id in anew:
        job, path = new[job_id], dict[str, None]()
        while job.follows is not None and job.id not in sound:
            path[job.id] = None
            if job.follows in path:
                raise InvalidJobError(_ring([*path], job.follows))
            if job.follows not in new and job.follows not in stored:
                stored[job.follows] = lookups.store(alias).get_job(job.follows)
            followed = new.get(job.follows) or stored.get(job.follows)
            if followed is None and job.id in anew:
                raise _missing(lookups, alias, job, job.follows)
            if followed is None:
                break  # it was removed; who follows it waits for another one of its id
            job = followed
        sound.update(path)
    return [job for job in stored.values() if job is not None and job.broken is None]


def _ring(path: list[str], again: str) -> str:
    ring = [*path[path.index(again) :], again]
    if len(ring) > SHOWN:
        ring = [*ring[: SHOWN - 1], "…", again]
    names = " after ".join(repr(name) if name != "…" else name for name in ring)
    return f"trigger: job {again!r} would fire after itself: {names}; let one of them fire at times of its own"


def _missing(lookups: Lookups, alias: str, job: Job, followed: str) -> JobLookupError:
    for other in lookups.aliases(None):
        if other != alias and lookups.store(other).get_job(followed) is not None:
            remedy = f"it is in {other!r}, and job {job.id!r} can only follow it there; pass jobstore={other!r}"
            return JobLookupError(followed, alias, remedy)
    remedy = (
        f"job {job.id!r} is to follow it; add that one first, or, where it may have ended by then, "
        "both in one call of add_jobs"
    )
    return JobLookupError(followed, alias, remedy)
