"""get_job, get_jobs, print_jobs, get_run, get_runs."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import InvalidJobError, InvalidSettingError, RunLookupError, RunState
from scheduler.executors import InlineExecutor
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.damage import damage
from tests.api.jobs import fail, note
from tests.flow.triggers import MoodyTrigger


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_jobs_come_by_next_run_time_and_paused_ones_last(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    scheduler.add_job(note, "interval", hours=3, id="third")
    scheduler.add_job(note, "interval", hours=1, id="first", jobstore="other")
    scheduler.add_job(note, "interval", hours=2, id="b-second")
    scheduler.add_job(note, "interval", hours=2, id="a-second", jobstore="other")
    scheduler.add_job(note, "interval", hours=1, id="paused", next_run_time=None)
    assert [job.id for job in scheduler.get_jobs()] == ["first", "a-second", "b-second", "third", "paused"]
    assert [job.id for job in scheduler.get_jobs("other")] == ["first", "a-second"]


def test_jobs_are_found_by_tag(scheduler):
    for job_id, tags in (("a", ["x"]), ("b", ["x", "y"]), ("c", [])):
        scheduler.add_job(note, "interval", hours=1, id=job_id, tags=tags)
    assert {job.id for job in scheduler.get_jobs(tag="x")} == {"a", "b"}
    assert {job.id for job in scheduler.get_jobs(tag="y")} == {"b"}
    assert scheduler.get_jobs(tag="z") == []


def test_a_job_is_found_in_any_store_or_in_the_one_named(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    scheduler.add_job(note, "interval", hours=1, id="a", jobstore="other")
    assert scheduler.get_job("a").jobstore == "other"
    assert scheduler.get_job("a", "default") is None
    assert scheduler.get_job("ghost") is None


def test_jobs_that_cannot_run_here_are_listed_with_the_reason(scheduler, monkeypatch):
    scheduler.add_executor(InlineExecutor(), "special")
    monkeypatch.setattr(jobs, "moving", note, raising=False)
    scheduler.add_job("tests.api.jobs:moving", "interval", hours=1, id="moved")
    scheduler.add_job(note, "interval", hours=1, id="elsewhere", executor="special")
    scheduler.add_job(note, "interval", hours=1, id="sound")
    monkeypatch.delattr(jobs, "moving")
    scheduler.remove_executor("special")
    broken = {job.id: job.broken for job in scheduler.get_jobs(broken=True)}
    assert broken.keys() == {"moved", "elsewhere"}
    assert "no executor has the alias 'special'" in broken["elsewhere"]
    assert "has no 'moving'" in broken["moved"]
    assert scheduler.get_job("moved").broken == broken["moved"]
    assert [job.id for job in scheduler.get_jobs(broken=False)] == ["sound"]


def test_a_job_that_was_mended_is_listed_as_sound_before_it_is_tried_again(make, sqlite_url, clock, monkeypatch):
    scheduler = make(sqlite_url, clock=clock)
    monkeypatch.setattr(jobs, "moving", note, raising=False)
    scheduler.add_job("tests.api.jobs:moving", "interval", hours=1, id="moved")
    scheduler.add_job(note, "interval", hours=1, id="damaged")
    monkeypatch.delattr(jobs, "moving")
    damage(sqlite_url, "UPDATE scheduler_jobs SET args = '[1' WHERE id = 'damaged'")
    scheduler.start()
    VirtualTime(clock, scheduler).advance(3600)
    assert {job.id for job in scheduler.get_jobs(broken=True)} == {"moved", "damaged"}
    monkeypatch.setattr(jobs, "moving", note, raising=False)
    damage(sqlite_url, "UPDATE scheduler_jobs SET args = '[1]' WHERE id = 'damaged'")
    assert [job.id for job in scheduler.get_jobs(broken=True)] == []
    assert scheduler.get_job("moved").broken is None
    assert jobs.calls == []


def test_a_job_whose_trigger_raised_is_listed_with_the_reason(make, clock, monkeypatch):
    scheduler = make(clock=clock)
    scheduler.add_job(note, MoodyTrigger(), id="a")
    scheduler.start()
    monkeypatch.setattr(MoodyTrigger, "bad_mood", True)
    VirtualTime(clock, scheduler).advance(10)
    assert scheduler.get_job("a").broken == "its trigger raised ZeroDivisionError: not today"


def test_print_jobs_writes_a_line_for_each_job_in_the_zone_of_the_scheduler(make, url, clock, capsys):
    scheduler = make(url, clock=clock, timezone="America/New_York", jobstores={"other": None})
    scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.add_job(note, "cron", hour=3, id="b", name="B", next_run_time=None)
    scheduler.print_jobs()
    assert capsys.readouterr().out.splitlines() == [
        "Jobstore default:",
        "    note (id: a, trigger: interval[1:00:00], next run at: 2023-12-31 20:00:00-05:00)",
        f"    B (id: b, trigger: {scheduler.get_job('b').trigger}, paused)",
        "Jobstore other:",
        "    No scheduled jobs",
    ]
    out = io.StringIO()
    scheduler.print_jobs("other", out)
    assert out.getvalue() == "Jobstore other:\n    No scheduled jobs\n"


def test_a_handle_as_text_is_one_line_for_people(scheduler):
    job = scheduler.add_job(note, "interval", hours=1, id="a")
    assert str(job) == "note (id: a, trigger: interval[1:00:00], next run at: 2024-01-01 01:00:00+00:00)"
    assert str(job.pause()).endswith("paused)")


# runs


@pytest.fixture
def history(scheduler, passing):
    """Three runs of each of two jobs: at one, two and three o'clock."""
    scheduler.add_job(note, "interval", hours=1, id="good")
    scheduler.add_job(fail, "interval", hours=1, id="bad")
    passing.advance(timedelta(hours=3))
    return scheduler


