"""AsyncScheduler never holds up its event loop, and whoever waits for it may stop waiting."""

import asyncio
import threading

import pytest

from scheduler import (
    AsyncScheduler,
    RunState,
    SchedulerAlreadyRunningError,
    SchedulerShutdown,
    SchedulerStarted,
)
from tests.api.jobs import note, one
from tests.api.loops import SETTINGS, SlowStore, started, turns, until

TURNS = 1_000
"""Of the loop while a call waits; a call that held it up would let it make none."""


async def fail_to_hold_up(call, gate):
    """See that the loop makes turns while a call waits for the store, and return what the call returns."""
    gate.shut()
    calling = asyncio.ensure_future(call)
    try:
        await until(gate.reached)
        await turns(TURNS)
        assert not calling.done()
    finally:
        gate.open()
    return await calling


CALLS = {
    "add_job": lambda scheduler, job, run: scheduler.add_job(note, "interval", hours=1),
    "get_job": lambda scheduler, job, run: scheduler.get_job("a"),
    "get_jobs": lambda scheduler, job, run: scheduler.get_jobs(),
    "pause": lambda scheduler, job, run: job.pause(),
    "remove": lambda scheduler, job, run: job.remove(),
    "submit": lambda scheduler, job, run: scheduler.submit(one, [1]),
    "run": lambda scheduler, job, run: job.run(),
    "get_run": lambda scheduler, job, run: scheduler.get_run(run.id),
    "get_runs": lambda scheduler, job, run: scheduler.get_runs(),
    "refresh": lambda scheduler, job, run: run.refresh(),
    "ready": lambda scheduler, job, run: run.ready(),
    "get": lambda scheduler, job, run: run.get(timeout=20),
    "await": lambda scheduler, job, run: asyncio.wait_for(run, 20),
    "cancel": lambda scheduler, job, run: run.cancel(),
    "health": lambda scheduler, job, run: scheduler.health(),
    "shutdown": lambda scheduler, job, run: scheduler.shutdown(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_call_holds_up_the_loop_while_the_store_is_slow(call):
    async def main():
        store = SlowStore()
        async with started(store) as scheduler:
            job = await scheduler.add_job(note, "interval", hours=1, id="a")
            run = await scheduler.submit(one, [1])
            await fail_to_hold_up(call(scheduler, job, run), store.gate)

    asyncio.run(main())


def test_a_start_does_not_hold_up_the_loop_while_the_store_is_slow():
    async def main():
        store = SlowStore()
        scheduler = AsyncScheduler(store, **SETTINGS)
        await fail_to_hold_up(scheduler.start(), store.gate)
        assert scheduler.running
        await scheduler.shutdown()

    asyncio.run(main())


def test_coroutines_run_while_the_store_is_slow():
    async def main():
        store = SlowStore()
        go_on, reached, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def job():
            reached.set()
            await go_on.wait()
            over.set()

        async with started(store) as scheduler:
            run = await scheduler.submit(job)
            await reached.wait()
            store.gate.shut()
            go_on.set()
            await over.wait()
            await turns(TURNS)
            store.gate.open()
            await run

    asyncio.run(main())


# cancelled waits


def test_who_stops_waiting_for_a_call_does_not_stop_it():
    async def main():
        store = SlowStore()
        async with started(store) as scheduler:
            store.gate.shut()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await scheduler.add_job(note, "interval", hours=1, id="a")
            store.gate.open()
            while not await scheduler.get_jobs():
                await asyncio.sleep(0)

    asyncio.run(main())


def test_a_call_that_has_not_begun_is_not_made_once_nobody_waits():
    async def main():
        store = SlowStore()
        async with started(store) as scheduler:
            store.gate.shut()
            looks = [asyncio.ensure_future(scheduler.get_jobs()) for _ in range(4)]
            await until(store.gate.reached)
            adding = asyncio.ensure_future(scheduler.add_job(note, "interval", hours=1, id="a"))
            await turns(10)
            adding.cancel()
            await asyncio.wait({adding})
            store.gate.open()
            await asyncio.gather(*looks)
            assert await scheduler.get_jobs() == []

    asyncio.run(main())


def test_what_fails_when_nobody_waits_any_more_is_logged(caplog):
    async def main():
        store = SlowStore()
        async with started(store) as scheduler:
            store.gate.shut()
            removing = asyncio.ensure_future(scheduler.remove_job("ghost"))
            await until(store.gate.reached)
            removing.cancel()
            await asyncio.wait({removing})
            store.gate.open()
            while "remove_job failed when nobody waited for it any more" not in caplog.text:
                await asyncio.sleep(0)
        assert "no job has the id 'ghost'" in caplog.text

    asyncio.run(main())


def test_a_wait_for_a_run_ends_with_its_task_and_the_run_goes_on():
    async def main():
        go_on = asyncio.Event()

        async def job():
            await go_on.wait()
            return "done"

        async with started() as scheduler:
            run = await scheduler.submit(job)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await run.get()
            go_on.set()
            assert await run == "done"

    asyncio.run(main())


def test_a_start_that_nobody_waits_for_any_more_is_undone():
    async def main():
        store = SlowStore()
        scheduler = AsyncScheduler(store, **SETTINGS)
        heard = []
        stopped = asyncio.Event()
        scheduler.add_listener(lambda event: heard.append(type(event)))
        scheduler.add_listener(lambda event: stopped.set(), SchedulerShutdown)
        store.gate.shut()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await scheduler.start()
        with pytest.raises(SchedulerAlreadyRunningError, match="is being started or shut down"):
            await scheduler.start()
        store.gate.open()
        await stopped.wait()
        assert heard == [SchedulerStarted, SchedulerShutdown]
        assert not scheduler.running
        async with scheduler:
            assert scheduler.running

    asyncio.run(main())


def test_a_shutdown_that_nobody_waits_for_any_more_goes_on():
    async def main():
        began, go_on = threading.Event(), threading.Event()
        stopped = asyncio.Event()

        def work():
            began.set()
            return go_on.wait(20)

        async with started() as scheduler:
            scheduler.add_listener(lambda event: stopped.set(), SchedulerShutdown)
            run = await scheduler.submit(work)
            await until(began)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await scheduler.shutdown()
            go_on.set()
            await stopped.wait()
            assert (await scheduler.get_run(run.id)).state is RunState.SUCCESS
            await scheduler.close()

    asyncio.run(main())
