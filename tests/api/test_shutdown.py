"""What shutdown() does with what runs, and where it may be called: on real threads, without sleeping."""

import os
import signal
import threading
from datetime import timedelta

import pytest

from scheduler import (
    InvalidSettingError,
    RunState,
    RunTimeoutError,
    Scheduler,
    SchedulerShutdown,
    current_run,
)
from scheduler.executors import InlineExecutor, ThreadPoolExecutor
from scheduler.jobstores import MemoryJobStore
from scheduler.runtime import shutdown
from tests.api import jobs
from tests.api.jobs import act

SOON = 20.0
"""Seconds after which a test gives up on what should happen at once."""


@pytest.fixture
def let_go():
    """Set when the test has ended, and with it what it has blocked."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def stopped():
    """Set when `real` has stopped."""
    return threading.Event()


@pytest.fixture
def real(make, stopped):
    """A scheduler in memory, on the machine's own clock."""
    scheduler = make()
    scheduler.add_listener(lambda event: stopped.set(), SchedulerShutdown)
    return scheduler


class MeetsOthers(ThreadPoolExecutor):
    """Stops only while another one does."""

    def __init__(self, meeting):
        super().__init__(1)
        self.meeting = meeting
        self.met = False

    def stop(self, timeout=None):
        self.meeting.wait(SOON)
        self.met = True
        return super().stop(timeout)


def be_busy(scheduler, let_go):
    """Start, and wait until a job has begun that ends when it is let go."""
    began = threading.Event()

    def action():
        began.set()
        let_go.wait(SOON)

    jobs.present["action"] = action
    scheduler.start()
    scheduler.add_job(act, id="a")
    assert began.wait(SOON)


def test_executors_are_stopped_side_by_side(make):
    meeting = threading.Barrier(2)
    executors = {"default": MeetsOthers(meeting), "other": MeetsOthers(meeting)}
    scheduler = make(executors=executors)
    scheduler.start()
    scheduler.shutdown()
    assert [executor.met for executor in executors.values()] == [True, True]
    meeting.abort()


class Unstoppable(ThreadPoolExecutor):
    def stop(self, timeout=None):
        super().stop(timeout)
        raise RuntimeError("it does not want to")


def test_an_executor_that_cannot_be_stopped_keeps_nothing_else_from_it(make, caplog):
    scheduler = make(executors={"default": Unstoppable(1), "other": ThreadPoolExecutor(1)})
    with scheduler:
        handles = [scheduler.submit(int, executor=alias) for alias in ("default", "other")]
        assert [handle.get(timeout=SOON) for handle in handles] == [0, 0]
    assert not scheduler.running
    assert "stopping executor 'default' failed" in caplog.text


@pytest.mark.parametrize("timeout", [-1, "5", True, float("nan"), timedelta(-1)], ids=repr)
def test_a_wrong_timeout_is_refused_and_the_scheduler_goes_on(real, timeout):
    real.start()
    with pytest.raises(
        InvalidSettingError, match=r"timeout must be None \(no limit\), or seconds \(or a timedelta\) from 0, not"
    ):
        real.shutdown(timeout=timeout)
    assert real.running


@pytest.mark.parametrize("timeout", [1e300, float("inf"), 2**62], ids=repr)
def test_a_huge_timeout_is_no_limit(real, timeout):
    real.start()
    real.shutdown(timeout=timeout)
    assert not real.running


def test_a_call_in_the_loops_own_thread_does_not_hold_up_a_shutdown_for_ever(make, let_go, monkeypatch, caplog):
    for name in "RECORDED", "LOOP_ENDED", "CALLS_ENDED":
        monkeypatch.setattr(shutdown, name, 0.05)
    scheduler = make(executors={"default": InlineExecutor()})
    be_busy(scheduler, let_go)
    scheduler.shutdown(timeout=0.01)
    assert not scheduler.running
    assert not let_go.is_set()
    assert "A call in the scheduler's own thread does not end" in caplog.text


def test_a_coroutine_may_shut_its_scheduler_down(real, stopped):
    async def shut_down():
        real.shutdown()
        return "done"

    real.start()
    handle = real.submit(shut_down)
    assert stopped.wait(SOON)
    assert (handle.state, handle.get()) == (RunState.SUCCESS, "done")


