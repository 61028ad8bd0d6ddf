"""What users of other schedulers suffer from: each row of that list is a test here, or named where it is tested."""

import functools
import gc
import logging
import sqlite3
import threading
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import (
    FunctionLookupError,
    JobDefinition,
    RunSkipped,
    RunState,
    Scheduler,
    SerializationError,
    StoreRecovered,
    StoreUnavailable,
    UnknownOptionError,
    current_run,
)
from scheduler.executors import ThreadPoolExecutor
from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.jobstores.sql.rows import Rows
from scheduler.testing import FakeClock, VirtualTime
from scheduler.triggers import CronTrigger
from tests.api import jobs
from tests.api.jobs import fail, note
from tests.flow.executors import HeldExecutor


def states(scheduler, job_id):
    runs = scheduler.get_runs(job_id, newest_first=False, limit=10_000)
    return [(run.state.value, run.reason, run.count) for run in runs]


def fires(trigger, start, count):
    """Return the next `count` fire times after an instant, as text in UTC."""
    found = []
    time = start
    for _ in range(count):
        time = trigger.next(time)
        found.append(f"{time:%m-%d %H:%M}")
    return found


def test_every_worker_of_a_web_server_may_start_the_scheduler(make, sqlite_url, clock):
    workers = [make(sqlite_url, clock=clock) for _ in range(4)]
    for worker in workers:
        worker.add_job(note, "interval", hours=1, id="a", replace_existing=True)
        worker.start()
    VirtualTime(clock, *workers).advance(timedelta(hours=10))
    assert len(jobs.calls) == 10
    assert states(workers[0], "a") == [("SUCCESS", None, 1)] * 10


def test_a_late_fire_runs_all_the_same(scheduler, passing, clock):
    scheduler.add_job(note, "date", run_date="2024-01-01 01:00:00", id="a")
    clock.advance(timedelta(days=30))
    passing.settle()
    assert states(scheduler, "a") == [("SUCCESS", None, 1)]


def test_a_fire_that_waits_for_a_busy_pool_is_not_dropped(make, url):
    let_go, ended = threading.Event(), threading.Semaphore(0)

    def action():
        let_go.wait(20)
        ended.release()

    jobs.present["action"] = action
    scheduler = make(url, executors={"default": ThreadPoolExecutor(1)})
    scheduler.start()
    scheduler.add_jobs(JobDefinition(jobs.act, id=f"j{number}") for number in range(5))
    let_go.set()
    assert all(ended.acquire(timeout=20) for _ in range(5))
    scheduler.shutdown()
    assert [run.state for run in scheduler.get_runs()] == [RunState.SUCCESS] * 5


def test_a_fire_too_late_for_its_grace_time_leaves_a_record(scheduler, passing, clock):
    scheduler.add_job(note, "interval", hours=1, id="a", misfire_grace_time=60)
    clock.advance(timedelta(hours=5, minutes=30))
    passing.settle()
    assert states(scheduler, "a") == [("SKIPPED", "missed", 5)]


class Flaky(MemoryJobStore):
    """A store whose turns fail while it is told to."""

    failing = False

    def turn(self):
        if self.failing:
            raise ConnectionError("connection reset by peer")
        return super().turn()


def test_one_error_of_the_store_does_not_kill_the_scheduler_and_health_tells_of_it(make, clock):
    store = Flaky()
    scheduler = make(store, clock=clock)
    scheduler.start()
    heard = []
    scheduler.add_listener(lambda event: heard.append(type(event)), StoreUnavailable, StoreRecovered)
    scheduler.add_job(note, "interval", minutes=1, id="a")
    passing = VirtualTime(clock, scheduler)
    store.failing = True
    passing.advance(timedelta(minutes=3.5))
    health = scheduler.health()
    assert (scheduler.running, health.ok) == (True, False)
    assert "connection reset by peer" in health.stores["default"].error
    store.failing = False
    passing.advance(timedelta(minutes=1))
    assert scheduler.health().ok
    assert heard == [StoreUnavailable, StoreRecovered]
    assert sum(count for _, _, count in states(scheduler, "a")) == 4


