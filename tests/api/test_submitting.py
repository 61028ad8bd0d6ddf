"""submit and run_job: runs that users ask for, beside those that triggers fire."""

import math
import threading
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from scheduler import (
    BrokenJobError,
    ExecutorLookupError,
    FunctionLookupError,
    InvalidJobError,
    JobAdded,
    JobLookupError,
    JobRemoved,
    JobStoreLookupError,
    RunHandle,
    RunState,
    SchedulerError,
    SerializationError,
    UnknownOptionError,
)
from scheduler.executors import InlineExecutor
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.damage import damage
from tests.api.jobs import act, fail, note, one
from tests.api.waiting import SOON
from tests.flow.executors import HeldExecutor

START = datetime(2024, 1, 1, tzinfo=UTC)


def after(seconds):
    return START + timedelta(seconds=seconds)


@pytest.fixture
def driven(sharing, clock):
    """A started scheduler on each kind of store, and what lets its time pass."""
    scheduler = sharing(clock=clock)
    scheduler.start()
    return scheduler, VirtualTime(clock, scheduler)


# submit


def test_a_submitted_function_is_called_once(driven):
    scheduler, passing = driven
    handle = scheduler.submit(note, ["a"], {"b": 2})
    assert isinstance(handle, RunHandle)
    assert (handle.state, handle.attempt, handle.scheduled_time) == (RunState.PENDING, 0, START)
    passing.advance(86_400)
    assert jobs.calls == [(("a",), {"b": 2})]
    assert (handle.state, handle.attempt, handle.result) == (RunState.SUCCESS, 1, 1)
    assert scheduler.get_runs() == [handle]


def test_calls_of_one_instant_are_made_in_their_order(driven):
    scheduler, passing = driven
    handles = [scheduler.submit(one, [number]) for number in range(30)]
    passing.settle()
    assert [handle.get() for handle in handles] == list(range(1, 31))
    assert scheduler.get_runs(newest_first=False) == handles
    waiting = [scheduler.submit(note, [number], countdown=5) for number in range(30)]
    passing.advance(5)
    assert jobs.calls == [(number,) for number in range(30)]
    assert len({handle.id for handle in [*handles, *waiting]}) == 60


def test_a_submitted_call_is_a_job_until_it_has_ended(driven):
    scheduler, passing = driven
    heard = []
    scheduler.add_listener(lambda event: heard.append((type(event), event.job_id)), JobAdded, JobRemoved)
    handle = scheduler.submit(note, countdown=60, name="later", tags=["t"], timeout=5, retry=2)
    job = scheduler.get_job(handle.job_id)
    assert (job.name, job.tags, job.timeout, job.retry.max_retries) == ("later", ("t",), 5.0, 2)
    assert (job.ended, job.broken) == (True, None)
    assert scheduler.get_jobs(tag="t") == [job]
    passing.advance(60)
    assert scheduler.get_jobs() == []
    assert heard == [(JobAdded, job.id), (JobRemoved, job.id)]
    assert scheduler.submit(note).job_id != job.id


TIMES = [
    ({}, 0),
    ({"countdown": None, "eta": None}, 0),
    ({"countdown": 0}, 0),
    ({"countdown": 1.5}, 1.5),
    ({"countdown": timedelta(minutes=2)}, 120),
    ({"countdown": 366 * 86_400}, 366 * 86_400),
    ({"eta": after(30)}, 30),
    ({"eta": after(30).astimezone(timezone(timedelta(hours=5)))}, 30),
    ({"eta": datetime(2024, 1, 1, 0, 1)}, 60),
    ({"eta": after(-3600)}, 0),
    ({"eta": datetime.min}, 0),
]


@pytest.mark.parametrize(("when", "seconds"), TIMES, ids=str)
def test_a_call_waits_for_its_time_and_is_never_early(scheduler, passing, when, seconds):
    handle = scheduler.submit(note, **when)
    assert handle.scheduled_time == after(seconds)
    if seconds:
        passing.run_until(after(seconds) - timedelta(microseconds=1))
        assert (handle.state, jobs.calls) == (RunState.PENDING, [])
    passing.run_until(after(seconds))
    assert (handle.state, handle.started_at) == (RunState.SUCCESS, after(seconds))


def test_an_eta_without_zone_is_in_that_of_the_scheduler(make, clock):
    scheduler = make(clock=clock, timezone="America/New_York")
    assert scheduler.submit(note, eta=datetime(2024, 1, 1, 12)).scheduled_time == datetime(2024, 1, 1, 17, tzinfo=UTC)


