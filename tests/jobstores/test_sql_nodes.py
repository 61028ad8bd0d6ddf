"""Several schedulers on one SQL database: locks, races, dropped connections, and whose time counts."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from scheduler.core.plan import Plan
from scheduler.errors import StoreUnavailableError
from scheduler.jobstores import SQLAlchemyJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import NODE, ids, make_job, make_run
from scheduler.testing.jobstore_nodes import make_node
from tests.jobstores.stores import name_of, opened


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
