"""Triggers of the program's own: registered by name, added by name, kept in stores, exported and imported."""

import io
import json
import sqlite3
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytz
from sqlalchemy import create_engine

from scheduler import (
    InvalidSettingError,
    InvalidTriggerError,
    JobDefinition,
    Scheduler,
    SerializationError,
    UnknownOptionError,
)
from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.testing import TriggerLaws, VirtualTime
from scheduler.triggers import CronTrigger, ExcludingTrigger, OrTrigger, Trigger
from tests.api import jobs
from tests.api.damage import damage
from tests.api.jobs import note
from tests.api.own_triggers import OWN, Every, LeapDay, Nightly, Office


class TestTheTriggersOfThisPage(TriggerLaws):
    triggers = (LeapDay(), LeapDay(12), Nightly(time(2, 30), ZoneInfo("Europe/Berlin")), Office(9, "UTC"), Every(3600))
    registered = OWN


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


# by name


@pytest.mark.parametrize(
    ("name", "arguments", "trigger", "first"),
    [
        ("leapday", {}, LeapDay(), utc(2024, 2, 29)),
        ("leapday", {"hour": 5}, LeapDay(5), utc(2024, 2, 29, 5)),
        ("nightly", {"at": time(1)}, Nightly(time(1), ZoneInfo("Asia/Tokyo")), utc(2024, 1, 1, 16)),
        ("nightly", {"at": time(1), "timezone": UTC}, Nightly(time(1), UTC), utc(2024, 1, 1, 1)),
        ("nightly", {"at": time(1), "timezone": "UTC"}, Nightly(time(1), UTC), utc(2024, 1, 1, 1)),
        (
            "nightly",
            {"at": time(2), "timezone": pytz.timezone("Europe/Berlin")},
            Nightly(time(2), ZoneInfo("Europe/Berlin")),
            utc(2024, 1, 1, 1),
        ),
        ("office", {"opens": 9}, Office(9, "Asia/Tokyo"), utc(2024, 1, 1)),
        ("every", {"seconds": 7200}, Every(7200), utc(2024, 1, 1)),
    ],
)
def test_a_registered_trigger_is_added_and_rescheduled_by_its_name(make, url, clock, name, arguments, trigger, first):
    scheduler = make(url, clock=clock, triggers=OWN, timezone="Asia/Tokyo")
    added = scheduler.add_job(note, name, id="a", **arguments)
    assert (added.trigger, added.next_run_time) == (trigger, first)
    assert scheduler.get_job("a").trigger == trigger
    scheduler.add_job(note, "interval", hours=1, id="b")
    assert scheduler.reschedule_job("b", trigger=name, **arguments).next_run_time == first
    assert scheduler.add_jobs([JobDefinition(note, name, id="c", **arguments)])[0].trigger == trigger
    decorated = scheduler.scheduled_job(name, id="d", **arguments)(note)
    assert decorated is note
    assert scheduler.get_job("d").trigger == trigger


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("leapdays", {}, InvalidTriggerError, "'leapdays' is neither a Trigger nor .*; did you mean 'leapday'"),
        ("leapday", {"hours": 5}, UnknownOptionError, "unknown option 'hours'; did you mean 'hour'"),
        ("leapday", {"timezone": "UTC"}, UnknownOptionError, "unknown option 'timezone'"),
        ("nightly", {}, InvalidTriggerError, r"trigger 'nightly': missing .*'at'; it is Nightly\(at: "),
        (
            "nightly",
            {"at": time(1), "timezone": "Mars/Olympus"},
            InvalidTriggerError,
            "'Mars/Olympus' is not a known time",
        ),
        ("office", {"opens": 99}, InvalidTriggerError, "hour: '99' is out of range"),
        ("every", {"seconds": "x"}, TypeError, "unsupported type for timedelta seconds"),
        (None, {"at": time(1)}, UnknownOptionError, "at= belongs to a trigger, .*; pass trigger='.*nightly'"),
        (LeapDay, {}, InvalidTriggerError, "is neither a Trigger nor the name of one; valid are .*leapday, nightly"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_stored(make, url, clock, name, arguments, error, message):
    scheduler = make(url, clock=clock, triggers=OWN)
    for use in (
        lambda: scheduler.add_job(note, name, id="a", **arguments),
        lambda: scheduler.scheduled_job(name, id="a", **arguments)(note),
    ):
        with pytest.raises(error, match=message):
            use()
    assert scheduler.get_jobs() == []


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda job: job.modify(trigger="nightly"), r"use reschedule_job\(job_id, trigger='nightly', …\)"),
        (lambda job: job.modify(trigger="night"), "did you mean 'nightly'"),
        (lambda job: job.modify(at=time(1)), r"reschedule_job\(job_id, trigger='nightly', at=…\)"),
        (lambda job: job.reschedule("nightly"), "trigger 'nightly': missing a required argument: 'at'"),
    ],
)
def test_hints_know_the_registered_names(make, clock, use, message):
    job = make(clock=clock, triggers={"nightly": Nightly}).add_job(note, "interval", hours=1, id="a")
    with pytest.raises((InvalidTriggerError, UnknownOptionError), match=message):
        use(job)