def test_a_call_that_starts_late_is_not_dropped(make, url, clock):
    scheduler = make(url, clock=clock, job_defaults={"misfire_grace_time": 1})
    handle = scheduler.submit(note, countdown=60)
    clock.advance(86_400)
    scheduler.start()
    VirtualTime(clock, scheduler).settle()
    assert handle.get() == 1


def test_a_call_has_the_rules_that_are_given_or_those_of_the_scheduler(make, url, clock):
    scheduler = make(url, clock=clock, job_defaults={"retry": 1, "timeout": 7})
    scheduler.start()
    usual, own = scheduler.submit(fail), scheduler.submit(fail, retry=None, timeout=None)
    rules = [(job.retry, job.timeout) for job in map(scheduler.get_job, (usual.job_id, own.job_id))]
    assert [(retry and retry.max_retries, timeout) for retry, timeout in rules] == [(1, 7.0), (None, None)]
    VirtualTime(clock, scheduler).settle()
    assert [(run.refresh().state, run.attempt) for run in (usual, own)] == [("FAILURE", 2), ("FAILURE", 1)]


def test_a_job_submits_others(driven):
    scheduler, passing = driven
    jobs.present["action"] = lambda: scheduler.submit(note, ["from inside"]).id
    handle = scheduler.submit(act)
    passing.settle()
    assert jobs.calls == [("from inside",)]
    assert scheduler.get_run(handle.get()).result == 1


def test_a_listener_submits(scheduler, passing):
    def again(event):
        scheduler.remove_listener(again)
        scheduler.submit(note, [event.job_id])

    scheduler.add_listener(again, JobRemoved)
    handle = scheduler.submit(one, [1])
    passing.settle()
    assert (handle.get(), jobs.calls) == (2, [(handle.job_id,)])


def test_a_scheduler_that_was_never_started_leaves_its_calls_to_others(sharing, clock):
    client, worker = sharing(clock=clock), sharing(clock=clock)
    handle = client.submit(note, executor="default")
    worker.start()
    VirtualTime(clock, worker).settle()
    assert handle.get(timeout=0) == 1
    assert client.get_run(handle.id) == handle


def test_a_call_wakes_a_loop_that_waits(sharing):
    scheduler = sharing(poll_interval=60)
    scheduler.start()
    assert scheduler.submit(one, [1]).get(SOON) == 2
    scheduler.add_job(note, "interval", days=1)
    assert scheduler.submit(one, [1], countdown=0.01).get(SOON) == 2
    assert scheduler.run_job(scheduler.get_jobs()[0].id).get(SOON) == 1


@pytest.mark.parametrize("started", [True, False])
def test_a_thousand_calls_from_eight_threads_are_each_made_once(make, url, started):
    scheduler = make(url)
    gate = threading.Barrier(8)
    handles = [[] for _ in range(8)]

    def submit(place):
        gate.wait()
        handles[place] += [scheduler.submit(one, [place * 1000 + number]) for number in range(125)]

    threads = [threading.Thread(target=submit, args=(place,)) for place in range(8)]
    if started:
        scheduler.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not started:
        scheduler.start()
    results = [[handle.get(SOON) for handle in some] for some in handles]
    assert results == [[place * 1000 + number + 1 for number in range(125)] for place in range(8)]
    assert len({handle.id for some in handles for handle in some}) == 1000
    assert [run.attempt for run in scheduler.get_runs(limit=2000)] == [1] * 1000


