"""Schedulers for tests of the front end: on each kind of store, on a clock that stands still, gone with the test."""

import threading
from contextlib import suppress

import pytest

from scheduler import Scheduler, SchedulerError
from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.testing import FakeClock, VirtualTime
from tests.api import jobs
from tests.jobstores.stores import fresh_prefix

# Nodes that beat every five seconds of virtual time would be most of the work.
SETTINGS = {"timezone": "UTC", "heartbeat_interval": 86_400.0, "node_timeout": 300_000.0}


@pytest.fixture(autouse=True)
def _empty_notes():
    jobs.calls.clear()
    jobs.present.clear()
    yield
    jobs.calls.clear()
    jobs.present.clear()


@pytest.fixture
def clock():
    """2024-01-01, a Monday, midnight in UTC."""
    return FakeClock()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def make():
    """Make schedulers that are shut down, and whose stores are closed, when the test has ended."""
    made = []

    def make(*args, **options):
        scheduler = Scheduler(*args, **{**SETTINGS, **options})
        made.append(scheduler)
        return scheduler

    yield make
    for scheduler in made:
        if scheduler.running:
            with suppress(SchedulerError):
                scheduler.shutdown(wait=False)
        for link in list(scheduler.engine.links.values()):
            link.store.close()


@pytest.fixture(params=["memory", "sqlite"])
def url(request):
    """Every kind of store that needs no server."""
    return None if request.param == "memory" else request.getfixturevalue("sqlite_url")


@pytest.fixture
def scheduler(make, url, clock):
    """A scheduler that was not started, on a clock that stands still."""
    return make(url, clock=clock)


@pytest.fixture
def passing(clock, scheduler):
    """Lets time pass for `scheduler`, which is started."""
    scheduler.start()
    return VirtualTime(clock, scheduler)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def new_store(request):
    """Gives another store object on the same jobs, of each kind."""
    if request.param == "memory":
        store = MemoryJobStore()
        yield lambda: store
    elif request.param == "sqlite":
        url = request.getfixturevalue("sqlite_url")
        yield lambda: SQLAlchemyJobStore(url)
    else:
        url = request.getfixturevalue("postgresql_url")
        with fresh_prefix(url) as prefix:
            yield lambda: SQLAlchemyJobStore(url, prefix=prefix)


@pytest.fixture
def sharing(new_store, make):
    """Make schedulers that share the jobs of one store, as several processes would."""
    return lambda **options: make(new_store(), **options)


@pytest.fixture
def running(sharing):
    """A started scheduler on the machine's own clock, on each kind of store."""
    scheduler = sharing(poll_interval=0.05)
    scheduler.start()
    return scheduler


@pytest.fixture
def blocked():
    """What `act` does: it begins and then stays until it is let go."""
    began, let_go = threading.Event(), threading.Event()

    def action():
        began.set()
        let_go.wait(20)
        return "done"

    jobs.present["action"] = action
    yield began, let_go
    let_go.set()