def test_a_registered_name_in_the_place_of_the_job_store_is_told_apart(make, clock):
    scheduler = make(clock=clock, triggers=OWN)
    scheduler.add_job(note, "interval", hours=1, id="a")
    with pytest.raises(InvalidTriggerError, match="pass trigger='leapday'"):
        scheduler.reschedule_job("a", "leapday")


@pytest.mark.parametrize(
    ("triggers", "message"),
    [
        ({"cron": LeapDay}, "triggers: the name 'cron' is taken by CronTrigger; choose another one for LeapDay"),
        ({"": LeapDay}, "'' cannot be the name of a trigger; use up to 100 letters"),
        ({"leap day": LeapDay}, "'leap day' cannot be the name of a trigger"),
        ({"0 9 * * 1": LeapDay}, "cannot be the name of a trigger"),
        ({"x" * 101: LeapDay}, "cannot be the name of a trigger"),
        ({5: LeapDay}, "5 cannot be the name of a trigger"),
        ({"mine": int}, "'mine' must be a subclass of Trigger, not <class 'int'>"),
        ({"mine": LeapDay()}, "'mine' must be a subclass of Trigger, not LeapDay"),
        ({"mine": Trigger}, r"'mine' is Trigger, which does not define next\(after\)"),
        ({"mine": type("New", (LeapDay,), {"version": "2"})}, "'mine' is New, whose version must be a whole number"),
        ({"mine": type("New", (LeapDay,), {"version": 0})}, "from 1, not 0"),
        ([LeapDay], "triggers must be a mapping from names to Trigger classes, not"),
        ("leapday", "triggers must be a mapping"),
    ],
)
def test_wrong_registrations_are_refused_at_once(sqlite_url, triggers, message):
    for build in (
        lambda: Scheduler(triggers=triggers),
        lambda: MemoryJobStore(triggers=triggers),
        lambda: SQLAlchemyJobStore(sqlite_url, triggers=triggers),
    ):
        with pytest.raises(InvalidSettingError, match=message):
            build()


@pytest.mark.parametrize(
    "trigger",
    [
        LeapDay([3]),
        OrTrigger([LeapDay(), LeapDay({3})]),
        ExcludingTrigger(LeapDay([3]), dates=["2024-01-01"], timezone="UTC"),
    ],
)
def test_a_trigger_that_would_not_come_back_equal_from_a_database_is_refused(make, url, clock, trigger):
    scheduler = make(url, clock=clock, triggers=OWN)
    scheduler.add_job(note, "interval", hours=1, id="a")
    for use in (
        lambda: scheduler.add_job(note, trigger, id="b"),
        lambda: scheduler.reschedule_job("a", trigger=trigger),
        lambda: scheduler.modify_job("a", trigger=trigger),
    ):
        with pytest.raises(
            InvalidTriggerError, match=r"cannot be hashed \(unhashable .*; make .* tuples instead of li"
        ):
            use()
    with pytest.raises(InvalidTriggerError, match="cannot be hashed"):
        scheduler.add_job(note, "leapday", hour=[3], id="b")
    (job,) = scheduler.get_jobs()
    assert job.version == 1


# in stores


def test_a_registered_trigger_drives_its_job_on_every_store(make, url, clock):
    scheduler = make(url, clock=clock, triggers=OWN)
    scheduler.add_job(note, "leapday", id="a")
    scheduler.start()
    VirtualTime(clock, scheduler).advance(timedelta(days=60))
    assert [run.scheduled_time for run in scheduler.get_runs("a")] == [utc(2024, 2, 29)]
    assert scheduler.get_job("a").next_run_time == utc(2028, 2, 29)


def test_every_store_that_the_scheduler_makes_knows_them(make, sqlite_url, tmp_path, clock):
    engine = create_engine(f"sqlite:///{tmp_path / 'engine.db'}")
    scheduler = make(sqlite_url, clock=clock, triggers=OWN, jobstores={"engine": engine})
    scheduler.add_jobstore(f"sqlite:///{tmp_path / 'late.db'}", "late")
    for alias in ("default", "engine", "late"):
        scheduler.add_job(note, "leapday", id=alias, jobstore=alias)
        assert scheduler.get_job(alias).trigger == LeapDay()
        scheduler.remove_jobstore(alias)
    engine.dispose()


def test_a_store_that_is_passed_in_has_names_of_its_own(make, sqlite_url, clock):
    scheduler = make(SQLAlchemyJobStore(sqlite_url, triggers={"leap": LeapDay}), clock=clock)
    scheduler.add_job(note, LeapDay(3), id="a")
    assert scheduler.get_job("a").trigger == LeapDay(3)
    with pytest.raises(InvalidTriggerError, match="'leap' is neither a Trigger"):
        scheduler.add_job(note, "leap")


