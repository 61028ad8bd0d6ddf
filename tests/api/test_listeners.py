"""Listeners: which events they are told, in which order, and that theirs are not the scheduler's troubles."""

import logging

import pytest

from scheduler import (
    Event,
    JobAdded,
    JobEvent,
    JobModified,
    JobRemoved,
    RetryPolicy,
    RunEvent,
    RunFailed,
    RunRetrying,
    RunSkipped,
    RunStarted,
    RunState,
    RunSucceeded,
    SchedulerError,
    SchedulerPaused,
    SchedulerResumed,
    SchedulerShutdown,
    SchedulerStarted,
)
from scheduler.testing import VirtualTime
from tests.api.jobs import fail, note


@pytest.fixture
def heard(scheduler):
    events = []
    scheduler.add_listener(events.append)
    return events


def kinds(events):
    return [type(event) for event in events]


def test_a_listener_hears_the_whole_life_of_a_scheduler(scheduler, heard, clock):
    scheduler.start()
    scheduler.pause()
    scheduler.resume()
    scheduler.shutdown()
    assert kinds(heard) == [SchedulerStarted, SchedulerPaused, SchedulerResumed, SchedulerShutdown]


def test_a_listener_hears_what_happens_to_jobs(scheduler, heard):
    scheduler.add_job(note, "interval", hours=1, id="a")
    scheduler.modify_job("a", name="b")
    scheduler.pause_job("a")
    scheduler.resume_job("a")
    scheduler.resume_job("a")
    scheduler.reschedule_job("a", trigger="cron", hour=1)
    scheduler.remove_job("a")
    scheduler.add_job(note, "interval", hours=1, id="b")
    scheduler.remove_all_jobs()
    assert kinds(heard) == [JobAdded, *[JobModified] * 4, JobRemoved, JobAdded, JobRemoved]
    assert {event.job_id for event in heard[:-2]} == {"a"}
    assert {event.jobstore for event in heard} == {"default"}


def test_a_refused_call_tells_nobody(scheduler, heard):
    scheduler.add_job(note, id="a")
    heard.clear()
    with pytest.raises(SchedulerError):
        scheduler.add_job(note, id="a")
    with pytest.raises(SchedulerError):
        scheduler.modify_job("a", coalesce=5)
    with pytest.raises(SchedulerError):
        scheduler.remove_job("ghost")
    assert heard == []


def test_a_listener_hears_of_runs_after_they_were_recorded(scheduler, passing):
    seen = []

    def look(event):
        seen.append((type(event), event.run.attempt, scheduler.get_run(event.run.id).state))

    scheduler.add_listener(look, RunEvent)
    scheduler.add_job(fail, id="a", retry=RetryPolicy(1, delay=60))
    passing.advance(60)
    scheduler.add_job(note, "interval", hours=1, id="b", next_run_time=passing.clock.now())
    passing.settle()
    assert seen[1:4:2] == [(RunRetrying, 1, RunState.RETRY), (RunFailed, 2, RunState.FAILURE)]
    assert [kind for kind, _, _ in seen] == [RunStarted, RunRetrying, RunStarted, RunFailed, RunStarted, RunSucceeded]


def test_a_listener_hears_of_fires_that_did_not_run(scheduler, passing, clock):
    skipped = []
    scheduler.add_listener(skipped.append, RunSkipped)
    scheduler.add_job(note, "interval", hours=1, id="a")
    clock.advance(3 * 3600)
    passing.settle()
    assert [(event.run.reason, event.run.count) for event in skipped] == [("coalesced", 2)]


@pytest.mark.parametrize(
    ("types", "count"),
    [
        ((), 5),
        ((Event,), 5),
        ((JobEvent,), 2),
        ((RunEvent,), 2),
        ((JobAdded,), 1),
        ((RunSucceeded,), 1),
        ((RunFailed,), 0),
        ((JobAdded, RunStarted), 2),
        ((RunEvent, RunStarted), 2),
    ],
)
def test_a_listener_hears_the_types_it_asked_for_and_their_subtypes_once(scheduler, clock, types, count):
    heard = []
    scheduler.add_listener(heard.append, *types)
    scheduler.start()
    scheduler.add_job(note)
    VirtualTime(clock, scheduler).settle()
    assert len(heard) == count


def test_listeners_are_called_in_the_order_they_were_added(scheduler):
    order = []
    for number in range(5):
        scheduler.add_listener(lambda event, number=number: order.append(number))
    scheduler.add_job(note)
    assert order == [0, 1, 2, 3, 4]


def test_a_removed_listener_hears_nothing_more(scheduler, heard):
    scheduler.remove_listener(heard.append)
    scheduler.add_job(note)
    assert heard == []
    with pytest.raises(SchedulerError, match="is not a listener"):
        scheduler.remove_listener(heard.append)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_listener_that_raises_is_logged_and_troubles_nobody(scheduler, clock, caplog, error):
    heard = []

    def raising(event):
        raise error

    scheduler.add_listener(raising)
    scheduler.add_listener(heard.append)
    scheduler.start()
    scheduler.add_job(note, id="a")
    with caplog.at_level(logging.ERROR, "scheduler"):
        VirtualTime(clock, scheduler).settle()
    assert "raising" in caplog.text
    assert "raised on RunSucceeded" in caplog.text
    assert [run.state for run in scheduler.get_runs("a")] == [RunState.SUCCESS]
    assert kinds(heard) == [SchedulerStarted, JobAdded, RunStarted, RunSucceeded, JobRemoved]


def test_a_listener_may_add_and_remove_jobs_and_listeners(scheduler, passing):
    def once(event):
        scheduler.remove_listener(once)
        scheduler.add_job(note, "interval", hours=1, id="follow-up")
        scheduler.remove_job("other")

    scheduler.add_job(note, "interval", hours=5, id="other")
    scheduler.add_listener(once, RunSucceeded)
    scheduler.add_job(note, id="a")
    passing.advance(3600)
    assert [job.id for job in scheduler.get_jobs()] == ["follow-up"]
    assert len(scheduler.get_runs("follow-up")) == 1
