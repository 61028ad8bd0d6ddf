"""Wrong arguments: each raises at once, names the value and the remedy, and leaves nothing behind."""

import functools
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scheduler import (
    ExecutorLookupError,
    FunctionLookupError,
    InvalidJobError,
    InvalidSettingError,
    InvalidTriggerError,
    JobStoreError,
    JobStoreLookupError,
    RetryPolicy,
    Scheduler,
    SchedulerError,
    SerializationError,
    UnknownOptionError,
)
from scheduler.executors import InlineExecutor, ThreadPoolExecutor
from scheduler.jobstores import MemoryJobStore
from scheduler.triggers import IntervalTrigger
from tests.api import jobs
from tests.api.jobs import Clerk, awaited, note, one

FINISHED = awaited()
"""What `add_job(awaited())` passes; closed here, as nobody awaits it."""
FINISHED.close()
FAR = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))

BAD_JOBS = [
    # the function
    ({"func": "tests.api.nowhere:note"}, FunctionLookupError, "importing 'tests.api.nowhere' failed: ModuleNotFound"),
    ({"func": "tests.api.jobs:nothing"}, FunctionLookupError, "has no 'nothing'"),
    ({"func": "tests.api.jobs:NOT_CALLABLE"}, FunctionLookupError, "this is 7, which cannot be called"),
    ({"func": "tests.api.jobs.note"}, FunctionLookupError, r'must be of the form "package\.module:qualified\.name"'),
    ({"func": "tests.api.jobs.note"}, FunctionLookupError, "did you mean 'tests.api.jobs:note'"),
    ({"func": ""}, FunctionLookupError, "is not a reference to a function"),
    ({"func": 5}, InvalidJobError, 'func must be a callable or a reference "package.module:qualified.name", not 5'),
    ({"func": None}, InvalidJobError, "func must be .*, not None; pass the function itself, without calling it"),
    ({"func": FINISHED}, InvalidJobError, "not <coroutine object awaited .*; pass the function itself"),
    # its arguments
    ({"func": one}, InvalidJobError, r"do not fit one\(number: int\) -> int: missing a required argument: 'number'"),
    ({"func": one, "args": (1, 2)}, InvalidJobError, "do not fit one.*too many positional arguments"),
    ({"func": one, "kwargs": {"n": 1}}, InvalidJobError, "do not fit one"),
    ({"func": "tests.api.jobs:one", "args": (1, 2)}, InvalidJobError, "too many positional arguments"),
    (
        {"args": "text"},
        InvalidJobError,
        r"args must be a sequence .* such as \(1, 2\), not 'text'",
    ),
    ({"args": 5}, InvalidJobError, "args must be a sequence"),
    ({"args": {"x": 1}}, InvalidJobError, "args must be a sequence"),
    ({"args": None}, InvalidJobError, "args must be a sequence"),
    ({"kwargs": [1]}, InvalidJobError, r"kwargs must be a mapping with text keys, not \[1\]"),
    ({"kwargs": {1: 2}}, InvalidJobError, "kwargs must be a mapping with text keys"),
    ({"kwargs": None}, InvalidJobError, "kwargs must be a mapping"),
    # the id and other names
    ({"id": ""}, InvalidJobError, "id must have 1 to 255 characters, not 0"),
    ({"id": "x" * 256}, InvalidJobError, "id must have 1 to 255 characters, not 256"),
    ({"id": "a\0b"}, InvalidJobError, "id must not contain NUL"),
    ({"id": "a\ud800"}, InvalidJobError, "unpaired surrogates"),
    ({"id": 5}, InvalidJobError, "id must be text, not 5"),
    ({"id": b"a"}, InvalidJobError, "id must be text, not b'a'"),
    ({"name": ""}, InvalidJobError, "name must have 1 to 255 characters"),
    ({"name": 5}, InvalidJobError, "name must be text"),
    ({"tags": "tag"}, InvalidJobError, r"tags must be a collection of texts such as \['billing'\], not 'tag'"),
    ({"tags": [5]}, InvalidJobError, "each tag must be text, not 5"),
    ({"tags": 5}, InvalidJobError, "tags must be"),
    # the rules
    ({"misfire_grace_time": 0}, InvalidJobError, "misfire_grace_time must be None .* or seconds above 0 .*, not 0"),
    ({"misfire_grace_time": -1}, InvalidJobError, "not -1"),
    ({"misfire_grace_time": math.nan}, InvalidJobError, "not nan"),
    ({"misfire_grace_time": math.inf}, InvalidJobError, "not inf"),
    ({"misfire_grace_time": "5"}, InvalidJobError, "not '5'"),
    ({"misfire_grace_time": True}, InvalidJobError, "not True"),
    ({"misfire_grace_time": timedelta(-1)}, InvalidJobError, "misfire_grace_time must be"),
    ({"coalesce": 1}, InvalidJobError, "coalesce must be True or False, not 1"),
    ({"coalesce": "latest"}, InvalidJobError, "coalesce must be True or False"),
    ({"coalesce": None}, InvalidJobError, "coalesce must be True or False"),
    ({"max_instances": 0}, InvalidJobError, "max_instances must be a whole number from 1 to 1000000, not 0"),
    ({"max_instances": 1.5}, InvalidJobError, "not 1.5"),
    ({"max_instances": True}, InvalidJobError, "not True"),
    ({"max_instances": 10**9}, InvalidJobError, "not 1000000000"),
    ({"jitter": -1}, InvalidTriggerError, r"jitter: -1 is not a number of seconds from 0 to 31622400 \(366 days\)"),
    ({"jitter": math.nan}, InvalidTriggerError, "jitter: nan is not"),
    ({"jitter": "30"}, InvalidTriggerError, "jitter: '30' is not"),
    ({"jitter": True}, InvalidTriggerError, "jitter: True is not"),
    ({"jitter": timedelta(days=1_000)}, InvalidTriggerError, r"jitter: datetime.timedelta\(days=1000\) is not"),
    ({"retry": -1}, InvalidJobError, "retry: max_retries must be a whole number from 0 to 1000000, not -1"),
    ({"retry": 1.5}, InvalidJobError, "retry must be a RetryPolicy, a number of retries or None, not 1.5"),
    ({"retry": True}, InvalidJobError, "not True"),
    ({"retry": "often"}, InvalidJobError, "not 'often'"),
    ({"replace_existing": "yes"}, InvalidJobError, "replace_existing must be True or False, not 'yes'"),
    ({"next_run_time": "soon"}, InvalidJobError, "next_run_time must be a datetime or None, not 'soon'"),
    ({"next_run_time": FAR}, InvalidJobError, "next_run_time: 0001-01-01T.* is not between the years 1 and 9999"),
    ({"next_run_time": 0}, InvalidJobError, "next_run_time must be a datetime or None, not 0"),
    # where and by whom
    ({"executor": "thread"}, ExecutorLookupError, "no executor has the alias 'thread'; did you mean 'threads'"),
    ({"executor": 5}, InvalidJobError, "executor must be text, not 5"),
    ({"executor": ""}, InvalidJobError, "executor must have 1 to 255 characters"),
    ({"executor_options": [1]}, InvalidJobError, "executor_options must be a mapping"),
    ({"executor_options": {"queue": "x"}}, UnknownOptionError, "executor_options of .*: unknown option 'queue'"),
    ({"jobstore": "defualt"}, JobStoreLookupError, "no job store has the alias 'defualt'; did you mean 'default'"),
    ({"jobstore": 5}, InvalidJobError, "jobstore must be text, not 5"),
    ({"jobstore": None}, InvalidJobError, "jobstore must be text, not None"),
    ({"jobstore": ["default"]}, InvalidJobError, "jobstore must be text"),
    # the trigger
    ({"trigger": "intervall"}, InvalidTriggerError, "'intervall' is neither a Trigger nor .*; did you mean 'interval'"),
    ({"trigger": 5}, InvalidTriggerError, "5 is neither a Trigger nor the name of one; valid are date, interval, cron"),
    ({"trigger": IntervalTrigger}, InvalidTriggerError, "is neither a Trigger"),
    ({"trigger": ["interval"]}, InvalidTriggerError, "is neither a Trigger"),
    ({"trigger": "interval", "second": 5}, UnknownOptionError, "unknown option 'second'; did you mean 'seconds'"),
    ({"trigger": "interval", "hours": 1, "max_instance": 2}, UnknownOptionError, "did you mean 'max_instances'"),
    ({"trigger": "cron", "houre": 5}, UnknownOptionError, "did you mean 'hour'"),
    ({"trigger": IntervalTrigger(hours=1), "hours": 1}, UnknownOptionError, r"add_job with IntervalTrigger\(…\)"),
    (
        {"trigger": note},
        InvalidTriggerError,
        r'is a function, not a trigger; .* use @scheduler\.scheduled_job\("interval"',
    ),
    ({"trigger": "*/5 * * * *"}, InvalidTriggerError, r"trigger=\"cron\", crontab='\*/5 \* \* \* \*', or CronTrig"),
    ({"trigger": "0 */5 * * * *"}, InvalidTriggerError, r", or CronTrigger\.from_crontab\("),
    ({"trigger": "@daily"}, InvalidTriggerError, r"crontab='@daily', or CronTrigger\.from_crontab\('@daily'\)"),
    ({"trigger": "crontab"}, InvalidTriggerError, r"pass trigger=\"cron\", crontab='0 9 \* \* 1-5'"),
    ({"minutes": 1}, UnknownOptionError, r"minutes= belongs to a trigger, and none is named; pass trigger='interval'$"),
    ({"hour": 1}, UnknownOptionError, r"hour= belongs to a trigger.*; pass trigger='cron' or 'calendarinterval'$"),
    ({"end_date": 1}, UnknownOptionError, r"pass trigger='interval' or 'cron' or 'calendarinterval' or 'solar'$"),
    ({"max_instance": 1}, UnknownOptionError, "add_job without a trigger: unknown .*; did you mean 'max_instances'"),
    ({"trigger": "interval"}, InvalidTriggerError, "no interval is given; pass one of weeks, days, hours, minutes"),
    ({"trigger": "interval", "seconds": 0}, InvalidTriggerError, "no interval is given; pass one of .* above 0"),
    ({"trigger": "cron"}, InvalidTriggerError, r"no field is given; pass second='\*' to fire every second"),
    ({"trigger": "cron", "timezone": "UTC"}, InvalidTriggerError, "no field is given"),
    ({"trigger": "interval", "microseconds": 0.1}, InvalidTriggerError, "microseconds=0.1 is less than the shortest"),
    ({"trigger": "interval", "seconds": -5}, InvalidTriggerError, "seconds: -5 is not a number of at least 0"),
    ({"trigger": "interval", "seconds": math.nan}, InvalidTriggerError, "seconds: nan is not a number"),
    ({"trigger": "interval", "seconds": math.inf}, InvalidTriggerError, "seconds: inf is not a number"),
    (
        {"trigger": "interval", "seconds": "5"},
        InvalidTriggerError,
        "seconds: '5' is text, not a number; pass seconds=5",
    ),
    ({"trigger": "interval", "weeks": 1e9}, InvalidTriggerError, "weeks=1000000000.0 is longer than the calendar"),
    (
        {"trigger": "interval", "hours": 1, "start_date": "2024-02-02", "end_date": "2024-02-01"},
        InvalidTriggerError,
        "end_date: '2024-02-01' is before the start_date '2024-02-02'",
    ),
    (
        {"trigger": "interval", "hours": 1, "end_date": "2023-01-01"},
        InvalidTriggerError,
        "has no fire time from 2024-01-01T00:00:00",
    ),
    ({"trigger": "interval", "hours": 1, "start_date": 5}, InvalidTriggerError, "start_date: 5 is not a datetime"),
    ({"trigger": "date", "run_date": "tomorrow"}, InvalidTriggerError, "run_date: 'tomorrow'"),
    ({"trigger": "date", "run_date": 5}, InvalidTriggerError, "run_date: 5 is not a datetime"),
    ({"trigger": "cron", "hour": 24}, InvalidTriggerError, "hour.*24"),
    ({"trigger": "cron", "day": 30, "month": 2}, InvalidTriggerError, "no date ever matches"),
    ({"trigger": "cron", "hour": 1, "timezone": "Mars/Base"}, InvalidTriggerError, "Mars/Base"),
    (
        {"trigger": "cron", "hour": 1, "timezone": "CEST"},
        InvalidTriggerError,
        "'CEST' is not a known time zone; pass a name such as 'Europe/Berlin'",
    ),
    ({"trigger": "cron", "hour": 1, "timezone": "Europe/Berln"}, InvalidTriggerError, "Europe/Berlin"),
]


