"""Coroutines on an event loop: one of the executor's own, a given one, and what they may do to it."""

import asyncio
import contextvars
import gc
import logging
import threading
import time
import warnings

import pytest

from scheduler import InvalidJobError, InvalidSettingError, RunState, Scheduler
from scheduler.clock import SystemClock
from scheduler.core.run import Reason
from scheduler.core.settle import Ending
from scheduler.errors import ExecutorStoppedError
from scheduler.executors import AsyncIOExecutor, Call, ThreadPoolExecutor, coroutines
from scheduler.testing.executor_base import Reports

PATIENCE = 60.0


class Started:
    """A started executor, and what it reports."""

    def __init__(self, executor):
        self.executor = executor
        self.reports = Reports()
        executor.start(self.reports.done, SystemClock())

    def submit(self, func, *args, run_id="run"):
        self.executor.submit([Call(run_id, func, args)])

    def outcome(self, func, *args):
        """Make a call and return how it ended."""
        before = len(self.reports.outcomes)
        self.submit(func, *args)
        self.reports.wait_for(before + 1)
        return self.reports.outcomes[before]


@pytest.fixture
def start():
    started = []

    def make(executor=None):
        started.append(Started(executor or AsyncIOExecutor()))
        return started[-1]

    yield make
    for one in started:
        assert one.executor.stop(PATIENCE)


