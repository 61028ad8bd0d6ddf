"""modify, reschedule, pause, resume, remove; and the same calls on the handles that are handed out."""

import copy
import dataclasses
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import InvalidJobError, Job, JobLookupError, RetryPolicy, RunState, UnknownOptionError
from scheduler.triggers import IntervalTrigger
from tests.api import jobs
from tests.api.jobs import fail, note, one


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture
def job(scheduler):
    return scheduler.add_job(note, "interval", hours=1, id="a")


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"name": "New"}, "name", "New"),
        ({"args": [1]}, "args", (1,)),
        ({"kwargs": {"x": 1}}, "kwargs", {"x": 1}),
        ({"func": one, "args": (1,)}, "func_ref", "tests.api.jobs:one"),
        ({"func": "tests.api.jobs:fail"}, "func_ref", "tests.api.jobs:fail"),
        ({"misfire_grace_time": 5}, "misfire_grace_time", 5.0),
        ({"coalesce": False}, "coalesce", False),
        ({"max_instances": 2}, "max_instances", 2),
        ({"retry": 3}, "retry", RetryPolicy(max_retries=3)),
        ({"jitter": 30}, "jitter", 30.0),
        ({"tags": ["x"]}, "tags", ("x",)),
        ({"next_run_time": utc(2024, 2, 1)}, "next_run_time", utc(2024, 2, 1)),
        ({"next_run_time": utc(2020, 1, 1)}, "next_run_time", utc(2024, 1, 1)),
        ({"next_run_time": None}, "paused", True),
        ({"trigger": IntervalTrigger(minutes=7)}, "next_run_time", utc(2024, 1, 1, 0, 7)),
    ],
)
def test_a_change_is_stored_and_returned(scheduler, job, changes, field, value):
    changed = scheduler.modify_job("a", **changes)
    assert getattr(changed, field) == value
    assert getattr(scheduler.get_job("a"), field) == value
    assert (changed.version, changed.incarnation) == (2, job.incarnation)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"id": "b"}, UnknownOptionError, "modify_job: unknown option 'id'"),
        ({"max_instance": 2}, UnknownOptionError, "did you mean 'max_instances'"),
        ({"args": (1,), "func": fail}, InvalidJobError, "do not fit fail"),
        ({"executor": "nowhere"}, LookupError, "no executor has the alias 'nowhere'"),
        ({"trigger": "sometimes"}, ValueError, "'sometimes' is neither a Trigger nor the name of one"),
        ({"trigger": IntervalTrigger(hours=1, end_date=utc(2023, 1, 1))}, ValueError, "no fire time from 2024-01-01"),
        ({"next_run_time": "soon"}, InvalidJobError, "next_run_time must be a datetime or None, not 'soon'"),
        ({"coalesce": 1}, InvalidJobError, "coalesce must be True or False, not 1"),
        ({"jitter": -1}, ValueError, "jitter: -1 is not a number of seconds"),
        ({"name": "good", "tags": "bad"}, InvalidJobError, "tags must be a collection of texts"),
    ],
)
def test_a_wrong_change_changes_nothing(scheduler, job, changes, error, message):
    before = scheduler.get_job("a")
    with pytest.raises(error, match=message):
        scheduler.modify_job("a", **changes)
    assert scheduler.get_job("a") == before


def test_a_next_run_time_given_wakes_a_paused_job(scheduler, job):
    job.pause()
    assert not job.modify(next_run_time=utc(2024, 1, 1, 5)).paused


def test_a_rescheduled_job_counts_from_now(scheduler, passing):
    scheduler.add_job(note, "interval", hours=10, id="a")
    passing.advance(timedelta(hours=1))
    assert scheduler.reschedule_job("a", trigger="interval", minutes=30).next_run_time == utc(2024, 1, 1, 1, 30)
    passing.advance(timedelta(hours=1))
    assert len(jobs.calls) == 2


def test_a_paused_job_stays_paused_when_it_is_rescheduled(scheduler, job):
    job.pause()
    rescheduled = job.reschedule("cron", hour=3)
    assert (rescheduled.paused, rescheduled.next_run_time) == (True, None)
    assert rescheduled.resume().next_run_time == utc(2024, 1, 1, 3)


def test_a_paused_job_does_not_fire_and_its_pause_leaves_no_missed_runs(scheduler, passing):
    scheduler.add_job(note, "interval", hours=1, id="a")
    assert scheduler.pause_job("a").next_run_time is None
    passing.advance(timedelta(hours=10.5))
    assert scheduler.get_runs("a") == []
    assert scheduler.resume_job("a").next_run_time == utc(2024, 1, 1, 11)
    passing.advance(timedelta(hours=1))
    assert [run.state for run in scheduler.get_runs("a")] == [RunState.SUCCESS]


def test_resuming_a_job_that_is_not_paused_changes_nothing(scheduler, job):
    assert scheduler.resume_job("a").version == job.version


