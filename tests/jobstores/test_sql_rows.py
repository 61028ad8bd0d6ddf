"""What is at rest in a SQL job store: readable by a person, and never lost for being unreadable here."""

import json
import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
import pytz
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from scheduler.core.plan import Plan
from scheduler.core.run import Attempt, Progress, RunState
from scheduler.core.settle import begin
from scheduler.errors import JobStoreError
from scheduler.jobstores import SQLAlchemyJobStore
from scheduler.testing.jobstore_base import NODE, START, at, ids, make_job, make_run
from scheduler.triggers import AfterTrigger
from tests.jobstores.stores import opened


@pytest.fixture
def store(sqlite_url):
    store = opened(sqlite_url)
    yield store
    store.close()


def change(store, statement, **values):
    """Change a row behind the store's back."""
    with store._engine.begin() as connection:
        connection.execute(text(statement), values)


def test_a_row_can_be_read_by_a_person(store):
    store.write_jobs(add=[make_job("täglich", args=("ü", 1), kwargs={"when": START}, tags=("a",))])
    with store._engine.connect() as connection:
        row = dict(connection.execute(text("SELECT * FROM scheduler_jobs")).mappings().one())
    assert row["func"] == "builtins:print"
    assert row["next_run_time"] == 1_704_067_200_000_000
    assert "ü" in row["args"]
    assert json.loads(row["args"]) == ["ü", 1]
    assert json.loads(row["trigger"])["kind"] == "interval"
    assert json.loads(row["rules"])["max_instances"] == 1
    assert json.loads(row["tags"]) == ["a"]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("args", "{nonsense", "args"),
        ("args", '{"a": 1}', "args"),
        ("kwargs", "[1]", "kwargs"),
        ("kwargs", '{"a": {"$type": "myapp:Point"}}', "Point"),
        ("trigger", "{}", "trigger"),
        ("trigger", '{"kind": "moon"}', "moon"),
        ("rules", "{}", "rules"),
        ("rules", "\udcff".encode("utf-8", "surrogateescape"), "rules"),
        ("tags", '"a"', "tags"),
        ("executor_options", "null", "executor_options"),
        ("format", 99, "format"),
    ],
)
def test_a_job_that_cannot_be_read_is_broken_and_kept(store, column, value, words):
    store.write_jobs(add=[make_job("job", name="its name"), make_job("sound")])
    change(store, f"UPDATE scheduler_jobs SET {column} = :value WHERE id = 'job'", value=value)
    job = store.get_job("job")
    assert words in job.broken
    assert (job.name, job.func, job.next_run_time, job.incarnation) == (
        "its name",
        "builtins:print",
        START,
        "life-of-job",
    )
    assert (job.trigger is None) == (column == "trigger")
    assert store.get_jobs()[0] == job
    with store.turn() as turn:
        claimed = [entry.job for entry in turn.claim({"default": 9}, ()).jobs]
    assert sorted((job.id, job.broken is None) for job in claimed) == [("job", False), ("sound", True)]


def test_a_broken_job_is_sound_again_when_its_row_is(store):
    job = make_job("job")
    store.write_jobs(add=[job])
    change(store, "UPDATE scheduler_jobs SET format = 2")
    assert store.get_job("job").broken
    change(store, "UPDATE scheduler_jobs SET format = 1")
    assert store.get_job("job") == job


def test_a_broken_job_can_be_removed(store):
    store.write_jobs(add=[make_job("job")])
    change(store, "UPDATE scheduler_jobs SET args = '?'")
    store.remove_job("job")
    assert store.get_jobs() == []


@pytest.mark.parametrize("value", ["soon", 2**62])
def test_a_time_that_makes_no_sense_breaks_only_its_job(store, value):
    store.write_jobs(add=[make_job("job"), make_job("sound")])
    change(store, "UPDATE scheduler_jobs SET next_run_time = :value WHERE id = 'job'", value=value)
    assert sorted((job.id, job.broken is None) for job in store.get_jobs()) == [("job", False), ("sound", True)]
    assert store.get_job("job").next_run_time is None


def record(store, job, *runs):
    store.write_jobs(add=[job])
    with store.turn() as turn:
        turn.record([Plan(job, at(60), starts=runs)], [])


def test_a_run_in_a_state_of_a_newer_version_is_left_alone(store, caplog):
    job = make_job("job", max_instances=9)
    runs = [make_run(job, 0), make_run(job, 1)]
    record(store, job, *runs)
    change(store, "UPDATE scheduler_runs SET state = 'DREAMING' WHERE id = :id", id=runs[0].id)
    with caplog.at_level(logging.WARNING):
        assert store.get_runs() == [runs[1]]
        assert store.get_run(runs[0].id) is None
    assert runs[0].id in caplog.text


