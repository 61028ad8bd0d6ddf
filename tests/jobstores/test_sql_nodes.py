"""Several schedulers on one SQL database: locks, races, dropped connections, and whose time counts."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from scheduler.core.plan import Plan
from scheduler.core.run import RunState
from scheduler.errors import StoreUnavailableError
from scheduler.jobstores import SQLAlchemyJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import NODE, OTHER_NODE, START, at, ids, make_job, make_run
from scheduler.testing.jobstore_nodes import make_node
from tests.jobstores.stores import opened


@pytest.fixture
def pair(postgresql):
    """Two stores on the same tables."""
    url, prefix = postgresql
    named = make_url(url).update_query_dict({"application_name": prefix})
    stores = [opened(named, prefix=prefix, timeout=20) for _ in range(2)]
    yield stores
    for store in stores:
        store.close()


def record(store, job, *runs, next_due=None):
    store.write_jobs(add=[job])
    starts = tuple(run for run in runs if run.state is RunState.STARTED)
    queued = tuple(run for run in runs if run.state is RunState.PENDING)
    with store.turn() as turn:
        turn.record([Plan(job, next_due, starts=starts, queued=queued)], [])


def end(run):
    return run.moved(RunState.SUCCESS, finished_at=START)


def blocked(pool, store, call):
    """Run `call` in a thread, and return its future as soon as it waits for a lock."""
    future = pool.submit(call)
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = :name")
    with create_engine(store._engine.url, poolclass=NullPool).connect() as connection:
        while not connection.execute(waiting, {"name": name_of(store)}).scalar():
            connection.rollback()
            assert not future.done(), "it did not wait"
    return future


def name_of(store):
    """Return by which name the server knows the connections of the stores of this test."""
    return store._engine.url.query["application_name"]


def test_a_job_that_another_node_holds_is_passed_over(pair):
    one, two = pair
    one.write_jobs(add=[make_job("a", due=-2), make_job("b", due=-1)])
    with one.turn() as first, two.turn() as second:
        assert [job.id for job, _ in first.claim({"default": 1}, ()).jobs] == ["a"]
        assert [job.id for job, _ in second.claim({"default": 1}, ()).jobs] == ["b"]


def test_a_waiting_run_that_another_node_holds_is_passed_over(pair):
    one, two = pair
    job = make_job("job", coalesce=False)
    runs = [make_run(job, seconds, RunState.PENDING) for seconds in (1, 2)]
    record(one, job, *runs)
    with one.turn() as turn:
        turn.release([job.incarnation] * 2)
    with one.turn() as first, two.turn() as second:
        assert [run.id for run, _ in first.claim({"default": 1}, ()).runs] == [runs[0].id]
        assert [run.id for run, _ in second.claim({"default": 1}, ()).runs] == [runs[1].id]


def test_a_run_that_is_queued_while_the_one_before_it_ends_is_released(pair):
    one, two = pair
    job = make_job("job", coalesce=False)
    run, queued = make_run(job, -1, node=OTHER_NODE), make_run(job, 0, RunState.PENDING)
    record(one, job, run, next_due=START)

    def end_and_release():
        with two.turn() as turn:
            assert turn.finish([end(run)], OTHER_NODE)
            turn.release([job.incarnation])

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            ((claimed, active),) = turn.claim({"default": 1}, ()).jobs
            assert active == 1
            released = blocked(pool, one, end_and_release)
            turn.record([Plan(claimed, at(60), queued=(queued,))], [])
        released.result(timeout=30)
    assert one.get_run(queued.id).ready_at == START


def test_a_run_that_is_queued_while_the_one_before_it_is_missed_is_released(pair):
    one, two = pair
    job = make_job("job", coalesce=False)
    waiting = make_run(job, -1, RunState.PENDING, ready_at=START, executor="that of the other node")
    queued = make_run(job, 0, RunState.PENDING)
    record(one, job, waiting, next_due=START)

    def give_up_and_release():
        with two.turn() as turn:
            turn.record([], [waiting.moved(RunState.SKIPPED, reason="missed", finished_at=START, ready_at=None)])
            turn.release([job.incarnation])

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            ((claimed, active),) = turn.claim({"default": 1}, ()).jobs
            assert active == 1
            released = blocked(pool, one, give_up_and_release)
            turn.record([Plan(claimed, at(60), queued=(queued,))], [])
        released.result(timeout=30)
    assert one.get_run(queued.id).ready_at == START


def test_a_job_whose_last_two_runs_end_on_two_nodes_at_once_is_removed(pair):
    one, two = pair
    job = make_job("job", max_instances=2)
    mine, other = make_run(job, 1), make_run(job, 2, node=OTHER_NODE)
    record(one, job, mine, other)

    def end_other():
        with two.turn() as turn:
            assert turn.finish([end(other)], OTHER_NODE)
            return list(turn.remove_ended(["job"]))

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            turn.finish([end(mine)], NODE)
            assert list(turn.remove_ended(["job"])) == []
            removed = blocked(pool, one, end_other)
        assert removed.result(timeout=30) == ["job"]
    assert one.get_jobs() == []


def test_nodes_that_lock_the_same_runs_wait_for_each_other_and_not_in_a_ring(pair):
    one, two = pair
    job = make_job("job", max_instances=2)
    runs = [make_run(job, 0), make_run(job, 1)]
    record(one, job, *reversed(runs))

    def end_both():
        with two.turn() as turn:
            return turn.finish([end(run) for run in reversed(runs)], NODE)

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            turn.finish([end(runs[0])], NODE)
            waiting = blocked(pool, one, end_both)
            assert turn.finish([end(runs[1])], NODE) == {runs[1].id}
        assert waiting.result(timeout=30) == set()


def test_a_lock_that_is_not_given_back_makes_the_store_unavailable(postgresql):
    url, prefix = postgresql
    one, two = opened(url, prefix=prefix), opened(url, prefix=prefix, timeout=0.05)
    one.write_jobs(add=[make_job("job")])
    with one.turn() as turn:
        turn.claim({"default": 1}, ())
        with pytest.raises(StoreUnavailableError, match="lock"):
            two.remove_job("job")
    two.remove_job("job")
    one.close()
    two.close()


def cut_connections(store):
    """Let the server end all connections of the stores of this test, as a restart of it would."""
    names = text("SELECT pid FROM pg_stat_activity WHERE application_name = :name AND pid <> pg_backend_pid()")
    with create_engine(store._engine.url, poolclass=NullPool).connect() as connection:
        for pid in connection.execute(names, {"name": name_of(store)}).scalars().all():
            connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})


def test_a_connection_that_was_dropped_in_between_is_not_noticed(pair):
    store, _ = pair
    store.write_jobs(add=[make_job("job")])
    cut_connections(store)
    assert ids(store.get_jobs()) == ["job"]


def test_a_connection_that_is_dropped_in_a_turn_undoes_the_turn(pair):
    store, _ = pair
    job = make_job("job")
    store.write_jobs(add=[job])

    def turn_without_end():
        with store.turn() as turn:
            turn.record([Plan(job, None, starts=(make_run(job),))], [])
            cut_connections(store)

    with pytest.raises(StoreUnavailableError):
        turn_without_end()
    assert store.get_jobs() == [job]
    assert store.get_runs() == []


def test_an_error_of_the_program_is_not_taken_for_an_outage(postgresql):
    url, prefix = postgresql
    store = opened(url, prefix=prefix)
    with store._engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {prefix}nodes RENAME COLUMN host TO guest"))
    with pytest.raises(ProgrammingError):
        store.nodes()
    store.close()


class WrongClock(FakeClock):
    """A clock of a machine whose wall time is wrong."""

    virtual = False


def test_on_a_server_its_time_counts_and_goes_on_with_the_monotonic_clock(postgresql):
    url, prefix = postgresql
    clock = WrongClock()
    store = SQLAlchemyJobStore(url, prefix=prefix)
    store.open(clock)
    before = store.now()
    assert abs(before - datetime.now(UTC)) < timedelta(minutes=10)
    clock.jump_to("1999-12-31T23:59:59+00:00")
    assert store.now() == before
    clock.advance(7)
    assert store.now() == before + timedelta(seconds=7)
    store.heartbeat(make_node(NODE), register=True)
    (node,) = store.nodes()
    assert before <= node.heartbeat_at == store.now() < before + timedelta(minutes=10)
    store.close()


@pytest.fixture
def narrow(postgresql):
    """A store that is never heartbeaten, on a single connection, and its clock."""
    url, prefix = postgresql
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    clock = WrongClock()
    store = SQLAlchemyJobStore(engine, prefix=prefix)
    store.open(clock)
    yield store, clock
    store.close()
    engine.dispose()


def test_the_time_of_a_server_is_asked_for_again_when_it_was_long_ago(narrow):
    store, clock = narrow
    before = store.now()
    clock.advance(86_400)  # a clock that runs fast, or a machine that slept
    assert store.now() - before < timedelta(hours=1)


def test_a_turn_asks_for_the_time_on_its_own_connection(narrow):
    store, clock = narrow
    before = store.now()
    clock.advance(86_400)
    with store.turn() as turn:
        assert turn.now - before < timedelta(hours=1)
    clock.advance(86_400)
    store.write_jobs(add=[make_job("job")])
    store.remove_job("job")
    clock.advance(86_400)
    store.remove_all_jobs()
    clock.advance(86_400)
    assert store.next_due(["default"]) is None


def test_a_server_that_cannot_be_asked_for_the_time_is_unavailable(narrow):
    store, clock = narrow
    with store.turn():
        clock.advance(86_400)
        with pytest.raises(StoreUnavailableError):
            store.now()


def test_in_a_file_the_time_of_this_machine_counts(sqlite_url):
    clock = WrongClock()
    store = SQLAlchemyJobStore(sqlite_url)
    store.open(clock)
    clock.jump_to("1999-12-31T23:59:59+00:00")
    assert store.now() == clock.now()
    store.close()


def test_a_file_that_another_process_keeps_locked_is_unavailable_and_then_available(sqlite_url, tmp_path):
    store = opened(sqlite_url, timeout=0.05)
    other = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked"):
        store.write_jobs(add=[make_job("job")])
    assert store.get_jobs() == []
    other.execute("ROLLBACK")
    other.close()
    store.write_jobs(add=[make_job("job")])
    assert ids(store.get_jobs()) == ["job"]
    store.close()


def test_readers_do_not_wait_for_a_turn_and_do_not_see_it(database):
    url, prefix = database
    store = opened(url, prefix=prefix)
    job = make_job("job")
    store.write_jobs(add=[job])
    with store.turn() as turn:
        turn.record([Plan(job, None, starts=(make_run(job),))], [])
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(store.get_jobs).result(timeout=30) == [job]
            assert pool.submit(store.get_runs).result(timeout=30) == []
    assert len(store.get_runs()) == 1
    store.close()


def test_threads_that_write_to_one_file_wait_for_each_other(sqlite_url):
    store = opened(sqlite_url, timeout=0.05)
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with store.turn():
            entered.set()
            assert leave.wait(30)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert entered.wait(30)
        with pytest.raises(StoreUnavailableError, match=r"another thread has kept .* busy for 0\.05 seconds"):
            store.write_jobs(add=[make_job("job")])
        leave.set()
        held.result(timeout=30)
    store.write_jobs(add=[make_job("job")])
    store.close()


def test_in_memory_even_readers_wait_for_a_turn_to_end():
    store = opened("sqlite://", timeout=0.05)
    with store.turn(), ThreadPoolExecutor(1) as pool:
        read = pool.submit(store.get_jobs)
        with pytest.raises(StoreUnavailableError, match="another thread"):
            read.result(timeout=30)
    assert store.get_jobs() == []
    store.close()
