"""How many fires a second?

Workload: n one-shot date jobs, all due already, are in the store; each calls a function that does nothing. Measured
from the scheduler's start to the moment when the last run has ended and is recorded. Ours keeps the history of all
runs; APScheduler 3 keeps none. SQLite is a file, and every commit is durable on both sides.

The limits beside it show what the parts below could do at best: handing n calls to a bare thread pool, and writing the
same rows with bare SQLAlchemy Core (WAL, synchronous=FULL) in batches, without any scheduler.

How to read it: `rate` is fires per second, larger is better. Ratios compare within this run only; absolute numbers
belong to the machine.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.case import Case, Question, Ratio, Values

LIMIT = 300.0
"""Seconds after which a measurement is given up."""


class Countdown:
    """Counts calls from any thread and tells when there have been enough."""

    def __init__(self) -> None:
        self._calls = itertools.count(1)
        self._enough = threading.Event()
        self._wanted = 0

    def expect(self, wanted: int) -> None:
        self._wanted = wanted

    def call(self) -> None:
        if next(self._calls) == self._wanted:
            self._enough.set()

    def wait(self) -> None:
        if not self._enough.wait(LIMIT):
            raise TimeoutError(f"not all of {self._wanted} calls were made within {LIMIT:g} s")


CALLS = Countdown()


def no_op() -> None:
    CALLS.call()


def past() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


def in_a_file(burst: Callable[[str, int], Values], size: int) -> Values:
    """Run a burst on a fresh SQLite file."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return burst(f"sqlite:///{Path(folder) / 'jobs.db'}", size)


def ours(url: str | None, size: int) -> Values:
    from scheduler import JobDefinition, RunState, Scheduler
    from scheduler.jobstores import MemoryJobStore

    CALLS.expect(size)
    scheduler = Scheduler(url or MemoryJobStore(keep_runs=size))
    due = past()
    scheduler.add_jobs(JobDefinition(no_op, "date", run_date=due, id=f"job-{n}") for n in range(size))
    began = time.perf_counter()
    scheduler.start()
    CALLS.wait()
    while scheduler.health().active_runs:
        time.sleep(0.001)
    seconds = time.perf_counter() - began
    scheduler.shutdown()
    recorded = len(scheduler.get_runs(state=RunState.SUCCESS, limit=size + 1))
    if recorded != size:
        raise AssertionError(f"{recorded} runs are recorded, {size} were due")
    return {"rate": size / seconds}


def apscheduler3(url: str | None, size: int) -> Values:
    from apscheduler.jobstores.memory import MemoryJobStore
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    CALLS.expect(size)
    store = SQLAlchemyJobStore(url=url) if url else MemoryJobStore()
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone=UTC)
    scheduler.start(paused=True)  # jobs added before the start would only be stored in it
    due = past()
    for n in range(size):
        scheduler.add_job(no_op, "date", run_date=due, id=f"job-{n}", misfire_grace_time=None)
    began = time.perf_counter()
    scheduler.resume()
    CALLS.wait()
    seconds = time.perf_counter() - began
    scheduler.shutdown()
    return {"rate": size / seconds}


def bare_pool(size: int) -> Values:
    CALLS.expect(size)
    with ThreadPoolExecutor(10) as pool:
        began = time.perf_counter()
        for _ in range(size):
            pool.submit(no_op)
        CALLS.wait()
        return {"rate": size / (time.perf_counter() - began)}


def bare_core(url: str, size: int) -> Values:
    from benchmarks.bare_core import Rows

    rows = Rows(url, size)
    began = time.perf_counter()
    rows.fire_all()
    return {"rate": size / (time.perf_counter() - began)}


QUESTION = Question(
    title="fires",
    text=__doc__,
    units={"rate": "fires/s"},
    cases=(
        Case("memory: ours, history kept", lambda size: ours(None, size), 20_000, 3_000),
        Case("memory: APScheduler 3", lambda size: apscheduler3(None, size), 20_000, 3_000, needs="apscheduler"),
        Case("memory: bare ThreadPoolExecutor", bare_pool, 20_000, 3_000),
        Case("SQLite: ours, history kept", lambda size: in_a_file(ours, size), 10_000, 2_000),
        Case("SQLite: APScheduler 3", lambda size: in_a_file(apscheduler3, size), 1_500, 300, needs="apscheduler"),
        Case("SQLite: bare SQLAlchemy Core", lambda size: in_a_file(bare_core, size), 10_000, 2_000),
    ),
    ratios=(
        Ratio("memory: ours, history kept", "memory: APScheduler 3", "rate", goal="≥ 4"),
        Ratio("memory: ours, history kept", "memory: bare ThreadPoolExecutor", "rate", goal="≥ 0.8"),
        Ratio("SQLite: ours, history kept", "SQLite: APScheduler 3", "rate", goal="≥ 12"),
        Ratio("SQLite: ours, history kept", "SQLite: bare SQLAlchemy Core", "rate"),
    ),
)
