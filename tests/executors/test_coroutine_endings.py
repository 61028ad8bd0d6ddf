"""How coroutines end: cancelled, by themselves, when their executor stops, or not at all."""

import asyncio
import threading

from scheduler.core.run import Reason
from scheduler.core.settle import Ending
from scheduler.executors import AsyncIOExecutor, ThreadPoolExecutor, coroutines
from tests.executors.loops import PATIENCE, Gate, nothing

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


def test_what_a_cancelled_coroutine_does_to_end_is_not_cancelled_as_well(start):
    gate, cleaning = Gate(), Gate()

    async def clean_up():
        try:
            await gate.wait()
        finally:
            await cleaning.wait()

    one = start()
    one.submit(clean_up)
    gate.began()
    one.executor.cancel("run")
    cleaning.began()
    one.executor.cancel("run")
    one.outcome(nothing)
    assert [stuck.run_id for stuck in one.executor.stuck()] == ["run"]
    cleaning.open()
    one.reports.wait_for(2)


def test_a_coroutine_whose_run_was_told_to_end_before_it_was_handed_over_is_cancelled(start):
    gate, began = threading.Event(), threading.Event()

    def late():
        began.set()
        gate.wait(PATIENCE)
        return asyncio.sleep(PATIENCE)

    one = start(ThreadPoolExecutor(1))
    one.submit(late)
    assert began.wait(PATIENCE)
    assert not one.executor.cancel("run")
    gate.set()
    assert one.reports.first().ending is Ending.LOST


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
