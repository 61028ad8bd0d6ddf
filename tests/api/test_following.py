"""Jobs that follow others: added, changed and refused, and the chains that they form."""

import dataclasses
import io
import logging
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import (
    InvalidJobError,
    InvalidTriggerError,
    JobDefinition,
    JobLookupError,
    RunState,
)
from scheduler.testing import VirtualTime
from scheduler.triggers import AfterTrigger, IntervalTrigger
from tests.api import jobs
from tests.api.jobs import act, fail, note


@pytest.fixture
def etl(scheduler):
    return scheduler.add_job(note, "interval", ("etl",), hours=1, id="etl")


@pytest.fixture
def load(scheduler, etl):
    return scheduler.add_job(note, "after", ("load",), job_id="etl", id="load")


def states(scheduler, job_id):
    return [run.state.value for run in scheduler.get_runs(job_id, newest_first=False)]


# what it is


def test_a_follower_waits_without_a_next_run_time_and_is_not_paused(scheduler, load):
    for job in (load, scheduler.get_job("load"), scheduler.get_jobs()[1]):
        assert (job.next_run_time, job.paused, job.ended, job.follows) == (None, False, False, "etl")
        assert job.trigger == AfterTrigger("etl")


def test_people_see_for_which_job_it_waits(scheduler, load):
    assert str(load) == "note (id: load, trigger: after[etl success], waits for job etl)"
    out = io.StringIO()
    scheduler.print_jobs(out=out)
    assert "    note (id: load, trigger: after[etl success], waits for job etl)\n" in out.getvalue()
    assert str(load.pause()) == "note (id: load, trigger: after[etl success], paused)"


def test_it_fires_each_time_that_the_other_job_has_succeeded(scheduler, passing):
    scheduler.add_job(note, "interval", ("etl",), hours=1, id="etl")
    scheduler.add_job(note, "after", ("load",), job_id="etl", id="load")
    passing.advance(timedelta(hours=2))
    assert jobs.calls == [("etl",), ("load",)] * 2
    before, after = scheduler.get_runs("etl")[0], scheduler.get_runs("load")[0]
    assert (after.cause, after.scheduled_time) == (before.id, before.finished_at)


@pytest.mark.parametrize(
    ("on", "func", "fires"),
    [
        ("success", note, True),
        ("success", fail, False),
        ("failure", note, False),
        ("failure", fail, True),
        ("any", note, True),
        ("any", fail, True),
    ],
)
def test_on_says_which_ends_count(scheduler, passing, on, func, fires):
    scheduler.add_job(func, "interval", hours=1, id="etl")
    scheduler.add_job(note, "after", ("load",), job_id="etl", on=on, id="load")
    passing.advance(timedelta(hours=1))
    assert states(scheduler, "load") == ["SUCCESS"] * fires


def test_a_chain_goes_on_from_job_to_job_and_branches(scheduler, passing):
    scheduler.add_jobs(
        [
            JobDefinition(note, "interval", ("a",), id="a", hours=1),
            JobDefinition(note, "after", ("b",), id="b", job_id="a"),
            JobDefinition(note, "after", ("c",), id="c", job_id="b"),
            JobDefinition(note, "after", ("d",), id="d", job_id="b"),
        ]
    )
    passing.advance(timedelta(hours=1))
    assert jobs.calls[:2] == [("a",), ("b",)]
    assert sorted(jobs.calls[2:]) == [("c",), ("d",)]


def test_a_chain_goes_on_after_a_restart(make, sqlite_url, clock):
    first = make(sqlite_url, clock=clock)
    first.add_jobs(
        [
            JobDefinition(note, None, ("a",), id="a"),
            JobDefinition(note, "after", ("b",), id="b", job_id="a", jitter=600),
            JobDefinition(note, "after", ("c",), id="c", job_id="b"),
        ]
    )
    first.start()
    VirtualTime(clock, first).settle()
    first.shutdown()
    assert jobs.calls == [("a",)]
    second = make(sqlite_url, clock=clock)
    second.start()
    VirtualTime(clock, second).advance(600)
    assert jobs.calls == [("a",), ("b",), ("c",)]
    assert [job.id for job in second.get_jobs()] == ["b", "c"]


