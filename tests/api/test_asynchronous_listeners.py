"""Listeners of AsyncScheduler: on the loop, in the order of the events, and nobody's trouble but their own."""

import asyncio
import contextvars
import threading

import pytest

from scheduler import (
    AsyncScheduler,
    InvalidSettingError,
    JobAdded,
    JobEvent,
    RunStarted,
    RunState,
    RunSucceeded,
    SchedulerError,
    SchedulerPaused,
    SchedulerResumed,
    SchedulerShutdown,
    SchedulerStarted,
    async_listeners,
)
from tests.api.jobs import note, one
from tests.api.loops import SETTINGS, started, turns, until

LIFE = [SchedulerStarted, SchedulerPaused, SchedulerResumed, SchedulerShutdown]
RUN = [RunStarted, RunSucceeded]


@pytest.fixture
def few(monkeypatch):
    """Let few events wait for listeners, so that tests need not make thousands."""
    monkeypatch.setattr(async_listeners, "LONGEST", 3)


def kinds(events):
    return [type(event) for event in events]


@pytest.mark.parametrize("plain", [True, False])
def test_a_listener_hears_the_whole_life_on_the_loop_before_shutdown_returns(plain):
    async def main():
        heard, threads = [], set()

        def hear(event):
            heard.append(event)
            threads.add(threading.current_thread())

        async def hear_later(event):
            await turns(3)
            hear(event)

        scheduler = AsyncScheduler(**SETTINGS)
        scheduler.add_listener(hear if plain else hear_later)
        await scheduler.start()
        await scheduler.pause()
        await scheduler.add_job(note, id="a")
        await scheduler.resume()
        while RunSucceeded not in kinds(heard):
            await asyncio.sleep(0)
        await scheduler.shutdown()
        for group in (LIFE, RUN):
            assert [kind for kind in kinds(heard) if kind in group] == group
        assert threads == {threading.current_thread()}

    asyncio.run(main())


def test_a_client_that_was_never_started_tells_its_listeners():
    async def main():
        heard = asyncio.Queue()
        scheduler = AsyncScheduler(**SETTINGS)
        scheduler.add_listener(heard.put, JobEvent)
        await scheduler.add_job(note, "interval", hours=1, id="a")
        assert (await heard.get()).job_id == "a"
        await scheduler.close()

    asyncio.run(main())
    asyncio.run(main())


def test_one_after_the_other_in_the_order_of_the_events_whatever_each_takes():
    async def main():
        order, last = [], asyncio.Event()

        async def slow(event):
            await turns(20 if event.job_id == "0" else 0)
            order.append(("slow", event.job_id))

        def quick(event):
            order.append(("quick", event.job_id))
            if event.job_id == "9":
                last.set()

        async with started() as scheduler:
            scheduler.add_listener(slow, JobAdded)
            scheduler.add_listener(quick, JobAdded)
            for number in range(10):
                await scheduler.add_job(note, "interval", hours=1, id=str(number))
            await last.wait()
        assert order == [(name, str(number)) for number in range(10) for name in ("slow", "quick")]

    asyncio.run(main())


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), asyncio.CancelledError()])
@pytest.mark.parametrize("plain", [True, False])
def test_a_listener_that_raises_is_logged_and_troubles_nobody(plain, error, caplog):
    async def main():
        heard = []

        def raising(event):
            raise error

        async def raising_later(event):
            await turns(1)
            raise error

        async with started() as scheduler:
            scheduler.add_listener(raising if plain else raising_later, RunSucceeded)
            scheduler.add_listener(heard.append, RunSucceeded)
            assert await (await scheduler.submit(one, [1])) == 2
            await scheduler.shutdown()
            assert kinds(heard) == [RunSucceeded]

    asyncio.run(main())
    assert "raised on RunSucceeded" in caplog.text


def test_a_listener_sees_context_variables_of_nobody():
    caller = contextvars.ContextVar("caller", default="nobody")

    async def main():
        seen = asyncio.Queue()
        async with started() as scheduler:
            scheduler.add_listener(lambda event: seen.put_nowait(caller.get()), JobAdded)
            caller.set("somebody")
            await scheduler.add_job(note, "interval", hours=1)
            assert await seen.get() == "nobody"

    asyncio.run(main())


def test_a_slow_listener_holds_up_neither_runs_nor_calls_nor_the_loop():
    async def main():
        go_on, reached = asyncio.Event(), asyncio.Event()

        async def slow(event):
            reached.set()
            await go_on.wait()

        async with started() as scheduler:
            scheduler.add_listener(slow)
            await scheduler.add_job(note, "interval", hours=1, id="a")
            await reached.wait()
            assert await (await scheduler.submit(one, [1])) == 2
            assert (await scheduler.get_job("a")).id == "a"
            go_on.set()

    asyncio.run(main())


def test_what_waits_for_a_slow_listener_is_bounded(few):
    async def main():
        go_on, heard = asyncio.Event(), []

        async def slow(event):
            await go_on.wait()
            heard.append(event.job_id)

        async with started() as scheduler:
            scheduler.add_listener(slow, JobAdded)
            adding = [
                asyncio.ensure_future(scheduler.add_job(note, "interval", hours=1, id=str(number)))
                for number in range(10)
            ]
            while sum(task.done() for task in adding) < 4:  # one is being told, three wait
                await asyncio.sleep(0)
            await turns(1_000)
            assert sum(task.done() for task in adding) == 4
            go_on.set()
            await asyncio.gather(*adding)
        assert sorted(heard) == [str(number) for number in range(10)]

    asyncio.run(main())


