"""Many threads at once: every call takes effect once, or is refused, and nothing is lost between them."""

import random
import threading
from collections import Counter

import pytest

from scheduler import ConflictingIdError, JobLookupError
from tests.api.jobs import note

THREADS = 50
JOBS = 20
CALLS = 8


class Caller(threading.Thread):
    """Adds, changes and removes jobs by a script of its own, and keeps count of what was granted."""

    def __init__(self, scheduler, seed, gate):
        super().__init__()
        self.added = Counter()
        self.removed = Counter()
        self.versions = []
        self.unexpected = []
        self._scheduler = scheduler
        self._chance = random.Random(seed)
        self._gate = gate

    def run(self):
        self._gate.wait()
        for _ in range(CALLS):
            job_id = f"job{self._chance.randrange(JOBS)}"
            try:
                self._call(self._chance.choice(("add", "add", "modify", "modify", "pause", "remove")), job_id)
            except (ConflictingIdError, JobLookupError):
                continue
            except Exception as error:
                self.unexpected.append(error)

    def _call(self, kind, job_id):
        if kind == "add":
            self._took(self._scheduler.add_job(note, "interval", days=1, id=job_id))
            self.added[job_id] += 1
        elif kind == "modify":
            self._took(self._scheduler.modify_job(job_id, name=f"by {self.name}"))
        elif kind == "pause":
            self._took(self._scheduler.pause_job(job_id))
        else:
            self._scheduler.remove_job(job_id)
            self.removed[job_id] += 1

    def _took(self, job):
        self.versions.append((job.incarnation, job.version))


@pytest.mark.parametrize("running", [False, True])
def test_fifty_threads_change_twenty_jobs_and_no_change_is_lost(make, url, running):
    scheduler = make(url)
    if running:
        scheduler.start()
    gate = threading.Barrier(THREADS)
    callers = [Caller(scheduler, seed, gate) for seed in range(THREADS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [error for caller in callers for error in caller.unexpected] == []
    stored = {job.id: job for job in scheduler.get_jobs()}
    for number in range(JOBS):
        job_id = f"job{number}"
        added = sum(caller.added[job_id] for caller in callers)
        removed = sum(caller.removed[job_id] for caller in callers)
        assert added - removed == (job_id in stored)
    # Each change has a version of its own, and the stored job is the latest of its incarnation.
    versions = [version for caller in callers for version in caller.versions]
    assert len(set(versions)) == len(versions)
    latest = {}
    for incarnation, version in versions:
        latest[incarnation] = max(version, latest.get(incarnation, 0))
    for job in stored.values():
        assert job.version == latest[job.incarnation]
        assert job.broken is None


def test_threads_that_ensure_the_same_job_leave_one(make, url):
    scheduler = make(url)
    gate = threading.Barrier(10)
    jobs, errors = [], []

    def ensure():
        gate.wait()
        try:
            jobs.append(scheduler.add_job(note, "interval", days=1, id="a", replace_existing=True))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ensure) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len({job.incarnation for job in jobs}) == 1
    assert sorted(job.version for job in jobs) == list(range(1, 11))
    assert len(scheduler.get_jobs()) == 1