def test_a_jitter_delays_the_follower(scheduler, passing):
    scheduler.add_job(note, "interval", ("etl",), hours=1, id="etl")
    scheduler.add_job(note, "after", ("load",), job_id="etl", id="load", jitter=600)
    passing.advance(timedelta(hours=1))
    (waiting,) = scheduler.get_runs("load")
    assert waiting.state is RunState.PENDING
    assert timedelta(0) < waiting.ready_at - waiting.scheduled_time < timedelta(minutes=10)
    passing.advance(timedelta(minutes=10))
    assert jobs.calls == [("etl",), ("load",)]


def test_a_one_shot_job_and_its_follower_are_added_together(scheduler, passing):
    scheduler.add_jobs(
        [
            JobDefinition(note, None, ("once",), id="once"),
            JobDefinition(note, "after", ("then",), job_id="once", id="b"),
        ]
    )
    passing.settle()
    assert jobs.calls == [("once",), ("then",)]
    assert [job.id for job in scheduler.get_jobs()] == ["b"]


# changing


def test_a_paused_follower_lets_ends_pass(scheduler, passing):
    scheduler.add_job(note, "interval", ("etl",), hours=1, id="etl")
    load = scheduler.add_job(note, "after", ("load",), job_id="etl", id="load", next_run_time=None)
    assert load.paused
    passing.advance(timedelta(hours=2))
    resumed = load.resume()
    assert (resumed.paused, resumed.next_run_time) == (False, None)
    passing.advance(timedelta(hours=1))
    assert jobs.calls == [("etl",)] * 3 + [("load",)]
    assert load.pause().paused
    passing.advance(timedelta(hours=1))
    assert jobs.calls == [("etl",)] * 3 + [("load",)] + [("etl",)]


def test_a_job_may_come_to_follow_and_back(scheduler, etl, clock):
    job = scheduler.add_job(note, "interval", hours=2, id="b")
    assert job.reschedule(AfterTrigger("etl", "any")).next_run_time is None
    assert scheduler.get_job("b").follows == "etl"
    back = scheduler.reschedule_job("b", trigger="interval", hours=3)
    assert (back.next_run_time, back.follows) == (clock.now() + timedelta(hours=3), None)
    assert scheduler.modify_job("b", trigger=AfterTrigger("etl")).next_run_time is None
    assert not scheduler.get_job("b").paused
    assert scheduler.modify_job("b", trigger=IntervalTrigger(hours=3)).next_run_time == back.next_run_time
    job.pause()
    paused = scheduler.modify_job("b", trigger=AfterTrigger("etl"))
    assert (paused.paused, paused.next_run_time) == (True, None)


def test_a_job_that_followed_and_does_no_more_is_not_called(scheduler, passing):
    scheduler.add_job(note, "interval", ("etl",), hours=1, id="etl")
    scheduler.add_job(note, "after", ("load",), job_id="etl", id="load").reschedule("interval", days=9)
    passing.advance(timedelta(hours=1))
    assert jobs.calls == [("etl",)]


def test_replacing_a_follower_keeps_its_pause_while_its_trigger_is_unchanged(scheduler, load):
    load.pause()

    def again(**options):
        return scheduler.add_job(note, "after", ("new",), job_id="etl", id="load", replace_existing=True, **options)

    assert (again().paused, again().args) == (True, ("new",))
    assert not again(on="failure").paused


@pytest.mark.parametrize("time", [datetime(2024, 2, 1, tzinfo=UTC), datetime(2020, 1, 1)])
def test_a_follower_has_no_time_of_its_own(scheduler, load, time):
    message = (
        "next_run_time: .* fires after job '(etl|load)', at no time of its own; .* pass None to pause the job; run_job"
    )
    with pytest.raises(InvalidJobError, match=message):
        scheduler.add_job(note, "after", job_id="etl", next_run_time=time)
    with pytest.raises(InvalidJobError, match=message):
        load.modify(next_run_time=time)
    with pytest.raises(InvalidJobError, match=message):
        scheduler.modify_job("etl", trigger=AfterTrigger("load"), next_run_time=time)
    assert load.modify(next_run_time=None).paused


def test_it_may_be_given_a_time_with_a_trigger_that_has_some(scheduler, load):
    time = datetime(2024, 2, 1, tzinfo=UTC)
    assert load.modify(trigger=IntervalTrigger(hours=1), next_run_time=time).next_run_time == time


