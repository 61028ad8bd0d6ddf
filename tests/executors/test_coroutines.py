"""Coroutines on an event loop of the executor's own, beside threads, and in a scheduler."""

import asyncio
import contextvars
import gc
import logging
import os
import threading
import warnings
import weakref

import pytest

from scheduler import RunState, Scheduler
from scheduler.clock import SystemClock
from scheduler.core.settle import Ending
from scheduler.executors import ThreadPoolExecutor
from tests.executors.loops import PATIENCE, Gate, nothing


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


# forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the host has no forks")
def test_the_child_of_a_fork_does_not_close_the_loop_of_its_parent(start):
    gate = Gate()

    async def loop():
        return asyncio.get_running_loop()

    one = start()
    found = weakref.ref(one.outcome(loop).result)
    one.reports.all.clear()
    one.submit(gate.wait)
    gate.began()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        pid = os.fork()
    if not pid:
        try:
            one.executor.after_fork()
            gate._waiting.clear()
            gc.collect()
            alive = found() is not None and not found().is_closed()
        finally:
            os._exit(0 if alive else 1)
    assert os.waitpid(pid, 0)[1] == 0
    gate.open()
    assert one.outcome(nothing).ending is Ending.RETURNED, "the parent's goes on"


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