class Running:
    """An event loop that runs in a thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stop(self):
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)


@pytest.fixture
def running():
    running = Running()
    yield running
    running.stop()
    running.loop.close()


class Gate:
    """What coroutines wait for, and any thread opens."""

    def __init__(self):
        self._begun = threading.Semaphore(0)
        self._waiting = []

    async def wait(self):
        waiting = asyncio.Event()
        self._waiting.append((asyncio.get_running_loop(), waiting))
        self._begun.release()
        await waiting.wait()

    def began(self, count=1):
        for _ in range(count):
            assert self._begun.acquire(timeout=PATIENCE)

    def open(self):
        for loop, waiting in self._waiting:
            loop.call_soon_threadsafe(waiting.set)


async def nothing():
    await asyncio.sleep(0)


def loop_threads():
    return [thread for thread in threading.enumerate() if thread.name == "scheduler-event-loop"]


# the loop of its own


def test_the_thread_of_the_loop_starts_with_the_first_coroutine_and_ends_with_the_executor(start):
    before = loop_threads()
    one = start(ThreadPoolExecutor(2))
    assert one.outcome(int).ending is Ending.RETURNED
    assert loop_threads() == before

    async def loop_and_thread():
        return asyncio.get_running_loop(), threading.current_thread()

    loop, thread = one.outcome(loop_and_thread).result
    assert loop_threads() == [*before, thread]
    assert one.outcome(loop_and_thread).result == (loop, thread)
    assert one.executor.stop(PATIENCE)
    assert not thread.is_alive()
    assert loop.is_closed()


def test_generators_and_tasks_that_runs_leave_behind_are_ended_with_the_loop(start):
    ended = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            ended.append("generator")

    async def forever():
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            ended.append("task")

    async def leave():
        leave.task = asyncio.create_task(forever())
        leave.numbers = numbers()
        async for _ in leave.numbers:
            return

    one = start()
    assert one.outcome(leave).ending is Ending.RETURNED
    assert ended == []
    assert one.executor.stop(PATIENCE)
    assert sorted(ended) == ["generator", "task"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_what_a_task_of_a_run_lets_out_does_not_end_the_loop(start, caplog, error):
    gate = Gate()

    async def let_out():
        raise error

    async def spawn():
        spawn.task = asyncio.create_task(let_out())
        await asyncio.wait({spawn.task})
        spawn.task.exception()
        return "done"

    one = start()
    one.submit(gate.wait, run_id="other")
    gate.began()
    with caplog.at_level(logging.ERROR, logger="scheduler.executors"):
        assert one.outcome(spawn).result == "done"
    assert type(error).__name__ in caplog.text
    assert "the other coroutines go on" in caplog.text
    gate.open()
    one.reports.wait_for(2)


def test_a_run_that_stops_the_loop_does_not_stop_the_others(start):
    async def stop():
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        return "done"

    one = start()
    assert one.outcome(stop).result == "done"
    assert one.outcome(nothing).ending is Ending.RETURNED


def test_a_loop_for_which_there_is_no_thread_is_not_kept(start, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    one = start()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            one.submit(nothing)
    assert one.outcome(nothing).ending is Ending.RETURNED
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        gc.collect()


# beside threads


def test_coroutines_occupy_no_thread(start):
    gate = Gate()
    one = start(ThreadPoolExecutor(1))
    for number in range(20):
        one.submit(gate.wait, run_id=f"waiting-{number}")
    gate.began(20)
    assert one.executor.free_room() >= 1
    assert one.outcome(int).ending is Ending.RETURNED
    gate.open()
    one.reports.wait_for(21)


def test_threads_that_are_busy_do_not_delay_coroutines(start):
    gate = threading.Event()
    one = start(ThreadPoolExecutor(1))
    one.submit(gate.wait, PATIENCE, run_id="busy")
    assert one.outcome(nothing).ending is Ending.RETURNED
    gate.set()


def test_a_coroutine_that_blocks_the_loop_delays_only_coroutines(start):
    gate = threading.Event()

    async def block():
        gate.wait(PATIENCE)

    one = start(ThreadPoolExecutor(1))
    one.submit(block, run_id="blocking")
    one.submit(nothing, run_id="delayed")
    assert one.outcome(int).run_id == "run"
    assert one.reports.ids() == ["run"]
    gate.set()
    one.reports.wait_for(3)


def test_a_coroutine_that_a_plain_function_returns_is_awaited_and_occupies_no_thread(start):
    gate = Gate()
    one = start(ThreadPoolExecutor(1))
    one.submit(lambda: gate.wait(), run_id="handed over")
    gate.began()
    assert one.outcome(int).ending is Ending.RETURNED
    began = one.executor.began("handed over", 1)
    assert 0 < began <= SystemClock().monotonic()
    assert not one.executor.cancel("handed over")
    one.reports.wait_for(2)
    outcome = one.reports.outcomes[1]
    assert (outcome.run_id, outcome.ending) == ("handed over", Ending.LOST)


def test_there_is_no_room_when_there_are_as_many_coroutines_as_may_be(start):
    gate = Gate()
    one = start(ThreadPoolExecutor(5, max_coroutines=2))
    one.submit(gate.wait, run_id="first")
    assert one.executor.free_room() == 1
    one.submit(gate.wait, run_id="second")
    assert one.executor.free_room() == 0
    one.submit(lambda: gate.wait(), run_id="third")
    gate.began(2)
    gate.open()
    gate.began()
    gate.open()
    one.reports.wait_for(3)
    assert one.executor.free_room() >= 2


def test_a_coroutine_that_was_handed_over_may_be_dropped_while_it_waits_for_its_place(start):
    gate = Gate()
    one = start(ThreadPoolExecutor(1, max_coroutines=1))
    one.submit(gate.wait, run_id="first")
    gate.began()
    one.submit(lambda: nothing(), run_id="waiting")
    assert one.outcome(int).ending is Ending.RETURNED, "the thread has handed it over"
    assert one.executor.cancel("waiting")
    gate.open()
    assert one.executor.stop(PATIENCE)
    assert one.reports.ids() == ["run", "first"]


def test_a_coroutine_that_a_thread_returns_after_the_end_is_lost(start):
    gate, began = threading.Event(), threading.Event()

    def late():
        began.set()
        gate.wait(PATIENCE)
        return nothing()

    one = start(ThreadPoolExecutor(1))
    one.submit(late)
    assert began.wait(PATIENCE)
    assert one.outcome(nothing).ending is Ending.RETURNED, "there is a loop"
    assert not one.executor.stop(0)
    gate.set()
    one.reports.wait_for(2)
    assert (one.reports.outcomes[1].ending, one.reports.outcomes[1].result) == (Ending.LOST, None)


# how they end


def test_a_coroutine_that_is_cancelled_may_clean_up_and_is_lost(start):
    gate, cleaned = Gate(), []

    async def clean_up():
        try:
            await gate.wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    one = start()
    one.submit(clean_up)
    gate.began()
    assert not one.executor.cancel("run")
    outcome = one.reports.first()
    assert (outcome.ending, outcome.error) == (Ending.LOST, "CancelledError: its task was cancelled")
    assert cleaned == [True]


def test_what_a_coroutine_answers_when_it_is_cancelled_is_its_outcome(start):
    gate = Gate()

    async def answer():
        try:
            await gate.wait()
        except asyncio.CancelledError:
            return "half"

    one = start()
    one.submit(answer)
    gate.began()
    one.executor.cancel("run")
    assert (one.reports.first().ending, one.reports.first().result) == (Ending.RETURNED, "half")


def test_a_coroutine_that_raises_cancelled_error_by_itself_has_failed(start):
    async def fail():
        raise asyncio.CancelledError("of something else")

    outcome = start().outcome(fail)
    assert (outcome.ending, outcome.error) == (Ending.RAISED, "CancelledError: of something else")


def test_a_coroutine_whose_task_somebody_else_cancels_is_lost(start):
    async def cancel():
        asyncio.current_task().cancel()
        await asyncio.sleep(PATIENCE)

    assert start().outcome(cancel).ending is Ending.LOST


def test_a_coroutine_that_swallows_its_cancellation_is_listed_with_where_it_is(start):
    gate = Gate()

    async def stubborn():
        while True:
            try:
                return await gate.wait()
            except asyncio.CancelledError:
                pass

    one = start(AsyncIOExecutor(1))
    one.submit(stubborn)
    gate.began()
    one.executor.cancel("run")
    gate.began()
    (stuck,) = one.executor.stuck()
    assert (stuck.run_id, stuck.attempt, stuck.thread) == ("run", 1, "scheduler-run-run")
    assert "in stubborn" in stuck.stack
    assert "in wait" in stuck.stack, "down to where it waits"
    assert one.executor.free_room() == 0
    gate.open()
    one.reports.wait_for(1)
    assert one.executor.stuck() == []


def test_a_coroutine_that_blocks_the_loop_is_listed_with_what_it_does(start):
    gate, began = threading.Event(), threading.Event()

    async def block():
        await asyncio.sleep(0)
        began.set()
        blocking_call(gate)

    one = start()
    one.submit(block)
    assert began.wait(PATIENCE)
    one.executor.cancel("run")
    (stuck,) = one.executor.stuck()
    assert "in blocking_call" in stuck.stack
    gate.set()


def blocking_call(gate):
    gate.wait(PATIENCE)


def test_stop_cancels_what_runs_and_returns_when_that_has_ended(start):
    gate = Gate()
    one = start(AsyncIOExecutor(2))
    for run_id in ("first", "second", "third"):
        one.submit(gate.wait, run_id=run_id)
    gate.began(2)
    assert one.executor.stop(0) is False
    ended = {(outcome.run_id, outcome.ending, outcome.reason) for outcome in one.reports.outcomes}
    assert ended == {("first", Ending.LOST, Reason.SHUTDOWN), ("second", Ending.LOST, Reason.SHUTDOWN)}
    assert one.reports.outcomes[0].error == "the scheduler was shut down before the function ended"


def test_stop_does_not_wait_for_ever_for_one_that_swallows_its_cancellation(start, monkeypatch):
    monkeypatch.setattr(coroutines, "GRACE", 0.01)
    gate = Gate()

    async def stubborn():
        while True:
            try:
                return await gate.wait()
            except asyncio.CancelledError:
                pass

    one = start()
    one.submit(stubborn)
    gate.began()
    assert not one.executor.stop(0)
    assert [stuck.run_id for stuck in one.executor.stuck()] == ["run"]
    gate.open()
    assert one.executor.stop(PATIENCE)
    assert one.reports.outcomes[0].ending is Ending.RETURNED


def test_a_coroutine_may_stop_the_executor_that_runs_it(start):
    one = start()

    async def stop():
        return one.executor.stop()

    outcome = one.outcome(stop)
    assert outcome.result is False, "it could not wait for itself"


# what they see


def test_nothing_that_a_coroutine_sets_is_seen_by_others(start):
    variable = contextvars.ContextVar("variable", default="nothing")
    variable.set("the submitter's")

    async def see_and_set():
        seen = variable.get()
        variable.set("a coroutine's")
        await asyncio.sleep(0)
        return seen, variable.get()

    one = start(ThreadPoolExecutor(1))
    for func in (see_and_set, see_and_set, lambda: see_and_set()):
        assert one.outcome(func).result == ("nothing", "a coroutine's")


# a given loop


@pytest.mark.parametrize("make", [AsyncIOExecutor, ThreadPoolExecutor])
@pytest.mark.parametrize("lent", [False, True], ids=["given", "lent"])
def test_coroutines_run_on_the_loop_that_is_given(start, running, make, lent):
    async def loop():
        return asyncio.get_running_loop()

    executor = make() if lent else make(loop=running.loop)
    if lent:
        executor.use_loop(running.loop)
    one = start(executor)
    assert one.outcome(loop).result is running.loop
    assert one.executor.stop(PATIENCE)
    assert running.loop.is_running(), "who runs it ends it"


def test_a_loop_that_was_given_is_kept_when_another_is_lent(start, running):
    async def loop():
        return asyncio.get_running_loop()

    executor = AsyncIOExecutor(loop=running.loop)
    executor.use_loop(asyncio.new_event_loop())
    executor._lent.close()
    assert start(executor).outcome(loop).result is running.loop


def test_there_is_no_room_on_a_loop_that_is_closed(start, running):
    one = start(AsyncIOExecutor(loop=running.loop))
    assert one.executor.free_room() == 1000
    running.stop()
    running.loop.close()
    assert one.executor.free_room() == 0
    with pytest.raises(ExecutorStoppedError, match="the event loop that it was given is closed"):
        one.submit(nothing)


def test_stop_does_not_wait_for_a_loop_that_somebody_has_stopped(running):
    gate = Gate()
    one = Started(AsyncIOExecutor(loop=running.loop))
    one.submit(gate.wait)
    gate.began()
    running.stop()
    assert one.executor.stop() is False
    while not one.reports.outcomes:
        running.loop.run_until_complete(asyncio.sleep(0))
    assert one.reports.first().ending is Ending.LOST


def test_stop_does_not_wait_in_the_thread_of_the_loop(running):
    gate = Gate()
    one = Started(AsyncIOExecutor(loop=running.loop))
    one.submit(gate.wait)
    gate.began()

    async def stop():
        return one.executor.stop()

    assert asyncio.run_coroutine_threadsafe(stop(), running.loop).result(PATIENCE) is False
    assert one.reports.first().ending is Ending.LOST


def test_the_task_factory_of_a_given_loop_is_used(start, running):
    made = []

    def factory(loop, coroutine, **options):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    running.loop.set_task_factory(factory)
    assert start(AsyncIOExecutor(loop=running.loop)).outcome(nothing).ending is Ending.RETURNED
    assert made


def test_a_task_that_cannot_be_made_is_a_failure(start, running):
    def factory(loop, coroutine, **options):
        coroutine.close()
        raise MemoryError("no more tasks")

    running.loop.set_task_factory(factory)
    outcome = start(AsyncIOExecutor(loop=running.loop)).outcome(nothing)
    assert (outcome.ending, outcome.error) == (Ending.RAISED, "MemoryError: no more tasks")
    running.loop.set_task_factory(None)


def test_outcomes_are_delivered_without_blocking_the_loop(start, running):
    """The inbox takes what the loop's own thread delivers: nothing waits for another thread meanwhile."""
    threads = []
    executor = AsyncIOExecutor(loop=running.loop)
    executor.start(lambda outcome: threads.append(threading.current_thread()), SystemClock())
    executor.submit([Call("run", nothing)])
    assert executor.stop(PATIENCE)
    assert threads == [running.thread]


