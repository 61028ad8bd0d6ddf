"""Databases that are away, locked, not ours, too new or damaged: a clear error, and nothing lost."""

import sqlite3
import threading
from datetime import timedelta

import pytest
from sqlalchemy import create_engine

from scheduler import (
    BrokenJobError,
    JobStoreError,
    RunState,
    SchemaVersionError,
    StoreUnavailableError,
)
from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.testing import VirtualTime
from tests import servers
from tests.api import jobs
from tests.api.damage import damage
from tests.api.jobs import note


def closed_port():
    return servers._free_port()


def start(scheduler):
    scheduler.start()


def add(scheduler):
    scheduler.add_job(note, "interval", hours=1, id="a")


@pytest.mark.parametrize("use", [start, add])
@pytest.mark.parametrize(
    ("make_url", "message"),
    [
        (lambda path: f"sqlite:///{path}/no/such/jobs.db", "there is no directory '.*/no/such'; create it"),
        (lambda path: f"postgresql://u:secret@127.0.0.1:{closed_port()}/x", "(?i)connection.*refused"),
    ],
)
def test_a_database_that_cannot_be_reached_is_told_of_at_once(make, tmp_path, use, make_url, message):
    scheduler = make(make_url(tmp_path))
    with pytest.raises(StoreUnavailableError, match=message) as raised:
        use(scheduler)
    assert isinstance(raised.value, ConnectionError)
    assert "secret" not in str(raised.value)
    assert not scheduler.running
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scheduler-")]
    assert scheduler.health().stores["default"].reachable is False


def test_a_scheduler_starts_once_its_database_is_there(make, tmp_path, clock):
    scheduler = make(f"sqlite:///{tmp_path}/late/jobs.db", clock=clock)
    with pytest.raises(StoreUnavailableError):
        scheduler.start()
    (tmp_path / "late").mkdir()
    scheduler.start()
    assert scheduler.running


@pytest.mark.parametrize("use", [start, add])
def test_a_file_that_is_no_database_is_refused_and_left_alone(make, tmp_path, use):
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader, this is not a database. " * 50)
    with pytest.raises(StoreUnavailableError, match="file is not a database"):
        use(make(f"sqlite:///{file}"))
    assert file.read_text().startswith("Dear reader")


def test_a_read_only_file_can_be_told_from_a_sound_one(make, sqlite_url, clock):
    make(sqlite_url, clock=clock).add_job(note, "interval", hours=1, id="a")
    path = sqlite_url.removeprefix("sqlite:///")
    reader = make(f"sqlite:///file:{path}?mode=ro&uri=true", clock=clock)
    with pytest.raises(StoreUnavailableError, match="readonly database"):
        reader.add_job(note, "interval", hours=1, id="b")
    assert {job.id for job in make(sqlite_url, clock=clock).get_jobs()} == {"a"}


def test_a_locked_file_is_waited_for_and_then_named(make, sqlite_url, clock):
    scheduler = make(SQLAlchemyJobStore(sqlite_url, timeout=0.05), clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="a")
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="database is locked"):
        scheduler.add_job(note, "interval", hours=1, id="b")
    assert scheduler.get_job("a") is not None  # readers do not wait
    other.rollback()
    other.close()
    scheduler.add_job(note, "interval", hours=1, id="b")


@pytest.mark.parametrize("use", [start, add])
def test_tables_of_a_newer_version_are_not_touched(make, sqlite_url, clock, use):
    make(sqlite_url, clock=clock).add_job(note, "interval", hours=1, id="old")
    damage(sqlite_url, "UPDATE scheduler_meta SET value = '99' WHERE name = 'version'")
    later = make(sqlite_url, clock=clock)
    with pytest.raises(SchemaVersionError, match=r"version 99, .* upgrade embedded-scheduler, or choose"):
        use(later)
    assert not later.running
    health = later.health()
    assert (health.ok, "version 99" in health.stores["default"].error) == (False, True)
    damage(sqlite_url, "UPDATE scheduler_meta SET value = '1' WHERE name = 'version'")
    assert [job.id for job in later.get_jobs()] == ["old"]


