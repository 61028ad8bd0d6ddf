"""Arguments that belong elsewhere, or go by another name here: the message says where, and nothing is stored."""

from datetime import UTC, datetime

import pytest

from scheduler import InvalidJobError, InvalidTriggerError, RunLookupError, Scheduler, UnknownOptionError
from scheduler.options import OF_OTHERS
from scheduler.triggers import CronTrigger, DateTrigger, IntervalTrigger
from tests.api.jobs import note


@pytest.fixture
def scheduler(make, url, clock):
    return make(url, clock=clock, timezone="Asia/Tokyo")


@pytest.fixture
def job(scheduler):
    return scheduler.add_job(note, "interval", hours=1, id="a")


def test_a_crontab_line_given_by_name_goes_by_the_zone_of_the_scheduler(scheduler, job):
    line = "0 9 * * 2-5"
    expected = CronTrigger.from_crontab(line, "Asia/Tokyo")
    at = datetime(2024, 1, 2, tzinfo=UTC)
    rescheduled = job.reschedule("cron", crontab=line)
    assert (rescheduled.trigger, rescheduled.next_run_time) == (expected, at)
    assert scheduler.add_job(note, "cron", crontab=line, id="b").next_run_time == at
    scheduler.scheduled_job("cron", crontab=line, id="c")(note)
    assert scheduler.get_job("c").trigger == expected
    assert scheduler.add_job(note, "cron", crontab=line, timezone="UTC", id="d").next_run_time == at.replace(hour=9)
    assert scheduler.add_job(note, "cron", crontab=line, timezone=None, id="e").trigger == expected


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"id": "x"},
            UnknownOptionError,
            "reschedule_job with the trigger 'cron': unknown .*; id= belongs to add_job$",
        ),
        ({"replace_existing": True}, UnknownOptionError, "replace_existing= belongs to add_job$"),
        ({"max_instances": 2}, UnknownOptionError, "max_instances= belongs to modify_job$"),
        ({"func": note}, UnknownOptionError, "func= belongs to modify_job$"),
        ({"next_run_time": None}, UnknownOptionError, "next_run_time= belongs to modify_job$"),
        (
            {"trigger": DateTrigger(), "tags": ["x"]},
            UnknownOptionError,
            r"with DateTrigger\(…\): .*s= belongs to modify",
        ),
        ({"trigger": DateTrigger(), "hour": 5}, UnknownOptionError, r"reschedule_job with DateTrigger\(…\): unknown"),
        ({"houre": 5}, UnknownOptionError, "reschedule_job with the trigger 'cron': .*; did you mean 'hour'"),
        ({"maxinstances": 5}, UnknownOptionError, "valid are 'crontab', 'day', "),
        ({"trigger": "excluding", "dates": ["2024-01-01"]}, InvalidTriggerError, "reschedule_job: the trigger 'excl"),
    ],
)
def test_what_reschedule_job_does_not_take_is_sent_to_the_call_that_does(scheduler, job, arguments, error, message):
    with pytest.raises(error, match=message):
        scheduler.reschedule_job("a", **{"trigger": "cron", **arguments})
    assert scheduler.get_job("a").version == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        # names of Celery
        (
            {"trigger": "cron", "day_of_month": 1},
            UnknownOptionError,
            "unknown option 'day_of_month'; did you mean 'day'",
        ),
        ({"trigger": "cron", "month_of_year": 1}, UnknownOptionError, "did you mean 'month'"),
        ({"trigger": "solar", "lat": 1, "lon": 2}, UnknownOptionError, "unknown option 'lat'; did you mean 'latitude'"),
        ({"trigger": "solar", "lon": 1}, UnknownOptionError, "did you mean 'longitude'"),
        ({"trigger": "interval", "lon": 1}, UnknownOptionError, "unknown option 'lon'; "),
        ({"day_of_month": 1}, UnknownOptionError, "day_of_month= belongs to a trigger, .*; pass trigger='cron'$"),
        # what cannot go beside a name
        (
            {"trigger": "excluding", "dates": ["2024-01-01"]},
            InvalidTriggerError,
            r"^add_job: the trigger 'excluding' needs trigger=, which .*; build it and pass it: ExcludingTrigger\(…\)$",
        ),
        ({"trigger": "excluding"}, InvalidTriggerError, r"pass it: ExcludingTrigger\(…\)$"),
        # crontab lines
        ({"crontab": "0 9 * * *"}, UnknownOptionError, "crontab= belongs to a trigger, .*; pass trigger='cron'$"),
        (
            {"trigger": "0 9 * * 1 root cmd"},
            InvalidTriggerError,
            'for a crontab line, pass trigger="cron", crontab=\'0',
        ),
        ({"triger": "cron"}, UnknownOptionError, "did you mean 'trigger'"),
    ],
)
def test_what_add_job_does_not_take_comes_with_what_is_meant(scheduler, arguments, error, message):
    with pytest.raises(error, match=message):
        scheduler.add_job(note, id="a", **arguments)
    assert scheduler.get_jobs() == []