@pytest.mark.parametrize(
    "trigger",
    [
        Nightly(time(3)),
        OrTrigger([LeapDay(), Nightly(time(3))]),
        ExcludingTrigger(Nightly(time(3)), dates=["2024-01-01"]),
    ],
)
def test_a_database_refuses_a_trigger_that_it_could_not_read_and_names_both_remedies(make, sqlite_url, clock, trigger):
    scheduler = make(sqlite_url, clock=clock, triggers={"leapday": LeapDay})
    with pytest.raises(SerializationError, match=r"^trigger: Nightly\(.* is of a class that is not known") as error:
        scheduler.add_job(note, trigger)
    assert "Scheduler(…, triggers={" in str(error.value)
    assert "SQLAlchemyJobStore(…, triggers={" in str(error.value)
    assert scheduler.get_jobs() == []


def test_a_memory_store_takes_any_trigger(make, clock):
    class Twice(Trigger):
        """No dataclass, and nobody knows it by name."""

        def next(self, after):
            return next((at for at in (utc(2024, 1, 2), utc(2024, 1, 3)) if at > after), None)

    scheduler = make(clock=clock)
    scheduler.add_job(note, Twice(), id="a")
    scheduler.start()
    VirtualTime(clock, scheduler).advance(timedelta(days=5))
    assert len(jobs.calls) == 2


def test_a_program_that_does_not_know_a_trigger_keeps_the_job_as_broken(make, sqlite_url, clock):
    make(sqlite_url, clock=clock, triggers=OWN).add_job(note, "leapday", id="a")
    without = make(sqlite_url, clock=clock)
    assert "nothing is known of the kind 'leapday'" in without.get_job("a").broken
    assert "registered by triggers={…} of the Scheduler or the job store" in without.get_job("a").broken
    assert make(sqlite_url, clock=clock, triggers=OWN).get_job("a").broken is None


def test_combined_with_others_they_are_stored_as_text_that_people_can_read(make, sqlite_url, clock):
    scheduler = make(sqlite_url, clock=clock, triggers=OWN)
    trigger = OrTrigger([LeapDay(6), CronTrigger(hour=9, timezone="UTC")])
    scheduler.add_job(note, trigger, id="a")
    assert scheduler.get_job("a").trigger == trigger
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as database:
        (text,) = database.execute("SELECT trigger FROM scheduler_jobs").fetchone()
    database.close()
    assert json.loads(text)["triggers"][0] == {"kind": "leapday", "version": 1, "hour": 6}


def test_adding_again_keeps_the_timing_while_an_own_trigger_is_unchanged(make, url, clock):
    scheduler = make(url, clock=clock, triggers=OWN, timezone="Asia/Tokyo")
    given = {"replace_existing": True, "id": "a", "at": time(1)}
    scheduler.add_job(note, "nightly", next_run_time=utc(2024, 5, 5), **given)
    assert scheduler.add_job(note, "nightly", **given).next_run_time == utc(2024, 5, 5)
    assert scheduler.add_job(note, "nightly", **{**given, "at": time(2)}).next_run_time == utc(2024, 1, 1, 17)


def test_an_older_form_is_upgraded_and_a_newer_one_left_alone(make, sqlite_url, clock):
    scheduler = make(sqlite_url, clock=clock, triggers=OWN)
    scheduler.add_job(note, "every", seconds=60, id="a")
    old = '{"kind": "every", "version": 1, "minutes": 5}'
    damage(sqlite_url, f"UPDATE scheduler_jobs SET trigger = '{old}'")
    assert scheduler.get_job("a").trigger == Every(300)
    damage(sqlite_url, f"UPDATE scheduler_jobs SET trigger = '{old.replace('1', '3', 1)}'")
    assert "'every' is stored in version 3, and this program reads up to 2" in scheduler.get_job("a").broken


# export and import


def test_an_export_from_memory_or_a_database_goes_into_the_other(make, sqlite_url, clock):
    stores = [None, sqlite_url, MemoryJobStore(triggers=OWN)]
    source = make(stores[0], clock=clock, triggers=OWN)
    source.add_job(note, OrTrigger([LeapDay(), Nightly(time(1))]), id="a")
    for store in stores[1:]:
        target = make(store, clock=clock, triggers=OWN)
        out = io.StringIO()
        source.export_jobs(out)
        (imported,) = target.import_jobs(io.StringIO(out.getvalue()))
        assert imported.trigger == source.get_job("a").trigger
        source = target


def test_an_export_from_a_memory_store_that_does_not_know_the_trigger_says_so(make, clock):
    scheduler = make(clock=clock)
    scheduler.add_job(note, LeapDay(), id="a")
    with pytest.raises(SerializationError, match=r"LeapDay\(hour=0\) is of a class that is not known"):
        scheduler.export_jobs(io.StringIO())


def test_an_export_from_a_memory_store_that_was_passed_in_names_the_place_for_the_name(make, clock):
    scheduler = make(MemoryJobStore(), clock=clock, triggers=OWN)
    scheduler.add_job(note, "leapday", id="a")
    with pytest.raises(SerializationError, match=r'yourself with MemoryJobStore\(triggers={"some-name": LeapDay}\)'):
        scheduler.export_jobs(io.StringIO())
