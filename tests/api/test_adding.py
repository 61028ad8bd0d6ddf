"""add_job, add_jobs and scheduled_job: what is stored, when it fires, what re-adding keeps."""

import functools
import logging
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler import ConflictingIdError, InvalidJobError, JobDefaults, JobDefinition, RetryPolicy, RunState
from scheduler.testing import VirtualTime
from scheduler.triggers import CronTrigger, DateTrigger, IntervalTrigger
from tests.api import jobs
from tests.api.jobs import Clerk, note, one

START = datetime(2024, 1, 1, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("trigger", "options", "first"),
    [
        (None, {}, START),
        ("date", {}, START),
        ("date", {"run_date": "2024-01-02 03:00:00"}, utc(2024, 1, 2, 3)),
        ("date", {"run_date": datetime(2024, 1, 2, 3, tzinfo=ZoneInfo("Asia/Tokyo"))}, utc(2024, 1, 1, 18)),
        ("date", {"run_date": date(2024, 2, 1)}, utc(2024, 2, 1)),
        ("interval", {"hours": 2}, utc(2024, 1, 1, 2)),
        ("interval", {"hours": 2, "start_date": "2023-12-31 23:30:00"}, utc(2024, 1, 1, 1, 30)),
        ("interval", {"hours": 2, "start_date": START}, START),
        ("cron", {"hour": 9, "day_of_week": "tue"}, utc(2024, 1, 2, 9)),
        ("cron", {"hour": 9, "timezone": "America/New_York"}, utc(2024, 1, 1, 14)),
        (CronTrigger.from_crontab("30 4 * * 0", timezone="UTC"), {}, utc(2024, 1, 7, 4, 30)),
        (IntervalTrigger(minutes=5), {}, utc(2024, 1, 1, 0, 5)),
        (DateTrigger(utc(2023, 1, 1)), {}, utc(2023, 1, 1)),
    ],
)
def test_a_job_first_fires_when_its_trigger_says(scheduler, trigger, options, first):
    job = scheduler.add_job(note, trigger, id="a", **options)
    assert job.next_run_time == first
    assert job.next_run_time.tzinfo is UTC
    assert scheduler.get_job("a").next_run_time == first
    assert not job.paused


@pytest.mark.parametrize(
    ("func", "args", "kwargs", "called"),
    [
        (note, (), {}, ()),
        (note, [1, "two"], {}, (1, "two")),
        (note, range(1, 3), {}, (1, 2)),
        (note, (1,), {"x": 2}, ((1,), {"x": 2})),
        ("tests.api.jobs:note", (3,), {}, (3,)),
        ("tests.api.jobs:Clerk.filed", (4,), {}, ("filed", 4)),
        (Clerk.filed, (5,), {}, ("filed", 5)),
        (Clerk.signed, (6,), {}, ("Clerk", 6)),
    ],
)
def test_every_form_of_function_is_called_with_its_arguments(scheduler, passing, func, args, kwargs, called):
    scheduler.add_job(func, args=args, kwargs=kwargs)
    passing.settle()
    assert jobs.calls == [called]


def test_the_memory_store_takes_any_callable_and_any_argument(make, clock):
    scheduler = make(clock=clock)
    scheduler.start()
    thing = object()
    scheduler.add_job(lambda x: note(x), args=(thing,), id="1")
    scheduler.add_job(functools.partial(note, 1), args=(thing,), id="2")
    scheduler.add_job(Clerk(), id="3")
    scheduler.add_job(Clerk().method, id="4")
    VirtualTime(clock, scheduler).settle()
    assert jobs.calls == [(thing,), (1, thing), "called", "method"]


def test_every_field_of_a_job_is_stored_as_given(scheduler):
    policy = RetryPolicy(max_retries=2, delay=1.5, backoff=2.0, on=(OSError,))
    given = scheduler.add_job(
        note,
        "interval",
        (1, (2, 3)),
        {"x": {4}},
        "id-ä-1",
        "A name",
        timedelta(minutes=2),
        False,
        3,
        minutes=1,
        retry=policy,
        tags=["b", "a", "b"],
    )
    stored = scheduler.get_job("id-ä-1")
    for job in (given, stored):
        assert job.name == "A name"
        assert job.args == (1, (2, 3))
        assert dict(job.kwargs) == {"x": {4}}
        assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (120.0, False, 3)
        assert job.retry == policy
        assert job.tags == ("b", "a")
        assert (job.executor, job.jobstore, job.version) == ("default", "default", 1)
        assert job.func_ref == "tests.api.jobs:note"
        assert job.broken is None
        assert not job.pending


