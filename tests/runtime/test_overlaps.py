"""What the log is told of jobs that are held up by their own runs: on a clock of numbers."""

import logging

import pytest

from scheduler.runtime import overlaps
from scheduler.runtime.overlaps import OverlapLog


@pytest.fixture
def log():
    return OverlapLog()


@pytest.fixture
def lines(caplog):
    """The job and what it does, of each line."""
    caplog.set_level(logging.INFO, "scheduler.runtime.overlaps")
    return lambda: [(entry.args[0], entry.getMessage().split()[2]) for entry in caplog.records]


def flap(log, begin, end, job_id="job"):
    """Held up and running again a hundred times a second."""
    for hundredth in range(begin * 100, end * 100):
        if hundredth % 2:
            log.runs(job_id, hundredth / 100)
        else:
            log.held(job_id, "blocker", hundredth / 100)


def test_the_first_change_and_its_end_are_told_at_once(log, lines):
    log.runs("job", 0.0)
    log.held("job", "blocker", 1.0)
    log.held("job", "blocker", 2.0)
    log.runs("job", 3.0)
    log.runs("job", 4.0)
    assert lines() == [("job", "skips"), ("job", "runs")]


def test_a_job_that_flaps_is_told_of_once_a_minute(log, lines):
    flap(log, 0, 601)
    assert 11 <= len(lines()) <= 12


def test_a_change_that_came_too_soon_is_told_after_a_minute_if_it_holds(log, lines):
    flap(log, 0, 10)
    log.held("job", "blocker", 10.0)
    log.held("job", "blocker", 59.0)
    assert len(lines()) == 2
    log.held("job", "blocker", 61.0)
    assert lines()[2:] == [("job", "skips")]


def test_a_change_after_a_long_rest_is_told_as_the_first(log, lines):
    for begin in 0.0, 1000.0:
        log.held("job", "blocker", begin)
        log.runs("job", begin + 1)
    assert lines() == [("job", "skips"), ("job", "runs")] * 2


def test_jobs_are_told_of_apart_and_a_job_that_is_gone_is_forgotten(log, lines):
    log.held("a", "blocker", 0.0)
    log.held("b", "blocker", 0.0)
    log.forget("a")
    log.held("a", "blocker", 1.0)
    assert lines() == [("a", "skips"), ("b", "skips"), ("a", "skips")]
    log.forget("a")
    log.forget("b")
    assert not log


def test_no_more_than_so_many_jobs_are_remembered(log, monkeypatch):
    monkeypatch.setattr(overlaps, "MOST", 3)
    for number in range(10):
        log.held(f"job-{number}", "blocker", 0.0)
    assert list(log._said) == ["job-7", "job-8", "job-9"]