@pytest.fixture
def scheduler(make, url, clock):
    return make(url, clock=clock, executors={"threads": InlineExecutor()})


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_JOBS)
def test_a_wrong_argument_is_named_and_nothing_is_stored(scheduler, arguments, error, message):
    given = {"func": note, "id": "a", **arguments}
    with pytest.raises(error, match=message) as raised:
        scheduler.add_job(**given)
    assert isinstance(raised.value, SchedulerError)
    assert isinstance(raised.value, (ValueError, LookupError))
    assert scheduler.get_jobs() == []


@pytest.mark.parametrize("trigger", ["intervall", 5, IntervalTrigger])
def test_a_decorator_with_a_wrong_trigger_is_refused_before_it_decorates(scheduler, trigger):
    with pytest.raises(InvalidTriggerError, match="is neither a Trigger nor the name of one"):
        scheduler.scheduled_job(trigger)


def test_a_decorator_without_parentheses_is_refused(scheduler):
    with pytest.raises(InvalidTriggerError, match=r'use @scheduler\.scheduled_job\("interval", hours=1\)'):
        scheduler.scheduled_job(note)
    assert scheduler.get_jobs() == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trigger": "interval", "hours": 2}, r"use reschedule_job\(job_id, trigger='interval', …\)"),
        ({"hours": 2, "trigger": "interval"}, r"use reschedule_job\(job_id, trigger='interval', hours=…\)"),
        ({"trigger": "cron"}, r"must be a Trigger, not 'cron'.* use reschedule_job\(job_id, trigger='cron', …\)"),
        ({"trigger": None}, r"must be a Trigger, not None"),
        ({"trigger": IntervalTrigger}, r"must be a Trigger, not <class"),
        ({"minute": 2}, r"minute= belongs to a trigger; .* use reschedule_job\(job_id, trigger='cron', minute=…\)"),
    ],
)
def test_a_change_of_what_belongs_to_a_trigger_leads_to_reschedule_job(scheduler, changes, message):
    job = scheduler.add_job(note, "interval", hours=1, id="a")
    with pytest.raises((InvalidTriggerError, UnknownOptionError), match=message):
        scheduler.modify_job("a", **changes)
    assert scheduler.get_job("a").trigger == job.trigger