BAD_CALLS = [
    (("tests.api.jobs:nothing",), {}, FunctionLookupError, "has no 'nothing'"),
    ((None,), {}, InvalidJobError, "func must be a callable or a reference"),
    ((one, 1), {}, InvalidJobError, r"args must be a sequence of positional arguments such as \(1, 2\), not 1"),
    ((one,), {}, InvalidJobError, "do not fit one"),
    ((one, [1], {"x": 1}), {}, InvalidJobError, "do not fit one"),
    ((one, [1], [2]), {}, InvalidJobError, "kwargs must be a mapping with text keys"),
    ((note,), {"countdown": -1}, InvalidJobError, "countdown must be None .* from 0 to 31622400, a year, not -1"),
    ((note,), {"countdown": timedelta(seconds=-1)}, InvalidJobError, "countdown must be None"),
    ((note,), {"countdown": 366 * 86_400 + 1}, InvalidJobError, "not 31622401; eta takes a date"),
    ((note,), {"countdown": 10**5000}, InvalidJobError, "countdown must be None"),
    ((note,), {"countdown": math.nan}, InvalidJobError, "not nan"),
    ((note,), {"countdown": math.inf}, InvalidJobError, "not inf"),
    ((note,), {"countdown": True}, InvalidJobError, "not True"),
    ((note,), {"countdown": "5"}, InvalidJobError, "not '5'"),
    ((note,), {"countdown": 5, "eta": START}, InvalidJobError, "countdown and eta are both given"),
    ((note,), {"eta": "2024-01-01"}, InvalidJobError, r"eta must be a datetime or None \(now\), not '2024-01-01'"),
    ((note,), {"eta": date(2024, 1, 1)}, InvalidJobError, "eta must be a datetime"),
    ((note,), {"eta": 60}, InvalidJobError, "not 60; countdown takes seconds"),
    (
        (note,),
        {"eta": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
        InvalidJobError,
        "eta: .* is not between the years 1 and 9999",
    ),
    ((note,), {"executor": "reports"}, ExecutorLookupError, "no executor has the alias 'reports'"),
    ((note,), {"executor": ""}, InvalidJobError, "executor must have 1 to 255 characters"),
    ((note,), {"executor_options": {"queue": "a"}}, UnknownOptionError, "unknown option 'queue'"),
    ((note,), {"retry": -1}, SchedulerError, "max_retries"),
    ((note,), {"retry": "twice"}, InvalidJobError, "retry must be a RetryPolicy"),
    ((note,), {"timeout": 0}, InvalidJobError, "timeout must be None"),
    ((note,), {"jobstore": "nowhere"}, JobStoreLookupError, "no job store has the alias 'nowhere'"),
    ((note,), {"jobstore": None}, InvalidJobError, "jobstore must be text, not None"),
    ((note,), {"name": ""}, InvalidJobError, "name must have 1 to 255 characters"),
    ((note,), {"name": "a\0"}, InvalidJobError, "name must not contain NUL"),
    ((note,), {"tags": "one"}, InvalidJobError, "tags must be a collection of texts"),
]


@pytest.mark.parametrize(("arguments", "options", "error", "message"), BAD_CALLS, ids=lambda value: None)
def test_a_wrong_call_is_refused_at_once_and_nothing_is_stored(scheduler, arguments, options, error, message):
    with pytest.raises(error, match=message):
        scheduler.submit(*arguments, **options)
    assert (scheduler.get_runs(), scheduler.get_jobs()) == ([], [])


def test_what_a_database_cannot_keep_is_refused_at_once(make, sqlite_url, clock):
    scheduler = make(sqlite_url, clock=clock)
    with pytest.raises(SerializationError, match="args"):
        scheduler.submit(note, [object()])
    with pytest.raises((SerializationError, FunctionLookupError), match="lambda"):
        scheduler.submit(lambda: None)
    assert (scheduler.get_runs(), scheduler.get_jobs()) == ([], [])


def test_names_and_arguments_may_be_in_any_script(driven):
    scheduler, passing = driven
    handle = scheduler.submit(note, ["Grüße, мир, 世界 🎉"], name="ежедневно 🎉", tags=["重要"])
    assert scheduler.get_jobs(tag="重要")[0].name == "ежедневно 🎉"
    passing.settle()
    assert (jobs.calls, handle.ready()) == ([("Grüße, мир, 世界 🎉",)], True)


# run_job


def test_a_job_is_run_beside_its_schedule(driven):
    scheduler, passing = driven
    job = scheduler.add_job(one, "interval", args=[1], hours=1, id="hourly", jitter=60)
    passing.advance(600)
    handle = scheduler.run_job("hourly")
    assert (handle.job_id, handle.state, handle.scheduled_time) == ("hourly", RunState.PENDING, after(600))
    assert job.run().id != handle.id
    passing.settle()
    assert (handle.get(), handle.started_at) == (2, after(600))
    assert scheduler.get_job("hourly").next_run_time == job.next_run_time
    passing.advance(3600)
    assert [run.state for run in scheduler.get_runs("hourly")] == ["SUCCESS"] * 3


@pytest.mark.parametrize("options", [{"next_run_time": None}, {"hours": 1, "start_date": after(86_400)}], ids=str)
def test_a_job_runs_that_is_paused_or_not_due(driven, options):
    scheduler, passing = driven
    job = scheduler.add_job(note, "interval", id="job", **{"hours": 1, **options})
    handle = scheduler.run_job("job")
    passing.settle()
    assert handle.get() == 1
    now = scheduler.get_job("job")
    assert (now.next_run_time, now.paused, now.version) == (job.next_run_time, job.paused, job.version)


def test_a_run_waits_until_an_instance_of_its_job_is_free(sharing, clock):
    held = HeldExecutor()
    scheduler = sharing(clock=clock, executors={"default": held})
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    scheduler.add_job(note, "interval", hours=1, id="job", max_instances=2, overlap="skip")
    handles = [scheduler.run_job("job") for _ in range(4)]
    passing.settle()
    assert [handle.state for handle in handles] == ["STARTED", "STARTED", "PENDING", "PENDING"]
    assert [handle.queued for handle in handles] == [False, False, True, True]
    held.finish()
    passing.settle()
    assert [handle.state for handle in handles] == ["SUCCESS", "STARTED", "STARTED", "PENDING"]
    held.finish(2)
    passing.settle()
    held.finish()
    passing.settle()
    assert [handle.get() for handle in handles] == [1, 2, 3, 4]


def test_a_job_that_has_fired_its_last_can_be_run_until_that_has_ended(make, url, clock):
    held = HeldExecutor()
    scheduler = make(url, clock=clock, executors={"default": held})
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    scheduler.add_job(note, id="once")
    passing.settle()
    handle = scheduler.run_job("once")
    held.finish()
    passing.settle()
    assert handle.state is RunState.STARTED
    held.finish()
    passing.settle()
    assert (handle.get(), scheduler.get_jobs()) == (2, [])
    with pytest.raises(JobLookupError, match="no job has the id 'once'; it may have ended"):
        scheduler.run_job("once")


def test_the_run_of_a_job_has_its_rules(driven):
    scheduler, passing = driven
    scheduler.add_job(fail, "interval", hours=1, id="job", retry=2, misfire_grace_time=1)
    handle = scheduler.run_job("job")
    passing.clock.advance(600)
    passing.settle()
    assert (handle.state, handle.attempt, len(handle.attempts)) == (RunState.FAILURE, 3, 2)


def test_a_job_runs_itself_again(driven):
    scheduler, passing = driven
    jobs.present["action"] = lambda: len(scheduler.get_runs("job")) < 3 and scheduler.run_job("job").id
    scheduler.add_job(act, "interval", hours=1, id="job")
    scheduler.run_job("job")
    passing.settle()
    assert [run.state for run in scheduler.get_runs("job")] == ["SUCCESS"] * 3


def test_a_job_of_an_executor_that_only_others_have_is_run_by_them(sharing, clock):
    worker = sharing(clock=clock, executors={"reports": InlineExecutor()})
    worker.add_job(note, "interval", hours=1, id="report", executor="reports")
    client = sharing(clock=clock)
    client.start()
    handle = client.run_job("report")
    VirtualTime(clock, client).settle()
    assert handle.state is RunState.PENDING
    worker.start()
    VirtualTime(clock, client, worker).settle()
    assert handle.get() == 1


def test_a_job_that_cannot_be_read_is_not_run(make, sqlite_url, clock):
    scheduler = make(sqlite_url, clock=clock)
    scheduler.add_job(note, "interval", hours=1, id="job")
    damage(sqlite_url, "UPDATE scheduler_jobs SET trigger = '{'")
    with pytest.raises(BrokenJobError, match="job 'job' cannot be run, as it is broken"):
        scheduler.run_job("job")
    assert scheduler.get_runs() == []


def test_a_job_in_another_store_is_found(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    scheduler.start()
    scheduler.add_job(note, "interval", hours=1, id="job", jobstore="other")
    handles = [scheduler.run_job("job"), scheduler.run_job("job", "other")]
    VirtualTime(clock, scheduler).settle()
    assert [handle.get() for handle in handles] == [1, 2]
    assert scheduler.get_run(handles[0].id) == handles[0]
    with pytest.raises(JobLookupError, match="'job'"):
        scheduler.run_job("job", "default")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["ghost"], JobLookupError, "no job has the id 'ghost'"),
        (["Ежедневно"], JobLookupError, "no job has the id 'Ежедневно'"),
        ([""], InvalidJobError, "id must have 1 to 255 characters"),
        ([None], InvalidJobError, "id must be text, not None"),
        (["a\0"], InvalidJobError, "must not contain NUL"),
        (["job", "nowhere"], JobStoreLookupError, "no job store has the alias 'nowhere'"),
        (["job", 5], InvalidJobError, "jobstore must be text, not 5"),
    ],
)
def test_a_wrong_job_is_named(scheduler, arguments, error, message):
    scheduler.add_job(note, "interval", hours=1, id="job")
    with pytest.raises(error, match=message):
        scheduler.run_job(*arguments)
    assert scheduler.get_runs() == []