def test_a_job_without_a_fire_time_left_cannot_be_resumed(scheduler, clock):
    scheduler.add_job(note, "interval", hours=1, end_date=utc(2024, 1, 2), id="a", next_run_time=None)
    clock.advance(timedelta(days=3))
    with pytest.raises(InvalidJobError, match=r"no fire time from .* on; remove the job instead"):
        scheduler.resume_job("a")
    assert scheduler.get_job("a").paused


def test_a_removed_job_fires_no_more_and_its_runs_stay(scheduler, passing):
    scheduler.add_job(note, "interval", hours=1, id="a")
    passing.advance(timedelta(hours=2))
    scheduler.remove_job("a")
    passing.advance(timedelta(hours=2))
    assert scheduler.get_job("a") is None
    assert [run.state for run in scheduler.get_runs("a")] == [RunState.SUCCESS] * 2


def test_runs_that_wait_for_a_retry_are_revoked_when_their_job_is_removed(scheduler, passing):
    scheduler.add_job(fail, "interval", hours=1, id="a", retry=RetryPolicy(5, delay=600))
    passing.advance(timedelta(hours=1))
    assert [run.state for run in scheduler.get_runs("a")] == [RunState.RETRY]
    scheduler.remove_job("a")
    assert [(run.state, run.reason) for run in scheduler.get_runs("a")] == [(RunState.REVOKED, "removed")]


def test_remove_all_jobs_empties_one_store_or_all(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})

    def fill():
        for alias in ("default", "other"):
            for number in range(3):
                scheduler.add_job(note, "interval", hours=1, id=f"j{number}", jobstore=alias)

    fill()
    scheduler.remove_all_jobs("other")
    assert [job.jobstore for job in scheduler.get_jobs()] == ["default"] * 3
    scheduler.remove_all_jobs()
    assert scheduler.get_jobs() == []
    fill()


def test_a_handle_is_a_job_with_the_calls_that_change_it(scheduler):
    handle = scheduler.add_job(note, "interval", hours=1, id="a")
    assert isinstance(handle, Job)
    assert scheduler.get_job("a") == scheduler.get_jobs()[0]
    renamed = handle.modify(name="New")
    assert (handle.name, renamed.name) == ("note", "New")
    assert renamed.reschedule("interval", hours=2).next_run_time == utc(2024, 1, 1, 2)
    assert renamed.pause().paused
    assert not renamed.resume().paused
    renamed.remove()
    assert scheduler.get_jobs() == []
    with pytest.raises(JobLookupError, match="no job has the id 'a'"):
        renamed.pause()


def test_a_handle_changes_the_job_in_its_own_store(make, clock):
    scheduler = make(clock=clock, jobstores={"other": None})
    first = scheduler.add_job(note, "interval", hours=1, id="a")
    second = scheduler.add_job(note, "interval", hours=1, id="a", jobstore="other")
    second.pause()
    assert not scheduler.get_job("a", "default").paused
    assert scheduler.get_job("a", "other").paused
    first.remove()
    assert scheduler.get_job("a").jobstore == "other"


@pytest.mark.parametrize("call", ["modify_job", "reschedule_job", "pause_job", "resume_job", "remove_job"])
def test_a_job_that_is_not_there_cannot_be_changed(scheduler, call):
    with pytest.raises(JobLookupError, match="no job has the id 'ghost'"):
        getattr(scheduler, call)("ghost")
    with pytest.raises(LookupError, match="no job store has the alias 'defualt'; did you mean 'default'"):
        getattr(scheduler, call)("ghost", "defualt")


def test_a_client_changes_the_jobs_of_another_scheduler(make, sqlite_url, clock):
    owner, client = make(sqlite_url, clock=clock), make(sqlite_url, clock=clock)
    owner.add_job(note, "interval", hours=1, id="a")
    client.pause_job("a")
    assert owner.get_job("a").paused
    client.remove_job("a")
    assert owner.get_job("a") is None
    assert not client.running


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, dataclasses.replace], ids=["copy", "deepcopy", "dataclasses.replace"]
)
def test_a_copy_of_a_handle_works_as_the_handle_does(make, clock, duplicate):
    scheduler = make(clock=clock, jobstores={"other": None})
    handle = scheduler.add_job(note, "interval", hours=1, id="a", jobstore="other", args=[[1]])
    duplicated = duplicate(handle)
    assert duplicated == handle
    assert hash(dataclasses.replace(duplicated, args=())) == hash(dataclasses.replace(handle, args=()))
    assert (duplicated.args[0] is handle.args[0]) is (duplicate is not copy.deepcopy)
    assert duplicated.pause().paused
    duplicated.remove()
    assert scheduler.get_jobs() == []


def test_a_handle_shows_the_job_alone(job):
    assert repr(job).startswith("JobHandle(id='a', func=")
    assert "_scheduler" not in repr(job)


def test_a_handle_is_not_pickled_and_the_message_says_what_to_do(job):
    with pytest.raises(TypeError, match=r"the handle of job 'a' cannot be pickled, .* pickle its id, and call get_job"):
        pickle.dumps(job)