def nested():
    def inner():
        return 1

    return inner


@pytest.mark.parametrize(
    ("func", "message"),
    [
        (lambda: 1, "a lambda has no name by which it can be imported; give a function that is defined at the top"),
        (nested(), "nested > inner is defined inside a function"),
        (Clerk().method, "is bound to an object, which a database cannot keep"),
        (functools.partial(note, 1), "give the function itself, and its arguments as args and kwargs"),
        (Clerk(), "has no name by which it can be imported"),
    ],
)
def test_a_database_takes_only_functions_that_can_be_found_again(make, sqlite_url, clock, func, message):
    scheduler = make(sqlite_url, clock=clock)
    with pytest.raises(FunctionLookupError, match=message):
        scheduler.add_job(func)
    with pytest.raises(FunctionLookupError, match=message):
        scheduler.scheduled_job("interval", hours=1, id="a")(func)
    assert scheduler.get_jobs() == []


def test_a_function_whose_name_leads_to_another_one_is_refused_by_a_database(make, sqlite_url, clock, monkeypatch):
    monkeypatch.setattr(jobs, "note", one)
    with pytest.raises(FunctionLookupError, match=r"leads to .*, not to"):
        make(sqlite_url, clock=clock).add_job(note)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"args": ({"x": object()},)}, r"args\[0\]\['x'\]: a value of type builtins.object cannot be stored"),
        ({"args": (1, [2, {3: (4, print)}])}, r"args\[1\]\[1\]\[3\]\[1\]"),
        ({"kwargs": {"lock": __import__("threading").Lock()}}, r"kwargs\['lock'\]: a value of type _thread.lock"),
        ({"kwargs": {"policy": RetryPolicy()}}, r"kwargs\['policy'\]: the class .*RetryPolicy is not known"),
    ],
)
def test_a_value_that_a_database_cannot_keep_is_named_by_its_place(make, sqlite_url, clock, arguments, message):
    scheduler = make(sqlite_url, clock=clock)
    with pytest.raises(SerializationError, match=message):
        scheduler.add_job(note, **arguments)
    assert scheduler.get_jobs() == []
    scheduler.add_job(note, id="a")
    with pytest.raises(SerializationError, match=message):
        scheduler.modify_job("a", **arguments)
    assert scheduler.get_job("a").args == ()