def test_a_result_that_cannot_be_read_is_none_and_says_why(store):
    job = make_job("job")
    run = make_run(job)
    record(store, job, run)
    with store.turn() as turn:
        turn.finish([run.moved(RunState.SUCCESS, result=1, finished_at=at(1))], NODE)
    change(store, "UPDATE scheduler_runs SET result = '{'")
    stored = store.get_run(run.id)
    assert (stored.state, stored.result) == (RunState.SUCCESS, None)
    assert stored.reason.startswith("result cannot be read: ")


@dataclass(frozen=True)
class Point:
    x: int
    y: int


def test_registered_dataclasses_can_be_arguments_and_are_exported(sqlite_url):
    store = opened(sqlite_url, dataclasses=[Point])
    job = make_job("job", args=(Point(1, 2),))
    store.write_jobs(add=[job])
    assert store.get_job("job") == job
    assert store.codec.decode(store.codec.encode(job)) == job
    store.close()


def test_a_long_reason_is_shortened(store):
    job = make_job("job")
    run = make_run(job)
    record(store, job, run)
    with store.turn() as turn:
        turn.finish([run.moved(RunState.SUCCESS, result={"x" * 9_000: object()}, finished_at=at(1))], NODE)
    assert len(store.get_run(run.id).reason) <= 500


@pytest.mark.parametrize("value", [0, -1, True, "5", 1.5, None])
def test_a_limit_of_results_that_is_none_is_refused(value):
    with pytest.raises(JobStoreError, match="max_result must be a whole number of characters from 1, not"):
        SQLAlchemyJobStore("sqlite://", max_result=value)


def test_a_result_longer_than_allowed_is_not_stored_and_the_reason_says_how_long_it_was(database):
    url, prefix = database
    store = opened(url, prefix=prefix, max_result=1_000)
    job = make_job("job", max_instances=9)
    runs = [make_run(job, 1), make_run(job, 2)]
    record(store, job, *runs)
    with store.turn() as turn:
        results = ["x" * 998, "x" * 4_998]
        turn.finish(
            [
                run.moved(RunState.SUCCESS, result=result, finished_at=at(3))
                for run, result in zip(runs, results, strict=True)
            ],
            NODE,
        )
    kept, dropped = (store.get_run(run.id) for run in runs)
    assert (kept.result, kept.reason) == (results[0], None)
    assert (dropped.state, dropped.result) == (RunState.SUCCESS, None)
    assert dropped.reason == "result not stored: 5,000 characters of JSON, more than max_result=1,000"
    store.close()


def test_progress_longer_than_allowed_is_not_stored_and_says_how_long_it_was(sqlite_url):
    store = opened(sqlite_url, max_result=1_000)
    job = make_job("job")
    run = make_run(job)
    record(store, job, run)
    with store.turn() as turn:
        assert turn.progress([run.evolved(progress=Progress("P", {"text": "x" * 4_000}, START))], NODE) == {run.id}
    progress = store.get_run(run.id).progress
    assert (progress.state, progress.updated_at) == ("P", START)
    assert re.fullmatch(
        r"progress not stored: 4,\d\d\d characters of JSON, more than max_result=1,000", progress.meta["not stored"]
    )
    store.close()


@pytest.mark.parametrize(
    "meta",
    [None, 5, [1], {"lock": object()}, {1: {2: {3: object()}}}],
    ids=["none", "number", "list", "no JSON", "no JSON inside"],
)
def test_progress_that_is_none_stops_nobody(store, meta):
    job = make_job("job", max_instances=2)
    runs = [make_run(job, 1), make_run(job, 2)]
    record(store, job, *runs)
    said = [runs[0].evolved(progress=Progress("P", meta, START)), runs[1].evolved(progress=Progress("P", {}, START))]
    with store.turn() as turn:
        assert turn.progress(said, NODE) == {run.id for run in runs}
    assert list(store.get_run(runs[0].id).progress.meta) == ["not stored"]
    assert store.get_run(runs[1].id) == said[1]


