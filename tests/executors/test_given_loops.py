"""Coroutines on an event loop that somebody else runs, and what is refused."""

import asyncio
import threading
import time

import pytest

from scheduler import InvalidJobError, InvalidSettingError
from scheduler.clock import SystemClock
from scheduler.core.settle import Ending
from scheduler.errors import ExecutorStoppedError
from scheduler.executors import AsyncIOExecutor, Call, ThreadPoolExecutor
from tests.executors.loops import PATIENCE, Gate, Started, nothing

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