def test_a_value_that_contains_itself_is_refused_by_a_database(make, sqlite_url, clock):
    loop = []
    loop.append(loop)
    with pytest.raises(SerializationError, match=r"args\[0\].*contains itself"):
        make(sqlite_url, clock=clock).add_job(note, args=(loop,))


# the scheduler's own arguments


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"misfire_grace_time": 5}, UnknownOptionError, r"a rule of jobs goes into job_defaults\): unknown option"),
        ({"coalesce": True}, UnknownOptionError, "job_defaults"),
        ({"poll_intervall": 5}, UnknownOptionError, "did you mean 'poll_interval'"),
        ({"job_defaults": {"max_instance": 2}}, UnknownOptionError, "job_defaults.*did you mean 'max_instances'"),
        ({"job_defaults": {"func": 2}}, UnknownOptionError, "job_defaults: unknown option 'func'"),
        ({"job_defaults": {"jitter": 5}}, UnknownOptionError, "job_defaults: unknown option 'jitter'"),
        ({"job_defaults": {"max_instances": 0}}, InvalidJobError, "max_instances must be"),
        ({"job_defaults": {5: 0}}, UnknownOptionError, "unknown option '5'"),
        (
            {"job_defaults": 5},
            InvalidSettingError,
            "job_defaults must be a JobDefaults or a mapping of its fields, not 5",
        ),
        (
            {"poll_interval": 0},
            InvalidSettingError,
            r"poll_interval must be a number of seconds from 0\.001 to 31536000 \(a year\), not 0",
        ),
        ({"poll_interval": -1}, InvalidSettingError, "not -1"),
        ({"poll_interval": math.nan}, InvalidSettingError, "not nan"),
        ({"poll_interval": math.inf}, InvalidSettingError, "not inf"),
        ({"poll_interval": 1e-9}, InvalidSettingError, "not 1e-09"),
        (
            {"heartbeat_interval": 10**400},
            InvalidSettingError,
            "heartbeat_interval must be a number of seconds .*, not 1000",
        ),
        ({"node_timeout": 10**5000}, InvalidSettingError, "node_timeout must be a number of seconds"),
        ({"node_timeout": 365 * 86_400 + 1}, InvalidSettingError, "not 31536001"),
        ({"poll_interval": "1"}, InvalidSettingError, "not '1'"),
        ({"poll_interval": True}, InvalidSettingError, "not True"),
        ({"heartbeat_interval": 0}, InvalidSettingError, "heartbeat_interval must be"),
        ({"node_timeout": None}, InvalidSettingError, "node_timeout must be"),
        (
            {"node_timeout": 3},
            InvalidSettingError,
            r"node_timeout \(3 s\) must be longer than heartbeat_interval \(5 s\)",
        ),
        ({"timezone": "Mars/Base"}, ValueError, "Mars/Base"),
        ({"timezone": 5}, ValueError, "timezone: 5 is not a time zone"),
        ({"executors": {"a": "threads"}}, InvalidSettingError, "an executor must be an Executor .*, not 'threads'"),
        ({"executors": {"a": InlineExecutor}}, InvalidSettingError, "an executor must be an Executor"),
        ({"executors": {"": InlineExecutor()}}, InvalidSettingError, "the alias of an executor must have 1 to 255"),
        ({"executors": [InlineExecutor()]}, InvalidSettingError, "executors must be a mapping from alias to executor"),
        ({"jobstores": ["sqlite://"]}, InvalidSettingError, "jobstores must be a mapping from alias to job store"),
        ({"jobstores": {5: None}}, InvalidSettingError, "the alias of a job store must be text, not 5"),
        ({"jobstores": 3}, InvalidSettingError, "jobstores must be a mapping from alias to job store, not 3"),
        ({"jobstore": "postgres://host/name"}, JobStoreError, "did you mean postgresql://"),
        (
            {"jobstore": "orcl://host/name"},
            JobStoreError,
            "'orcl' is not a supported database; supported are postgresql",
        ),
        ({"jobstore": MemoryJobStore}, InvalidSettingError, "jobstore: .* is a class; pass an object of it"),
        (
            {"jobstore": "sqlite://", "jobstores": {"default": None}},
            InvalidSettingError,
            "default job store is given twice",
        ),
    ],
)
def test_a_wrong_setting_is_refused_when_the_scheduler_is_made(options, error, message):
    with pytest.raises(error, match=message) as raised:
        Scheduler(**options)
    assert isinstance(raised.value, SchedulerError)