def test_progress_and_attempts_can_be_read_by_a_person(store):
    job = make_job("job")
    run = make_run(job)
    record(store, job, run)
    attempts = (Attempt(1, at(1), at(2), NODE, "E: x", "timeout"), Attempt(2, None, at(3), None, None))
    again = run.moved(
        RunState.RETRY, node=None, ready_at=at(9), attempts=attempts, progress=Progress("P", {"n": 1}, START)
    )
    with store.turn() as turn:
        turn.finish([again], NODE)
    with store._engine.connect() as connection:
        row = connection.execute(text("SELECT progress, attempts FROM scheduler_runs")).one()
    progress, found = map(json.loads, row)
    assert (progress["state"], progress["meta"]) == ("P", {"n": 1})
    assert [attempt["number"] for attempt in found] == [1, 2]
    assert found[0]["error"] == "E: x"


def test_runs_with_and_without_attempts_progress_and_cause_are_written_together(database):
    url, prefix = database
    store = opened(url, prefix=prefix)
    job = make_job("job", max_instances=9)
    store.write_jobs(add=[job])
    runs = [make_run(job, 1), make_run(job, 2, cause="another run"), make_run(job, 3)]
    with store.turn() as turn:
        turn.insert(runs)
    assert store.get_runs(newest_first=False) == runs
    said = [run.evolved(progress=Progress("P", {"n": number}, START)) for number, run in enumerate(runs)]
    attempts = (Attempt(1, at(1), at(2), NODE, "E", None),)
    changes = [{"attempts": attempts, "progress": None}, {}, {}]
    ended = [
        run.moved(RunState.RETRY, node=None, ready_at=START, **fields)
        for run, fields in zip(said, changes, strict=True)
    ]
    with store.turn() as turn:
        turn.progress(said, NODE)
        turn.finish(ended, NODE)
    assert store.get_runs(newest_first=False) == ended
    with store.turn() as turn:
        begun = [begin(run, node=NODE, now=START) for run, _ in turn.claim({"default": 9}, ()).runs]
        turn.record([], begun)
    assert [(run.attempt, run.progress, run.attempts) for run in store.get_runs(newest_first=False)] == [
        (2, None, attempts),
        (2, None, ()),
        (2, None, ()),
    ]
    store.close()


def test_the_column_of_whom_a_job_follows_is_that_of_its_trigger(store):
    def column():
        with store._engine.connect() as connection:
            return connection.execute(text("SELECT follows FROM scheduler_jobs")).scalar()

    job = make_job("job")
    store.write_jobs(add=[job])
    assert column() is None
    follower = replace(job, trigger=AfterTrigger("täglich"), next_run_time=None)
    store.write_jobs(update=[follower])
    assert column() == "täglich"
    with store.turn() as turn:
        turn.record([Plan(store.get_job("job"), None)], [])
    assert column() == "täglich"
    assert store.get_job("job").follows == "täglich"
    store.write_jobs(update=[replace(store.get_job("job"), trigger=job.trigger)])
    assert column() is None


def test_a_result_whose_reading_raises_does_not_keep_its_run_from_ending(store):
    job = make_job("job")
    run = make_run(job)
    record(store, job, run)
    result = [datetime.max.replace(tzinfo=pytz.timezone("America/New_York"))]
    with store.turn() as turn:
        assert turn.finish([run.moved(RunState.SUCCESS, result=result, finished_at=at(1))], NODE)
    stored = store.get_run(run.id)
    assert (stored.state, stored.result) == (RunState.SUCCESS, None)
    assert stored.reason.startswith("result not stored: result[0]: ")


def test_a_job_may_fire_more_often_than_32_bits_can_count(database):
    url, prefix = database
    store = opened(url, prefix=prefix)
    job = make_job("job", version=2**31 - 1)
    store.write_jobs(add=[job])
    with store.turn() as turn:
        turn.record([Plan(job, at(60), starts=(make_run(job),))], [])
    assert store.get_job("job").version == 2**31
    store.close()


def test_a_run_that_the_table_refuses_is_not_taken_for_a_changed_job(database):
    url, prefix = database
    store = opened(url, prefix=prefix)
    job = make_job("job")
    store.write_jobs(add=[job])
    with pytest.raises(IntegrityError, match=r"(?i)not.null"), store.turn() as turn:
        turn.record([Plan(job, at(60), starts=(make_run(job, executor=None),))], [])
    assert store.get_job("job") == job
    store.close()


def test_ids_do_not_depend_on_the_sort_order_of_a_language(database):
    url, prefix = database
    store = opened(url, prefix=prefix)
    names = ["Z", "a", "é", "z", "ä", "_", "B"]
    store.write_jobs(add=[make_job(name) for name in names])
    assert ids(store.get_jobs()) == sorted(names)
    store.close()