def test_a_database_that_was_away_is_used_again_when_it_is_back(make, sqlite_url, clock):
    scheduler = make(SQLAlchemyJobStore(sqlite_url, timeout=0.01), clock=clock)
    scheduler.add_job(note, "interval", minutes=1, id="a")
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    passing.advance(timedelta(minutes=1))
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    other.execute("BEGIN IMMEDIATE")
    passing.advance(timedelta(seconds=70))
    assert not scheduler.health().ok
    other.rollback()
    other.close()
    passing.advance(timedelta(minutes=2))
    assert scheduler.health().ok
    assert states(scheduler, "a") == [("SUCCESS", None, 1)] * 4


def test_a_job_that_another_process_adds_is_noticed(make, sqlite_url):
    # With two schedulers here; with two processes in tests/system.
    called = threading.Event()
    jobs.present["action"] = called.set
    runner = make(sqlite_url, poll_interval=0.05)
    runner.start()
    client = make(sqlite_url)
    client.add_job(jobs.act)
    assert called.wait(20)
    assert not client.running


def test_listing_jobs_whose_code_has_moved_deletes_none(make, sqlite_url, clock, monkeypatch):
    monkeypatch.setattr(jobs, "moving", note, raising=False)
    make(sqlite_url, clock=clock).add_jobs(
        JobDefinition("tests.api.jobs:moving", "interval", hours=1, id=f"j{number}") for number in range(268)
    )
    monkeypatch.delattr(jobs, "moving")
    deployed = make(sqlite_url, clock=clock)
    assert len(deployed.get_jobs(broken=True)) == 268
    deployed.start()
    VirtualTime(clock, deployed).advance(timedelta(hours=2))
    assert len(deployed.get_jobs()) == 268
    monkeypatch.setattr(jobs, "moving", note, raising=False)
    rolled_back = make(sqlite_url, clock=clock)
    assert rolled_back.get_jobs(broken=True) == []
    rolled_back.start()
    VirtualTime(clock, rolled_back).settle()
    assert {run.state for run in rolled_back.get_runs(limit=1000)} == {RunState.SUCCESS, RunState.SKIPPED}


def test_what_a_database_cannot_keep_is_refused_when_it_is_added_and_memory_takes_it(make, sqlite_url, clock):
    scheduler = make(sqlite_url, clock=clock, jobstores={"memory": None})
    lock = threading.Lock()
    for func in (lambda: None, jobs.Clerk().method, functools.partial(note)):
        with pytest.raises(FunctionLookupError):
            scheduler.add_job(func)
        scheduler.add_job(func, jobstore="memory")
    with pytest.raises(SerializationError, match=r"args\[0\]\['lock'\]"):
        scheduler.add_job(note, args=({"lock": lock},))
    scheduler.add_job(note, args=({"lock": lock},), jobstore="memory")


def test_a_program_that_restarts_more_often_than_its_job_fires_still_fires_it(make, sqlite_url, clock):
    for _ in range(30):  # a deployment every hour, a job every day
        scheduler = make(sqlite_url, clock=clock)
        scheduler.add_job(note, "interval", days=1, id="daily", replace_existing=True)
        scheduler.scheduled_job("interval", days=1)(note)
        scheduler.start()
        VirtualTime(clock, scheduler).advance(timedelta(hours=1))
        scheduler.shutdown()
    assert [len(scheduler.get_runs(job_id)) for job_id in ("daily", "note")] == [1, 1]
    assert len(scheduler.get_jobs()) == 2


def test_an_id_less_recurring_job_on_a_database_is_warned_of(make, sqlite_url, clock, caplog):
    with caplog.at_level(logging.WARNING, "scheduler"):
        make(sqlite_url, clock=clock).add_job(note, "interval", days=1)
    assert "pass id= and replace_existing=True" in caplog.text


def test_a_run_that_is_under_way_in_a_crash_is_lost_or_retried_but_never_forgotten(make, sqlite_url, clock):
    crashed = make(sqlite_url, clock=clock)
    crashed.add_job(note, id="once")
    crashed.add_job(note, id="again", retry=1)
    crashed.start()
    crashed.engine.flights.inbox.put = lambda outcome: None  # the process dies before it can say how the calls ended
    for executor in crashed.engine.executors.values():
        executor.stop()
        executor.start(crashed.engine.flights.inbox.put, clock)
    VirtualTime(clock, crashed).settle()
    assert len(jobs.calls) == 2
    survivor = make(sqlite_url, clock=clock)
    survivor.start()
    VirtualTime(clock, survivor).advance(timedelta(days=10))
    assert states(survivor, "once") == [("LOST", "lost", 1)]
    assert states(survivor, "again") == [("SUCCESS", None, 1)]
    assert survivor.get_runs("again")[0].attempt == 2