@pytest.mark.parametrize(
    "options",
    [
        {"poll_interval": 0.001},
        {"poll_interval": 365 * 86_400},
        {"heartbeat_interval": 0.001, "node_timeout": 0.002},
        {"node_timeout": 365 * 86_400},
    ],
)
def test_an_interval_may_be_as_short_and_as_long_as_the_message_says(options):
    Scheduler(**options, timezone="UTC")


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "5", 10**6])
def test_a_wrong_number_of_threads_is_refused(size):
    with pytest.raises(InvalidSettingError, match="max_workers must be a whole number from 1 to 10000"):
        ThreadPoolExecutor(size)


@pytest.mark.parametrize("timeout", [-1, math.nan, "soon", True])
def test_a_wrong_timeout_is_refused_and_the_scheduler_goes_on(make, clock, timeout):
    scheduler = make(clock=clock)
    scheduler.start()
    with pytest.raises(InvalidSettingError, match=r"timeout must be None \(no limit\), .* from 0, not"):
        scheduler.shutdown(timeout=timeout)
    assert scheduler.running


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((5,), "must be callable, not 5"), ((print, 5), "5 is not an event type"), ((print, int), "is not an event type")],
)
def test_a_wrong_listener_is_refused(make, clock, arguments, message):
    with pytest.raises(SchedulerError, match=message):
        make(clock=clock).add_listener(*arguments)


@pytest.mark.parametrize("call", ["get_job", "pause_job", "resume_job", "remove_job", "modify_job", "get_run"])
@pytest.mark.parametrize(("job_id", "message"), [(5, "id must be text, not 5"), ("", "1 to 255"), ([], "must be text")])
def test_a_wrong_id_is_refused_by_every_call(make, clock, call, job_id, message):
    with pytest.raises(InvalidJobError, match=message):
        getattr(make(clock=clock), call)(job_id)


def test_times_at_the_ends_of_the_calendar_are_kept(make, url, clock):
    scheduler = make(url, clock=clock)
    for number, time in enumerate((datetime.max, datetime.min)):
        scheduler.add_job(note, "interval", days=1, id=str(number), next_run_time=time)
        assert scheduler.get_job(str(number)).next_run_time == time.replace(tzinfo=UTC)
