"""What the page about migrating shows moves jobs as they are, and fires when APScheduler and Celery did."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from celery import Celery
from celery.schedules import crontab, schedule

from scheduler import Scheduler
from tests.docs.markdown import ROOT, blocks

PAGE = ROOT / "docs" / "guide" / "migrating.md"
OVERDUE = datetime(2024, 1, 1, tzinfo=UTC)


def code_with(text: str) -> str:
    (code,) = [block.code for block in blocks(PAGE.read_text(encoding="utf-8")) if text in block.code]
    return code


@pytest.fixture
def old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of APScheduler in the working directory, with jobs that are overdue, paused and to come."""
    monkeypatch.chdir(tmp_path)
    old = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(url="sqlite:///jobs.sqlite")}, timezone="UTC")
    old.start(paused=True)
    nine, hourly = CronTrigger(hour=9, jitter=30, timezone="UTC"), IntervalTrigger(hours=1, jitter=90, timezone="UTC")
    dates = CalendarIntervalTrigger(months=1, hour=8, start_date="2024-01-31", timezone="Europe/Berlin")
    for name, trigger in {"nine": nine, "hourly": hourly, "dates": dates, "any": OrTrigger([nine, hourly])}.items():
        old.add_job("builtins:print", trigger, id=name, args=[name], next_run_time=OVERDUE)
    old.add_job("builtins:print", "date", run_date=datetime(2999, 1, 1, tzinfo=UTC), id="once", coalesce=False)
    old.add_job("builtins:print", "cron", id="paused", next_run_time=None)
    old.remove_jobstore("default")  # or to shut down would run what is overdue
    old.shutdown()
    return tmp_path / "jobs.sqlite"


def moved() -> dict[str, Any]:
    exec(compile(code_with("def new_trigger"), PAGE.name, "exec"), {"__name__": "moving"})
    new = Scheduler("sqlite:///jobs.db", timezone="UTC")
    try:
        return {job.id: job for job in new.get_jobs()}
    finally:
        new.close()


def test_jobs_move_with_their_timing_and_their_rules(old_file: Path) -> None:
    jobs = moved()
    assert {name: job.next_run_time for name, job in jobs.items()} == {
        **dict.fromkeys(("nine", "hourly", "dates", "any"), OVERDUE),
        "once": datetime(2999, 1, 1, tzinfo=UTC),
        "paused": None,
    }
    assert [name for name, job in jobs.items() if job.paused] == ["paused"]
    assert {name: job.jitter for name, job in jobs.items() if job.jitter} == {"nine": 30, "hourly": 90, "any": 90}
    assert [each.jitter for each in jobs["any"].trigger.triggers] == [30, 90]
    assert (jobs["nine"].args, jobs["nine"].misfire_grace_time) == (("nine",), 1)
    assert (jobs["nine"].coalesce, jobs["once"].coalesce) == (True, False)
    assert jobs["dates"].trigger.next(datetime(2024, 2, 1, tzinfo=UTC)) == datetime(2024, 3, 31, 6, tzinfo=UTC)


def test_the_old_database_is_only_read_and_nothing_is_logged(old_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = old_file.read_bytes()
    caplog.clear()
    with caplog.at_level(logging.INFO, "apscheduler"):
        moved()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("apscheduler")] == []
    assert old_file.read_bytes() == before


CELERY = Celery("oracle", set_as_current=False)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"minute": 0, "hour": 7},
        {"hour": 7},
        {"minute": "*/15", "hour": "22-2"},
        {"minute": [0, 30], "hour": {9, 17}, "day_of_week": "monday-friday"},
        {"minute": 0, "hour": 0, "day_of_week": "*/2"},
        {"minute": 0, "hour": 0, "day_of_week": 0},
        {"minute": 5, "hour": "*/6", "day_of_week": "fri-mon", "day_of_month": "1-7,15-21"},
        {"minute": 0, "hour": 12, "day_of_month": 31, "month_of_year": "january,march-june"},
    ],
    ids=str,
)
def test_a_crontab_of_celery_is_translated_to_the_same_fire_times(fields: dict[str, Any]) -> None:
    moment = datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC)
    namespace: dict[str, Any] = {}
    exec(compile(code_with("def beat_trigger").split("def fires")[0], PAGE.name, "exec"), namespace)
    trigger = namespace["beat_trigger"](crontab(**fields), "UTC")
    for _ in range(40):
        old = crontab(**fields, nowfun=lambda now=moment: now, app=CELERY)
        expected = moment + old.remaining_estimate(moment)
        assert trigger.next(moment) == expected
        moment = expected


def test_celery_sends_by_interval_first_when_one_has_passed() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    every = schedule(timedelta(minutes=5), nowfun=lambda: start, app=CELERY)
    assert every.is_due(start) == (False, 300)
    assert every.is_due(start - timedelta(hours=2)).is_due  # overdue by many: once, at once


def test_celery_sends_what_a_crontab_missed_once_unless_its_deadline_has_passed() -> None:
    app = Celery("deadline", set_as_current=False)
    now = datetime(2024, 1, 3, 7, 30, tzinfo=UTC)
    daily = crontab(minute=0, hour=7, nowfun=lambda: now, app=app)
    assert daily.is_due(now - timedelta(days=5)).is_due
    app.conf.beat_cron_starting_deadline = 600
    assert not daily.is_due(now - timedelta(days=5)).is_due
