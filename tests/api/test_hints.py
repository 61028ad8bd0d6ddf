"""Arguments that belong elsewhere, or go by another name here: the message says where, and nothing is stored."""

from datetime import UTC, datetime

import pytest

from scheduler import InvalidTriggerError, UnknownOptionError
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