def test_a_job_without_a_name_is_called_after_its_function(scheduler):
    assert scheduler.add_job(Clerk.filed).name == "Clerk.filed"
    assert scheduler.add_job("tests.api.jobs:note").name == "note"


def test_jobs_without_an_id_get_ids_of_their_own(scheduler):
    ids = {scheduler.add_job(note, "date", run_date="2030-01-01").id for _ in range(20)}
    assert len(ids) == 20


def test_naive_datetimes_are_wall_times_in_the_zone_of_the_scheduler(make, url, clock):
    scheduler = make(url, clock=clock, timezone="America/New_York")
    wall = datetime(2024, 7, 1, 8)
    instant = utc(2024, 7, 1, 12)
    assert scheduler.add_job(note, "date", run_date=wall).next_run_time == instant
    assert scheduler.add_job(note, "interval", days=1, next_run_time=wall).next_run_time == instant
    assert scheduler.add_job(note, "interval", days=1, start_date=wall).next_run_time == instant
    assert scheduler.add_job(note, "cron", hour=8, start_date=wall).next_run_time == instant
    assert scheduler.add_job(note, "cron", month=7, day=1, hour=8).next_run_time == instant
    job = scheduler.add_job(note, "interval", days=1, id="x")
    assert job.modify(next_run_time=wall).next_run_time == instant


def test_a_next_run_time_of_its_own_comes_before_those_of_the_trigger(scheduler, passing):
    scheduler.add_job(note, "interval", hours=1, id="a", next_run_time=utc(2024, 1, 1, 0, 10))
    passing.advance(timedelta(hours=2))
    assert [run.scheduled_time for run in scheduler.get_runs("a", newest_first=False)] == [
        utc(2024, 1, 1, 0, 10),
        utc(2024, 1, 1, 1),
        utc(2024, 1, 1, 2),
    ]


class Foreign(datetime):
    """A datetime with arithmetic of its own, as libraries have them."""

    def __sub__(self, other):
        raise RuntimeError("this is not how a datetime reckons")

    __add__ = __lt__ = __le__ = __gt__ = __ge__ = __sub__


def test_a_next_run_time_of_another_class_is_a_plain_instant(scheduler, passing):
    at = Foreign(2024, 1, 1, 5, tzinfo=UTC)
    job = scheduler.add_job(note, "interval", days=9, id="a", next_run_time=at)
    assert type(job.next_run_time) is datetime
    assert type(scheduler.modify_job("a", next_run_time=at).next_run_time) is datetime
    passing.advance(timedelta(hours=6))
    assert jobs.calls == [()]


def test_a_job_added_with_no_next_run_time_is_paused_until_it_is_resumed(scheduler, passing):
    job = scheduler.add_job(note, "interval", hours=1, id="a", next_run_time=None)
    assert (job.paused, job.next_run_time) == (True, None)
    passing.advance(timedelta(hours=5.5))
    assert jobs.calls == []
    assert scheduler.resume_job("a").next_run_time == utc(2024, 1, 1, 6)
    passing.advance(timedelta(hours=1))
    assert len(jobs.calls) == 1


def test_rules_that_a_job_does_not_give_come_from_job_defaults(make, clock):
    defaults = {"misfire_grace_time": 30, "coalesce": False, "max_instances": 4, "retry": 2}
    for given in (defaults, JobDefaults(**defaults)):
        scheduler = make(clock=clock, job_defaults=given)
        job = scheduler.add_job(note)
        assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (30.0, False, 4)
        assert job.retry == RetryPolicy(max_retries=2)
        own = scheduler.add_job(note, misfire_grace_time=None, coalesce=True, max_instances=1, retry=None)
        assert (own.misfire_grace_time, own.coalesce, own.max_instances, own.retry) == (None, True, 1, None)


