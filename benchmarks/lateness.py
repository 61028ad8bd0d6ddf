"""How late does a fire begin?

Workload: the store holds idle jobs that are due in a year, and one-shot jobs that are due one by one, about every
50 ms. Their function notes the wall time at which it is called; lateness is that minus the scheduled time. The
scheduler has nothing else to do, so the number is the way from the clock through the store and the executor to the
first line of the function.

How to read it: p50 and p99 in milliseconds over all fires of one measurement but the first few, smaller is better; a
ratio below 1 means that ours is earlier. `n` is the number of idle jobs. APScheduler 3 gets fewer of them, as storing
that many takes it minutes.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.case import Case, Question, Ratio, Values

WARM_UP = 10
"""Fires that do not count: with them threads are started and modules imported, on both sides."""
FIRES = 100 + WARM_UP
PERIOD = timedelta(milliseconds=47)
"""Not a round number, so that fires do not fall together with what happens every 50 or 100 ms."""
LEAD = timedelta(seconds=1)
"""From adding the jobs to the first fire, so that the start is over by then."""

late: list[float] = []
all_fired = threading.Event()


def note(scheduled: float) -> None:
    late.append(time.time() - scheduled)
    if len(late) == FIRES:
        all_fired.set()


def fire_times() -> list[datetime]:
    first = datetime.now(UTC) + LEAD
    return [first + n * PERIOD for n in range(FIRES)]


def percentiles() -> Values:
    """Wait for all fires and return the percentiles of their lateness in milliseconds."""
    if not all_fired.wait(60):
        raise TimeoutError(f"{len(late)} of {FIRES} fires were made within 60 s")
    cuts = statistics.quantiles(late[WARM_UP:], n=100, method="inclusive")
    return {"p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}


def in_a_file(measure: Callable[[str, int], Values], size: int) -> Values:
    """Measure on a fresh SQLite file."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return measure(f"sqlite:///{Path(folder) / 'jobs.db'}", size)


def ours(url: str | None, size: int) -> Values:
    from scheduler import JobDefinition, Scheduler

    in_a_year = datetime.now(UTC) + timedelta(days=365)
    with Scheduler(url) as scheduler:
        scheduler.add_jobs(JobDefinition(note, "date", run_date=in_a_year, args=(0.0,)) for _ in range(size))
        scheduler.add_jobs(JobDefinition(note, "date", run_date=at, args=(at.timestamp(),)) for at in fire_times())
        return percentiles()


def apscheduler3(url: str | None, size: int) -> Values:
    from apscheduler.jobstores.memory import MemoryJobStore
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    in_a_year = datetime.now(UTC) + timedelta(days=365)
    store = SQLAlchemyJobStore(url=url) if url else MemoryJobStore()
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone=UTC)
    scheduler.start()
    for _ in range(size):
        scheduler.add_job(note, "date", run_date=in_a_year, args=(0.0,))
    for at in fire_times():
        scheduler.add_job(note, "date", run_date=at, args=(at.timestamp(),), misfire_grace_time=None)
    found = percentiles()
    scheduler.shutdown()
    return found


QUESTION = Question(
    title="lateness",
    text=__doc__,
    units={"p50": "ms", "p99": "ms"},
    cases=(
        Case("memory: ours", lambda size: ours(None, size), 100_000, 1_000),
        Case("memory: APScheduler 3", lambda size: apscheduler3(None, size), 20_000, 1_000, needs="apscheduler"),
        Case("SQLite: ours", lambda size: in_a_file(ours, size), 100_000, 1_000),
        Case("SQLite: APScheduler 3", lambda size: in_a_file(apscheduler3, size), 5_000, 500, needs="apscheduler"),
    ),
    ratios=(
        Ratio("memory: ours", "memory: APScheduler 3", "p50", goal="p50 ≤ 0.25 ms"),
        Ratio("memory: ours", "memory: APScheduler 3", "p99", goal="p99 ≤ 1 ms"),
        Ratio("SQLite: ours", "SQLite: APScheduler 3", "p50", goal="p50 ≤ 0.8 ms"),
        Ratio("SQLite: ours", "SQLite: APScheduler 3", "p99", goal="p99 ≤ 3 ms"),
    ),
)