@pytest.mark.parametrize(
    ("jobstore", "message"),
    [
        ("jobs.db", "'jobs.db'… is not a database URL; it looks like sqlite:///jobs.db"),
        ("", "is not a database URL"),
        (5, "is not a database URL"),
        ("sqlight:///jobs.db", "sqlight"),
        (MemoryJobStore, "is a class; pass an object of it"),
    ],
)
def test_what_is_no_job_store_is_refused(make, jobstore, message):
    with pytest.raises(Exception, match=message) as raised:
        make(jobstore)
    assert isinstance(raised.value, (JobStoreError, ValueError))


# damaged rows


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("args", "[1"),
        ("args", '{"a": 1}'),
        ("kwargs", "[]"),
        ("trigger", "{"),
        ("trigger", '{"type": "sundial"}'),
        ("rules", "null"),
        ("tags", "7"),
        ("executor_options", "{"),
        ("format", "99"),
    ],
)
def test_a_row_that_cannot_be_read_is_kept_and_resumes_when_it_is_mended(make, sqlite_url, clock, column, value):
    scheduler = make(sqlite_url, clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.add_job(note, "interval", hours=1, id="sound")
    damage(
        sqlite_url,
        f"CREATE TABLE mended AS SELECT {column} AS sound FROM scheduler_jobs WHERE id = 'a'",
        f"UPDATE scheduler_jobs SET {column} = '{value}' WHERE id = 'a'",
    )
    assert {job.id: job.broken is not None for job in scheduler.get_jobs()} == {"a": True, "sound": False}
    assert scheduler.get_job("a").broken
    with pytest.raises(BrokenJobError, match="cannot be changed, only removed, as it is broken"):
        scheduler.pause_job("a")
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    passing.advance(timedelta(hours=1.5))
    assert scheduler.get_runs("a") == []
    assert len(scheduler.get_runs("sound")) == 1
    assert scheduler.health().broken_jobs == 1
    damage(sqlite_url, f"UPDATE scheduler_jobs SET {column} = (SELECT sound FROM mended) WHERE id = 'a'")
    passing.advance(timedelta(hours=1))
    assert scheduler.get_job("a").broken is None
    assert scheduler.get_runs("a")[0].state is RunState.SUCCESS


def test_a_broken_job_can_be_removed_or_replaced(make, sqlite_url, clock):
    scheduler = make(sqlite_url, clock=clock)
    for job_id in ("a", "b"):
        scheduler.add_job(note, "interval", hours=1, id=job_id)
    damage(sqlite_url, "UPDATE scheduler_jobs SET trigger = 'x', args = 'y'")
    scheduler.remove_job("a")
    assert scheduler.add_job(note, "interval", hours=1, id="b", replace_existing=True).broken is None
    assert [job.broken for job in scheduler.get_jobs()] == [None]


def test_a_function_that_moved_away_keeps_its_job_which_goes_on_when_it_is_back(make, url, clock, monkeypatch, caplog):
    monkeypatch.setattr(jobs, "moving", note, raising=False)
    scheduler = make(url, clock=clock)
    scheduler.add_job("tests.api.jobs:moving", "interval", hours=1, id="a")
    scheduler.add_job(note, "interval", hours=1, id="sound")
    monkeypatch.delattr(jobs, "moving")
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    passing.advance(timedelta(hours=3.5))
    assert scheduler.get_runs("a") == []
    assert len(scheduler.get_runs("sound")) == 3
    assert sum("cannot run here and is kept" in message for message in caplog.messages) == 1
    monkeypatch.setattr(jobs, "moving", note, raising=False)
    passing.advance(timedelta(hours=1))
    runs = scheduler.get_runs("a", newest_first=False)
    assert sum(run.count for run in runs) == 4
    assert runs[-1].state is RunState.SUCCESS


def test_an_engine_of_the_callers_is_used_and_left_open(make, sqlite_url, clock):
    engine = create_engine(sqlite_url)
    scheduler = make(engine, clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.start()
    scheduler.shutdown()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM scheduler_jobs").scalar() == 1
    engine.dispose()