def test_the_named_form_collides_with_the_id_of_the_job_that_is_rescheduled(scheduler, load):
    with pytest.raises(InvalidTriggerError, match=r"needs job_id=, which cannot be passed .* AfterTrigger\(…\)"):
        scheduler.reschedule_job("load", trigger="after", on="failure")
    with pytest.raises(InvalidTriggerError, match=r"pass it: reschedule\(AfterTrigger\(…\)\)"):
        load.reschedule("after", job_id="etl", on="failure")
    with pytest.raises(ValueError, match=r"on= belongs to a trigger; .* reschedule_job\(job_id, trigger=AfterTrigger"):
        load.modify(on="failure")
    assert load.reschedule(AfterTrigger("etl", on="failure")).trigger.on == "failure"


def test_a_decorated_function_may_follow(scheduler, passing):
    scheduler.scheduled_job("interval", hours=1)(note)
    scheduler.scheduled_job("after", job_id="note", args=("after",), id="b")(note)
    passing.advance(timedelta(hours=1))
    assert jobs.calls == [(), ("after",)]


def test_a_follower_without_id_on_a_database_is_warned_of(make, sqlite_url, clock, caplog):
    scheduler = make(sqlite_url, clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="etl")
    with caplog.at_level(logging.WARNING, "scheduler"):
        scheduler.add_job(note, "after", job_id="etl")
    assert "has no id: each start of the program adds another one" in caplog.text


# the job that is followed


def test_a_job_that_is_not_there_cannot_be_followed(scheduler, etl):
    message = r"no job in job store 'default' has the id 'elt'; job 'b' is to follow it; add that one first"
    with pytest.raises(JobLookupError, match=message) as error:
        scheduler.add_job(note, "after", job_id="elt", id="b")
    assert error.value.job_id == "elt"
    scheduler.add_job(note, "interval", hours=1, id="b")
    with pytest.raises(JobLookupError, match=message):
        scheduler.reschedule_job("b", trigger=AfterTrigger("elt"))
    with pytest.raises(JobLookupError, match=message):
        scheduler.modify_job("b", trigger=AfterTrigger("elt"))
    with pytest.raises(JobLookupError, match=message):
        scheduler.add_job(note, "after", job_id="elt", id="b", replace_existing=True)
    assert {job.id for job in scheduler.get_jobs()} == {"etl", "b"}
    assert scheduler.get_job("b").version == 1


def test_a_job_of_another_store_cannot_be_followed_and_the_message_says_where_it_is(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    scheduler.add_job(note, "interval", hours=1, id="etl", jobstore="other")
    with pytest.raises(JobLookupError, match=r"'etl'; it is in 'other', and job 'b' .*; pass jobstore='other'"):
        scheduler.add_job(note, "after", job_id="etl", id="b")
    assert scheduler.add_job(note, "after", job_id="etl", id="b", jobstore="other").follows == "etl"


def test_a_follower_stays_when_the_other_job_is_removed_and_fires_for_another_one_of_its_id(scheduler, passing):
    scheduler.add_job(note, "interval", ("etl",), hours=1, id="etl")
    scheduler.add_job(note, "after", ("load",), job_id="etl", id="load")
    scheduler.remove_job("etl")
    passing.advance(timedelta(hours=2))
    assert [str(job) for job in scheduler.get_jobs()] == [
        "note (id: load, trigger: after[etl success], waits for job etl)"
    ]
    scheduler.modify_job("load", args=("changed",))
    scheduler.add_job(note, "after", ("again",), job_id="etl", id="load", replace_existing=True)
    scheduler.add_job(note, id="etl")
    passing.settle()
    assert jobs.calls == [(), ("again",)]


def test_adding_a_follower_changes_nothing_in_the_other_job(scheduler, etl, load):
    followed = scheduler.get_job("etl")
    assert dataclasses.replace(followed, version=etl.version, func=note) == etl


# while they run


def test_a_job_that_is_removed_while_it_runs_lets_its_followers_fire(scheduler, passing):
    jobs.present["action"] = lambda: scheduler.remove_job("a")
    scheduler.add_jobs([JobDefinition(act, id="a"), JobDefinition(note, "after", ("b",), job_id="a", id="b")])
    passing.settle()
    assert jobs.calls == [("b",)]
    assert states(scheduler, "a") == ["SUCCESS"]


def test_a_job_may_add_the_one_that_follows_it(scheduler, passing):
    jobs.present["action"] = lambda: scheduler.add_job(note, "after", ("b",), job_id="a", id="b")
    scheduler.add_job(act, id="a")
    passing.settle()
    assert [run.state.value for run in scheduler.get_runs("b")] == ["SUCCESS"]
