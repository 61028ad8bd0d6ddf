"""The pool of threads: how many there are, what they are called, and how they end."""

import logging
import threading
import weakref

import pytest

from scheduler.clock import SystemClock
from scheduler.executors import Call, ThreadPoolExecutor
from scheduler.testing import FakeClock

PATIENCE = 60.0


class Pool:
    """A started pool, its outcomes, and a gate behind which calls wait."""

    def __init__(self, size, clock):
        self.executor = ThreadPoolExecutor(size)
        self.outcomes = []
        self.came = threading.Semaphore(0)
        self.gate = threading.Event()
        self.executor.start(self.done, clock)

    def done(self, outcome):
        self.outcomes.append(outcome)
        self.came.release()

    def call(self, run_id="run", func=int, *args):
        self.executor.submit([Call(run_id, func, args)])

    def wait(self, count=1):
        for _ in range(count):
            assert self.came.acquire(timeout=PATIENCE)

    def occupy(self, count):
        begun = threading.Semaphore(0)

        def last():
            begun.release()
            self.gate.wait(PATIENCE)

        self.executor.submit([Call(f"lasting-{number}", last) for number in range(count)])
        for _ in range(count):
            assert begun.acquire(timeout=PATIENCE)


@pytest.fixture
def make_pool():
    pools = []

    def make(size=2, clock=None):
        pools.append(Pool(size, clock or SystemClock()))
        return pools[-1]

    yield make
    for pool in pools:
        pool.gate.set()
        assert pool.executor.stop(PATIENCE)


def threads_named(prefix="scheduler-worker-"):
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith(prefix))


def test_threads_are_started_as_they_are_needed_and_end_with_the_pool(make_pool):
    before = threads_named()
    pool = make_pool(3)
    assert threads_named() == before
    pool.occupy(1)
    assert threads_named() == ["scheduler-worker-1"]
    pool.call()
    pool.wait()
    assert threads_named() == ["scheduler-worker-1", "scheduler-worker-2"]
    pool.occupy(2)
    pool.call()
    assert threads_named() == ["scheduler-worker-1", "scheduler-worker-2", "scheduler-worker-3"]
    pool.gate.set()
    assert pool.executor.stop(PATIENCE)
    assert threads_named() == before


def test_a_thread_that_is_free_is_used_again(make_pool):
    pool = make_pool(5)
    for _ in range(20):
        pool.call("run", threading.get_ident)
        pool.wait()
    assert len({outcome.result for outcome in pool.outcomes}) == 1


def test_the_threads_do_not_keep_the_program_alive(make_pool):
    pool = make_pool()
    pool.call("run", lambda: threading.current_thread().daemon)
    pool.wait()
    assert pool.outcomes[0].result is True


def test_a_job_may_stop_the_executor_that_makes_it(make_pool):
    pool = make_pool()
    pool.call("run", pool.executor.stop)
    pool.wait()
    assert pool.outcomes[0].result is False, "its own call has not reported yet"
    assert pool.executor.stop(PATIENCE)


def test_a_later_attempt_takes_the_place_of_one_that_still_waits(make_pool):
    pool = make_pool(1)
    pool.occupy(1)
    pool.call("same", str, "first")
    pool.call("same", str, "second")
    pool.gate.set()
    pool.wait(2)
    assert pool.executor.free_room() >= 1
    assert pool.executor.stop(PATIENCE)
    assert [outcome.result for outcome in pool.outcomes] == [None, "second"]


def test_room_is_exact_after_calls_were_dropped_and_replaced(make_pool):
    pool = make_pool(2, clock := FakeClock())
    assert pool.executor.free_room() == 2
    pool.occupy(2)
    pool.call("same")
    pool.call("same")
    assert pool.executor.cancel("same")
    pool.gate.set()
    pool.wait(2)
    clock.advance(3600)
    assert pool.executor.free_room() == 2


def test_room_grows_with_quick_calls(make_pool):
    """On a clock that stands still every call is quick."""
    pool = make_pool(2, clock := FakeClock())
    grown = []
    for _ in range(10):
        pool.call()
        pool.wait()
        grown.append(pool.executor.free_room())
    assert grown == sorted(grown)
    assert grown[-1] == 2 + 500
    clock.advance(3600)
    assert pool.executor.free_room() == 2


def test_room_grows_also_after_the_call_that_was_measured_is_dropped(make_pool):
    pool = make_pool(1, FakeClock())
    pool.executor.submit([Call("lasting", pool.gate.wait, (PATIENCE,)), Call("dropped", int)])
    assert pool.executor.cancel("dropped")
    pool.gate.set()
    pool.wait()
    pool.call()
    pool.wait()
    assert pool.executor.free_room() > 1


def test_a_pool_that_gets_no_more_threads_works_with_those_it_has(make_pool, monkeypatch, caplog):
    pool = make_pool(3)
    pool.call()
    pool.wait()

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with caplog.at_level(logging.ERROR, logger="scheduler.executors"):
        pool.executor.submit([Call(f"more-{number}", int) for number in range(5)])
        pool.wait(5)
    assert "cannot start thread 2 of 3" in caplog.text


def test_a_pool_that_gets_no_thread_at_all_takes_nothing(make_pool, monkeypatch):
    pool = make_pool(3)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            pool.call("refused")
    pool.call("run")
    pool.wait()
    assert [outcome.run_id for outcome in pool.outcomes] == ["run"]


def test_a_thread_that_waits_keeps_nothing_of_its_last_call_alive(make_pool):
    class Big:
        pass

    gone = threading.Event()
    argument = Big()
    weakref.finalize(argument, gone.set)
    pool = make_pool(1)
    pool.call("run", id, argument)
    pool.wait()
    del argument
    assert gone.wait(PATIENCE)