def test_a_job_is_stored_when_add_job_returns(make, sqlite_url, clock):
    make(sqlite_url, clock=clock).add_job(note, "interval", hours=1, id="a")
    assert make(sqlite_url, clock=clock).get_job("a") is not None


# many at once


def test_add_jobs_returns_the_jobs_in_the_order_given(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    where = ["default", "other", "default", "other"]
    definitions = [JobDefinition(note, id=f"j{n}", jobstore=alias) for n, alias in enumerate(where)]
    added = scheduler.add_jobs(definitions)
    assert [(job.id, job.jobstore) for job in added] == [(f"j{n}", alias) for n, alias in enumerate(where)]
    assert {job.id for job in scheduler.get_jobs("other")} == {"j1", "j3"}


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (JobDefinition(note, id="taken"), ConflictingIdError),
        (JobDefinition(note, id="new-1"), ConflictingIdError),
        (JobDefinition(note, id="new-1", replace_existing=True), ConflictingIdError),
        (JobDefinition(note, "interval", seconds=0), ValueError),
        ("no definition", InvalidJobError),
    ],
)
def test_add_jobs_adds_all_or_none(scheduler, last, error):
    scheduler.add_job(one, id="taken", args=(1,))
    with pytest.raises(error):
        scheduler.add_jobs([*(JobDefinition(note, id=f"new-{n}") for n in range(3)), last])
    assert [job.id for job in scheduler.get_jobs()] == ["taken"]


def test_add_jobs_adds_and_replaces_in_one_call(scheduler):
    scheduler.add_job(one, "interval", hours=1, id="old", args=(1,))
    added = scheduler.add_jobs(
        [
            JobDefinition(note, "interval", hours=1, id="old", replace_existing=True),
            JobDefinition(note, "interval", hours=1, id="new", replace_existing=True),
        ]
    )
    assert [(job.id, job.version) for job in added] == [("old", 2), ("new", 1)]
    assert scheduler.get_job("old").func_ref == "tests.api.jobs:note"
    assert [job.version for job in added] == [scheduler.get_job(job.id).version for job in added]


def test_add_jobs_of_nothing_adds_nothing(scheduler):
    assert scheduler.add_jobs([]) == []


# again


def test_an_id_that_is_taken_is_refused_and_the_stored_job_stays(scheduler):
    scheduler.add_job(one, id="a", args=(1,))
    with pytest.raises(ConflictingIdError, match="'a' already; choose another id or pass replace_existing=True"):
        scheduler.add_job(note, id="a")
    assert scheduler.get_job("a").args == (1,)


def test_replacing_a_job_keeps_its_timing_while_the_trigger_is_unchanged(scheduler, passing, clock):
    before = scheduler.add_job(note, "interval", hours=24, id="a")
    passing.advance(timedelta(hours=20))
    after = scheduler.add_job(note, "interval", hours=24, id="a", args=(1,), replace_existing=True)
    assert after.next_run_time == before.next_run_time == utc(2024, 1, 2)
    assert (after.incarnation, after.args) == (before.incarnation, (1,))
    passing.advance(timedelta(hours=20))
    assert jobs.calls == [(1,)]
    assert scheduler.get_job("a").next_run_time == utc(2024, 1, 3)


def test_replacing_a_paused_job_leaves_it_paused_while_the_trigger_is_unchanged(scheduler):
    scheduler.add_job(note, "cron", hour=3, id="a")
    scheduler.pause_job("a")
    assert scheduler.add_job(note, "cron", hour=3, id="a", replace_existing=True).paused
    assert not scheduler.add_job(note, "cron", hour=4, id="a", replace_existing=True).paused


def test_a_changed_trigger_or_a_next_run_time_given_begins_anew(scheduler, clock):
    scheduler.add_job(note, "interval", hours=24, id="a")
    clock.advance(timedelta(hours=20))
    changed = scheduler.add_job(note, "interval", hours=12, id="a", replace_existing=True)
    assert changed.next_run_time == utc(2024, 1, 2, 8)
    given = scheduler.add_job(note, "interval", hours=12, id="a", replace_existing=True, next_run_time=utc(2024, 1, 5))
    assert given.next_run_time == utc(2024, 1, 5)
    paused = scheduler.add_job(note, "interval", hours=12, id="a", replace_existing=True, next_run_time=None)
    assert paused.paused


