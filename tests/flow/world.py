"""A database, a clock that stands still, and schedulers that share both."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from scheduler import History, RunEvent, RunState, Scheduler
from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.testing import FakeClock, VirtualTime
from tests.flow.faulty import Crash, FaultyStore
from tests.flow.triggers import MoodyTrigger

START = datetime(2024, 1, 1, tzinfo=UTC)

EVERYTHING = History(keep_for=None, keep_runs=None)

NODE_TIMEOUT = 20
"""Seconds; the default of schedulers."""


def at(seconds):
    """The instant so many seconds after the start."""
    return START + timedelta(seconds=seconds)


class World:
    """What several schedulers live in. `make_store` returns another store object on the same jobs."""

    def __init__(self, make_store):
        self._make_store = make_store
        self._stores = []
        self.clock = FakeClock(START)
        self.time = VirtualTime(self.clock)
        self.client = self.scheduler(start=False)

    def store(self):
        store = FaultyStore(self._make_store())
        self._stores.append(store)
        return store

    def scheduler(self, store=None, *, start=True, **options):
        """A new scheduler, as in a new process, that takes its steps with the others and forgets nothing."""
        options.setdefault("history", EVERYTHING)
        scheduler = Scheduler(store or self.store(), clock=self.clock, timezone="UTC", **options)
        if start:
            scheduler.start()
            self.time.schedulers.append(scheduler)
        return scheduler

    def advance(self, seconds):
        self.time.advance(seconds)

    def freeze(self, scheduler):
        """It takes no steps from now on."""
        self.time.schedulers.remove(scheduler)

    def thaw(self, scheduler):
        self.time.schedulers.append(scheduler)

    def advance_to_crash(self, scheduler, seconds):
        """Let the scheduler work alone until it crashes, or for so long."""
        with suppress(Crash):
            VirtualTime(self.clock, scheduler).advance(seconds)
        self.freeze(scheduler)

    def runs(self, job_id=None):
        """What is recorded, the oldest first."""
        return self.client.get_runs(job_id, newest_first=False, limit=100_000)

    def run(self, job_id):
        """The only run of a job."""
        [run] = self.runs(job_id)
        return run

    def states(self, job_id=None):
        return [run.state for run in self.runs(job_id)]

    def close(self):
        for store in self._stores:
            store.close()


def memory_world():
    shared = MemoryJobStore(keep_runs=100_000)
    return World(lambda: shared)


def database_world(url, **options):
    return World(lambda: SQLAlchemyJobStore(url, triggers={MoodyTrigger.kind: MoodyTrigger}, **options))


def moves_of(scheduler):
    """What is told of runs from now on: job id, state and reason, in that order."""
    told = []

    def tell(event):
        told.append((event.run.job_id, str(event.run.state), event.run.reason))

    scheduler.add_listener(tell, RunEvent)
    return told


def accounted(runs, job_id):
    """How many fire times of a job are accounted for; runs that are still open included."""
    return sum(run.count for run in runs if run.job_id == job_id)


def skipped(runs):
    """Reasons and counts of the skip records."""
    return [(run.reason, run.count) for run in runs if run.state is RunState.SKIPPED]
