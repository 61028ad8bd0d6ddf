"""Runs of an AsyncScheduler: coroutines on the running loop, and handles that are awaited."""

import asyncio
import contextvars
import copy
import pickle
import threading

import pytest

from scheduler import (
    AsyncScheduler,
    InvalidSettingError,
    NotInARunError,
    RunFailedError,
    RunRevokedError,
    RunState,
    SchedulerNotRunningError,
    SchedulerShutdown,
    WaitTimeoutError,
    current_run,
)
from scheduler.executors import ThreadPoolExecutor
from scheduler.testing import FakeClock, VirtualTime
from tests.api.jobs import fail, one
from tests.api.loops import SETTINGS, started, until

ADDER = contextvars.ContextVar("adder", default="nobody")


def test_coroutines_run_on_the_loop_and_plain_functions_in_threads():
    async def main():
        async def coroutine():
            return threading.current_thread(), asyncio.get_running_loop()

        async with started() as scheduler:
            thread, loop = await (await scheduler.submit(coroutine))
            assert (thread, loop) == (threading.current_thread(), asyncio.get_running_loop())
            assert await (await scheduler.submit(threading.current_thread)) is not threading.current_thread()

    asyncio.run(main())


def test_an_executor_that_is_added_later_runs_coroutines_on_the_loop():
    async def main():
        async def where():
            return asyncio.get_running_loop()

        async with started() as scheduler:
            await scheduler.add_executor(ThreadPoolExecutor(1), "late")
            assert await (await scheduler.submit(where, executor="late")) is asyncio.get_running_loop()
            await scheduler.remove_executor("late")

    asyncio.run(main())


def test_a_coroutine_that_is_a_job_may_use_its_scheduler_and_wait_for_runs():
    async def main():
        async def outer():
            inner = await scheduler.submit(one, [1])
            return await inner, await inner.get(), await scheduler.get_job("nobody")

        async with started() as scheduler:
            assert await (await scheduler.submit(outer)) == (2, 2, None)

    asyncio.run(main())


def test_context_variables_of_the_adder_are_not_seen_by_runs():
    async def main():
        async def adder():
            return ADDER.get()

        async with started() as scheduler:
            ADDER.set("somebody")
            assert await (await scheduler.submit(adder)) == "nobody"
            assert await (await scheduler.submit(ADDER.get)) == "nobody"
            with pytest.raises(NotInARunError):
                current_run()

    asyncio.run(main())


def test_a_run_handle_tells_waits_and_gives_the_result():
    async def main():
        go_on = asyncio.Event()

        async def wait():
            await go_on.wait()
            return "done"

        async with started() as scheduler:
            handle = await scheduler.submit(wait)
            assert not await handle.ready()
            with pytest.raises(WaitTimeoutError, match="it goes on"):
                await handle.get(timeout=0)
            assert not await handle.wait(timeout=0)
            assert not handle.state.final
            go_on.set()
            assert await handle.wait()
            assert (await handle.get(), handle.state, handle.result) == ("done", RunState.SUCCESS, "done")
            again = await scheduler.get_run(handle.id)
            assert (await again, await again.ready(), await again.cancel()) == ("done", True, False)
            assert again == handle
            assert copy.copy(again) == again
            assert "AsyncRunHandle" in repr(again)
            with pytest.raises(TypeError, match="pickle its id"):
                pickle.dumps(again)

    asyncio.run(main())


def test_a_run_that_fails_raises_where_it_is_awaited():
    async def main():
        async with started() as scheduler:
            handle = await scheduler.submit(fail)
            with pytest.raises(RunFailedError, match="this job always fails"):
                await handle
            assert await handle.get(propagate=False) is None
            assert [run.state for run in await scheduler.get_runs()] == [RunState.FAILURE]

    asyncio.run(main())


@pytest.mark.parametrize("by_handle", [True, False])
def test_a_coroutine_is_cancelled(by_handle):
    async def main():
        began, ended = asyncio.Event(), asyncio.Event()

        async def endless():
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async with started() as scheduler:
            job = await scheduler.add_job(endless, "interval", hours=1, id="a")
            handle = await job.run()
            await began.wait()
            assert await (handle.cancel() if by_handle else scheduler.cancel_run(handle.id))
            await ended.wait()
            with pytest.raises(RunRevokedError):
                await handle

    asyncio.run(main())


@pytest.mark.parametrize("plain", [True, False])
def test_who_waits_is_told_of_progress_on_the_loop(plain):
    told = []

    async def main():
        async def hear(run):
            await asyncio.sleep(0)
            told.append((run.progress, threading.current_thread()))

        def hear_plainly(run):
            told.append((run.progress, threading.current_thread()))

        async def work():
            current_run().progress(3, 10)

        async with started() as scheduler:
            handle = await scheduler.submit(work)
            await handle.get(on_message=hear_plainly if plain else hear)
            with pytest.raises(InvalidSettingError, match="on_message"):
                await handle.get(on_message="me")

    asyncio.run(main())
    last, thread = told[-1]
    assert (last.meta["done"], thread) == (3, threading.current_thread())


def test_a_run_that_nobody_goes_on_with_is_not_awaited_for_ever():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        handle = await scheduler.submit(one, [1])
        with pytest.raises(SchedulerNotRunningError, match="nobody goes on with it"):
            await handle
        await scheduler.close()

    asyncio.run(main())


def test_a_job_may_shut_its_scheduler_down():
    async def main():
        stopped = asyncio.Event()

        async def stop():
            await scheduler.shutdown()  # only begins: it waits for this function
            assert not stopped.is_set()

        async with started() as scheduler:
            scheduler.add_listener(lambda event: stopped.set(), SchedulerShutdown)
            handle = await scheduler.submit(stop)
            await stopped.wait()
            assert not scheduler.running
            assert (await scheduler.get_run(handle.id)).state is RunState.SUCCESS
        await scheduler.start()
        await scheduler.shutdown()

    asyncio.run(main())


def test_shutdown_waits_for_what_runs_and_the_loop_goes_on_meanwhile():
    async def main():
        began, go_on = threading.Event(), threading.Event()

        def work():
            began.set()
            return go_on.wait(20)

        async with started() as scheduler:
            handle = await scheduler.submit(work)
            await until(began)
            shutting_down = asyncio.create_task(scheduler.shutdown())
            while scheduler.running:
                await asyncio.sleep(0)
            assert not shutting_down.done()
            go_on.set()
            await shutting_down
            assert (await scheduler.get_run(handle.id)).state is RunState.SUCCESS
            await scheduler.close()

    asyncio.run(main())


# virtual time


def test_virtual_time_drives_it_in_a_thread_with_coroutines_on_the_loop():
    async def main():
        clock = FakeClock()
        loops = []

        async def job():
            loops.append(asyncio.get_running_loop())
            await scheduler.get_jobs()

        async with started(clock=clock) as scheduler:
            await scheduler.add_job(job, "interval", hours=1, id="a")
            time = VirtualTime(clock, scheduler)
            await asyncio.to_thread(time.advance, 3 * 3600)
            assert loops == [asyncio.get_running_loop()] * 3
            assert {run.state for run in await scheduler.get_runs("a")} == {RunState.SUCCESS}
            with pytest.raises(InvalidSettingError, match="VirtualTime"):
                await scheduler.run_forever()

    asyncio.run(main())