def test_a_hung_job_leaves_records_of_the_fires_it_held_up(make, url):
    began, let_go = threading.Event(), threading.Event()
    jobs.present["action"] = lambda: (began.set(), let_go.wait(20))
    scheduler = make(url)
    skipped = threading.Event()
    scheduler.add_listener(lambda event: skipped.set(), RunSkipped)
    scheduler.add_job(jobs.act, "interval", seconds=0.05, id="hung")
    scheduler.start()
    assert began.wait(20)
    assert skipped.wait(20)
    let_go.set()
    scheduler.shutdown()
    assert {run.reason for run in scheduler.get_runs("hung", state="SKIPPED")} <= {"overlap", "coalesced"}


def test_a_hung_job_with_a_timeout_does_not_block_its_schedule(make, url, clock):
    scheduler = make(url, clock=clock, executors={"default": HeldExecutor()})
    scheduler.add_job(note, "interval", hours=1, id="hung", timeout=600)
    scheduler.start()
    VirtualTime(clock, scheduler).advance(timedelta(hours=5.5))
    assert states(scheduler, "hung") == [("FAILURE", "timeout", 1)] * 5


def test_a_job_that_is_held_up_by_its_own_run_says_so_once_and_not_at_each_fire(make, url, clock, caplog):
    scheduler = make(url, clock=clock, executors={"default": HeldExecutor()})
    scheduler.add_job(note, "interval", hours=1, id="hung")
    scheduler.start()
    with caplog.at_level(logging.INFO, "scheduler"):
        VirtualTime(clock, scheduler).advance(timedelta(hours=50))
    assert states(scheduler, "hung") == [("STARTED", None, 1)] + [("SKIPPED", "overlap", 1)] * 49
    assert ["'hung' skips fires" in record.getMessage() for record in caplog.records].count(True) == 1


def test_a_run_that_is_under_way_can_be_stopped(make, url):
    began, stopped = threading.Event(), threading.Event()
    jobs.present["action"] = lambda: (began.set(), current_run().cancelled.wait(20) and stopped.set())
    with make(url) as scheduler:
        run = scheduler.submit(jobs.act)
        assert began.wait(20)
        assert run.cancel()
        assert stopped.wait(20)
    assert states(scheduler, run.job_id) == [("REVOKED", "cancelled", 1)]


def test_what_failed_is_tried_again_and_result_errors_and_history_are_kept(scheduler, passing):
    def action():
        return 42 if current_run().attempt == 3 else fail()

    jobs.present["action"] = action
    scheduler.add_job(jobs.act, "interval", hours=1, id="a", retry=2)
    passing.advance(timedelta(hours=3))
    runs = scheduler.get_runs("a")
    assert [(run.state, run.attempt, run.result) for run in runs] == [(RunState.SUCCESS, 3, 42)] * 3
    assert {attempt.error for run in runs for attempt in run.attempts} == {"ValueError: this job always fails"}


def test_summer_time_neither_doubles_nor_drops_a_daily_fire():
    berlin = CronTrigger.from_crontab("30 2 * * *", timezone="Europe/Berlin")
    spring = fires(berlin, datetime(2024, 3, 29, 12, tzinfo=UTC), 3)
    assert spring == ["03-30 01:30", "03-31 01:00", "04-01 00:30"]
    autumn = fires(berlin, datetime(2024, 10, 25, 12, tzinfo=UTC), 3)
    assert autumn == ["10-26 00:30", "10-27 00:30", "10-28 01:30"]