# what is refused


@pytest.mark.parametrize("make", [AsyncIOExecutor, ThreadPoolExecutor])
@pytest.mark.parametrize("wrong", [0, -1, 10_001, True, 2.0, "3", None], ids=repr)
def test_a_wrong_number_of_coroutines_is_refused(make, wrong):
    with pytest.raises(InvalidSettingError, match="max_coroutines must be a whole number from 1 to 10000, not"):
        make(max_coroutines=wrong)


@pytest.mark.parametrize("make", [AsyncIOExecutor, ThreadPoolExecutor])
@pytest.mark.parametrize("wrong", [asyncio, "loop", 5], ids=repr)
def test_what_is_no_event_loop_is_refused(make, wrong):
    with pytest.raises(InvalidSettingError, match="loop must be an asyncio event loop or None, not"):
        make(loop=wrong)


@pytest.mark.parametrize("func", [time.sleep, lambda: nothing()], ids=["plain", "returns one"])
def test_an_executor_of_coroutines_refuses_other_functions_with_a_remedy(func):
    with pytest.raises(InvalidJobError, match=r"is no coroutine function.*'async def', or choose a ThreadPoolExecutor"):
        AsyncIOExecutor().check(func, {})


def test_a_function_that_has_become_plain_since_its_job_was_added_is_a_failure(start):
    called = []
    outcome = start().outcome(called.append, 1)
    assert (outcome.ending, called) == (Ending.RAISED, [])
    assert "is no coroutine function" in outcome.error


# in a scheduler


def test_what_is_due_begins_at_once_as_long_as_coroutines_leave_room():
    gate = Gate()
    scheduler = Scheduler(executors={"default": ThreadPoolExecutor(1)}, timezone="UTC")
    for number in range(20):
        scheduler.add_job(gate.wait, id=f"job-{number}")
    with scheduler:
        gate.began(20)
        gate.open()
    assert {run.state for run in scheduler.get_runs()} == {RunState.SUCCESS}