def test_a_listener_may_use_the_scheduler_while_the_threads_of_that_wait_for_listeners(few):
    async def main():
        reached, full = asyncio.Event(), asyncio.Event()
        results = []

        async def busy(event):
            if event.job_id == "first":
                reached.set()
                await full.wait()
                results.append(await (await scheduler.submit(one, [1])))

        async with started() as scheduler:
            scheduler.add_listener(busy, JobAdded)
            await scheduler.add_job(note, "interval", hours=1, id="first")
            await reached.wait()
            adding = [asyncio.ensure_future(scheduler.add_job(note, "interval", hours=1)) for _ in range(8)]
            while sum(task.done() for task in adding) < 3:
                await asyncio.sleep(0)
            await turns(100)
            full.set()
            await asyncio.gather(*adding)
            while not results:
                await asyncio.sleep(0)
        assert results == [2]

    asyncio.run(main())


def test_a_shutdown_does_not_wait_for_ever_for_a_listener_that_does_not_end(few, monkeypatch, caplog):
    monkeypatch.setattr("scheduler.runtime.stopping.GRACE", 0.01)

    async def main():
        reached = asyncio.Event()

        async def stuck(event):
            if not reached.is_set():  # calls that end after the shutdown tell it of their jobs, too
                reached.set()
                await asyncio.Event().wait()

        async with started() as scheduler:
            scheduler.add_listener(stuck)
            calls = [asyncio.ensure_future(scheduler.submit(one, [1])) for _ in range(9)]
            await reached.wait()
            while sum(task.done() for task in calls) < 1:
                await asyncio.sleep(0)
            await scheduler.shutdown(timeout=0)
            await asyncio.wait(calls)
        assert "took too long on JobAdded for the shutdown to wait" in caplog.text
        scheduler.remove_listener(stuck)
        heard = asyncio.Event()
        scheduler.add_listener(lambda event: heard.set())
        async with scheduler:
            await heard.wait()

    asyncio.run(main())


def test_a_listener_may_shut_the_scheduler_down():
    async def main():
        stopped = asyncio.Event()

        async def stop(event):
            await scheduler.shutdown()
            with pytest.raises(SchedulerError):
                await scheduler.start()

        async with started() as scheduler:
            scheduler.add_listener(stop, RunSucceeded)
            scheduler.add_listener(lambda event: stopped.set(), SchedulerShutdown)
            run = await scheduler.submit(one, [1])
            await stopped.wait()
            assert not scheduler.running
            assert (await scheduler.get_run(run.id)).state is RunState.SUCCESS
            await scheduler.close()

    asyncio.run(main())


def test_a_task_that_a_listener_has_left_behind_shuts_down_as_any_other():
    async def main():
        tasks, go_on = [], asyncio.Event()

        async def stop():
            await go_on.wait()
            await scheduler.shutdown()
            return scheduler.running, heard[-1:]

        async with started() as scheduler:
            heard = []
            scheduler.add_listener(lambda event: tasks.append(asyncio.ensure_future(stop())), JobAdded)
            scheduler.add_listener(lambda event: heard.append(type(event)))
            await scheduler.add_job(note, "interval", hours=1)
            while JobAdded not in heard:
                await asyncio.sleep(0)
            go_on.set()
            assert await tasks[0] == (False, [SchedulerShutdown])

    asyncio.run(main())


def test_a_removed_listener_hears_nothing_more_of_what_waits_for_it_either():
    async def main():
        heard, go_on, reached = [], asyncio.Event(), asyncio.Event()

        async def slow(event):
            reached.set()
            await go_on.wait()

        async with started() as scheduler:
            scheduler.add_listener(slow, JobAdded)
            scheduler.add_listener(heard.append, JobAdded)
            await scheduler.add_job(note, "interval", hours=1)
            await reached.wait()
            scheduler.remove_listener(heard.append)
            go_on.set()
            with pytest.raises(SchedulerError, match="is not a listener"):
                scheduler.remove_listener(heard.append)
        assert heard == []

    asyncio.run(main())


def test_what_is_no_listener_is_refused():
    scheduler = AsyncScheduler(**SETTINGS)
    with pytest.raises(InvalidSettingError, match="callback must be callable, not 'me'"):
        scheduler.add_listener("me")
    with pytest.raises(InvalidSettingError, match="is not an event type"):
        scheduler.add_listener(print, int)


def test_a_loop_that_was_closed_loses_events_and_holds_up_no_thread(few):
    scheduler = AsyncScheduler(**SETTINGS)
    done = threading.Event()
    loop = asyncio.new_event_loop()
    scheduler.add_listener(lambda event: None)

    async def finish():
        await scheduler.shutdown(wait=False)

    loop.run_until_complete(scheduler.start())
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False
    scheduler._blocking.add_listener(lambda event: done.set(), RunSucceeded)
    loop.close()
    for _ in range(5):
        scheduler._blocking.submit(one, [1])
    asyncio.run(until(done))
    asyncio.run(finish())
