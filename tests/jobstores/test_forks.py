"""In the child of a fork a store lets go of what the parent uses, even in the middle of a turn."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine

from scheduler.core.plan import Plan
from scheduler.core.run import RunState
from scheduler.jobstores import MemoryJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import NODE, START, at, ids, make_job, make_run
from tests.jobstores.stores import opened

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")

FORK_IN_A_TURN = """
import os, sys, threading, warnings
from scheduler.core.plan import Plan
from scheduler.errors import StoreUnavailableError
from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import START, at, ids, make_job, make_run

warnings.filterwarnings("ignore", category=DeprecationWarning)    # newer Pythons warn of forks beside threads
url, prefix = sys.argv[1:]
store = SQLAlchemyJobStore(url, prefix=prefix) if url else MemoryJobStore()
store.open(FakeClock(START))
job = make_job("job")
store.write_jobs(add=[job])
forked, inside = threading.Event(), threading.Event()

def take_a_turn():
    with store.turn() as turn:
        turn.claim({"default": 9}, ())
        turn.record([Plan(job, at(60), starts=(make_run(job),))], [])
        inside.set()
        forked.wait()

thread = threading.Thread(target=take_a_turn)
thread.start()
inside.wait()
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    store.after_fork()
    try:
        store.now()
        print("open", end=" ", flush=True)
    except Exception as error:
        print(type(error).__name__, end=" ", flush=True)
    os.read(reading, 1)                                            # until the parent has ended its turn
    store.open(FakeClock(START))
    store.write_jobs(add=[make_job("child")])
    with store.turn() as turn:
        turn.claim({"default": 9}, ())
    print(*ids(store.get_jobs()), len(store.get_runs()), flush=True)
    os._exit(0)
forked.set()
thread.join()
os.write(writing, b".")
code = os.waitpid(child, 0)[1]
store.write_jobs(add=[make_job("parent")])
print(code, *sorted(ids(store.get_jobs())), len(store.get_runs()), store.get_job("job").version)
store.close()
"""


def fork_in_a_turn(url, prefix):
    """Return what the child printed, and what the parent."""
    command = [sys.executable, "-W", "error", "-c", FORK_IN_A_TURN, url, prefix]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_store_in_a_database_is_whole_in_the_parent_and_can_be_opened_in_the_child(postgresql):
    url, prefix = postgresql
    assert fork_in_a_turn(url, prefix) == ["StoreUnavailableError child job 1", "0 child job parent 1 2"]


def test_a_store_in_memory_is_whole_in_the_parent_and_without_the_turn_in_the_child():
    assert fork_in_a_turn("", "") == ["JobStoreError child job 0", "0 job parent 1 2"]


@contextmanager
def in_a_turn(store, take):
    """Have another thread take a turn meanwhile, as one of the parent's does that is not there in the child."""
    inside, done = threading.Event(), threading.Event()

    def take_a_turn():
        with store.turn() as turn:
            take(turn)
            inside.set()
            done.wait()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(take_a_turn)
        inside.wait()
        yield
        done.set()
        future.result(timeout=30)


def test_a_turn_that_a_fork_cut_off_leaves_nothing_behind_in_memory():
    store = MemoryJobStore()
    store.open(FakeClock(START))
    job, other = make_job("job", coalesce=False), make_job("other", due=30)
    store.write_jobs(add=[job, other])
    before = store.get_jobs(), store.get_runs()

    def take(turn):
        ((claimed, _),) = turn.claim({"default": 9}, ()).jobs
        turn.record([Plan(claimed, at(60), starts=(make_run(job),))], [])
        turn.insert([make_run(job, 5, RunState.PENDING)], [make_job("new", due=None)])

    with in_a_turn(store, take):
        store.after_fork()
        store.open(FakeClock(START))
        assert (store.get_jobs(), store.get_runs()) == before
        with store.turn() as turn:
            assert [job.id for job, _ in turn.claim({"default": 9}, ()).jobs] == ["job"]
            assert turn.next_due(["default"], ["job"]) == at(30)
            assert turn.blockers([job.incarnation]) == {job.incarnation: []}


def test_the_history_of_a_memory_store_is_kept_where_a_fork_cut_off_a_turn():
    store = MemoryJobStore(keep_runs=2)
    store.open(FakeClock(START))
    job = make_job("job", max_instances=9)
    store.write_jobs(add=[job])
    runs = [make_run(job, number) for number in (1, 2, 3)]

    def finish(turn, *numbers):
        ended = [runs[number].moved(RunState.SUCCESS, finished_at=runs[number].scheduled_time) for number in numbers]
        turn.finish(ended, NODE)

    with store.turn() as turn:
        turn.record([Plan(job, at(60), starts=tuple(runs))], [])
        finish(turn, 0, 1)
    with in_a_turn(store, lambda turn: finish(turn, 2)):
        store.after_fork()
        store.open(FakeClock(START))
        assert [run.state for run in store.get_runs()] == [RunState.STARTED, RunState.SUCCESS, RunState.SUCCESS]
        with store.turn() as turn:
            finish(turn, 2)
        assert ids(store.get_runs(newest_first=False)) == ids(runs[1:])


def test_a_given_engine_is_left_to_whoever_gave_it(sqlite_url):
    engine = create_engine(sqlite_url)
    store = opened(engine)
    pool = engine.pool
    store.after_fork()
    assert engine.pool is pool
    engine.dispose()