def test_crontab_lines_mean_what_cron_means():
    monday = datetime(2024, 1, 1, tzinfo=UTC)
    for sunday in ("0 0 * * 0", "0 0 * * 7", "0 0 * * sun"):
        assert fires(CronTrigger.from_crontab(sunday, timezone="UTC"), monday, 1) == ["01-07 00:00"]
    either = CronTrigger.from_crontab("0 0 13 * 5", timezone="UTC")
    assert fires(either, monday, 3) == ["01-05 00:00", "01-12 00:00", "01-13 00:00"]


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("@daily", "01-02 00:00:00"),
        ("*/10 * * * * *", "01-01 00:00:10"),
        ("0 9 L * *", "01-31 09:00:00"),
        ("0 9 LW 3 *", "03-29 09:00:00"),
        ("0 9 13W * *", "01-12 09:00:00"),
        ("0 9 * * mon#2", "01-08 09:00:00"),
        ("0 9 * * 5L", "01-26 09:00:00"),
    ],
)
def test_what_other_crons_know_crontab_lines_know_here(line, first):
    fire = CronTrigger.from_crontab(line, timezone="UTC").next(datetime(2024, 1, 1, tzinfo=UTC))
    assert f"{fire:%m-%d %H:%M:%S}" == first


@pytest.mark.parametrize("years", [1, 30])
def test_a_clock_that_jumps_ahead_neither_hangs_nor_fills_the_memory(make, url, clock, years):
    scheduler = make(url, clock=clock)
    scheduler.add_job(note, "interval", seconds=1, id="a")
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    clock.jump_to(clock.now() + timedelta(days=365 * years))
    for _ in range(20):
        scheduler.engine.step()
    assert len(scheduler.get_runs("a", limit=1000)) <= 21
    scheduler.remove_job("a")
    passing.settle()


def test_a_clock_that_is_set_back_repeats_no_fire(scheduler, passing, clock):
    scheduler.add_job(note, "interval", hours=1, id="a")
    passing.advance(timedelta(hours=3))
    clock.jump_to("2024-01-01T00:30:00+00:00")
    passing.advance(timedelta(hours=4))
    times = [run.scheduled_time.hour for run in scheduler.get_runs("a", newest_first=False)]
    assert times == [1, 2, 3, 4]


@pytest.mark.parametrize("func", [jobs.awaited, "tests.api.jobs:awaited"], ids=["function", "reference"])
def test_a_coroutine_function_runs_and_does_not_only_say_so(scheduler, passing, func):
    scheduler.add_job(func)
    passing.settle()
    assert jobs.calls == ["awaited"]


def test_options_that_are_not_known_are_never_ignored():
    with pytest.raises(UnknownOptionError, match="misfire_grace_time"):
        Scheduler(misfire_grace_time=60)
    with pytest.raises(UnknownOptionError, match="did you mean 'misfire_grace_time'"):
        Scheduler(timezone="UTC").add_job(note, "interval", hours=1, misfire_grace=60)


def test_a_start_loads_no_job_and_a_fire_looks_at_no_other(make, sqlite_url, clock, monkeypatch):
    make(sqlite_url, clock=clock).add_jobs(
        [
            *(JobDefinition(note, "interval", days=30, id=f"idle{number}") for number in range(2_000)),
            JobDefinition(note, "interval", hours=1, id="busy"),
        ]
    )
    read = []
    job = Rows.job
    monkeypatch.setattr(Rows, "job", lambda self, row: read.append(row[0]) or job(self, row))
    scheduler = make(sqlite_url, clock=clock)
    scheduler.start()
    VirtualTime(clock, scheduler).advance(timedelta(hours=10))
    assert len(jobs.calls) == 10
    assert set(read) == {"busy"}


def test_what_failed_runs_leave_does_not_grow_with_their_exceptions(make, clock):
    scheduler = make(MemoryJobStore(keep_runs=100), clock=clock)
    scheduler.add_job(fail, "interval", minutes=1, id="a")
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    passing.advance(timedelta(hours=5))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        passing.advance(timedelta(hours=5))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(scheduler.get_runs("a", limit=1000)) == 100
    runs = scheduler.get_runs("a", limit=1000)
    assert all(isinstance(run.error, str) and isinstance(run.traceback, str) for run in runs)
    # 300 runs were added and 200 of the 300 forgotten; each that is kept has a traceback as text.
    assert grown < 400_000


def test_a_year_of_schedules_is_tested_without_waiting():
    clock = FakeClock()
    with Scheduler(clock=clock, timezone="UTC") as scheduler:
        scheduler.add_job(note, "cron", hour=9, id="daily")
        VirtualTime(clock, scheduler).advance(timedelta(days=366))
    assert len(jobs.calls) == 366