@pytest.mark.parametrize("trigger", ["interval", IntervalTrigger(hours=1)])
def test_the_valid_names_are_listed_once_and_without_those_that_are_given(scheduler, trigger):
    with pytest.raises(UnknownOptionError) as error:
        scheduler.add_job(note, trigger, zzz=1)
    names = str(error.value).partition("valid are ")[2].split(", ")
    assert names.count("'jitter'") == 1
    assert not {"'func'", "'trigger'"} & set(names)
    assert ("'hours'" in names) == (trigger == "interval")


def greet(customer, *numbers, hours=1, **more):
    pass


@pytest.mark.parametrize(
    ("func", "options", "message"),
    [
        (greet, {"customer": "Ada"}, r"customer= is an argument of the function; pass kwargs=\{'customer': …\}$"),
        ("tests.api.test_hints:greet", {"customer": "Ada"}, "customer= is an argument of the function"),
        (greet, {"hours": 2}, "hours= is an argument of the function"),
        (note, {"hours": 2}, "hours= belongs to a trigger, and submit calls once; pass countdown= or eta=, or use add"),
        (greet, {"numbers": 2}, "submit: unknown option 'numbers'; valid are "),
        (note, {"id": "x"}, "id= belongs to add_job; add a job with it, and run_job runs that at once$"),
        (note, {"on_success": note}, "on_success= belongs to add_job"),
        (note, {"keep_runs": 2}, "keep_runs= belongs to add_job"),
        (note, {"trigger": "cron"}, "trigger= belongs to add_job"),
        (note, {"max_retries": 2}, "here it is retry="),
        (note, {"self": 2}, "unknown option 'self'; valid are"),
        (note, {"countdwn": 2}, "submit: unknown option 'countdwn'; did you mean 'countdown'"),
        ("no.such:thing", {"countdwn": 2}, "did you mean 'countdown'"),
    ],
)
def test_what_submit_does_not_take_comes_with_what_is_meant(scheduler, func, options, message):
    with pytest.raises(UnknownOptionError, match=message):
        scheduler.submit(func, **options)
    assert scheduler.get_jobs() == scheduler.get_runs() == []


@pytest.mark.parametrize("options", [{"args": [1]}, {"countdown": 5}, {"self": 1}])
def test_run_job_takes_nothing_that_is_the_jobs_own(scheduler, job, options):
    with pytest.raises(UnknownOptionError, match=r"run_job: .*arguments and the rules of its job; submit\(func, args"):
        scheduler.run_job("a", **options)
    assert scheduler.get_runs() == []


@pytest.mark.parametrize("name", sorted(OF_OTHERS))
def test_names_of_other_libraries_come_with_those_of_this_one(scheduler, job, name):
    calls = [
        lambda: scheduler.add_job(note, "interval", hours=1, id="b", **{name: 5}),
        lambda: scheduler.add_job(note, id="b", **{name: 5}),
        lambda: scheduler.modify_job("a", **{name: 5}),
        lambda: scheduler.reschedule_job("a", trigger="cron", hour=1, **{name: 5}),
        lambda: Scheduler(job_defaults={name: 5}),
    ]
    if name not in ("countdown", "eta"):
        calls.append(lambda: scheduler.submit(note, **{name: 5}))
    for call in calls:
        with pytest.raises(UnknownOptionError) as error:
            call()
        assert str(error.value).endswith(f"unknown option {name!r}; {OF_OTHERS[name]}")
    assert [each.id for each in scheduler.get_jobs()] == ["a"]


def test_an_argument_of_the_function_is_known_to_add_job_too(scheduler):
    for trigger in ("cron", DateTrigger(), None):
        with pytest.raises(UnknownOptionError, match="customer= is an argument of the function"):
            scheduler.add_job(greet, trigger, customer="Ada")


def test_the_id_of_a_job_in_the_place_of_the_arguments_is_taken_for_what_it_is(scheduler, job):
    with pytest.raises(InvalidJobError, match=r"args must be .*, not 'a'; to follow a job, pass job_id='a'$"):
        scheduler.add_job(note, "after", "a")
    with pytest.raises(InvalidJobError, match=r"args must be .*, not 'a'$"):
        scheduler.add_job(note, "cron", "a")


def test_a_handle_in_the_place_of_an_id_is_asked_for_its_id(scheduler, job):
    run = scheduler.run_job("a")
    for call, argument in (
        (scheduler.run_job, job), (scheduler.get_job, job), (scheduler.get_runs, job), (scheduler.remove_job, job),
        (scheduler.cancel_run, run), (scheduler.get_run, run),
    ):  # fmt: skip
        with pytest.raises(InvalidJobError, match=r"id must be text, not .*; pass its .id$"):
            call(argument)
    with pytest.raises(InvalidTriggerError, match=r"job_id: .* is not the id of a job, .*; pass its .id$"):
        scheduler.add_job(note, "after", job_id=job)
    assert not run.state.final


def test_the_id_of_a_job_in_the_place_of_that_of_a_run_is_taken_for_what_it_is(scheduler, job):
    for call in (scheduler.cancel_run, scheduler.get_run):
        with pytest.raises(
            RunLookupError, match=r"no run has the id 'a'; that is a job, whose runs get_runs\('a'\) lists"
        ):
            call("a")
