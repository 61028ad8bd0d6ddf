"""Workers that hang before they call a function: how long they may, and what comes of the calls that wait for them."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from scheduler.core.settle import Ending
from scheduler.executors import Call, process, process_pool
from scheduler.executors.worker import Word, pack
from scheduler.testing import FakeClock
from tests.executors import process_calls as calls


class SteppingClock(FakeClock):
    """One that may advance with each look at it."""

    step = 0.0

    def monotonic(self):
        self.advance(self.step)
        return super().monotonic()


@pytest.fixture
def clock(monkeypatch):
    """The time of workers, which passes only when it is told to."""
    clock = SteppingClock()
    monkeypatch.setattr(process, "CLOCK", clock)
    for module in process, process_pool:
        monkeypatch.setattr(module, "LOOK", 0.02)
    return clock


@pytest.fixture
def worker(clock):
    """One that is ready, and has 60 seconds to load a call."""
    worker = process.WorkerProcess(multiprocessing.get_context("spawn"), "worker", None, (), 60.0)
    assert worker.receive() == (Word.READY, b"")
    yield worker
    worker.kill()
    worker.end()


def until_it_ends(worker):
    with pytest.raises((EOFError, OSError)):
        worker.receive()
    return worker.end()


def wait_until_it_hangs(pipe):
    assert Path(pipe).read_text() == "begun"


# workers that start


def test_a_worker_that_is_not_ready_in_time_is_killed_and_the_call_goes_to_the_next(make_process_pool, clock, pipe):
    pool = make_process_pool(1, initializer=calls.open_and_wait_at_first, initargs=(pipe, 2), start_timeout=20.0)
    pool.submit("run", calls.add, 1)
    for _ in range(2):
        wait_until_it_hangs(pipe)
        clock.advance(20.0)
    assert pool.wait_for("run").result == 1


def test_a_call_for_which_three_workers_are_not_ready_in_time_is_lost_and_says_why(
    make_process_pool, clock, pipe, caplog
):
    pool = make_process_pool(1, initializer=calls.open_and_wait_at_first, initargs=(pipe, 3), start_timeout=20.0)
    pool.submit("run", calls.add, 1)
    for _ in range(3):
        wait_until_it_hangs(pipe)
        clock.advance(20.0)
    outcome = pool.wait_for("run")
    why = "before it was ready, as that took longer than 20 seconds (start_timeout)"
    assert (outcome.ending, why in outcome.error) == (Ending.LOST, True)
    assert caplog.text.count("as that took longer than 20 seconds (start_timeout)") == 3
    assert pool.call(calls.add, 1).result == 1


# workers that wait


@pytest.mark.parametrize("size", [1, 10_000_000], ids=["small", "large"])
def test_a_worker_that_does_not_take_a_call_is_killed_and_the_call_goes_to_the_next(
    make_process_pool, monkeypatch, size
):
    for module in process, process_pool:
        monkeypatch.setattr(module, "LOOK", 0.02)
    pool = make_process_pool(1)
    first = pool.call(os.getpid).result
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr(process, "TAKEN_WITHIN", 1.0)
    assert pool.call(len, bytes(size)).result == size
    assert [one.pid == first for one in pool.workers()] == [False]


def test_a_worker_has_ten_seconds_to_take_a_call_and_more_for_a_large_one(worker, clock):
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGSTOP)
    worker.call(pack(Call("run", len, [bytes(100_000)])))
    clock.advance(10.0)
    worker.kill_if_late()
    assert worker.too_late == ""
    clock.advance(0.1)
    assert "was killed by SIGKILL" in until_it_ends(worker)
    assert worker.too_late == ", as that took longer than 10.01 seconds"


def test_a_worker_has_its_start_timeout_to_load_a_call(worker, clock, pipe):
    worker.call(pack(Call("run", calls.add, [calls.HangsOnLoading(pipe)])))
    wait_until_it_hangs(pipe)
    clock.step = 1.0
    assert "was killed by SIGKILL" in until_it_ends(worker)
    assert worker.too_late == ", as that took longer than 60 seconds (start_timeout)"


def test_a_worker_that_calls_a_function_has_any_time(worker, clock):
    worker.call(pack(Call("run", calls.begin_and_wait)))
    assert worker.receive()[0] is Word.BEGAN
    clock.advance(1_000_000.0)
    assert worker.receive()[0] is Word.PROGRESS
    worker.kill_if_late()
    assert worker.too_late == ""


# workers that are stopped in the middle


def test_a_worker_that_is_stopped_in_the_middle_of_a_message_is_ended_when_its_call_is_cancelled(
    make_process_pool, monkeypatch
):
    monkeypatch.setattr(process, "GRACE", 0.1)
    pool = make_process_pool(1)
    pid = pool.occupy("run", calls.stop_in_the_middle_of_a_message)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    pool.executor.cancel("run")
    assert "SIGKILL" in pool.wait_for("run").error
    assert pool.call(calls.add, 1).result == 1


def test_a_worker_that_is_killed_in_the_middle_of_a_message_is_noticed_though_a_child_of_it_keeps_the_pipe(
    make_process_pool, monkeypatch
):
    monkeypatch.setattr(process, "GRACE", 0.1)
    pool = make_process_pool(1)
    assert "SIGKILL" in pool.call(calls.die_and_leave_the_pipe_to_a_child).error
    assert pool.call(calls.add, 1).result == 1


# workers that fork


@pytest.mark.parametrize(("func", "code"), [(calls.fork_and_wait, 0), (calls.fork_and_fail, 1)])
def test_a_child_that_a_function_has_forked_ends_when_it_returns_and_takes_no_calls(make_process_pool, func, code):
    pool = make_process_pool(1)
    assert pool.call(func).result == code
    assert [pool.call(calls.add, number).result for number in range(5)] == list(range(5))


def test_a_child_that_an_initializer_has_forked_ends_when_it_returns(make_process_pool):
    pool = make_process_pool(1, initializer=calls.fork_and_wait)
    assert pool.call(calls.add, 1).result == 1
    assert len(pool.reports) == 1
