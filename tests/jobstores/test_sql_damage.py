"""Rows that somebody changed by hand, or a newer version wrote, stop neither the store nor the loop."""

import logging

import pytest
from sqlalchemy import text

from scheduler import Scheduler
from scheduler.core.plan import Plan
from scheduler.core.run import RunState
from scheduler.core.settle import begin
from scheduler.testing import FakeClock, VirtualTime
from scheduler.testing.jobstore_base import NODE, OTHER_NODE, START, at, ids, make_job, make_run
from scheduler.triggers import AfterTrigger
from tests.jobstores.stores import opened

calls = []


@pytest.fixture
def store(database):
    url, prefix = database
    store = opened(url, prefix=prefix)
    yield store
    store.close()


def change(store, table, row_id, **values):
    """Change columns of a row behind the store's back."""
    name = getattr(store._tables, table).name
    columns = ", ".join(f"{column} = :{column}" for column in values)
    with store._engine.begin() as connection:
        connection.execute(text(f"UPDATE {name} SET {columns} WHERE id = :row_id"), {**values, "row_id": row_id})


def as_kept(store, value):
    """Only SQLite keeps text in a column of numbers; elsewhere a number stands in that is no time either."""
    return value if store._engine.dialect.name == "sqlite" or not isinstance(value, str) else 2**61


def claim(store, *, places=9, skip=()):
    with store.turn() as turn:
        return turn.claim({"default": places, "other": 1, "full": 0}, skip)


def waiting(store, *seconds):
    """Add a job that is not due, with runs that wait for their second attempt. Returns the runs."""
    job = make_job("job", due=99, max_instances=9)
    store.write_jobs(add=[job])
    runs = [make_run(job, second) for second in seconds]
    with store.turn() as turn:
        turn.record([Plan(job, at(99), starts=tuple(runs))], [])
        turn.finish([run.moved(RunState.RETRY, node=None, ready_at=START) for run in runs], NODE)
    return runs


NO_TIMES = ["soon", 2**62, -(2**62)]


@pytest.mark.parametrize("value", NO_TIMES)
def test_a_job_whose_time_is_none_is_due_now_and_broken(store, value):
    value = as_kept(store, value)
    store.write_jobs(add=[make_job("job"), make_job("sound", due=30)])
    change(store, "jobs", "job", next_run_time=value)
    assert store.next_due(["default"]) == START
    assert store.next_due(["other"]) is None
    ((job, active),) = claim(store).jobs
    assert (job.id, job.broken is None, active) == ("job", False, 0)
    assert sorted((job.id, job.broken is None) for job in store.get_jobs()) == [("job", False), ("sound", True)]


@pytest.mark.parametrize("value", NO_TIMES)
def test_a_job_whose_time_is_none_can_be_left_alone(store, value):
    value = as_kept(store, value)
    store.write_jobs(add=[make_job("job"), make_job("sound", due=30)])
    change(store, "jobs", "job", next_run_time=value)
    assert claim(store, skip=["job"]).jobs == []
    assert claim(store, places=0).jobs == []
    assert store.next_due(["default"], ["job"]) == at(30)


@pytest.mark.parametrize("value", NO_TIMES)
def test_a_waiting_run_whose_time_is_none_is_ready_now(store, value):
    value = as_kept(store, value)
    (run,) = waiting(store, 1)
    change(store, "runs", run.id, ready_at=value)
    assert store.next_due(["default"]) == START
    assert claim(store, skip=["job"]).runs == []
    assert store.next_due(["default"], ["job"]) is None
    with store.turn() as turn:
        ((found, job),) = turn.claim({"default": 9}, ()).runs
        turn.record([], [begin(found, node=OTHER_NODE, now=turn.now)])
    assert (found.id, found.ready_at, job.id) == (run.id, None, "job")
    assert (store.get_run(run.id).state, store.get_run(run.id).attempt) == (RunState.STARTED, 2)
    assert store.next_due(["default"]) == at(99)


@pytest.mark.parametrize(
    "damage", [{"state": "DREAMING"}, {"scheduled_time": 2**62}, {"scheduled_time": -(2**62)}], ids=str
)
def test_a_waiting_run_that_cannot_be_read_is_left_alone_and_takes_no_room(store, damage):
    unreadable, sound = waiting(store, 1, 2)
    change(store, "runs", unreadable.id, **damage)
    assert [run.id for run, _ in claim(store, places=1).runs] == [sound.id]
    with store.turn() as turn:
        turn.record([], [begin(store.get_run(sound.id), node=NODE, now=START)])
        assert turn.next_due(["default"], ()) == at(99)
    assert claim(store).runs == []