def test_a_run_that_has_timed_out_may_shut_its_scheduler_down(real, stopped, let_go):
    def outlive():
        current_run().cancelled.wait(SOON)
        let_go.wait(SOON)
        real.shutdown()

    real.start()
    handle = real.submit(outlive, timeout=0.01)
    with pytest.raises(RunTimeoutError):
        handle.get(timeout=SOON)
    let_go.set()
    assert stopped.wait(SOON)


def test_a_job_may_start_a_scheduler_of_its_own_and_wait_for_it(real):
    began, leave = threading.Event(), threading.Event()

    def innermost():
        began.set()
        leave.wait(SOON)
        return current_run().run_id

    def nested():
        with Scheduler(timezone="UTC") as inner:
            handle = inner.submit(innermost)
            began.wait(SOON)
            threading.Timer(0.0, leave.set).start()
        return handle.state, handle.get(), current_run().run_id

    real.start()
    state, inside, outside = real.submit(nested).get(timeout=SOON)
    assert state is RunState.SUCCESS
    assert inside != outside
    assert real.running


def test_a_job_of_a_nested_scheduler_may_shut_that_down(real):
    def nested():
        over = threading.Event()
        inner = Scheduler(timezone="UTC")
        inner.add_listener(lambda event: over.set(), SchedulerShutdown)
        inner.start()
        inner.submit(inner.shutdown)
        return over.wait(SOON) and not inner.running

    real.start()
    assert real.submit(nested).get(timeout=SOON)
    assert real.running


@pytest.mark.parametrize("wait", [5, 0, 0.5, None, "no", timedelta(seconds=5)], ids=str)
def test_how_long_to_wait_is_another_argument_than_whether(real, wait):
    real.start()
    with pytest.raises(InvalidSettingError, match=r"wait must be True or False, not .*pass timeout=5"):
        real.shutdown(wait)
    assert real.running


def test_run_forever_refuses_a_wrong_timeout_before_it_starts(real):
    with pytest.raises(InvalidSettingError, match="timeout must be None"):
        real.run_forever(timeout=-1)
    assert not real.running


def test_run_forever_waits_for_runs_no_longer_than_it_is_told(real, let_go):
    def asks_the_program_to_end():
        os.kill(os.getpid(), signal.SIGTERM)
        let_go.wait(SOON)

    assert threading.current_thread() is threading.main_thread()
    run = real.submit(asks_the_program_to_end)
    real.run_forever(timeout=timedelta(milliseconds=10))
    assert (run.state, run.reason) == (RunState.LOST, "shutdown")


def test_no_run_fails_because_its_executor_was_stopped(make, url):
    """Whatever is being claimed and handed over at the time of a shutdown is called, or is lost; it never fails."""
    scheduler = make(url)
    for number in range(300):
        scheduler.add_job("builtins:int", "interval", seconds=0.001, id=f"job-{number}", retry=1)
        if number % 100 == 99:
            scheduler.start()
            scheduler.shutdown(wait=number % 200 == 99)
    states = {run.state for run in scheduler.get_runs(limit=100_000)}
    assert states <= {RunState.SUCCESS, RunState.SKIPPED, RunState.RETRY, RunState.PENDING}


class Diary(MemoryJobStore):
    """Writes down what a node does last."""

    shared = True

    def __init__(self):
        super().__init__()
        self.entries = []

    def heartbeat(self, node, *, register):
        self.entries.append("beat")
        return super().heartbeat(node, register=register)

    def close(self):
        self.entries.append("close")

    def turn(self):
        context = super().turn()
        entries = self.entries

        class Noted:
            def __enter__(self):
                turn = context.__enter__()
                for name in "finish", "forget":
                    setattr(turn, name, self.noted(name, getattr(turn, name)))
                return turn

            def __exit__(self, *error):
                return context.__exit__(*error)

            @staticmethod
            def noted(name, method):
                def call(*args):
                    if args[0]:
                        entries.append(name)
                    return method(*args)

                return call

        return Noted()


def test_the_signs_of_life_stop_last(make, let_go):
    store = Diary()
    scheduler = make(store)
    be_busy(scheduler, let_go)
    scheduler.shutdown(wait=False)
    assert store.entries[-3:] == ["finish", "forget", "close"]
    assert "beat" in store.entries