def test_replace_existing_adds_what_is_not_there(scheduler):
    assert scheduler.add_job(note, "interval", hours=1, id="a", replace_existing=True).version == 1


def test_a_job_removed_and_added_again_is_another_incarnation_and_fires_anew(scheduler, passing):
    first = scheduler.add_job(note, "date", id="a", run_date=START)
    passing.settle()
    assert scheduler.get_job("a") is None
    second = scheduler.add_job(note, "date", id="a", run_date=START)
    passing.settle()
    assert first.incarnation != second.incarnation
    assert len(jobs.calls) == 2
    assert [run.state for run in scheduler.get_runs("a")] == [RunState.SUCCESS] * 2


def test_a_recurring_job_without_an_id_on_a_database_is_warned_of(make, sqlite_url, clock, caplog):
    scheduler = make(sqlite_url, clock=clock, jobstores={"memory": None})
    with caplog.at_level(logging.WARNING, "scheduler"):
        scheduler.add_job(note, "interval", hours=1, jobstore="memory")
        scheduler.add_job(note, "date")
        scheduler.add_job(note, "interval", hours=1, id="a")
        assert caplog.messages == []
        scheduler.add_job(note, "interval", hours=1)
    assert "has no id: each start of the program adds another one" in caplog.text


# by decorator


def test_a_decorated_function_is_a_job_of_its_name_and_stays_a_function(make, clock):
    scheduler = make(clock=clock)

    @scheduler.scheduled_job("interval", hours=1, args=(1,))
    def decorated(x):
        return x + 1

    assert decorated(1) == 2
    job = scheduler.get_job("decorated")
    assert (job.args, job.next_run_time) == ((1,), utc(2024, 1, 1, 1))


def test_a_decorated_job_keeps_its_timing_when_the_program_starts_again(make, url, clock):
    scheduler = make(url, clock=clock)
    scheduler.scheduled_job("interval", hours=24)(note)
    clock.advance(timedelta(hours=20))
    again = scheduler if url is None else make(url, clock=clock)
    again.scheduled_job("interval", hours=24)(note)
    assert [(job.id, job.next_run_time) for job in again.get_jobs()] == [("note", utc(2024, 1, 2))]


def test_two_decorated_functions_of_one_name_are_refused(scheduler):
    scheduler.scheduled_job("interval", hours=1)(note)

    def other_note():
        """Another function."""

    other_note.__name__ = "note"
    with pytest.raises(InvalidJobError, match="would both be the job 'note'; give one of them an id"):
        scheduler.scheduled_job("interval", hours=1, jobstore="default")(other_note)
    assert scheduler.get_job("note").func_ref == "tests.api.jobs:note"


def test_a_decoration_that_failed_does_not_keep_the_name(make, clock):
    scheduler = make(clock=clock)
    with pytest.raises(ValueError, match="interval"):
        scheduler.scheduled_job("interval")(note)

    def other_note():
        """Another function."""

    other_note.__name__ = "note"
    scheduler.scheduled_job("interval", hours=1)(other_note)
    assert len(scheduler.get_jobs()) == 1


def test_a_decorated_partial_or_object_is_named_after_what_it_is(make, clock):
    scheduler = make(clock=clock)
    scheduler.scheduled_job("interval", hours=1)(Clerk())
    scheduler.scheduled_job("interval", hours=1)(functools.partial(note, 1))
    assert {job.id for job in scheduler.get_jobs()} == {"Clerk", "partial"}


def test_a_function_can_be_decorated_for_a_database_before_its_name_is_bound(make, sqlite_url, clock, monkeypatch):
    scheduler = make(sqlite_url, clock=clock)
    source = "def fresh():\n    return 1\n"
    space = {"__name__": "tests.api.jobs"}
    exec(source, space)
    scheduler.scheduled_job("interval", hours=1)(space["fresh"])
    assert scheduler.get_job("fresh").broken is not None
    monkeypatch.setattr(jobs, "fresh", space["fresh"], raising=False)
    assert scheduler.get_job("fresh").broken is None
