"""Where a job has its jitter from: the call, or the trigger that it brings; and where it is kept."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import JobDefinition
from scheduler.triggers import CronTrigger, IntervalTrigger, Trigger
from tests.api.jobs import note

START = datetime(2024, 1, 1, tzinfo=UTC)
HOURLY, QUIET = IntervalTrigger(hours=1, jitter=40), IntervalTrigger(hours=1)


@dataclass(frozen=True)
class Tick(Trigger):
    """Fires every minute; takes whatever jitter."""

    jitter: object = field(default=None, compare=False)

    def next(self, after):
        return after.replace(second=0, microsecond=0) + timedelta(minutes=1)


GIVEN = {
    "with a trigger by name": (["interval"], {"hours": 1, "jitter": 30}, 30.0),
    "a timedelta": (["interval"], {"hours": 1, "jitter": timedelta(minutes=2)}, 120.0),
    "zero": (["cron"], {"hour": 1, "jitter": 0}, None),
    "for a date": (["date"], {"run_date": "2030-01-01", "jitter": 0.5}, 0.5),
    "without a trigger": ([None], {"jitter": 30}, 30.0),
    "with a trigger": ([QUIET], {"jitter": 30}, 30.0),
    "by the trigger": ([HOURLY], {}, 40.0),
    "by another trigger": ([CronTrigger(hour=1, jitter=timedelta(seconds=9))], {}, 9.0),
    "by a trigger of the user's own": ([Tick(timedelta(seconds=7))], {}, 7.0),
    "instead of that of the trigger": ([HOURLY], {"jitter": 30}, 30.0),
    "none instead of that of the trigger": ([HOURLY], {"jitter": None}, None),
    "nowhere": (["interval"], {"hours": 1}, None),
}


@pytest.mark.parametrize(("trigger", "options", "jitter"), GIVEN.values(), ids=GIVEN.keys())
def test_a_job_has_the_jitter_that_is_given_or_else_that_of_its_trigger(make, clock, trigger, options, jitter):
    scheduler = make(clock=clock)
    added = scheduler.add_job(note, *trigger, id="a", **options)
    (defined,) = scheduler.add_jobs([JobDefinition(note, *trigger, id="b", **options)])
    scheduler.scheduled_job(*trigger, id="c", **options)(note)
    assert [job.jitter for job in (added, defined, scheduler.get_job("c"))] == [jitter] * 3
    if trigger != [None]:
        scheduler.add_job(note, "interval", days=1, jitter=3, id="d")
        assert scheduler.reschedule_job("d", None, *trigger, **options).jitter == jitter
        assert added.reschedule(*trigger, **options).jitter == jitter


CHANGES = {
    "another jitter": ({"jitter": 5}, 5.0),
    "none": ({"jitter": None}, None),
    "something else": ({"max_instances": 2}, 30.0),
    "a trigger with one": ({"trigger": HOURLY}, 40.0),
    "a trigger without": ({"trigger": QUIET}, None),
    "a trigger without, and another": ({"jitter": 5, "trigger": QUIET}, 5.0),
    "a trigger with one, and none": ({"trigger": HOURLY, "jitter": None}, None),
}


@pytest.mark.parametrize(("changes", "jitter"), CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_job_keeps_its_jitter_unless_that_or_the_trigger_is_changed(scheduler, changes, jitter):
    scheduler.add_job(note, "interval", hours=1, jitter=30, id="a")
    assert scheduler.modify_job("a", **changes).jitter == scheduler.get_job("a").jitter == jitter


@pytest.mark.parametrize("jitter", ["soon", -1, float("nan")])
def test_a_trigger_with_a_jitter_that_is_none_is_refused(make, clock, jitter):
    with pytest.raises(ValueError, match=r"jitter: .* is not a number of seconds"):
        make(clock=clock).add_job(note, Tick(jitter))


@pytest.mark.parametrize("options", [{"jitter": 50}, {"jitter": None}, {}])
@pytest.mark.parametrize("trigger", [HOURLY, IntervalTrigger(hours=1, jitter=60)])
def test_a_job_that_is_added_again_with_another_jitter_keeps_its_timing(scheduler, clock, trigger, options):
    before = scheduler.add_job(note, HOURLY, id="a", jitter=30)
    clock.advance(60)
    after = scheduler.add_job(note, trigger, id="a", replace_existing=True, **options)
    assert after.next_run_time == before.next_run_time == START + timedelta(hours=1)
    assert scheduler.get_job("a").jitter == options.get("jitter", trigger.jitter)


def test_a_job_that_is_added_again_has_the_new_trigger_of_those_that_fire_alike(scheduler):
    scheduler.add_job(note, CronTrigger(hour=9, jitter=30, timezone="UTC"), id="a")
    again = CronTrigger(crontab="0 9 * * *", jitter=60, timezone="UTC")
    job = scheduler.add_job(note, again, id="a", replace_existing=True)
    assert (job.jitter, job.trigger.jitter, str(job.trigger)) == (60, 60, "0 9 * * *")
    assert str(scheduler.get_job("a")) == str(job)


def test_a_job_that_is_added_again_counts_from_when_it_was_added_first(scheduler, clock):
    first = scheduler.add_job(note, HOURLY, id="a").trigger
    clock.advance(60)
    again = scheduler.add_job(note, HOURLY, id="a", replace_existing=True)
    assert again.trigger == first != HOURLY.anchored(clock.now())


def test_the_line_about_a_job_tells_its_jitter(scheduler):
    job = scheduler.add_job(note, IntervalTrigger(hours=1, jitter=30), jitter=2.5, id="a")
    assert str(job) == "note (id: a, trigger: interval[1:00:00], jitter: 2.5 s, next run at: 2024-01-01 01:00:00+00:00)"


def test_pausing_and_resuming_keep_the_jitter(scheduler):
    job = scheduler.add_job(note, "interval", hours=1, jitter=30, id="a")
    assert job.pause().jitter == job.resume().jitter == scheduler.get_jobs()[0].jitter == 30.0
