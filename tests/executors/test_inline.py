"""The executor that makes its calls within submit: what other threads may do meanwhile."""

import threading

import pytest

from scheduler import RunState, Scheduler, current_run
from scheduler.clock import SystemClock
from scheduler.core.run import Reason
from scheduler.executors import Call, InlineExecutor
from scheduler.testing import FakeClock, VirtualTime
from scheduler.testing.executor_base import Reports

PATIENCE = 60.0


@pytest.fixture
def reports():
    return Reports()


@pytest.fixture
def executor(reports):
    executor = InlineExecutor()
    executor.start(reports.done, SystemClock())
    return executor


class Lasting:
    """A call that lasts until it is told to end, made in a thread."""

    def __init__(self, executor):
        self.began = threading.Event()
        self.thread = threading.Thread(
            target=executor.submit, args=([Call("run", self.last)],), name="the one that submits"
        )
        self.thread.start()
        assert self.began.wait(PATIENCE)

    def last(self):
        self.began.set()
        current_run().cancelled.wait(PATIENCE)
        return current_run().told_why

    def ended(self):
        self.thread.join(PATIENCE)
        return not self.thread.is_alive()


def test_a_call_is_told_to_end_from_another_thread(executor, reports):
    lasting = Lasting(executor)
    assert executor.stuck() == []
    assert executor.cancel("another") is False
    assert executor.cancel("run") is False
    assert lasting.ended()
    assert reports.first().result is None
    assert executor.stuck() == []


def test_a_call_that_does_not_end_is_listed(executor, reports):
    gate, began = threading.Event(), threading.Event()

    def stubborn():
        began.set()
        gate.wait(PATIENCE)

    thread = threading.Thread(target=executor.submit, args=([Call("run", stubborn)],), name="the one that submits")
    thread.start()
    assert began.wait(PATIENCE)
    executor.cancel("run")
    (stuck,) = executor.stuck()
    assert (stuck.run_id, stuck.attempt, stuck.thread) == ("run", 1, "the one that submits")
    assert "in stubborn" in stuck.stack
    gate.set()
    thread.join(PATIENCE)


def test_stop_tells_what_still_runs(executor, reports):
    lasting = Lasting(executor)
    assert executor.stop(0) is False
    assert lasting.ended()
    assert reports.first().result is Reason.SHUTDOWN
    assert executor.stop() is True


def test_coroutine_functions_are_jobs_in_virtual_time():
    async def work():
        return current_run().job_id

    clock = FakeClock()
    scheduler = Scheduler(clock=clock, timezone="UTC")
    scheduler.add_job(work, id="coroutine")
    scheduler.start()
    VirtualTime(clock, scheduler).settle()
    (run,) = scheduler.get_runs("coroutine")
    assert (run.state, run.result) == (RunState.SUCCESS, "coroutine")