def test_a_run_that_cannot_be_read_is_warned_of_once(store, caplog):
    unreadable, sound = waiting(store, 1, 2)
    change(store, "runs", unreadable.id, state="DREAMING")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert ids(store.get_runs()) == [sound.id]
    assert [record.getMessage().count(unreadable.id) for record in caplog.records] == [1]


@pytest.mark.parametrize("column", ["started_at", "finished_at"])
def test_a_run_is_listed_without_a_time_that_is_none(store, column):
    (run,) = waiting(store, 1)
    change(store, "runs", run.id, **{column: 2**62})
    (listed,) = store.get_runs()
    assert (listed.id, getattr(listed, column)) == (run.id, None)


NO_VALUES = ["{", "5", "[]", "[5]", '"text"', "null", '{"$type": "Attempt"}', '{"$type": "nothing"}', "[" * 100_000, ""]


@pytest.mark.parametrize("column", ["progress", "attempts", "cause", "result", "error", "traceback", "reason"])
def test_a_run_is_read_and_goes_on_whatever_a_hand_wrote_into_a_column(store, column):
    runs = waiting(store, *range(len(NO_VALUES)))
    for run, value in zip(runs, NO_VALUES, strict=True):
        change(store, "runs", run.id, **{column: value})
        stored = store.get_run(run.id)
        assert (stored.id, stored.state, stored.progress, stored.attempts) == (run.id, RunState.RETRY, None, ())
        with store.turn() as turn:
            assert turn.open_run(run.id).run == stored
    with store.turn() as turn:
        found = turn.claim({"default": 99}, ()).runs
        turn.record([], [begin(run, node=NODE, now=turn.now) for run, _ in found])
    with store.turn() as turn:
        ended = [run.moved(RunState.SUCCESS, finished_at=START) for run, _ in turn.held(NODE, 99)]
        assert turn.finish(ended, NODE) == {run.id for run in runs}


@pytest.mark.parametrize("value", [b"\xff", 5, 2.5])
@pytest.mark.parametrize("column", ["progress", "attempts", "cause", "result"])
def test_a_run_is_read_whatever_else_than_text_sqlite_keeps_in_a_column(sqlite_url, column, value):
    store = opened(sqlite_url)
    (run,) = waiting(store, 1)
    change(store, "runs", run.id, **{column: value})
    assert store.get_run(run.id).id == run.id
    store.close()


@pytest.mark.parametrize("state", ["SUCCESS", "SKIPPED", "DREAMING"])
def test_a_run_that_has_ended_or_cannot_be_read_is_not_open_even_if_it_does_not_say_when_it_ended(store, state):
    (run,) = waiting(store, 1)
    change(store, "runs", run.id, state=state)
    with store.turn() as turn:
        assert turn.open_run(run.id) is None


def test_a_broken_job_that_follows_is_found_with_the_number_of_its_runs(store):
    store.write_jobs(add=[make_job("follower", due=None, trigger=AfterTrigger("job"))])
    follower = store.get_job("follower")
    with store.turn() as turn:
        turn.insert([make_run(follower, 1)])
    change(store, "jobs", "follower", trigger="?")
    with store.turn() as turn:
        ((job, active),) = turn.followers(["job"])
    assert (job.id, job.broken is None, job.follows, active) == ("follower", False, None, 1)
    with store.turn() as turn:
        assert list(turn.remove_ended(["follower"])) == []


def note(name):
    calls.append(name)


@pytest.mark.parametrize("value", NO_TIMES)
def test_a_job_whose_time_is_none_does_not_keep_others_from_firing(sqlite_url, value):
    calls.clear()
    clock = FakeClock()
    scheduler = Scheduler(sqlite_url, clock=clock, timezone="UTC")
    for name in ("damaged", "sound"):
        scheduler.add_job(note, "interval", seconds=10, id=name, args=(name,))
    store = scheduler.engine.links["default"].store
    store.open(clock)
    change(store, "jobs", "damaged", next_run_time=value)
    scheduler.start()
    VirtualTime(clock, scheduler).advance(30)
    assert calls == ["sound"] * 3
    assert scheduler.health().broken_jobs == 1
    scheduler.shutdown()


def test_a_waiting_run_whose_attempts_cannot_be_counted_on_begins_all_the_same(store):
    (run,) = waiting(store, 0)
    change(store, "runs", run.id, attempt=2**31 - 1)
    with store.turn() as turn:
        ((found, _),) = turn.claim({"default": 9}, ()).runs
        turn.record([], [begin(found, node=NODE, now=turn.now)])
    assert store.get_run(run.id).state is RunState.STARTED


def test_a_job_whose_version_cannot_grow_is_broken_and_disturbs_nobody(store):
    store.write_jobs(add=[make_job("worn-out"), make_job("sound")])
    change(store, "jobs", "worn-out", version=2**63 - 1)
    assert {job.id: job.broken is not None for job, _ in claim(store).jobs} == {"worn-out": True, "sound": False}