@pytest.mark.parametrize(
    ("job_id", "filters", "found"),
    [
        (None, {}, "good3 bad3 good2 bad2 good1 bad1"),
        ("good", {}, "good3 good2 good1"),
        ("good", {"newest_first": False}, "good1 good2 good3"),
        ("ghost", {}, ""),
        (None, {"state": "SUCCESS"}, "good3 good2 good1"),
        (None, {"state": RunState.FAILURE}, "bad3 bad2 bad1"),
        ("good", {"state": "FAILURE"}, ""),
        ("good", {"since": utc(2024, 1, 1, 2)}, "good3 good2"),
        ("good", {"since": datetime(2024, 1, 1, 2)}, "good3 good2"),
        ("good", {"until": utc(2024, 1, 1, 2)}, "good1"),
        ("good", {"since": utc(2024, 1, 1, 2), "until": utc(2024, 1, 1, 3)}, "good2"),
        ("good", {"limit": 2}, "good3 good2"),
        ("good", {"limit": 2, "newest_first": False}, "good1 good2"),
        ("good", {"limit": 0}, ""),
    ],
)
def test_runs_are_found_by_their_facts(history, job_id, filters, found):
    runs = history.get_runs(job_id, **filters)
    names = [f"{run.job_id}{run.scheduled_time.hour}" for run in runs]
    # Runs of one instant come in the order of their ids, which are drawn.
    assert sorted(names) == sorted(found.split())
    hours = [name[-1] for name in names]
    assert hours == [name[-1] for name in found.split()]


def test_a_run_tells_how_it_ended(history):
    good = history.get_runs("good", limit=1)[0]
    assert history.get_run(good.id) == good
    assert (good.state, good.attempt, good.result) == (RunState.SUCCESS, 1, 3)
    assert good.started_at == good.finished_at == good.scheduled_time == utc(2024, 1, 1, 3)
    bad = history.get_runs("bad", limit=1)[0]
    assert (bad.state, bad.error) == (RunState.FAILURE, "ValueError: this job always fails")
    assert "in fail" in bad.traceback


def test_runs_of_all_stores_are_merged_by_time(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    scheduler.add_job(note, "interval", hours=2, id="a")
    scheduler.add_job(note, "interval", hours=2, id="b", jobstore="other", start_date=utc(2024, 1, 1, 1))
    scheduler.start()
    VirtualTime(clock, scheduler).advance(timedelta(hours=4))
    assert [run.job_id for run in scheduler.get_runs(newest_first=False)] == ["b", "a", "b", "a"]
    assert [run.scheduled_time.hour for run in scheduler.get_runs(limit=2)] == [4, 3]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"limit": -1}, InvalidSettingError, "limit must be a whole number from 0 to [0-9]*, not -1"),
        ({"limit": 2.5}, InvalidSettingError, "limit must be a whole number from 0 to [0-9]*, not 2.5"),
        ({"limit": 10**30}, InvalidSettingError, "limit must be a whole number from 0"),
        ({"limit": 10**5000}, InvalidSettingError, "limit must be a whole number from 0"),
        ({"limit": True}, InvalidSettingError, "limit must be a whole number from 0 to [0-9]*, not True"),
        ({"state": "SUCESS"}, InvalidSettingError, "'SUCESS' is not a run state; did you mean 'SUCCESS'"),
        ({"state": "success"}, InvalidSettingError, "'success' is not a run state; did you mean 'SUCCESS'"),
        ({"state": 10**5000}, InvalidSettingError, "is not a run state; valid are"),
        ({"state": 3}, InvalidSettingError, "3 is not a run state"),
        ({"since": "yesterday"}, InvalidSettingError, "since must be a datetime or None, not 'yesterday'"),
        ({"until": 5}, InvalidSettingError, "until must be a datetime or None, not 5"),
        ({"job_id": 5}, InvalidJobError, "id must be text, not 5"),
        ({"job_id": "a\0"}, InvalidJobError, "must not contain NUL"),
    ],
)
def test_a_wrong_question_is_refused(scheduler, arguments, error, message):
    with pytest.raises(error, match=message):
        scheduler.get_runs(**arguments)


def test_a_run_that_is_not_there_is_named(scheduler):
    with pytest.raises(RunLookupError, match="no run has the id 'ghost'"):
        scheduler.get_run("ghost")
