"""AsyncScheduler and its event loop: the right one, signals, ends of all kinds, uvloop."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from scheduler import (
    AsyncScheduler,
    RunState,
    SchedulerShutdown,
    SchedulerStarted,
    WrongLoopError,
)
from tests.api.jobs import note, one
from tests.api.loops import SETTINGS, check_threads_end, started, turns
from tests.architecture.source import ROOT

# other loops


def test_another_loop_than_that_of_start_is_refused():
    async def elsewhere(scheduler):
        for call in (scheduler.start, scheduler.shutdown, scheduler.get_jobs, scheduler.run_forever):
            with pytest.raises(WrongLoopError, match=r"started in another event loop; .*run_coroutine_threadsafe"):
                await call()

    async def main():
        async with started() as scheduler:
            await asyncio.to_thread(asyncio.run, elsewhere(scheduler))
            asked = asyncio.run_coroutine_threadsafe(scheduler.get_jobs(), asyncio.get_running_loop())
            assert await asyncio.wrap_future(asked) == []

    asyncio.run(main())


def test_after_its_loop_was_closed_it_says_what_to_do_and_can_go_on(caplog):
    scheduler = AsyncScheduler(**SETTINGS)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(scheduler.start())
    keeper = next(iter(asyncio.all_tasks(loop)))
    keeper.cancel()  # the loop is closed without it: nothing tells the scheduler
    loop.close()
    keeper._log_destroy_pending = False

    async def later():
        heard = []
        scheduler.add_listener(lambda event: heard.append(type(event)), SchedulerShutdown)
        for call in (scheduler.get_jobs, scheduler.start):
            with pytest.raises(WrongLoopError, match=r"is closed; await shutdown\(wait=False\)"):
                await call()
        await scheduler.shutdown(wait=False)
        assert heard == [SchedulerShutdown]
        async with scheduler:
            assert await (await scheduler.submit(one, [1])) == 2

    asyncio.run(later())


def test_a_forgotten_one_is_shut_down_when_its_loop_ends(caplog):
    runs = {}

    async def main():
        began = asyncio.Event()

        async def endless():
            began.set()
            await asyncio.Event().wait()

        await scheduler.start()
        runs["waiting"] = (await scheduler.submit(note, countdown=1000)).id
        runs["running"] = (await scheduler.submit(endless)).id
        await began.wait()

    async def look():
        assert (await scheduler.get_run(runs["running"])).state is RunState.LOST
        assert (await scheduler.get_run(runs["waiting"])).state is RunState.PENDING
        async with scheduler:
            assert await (await scheduler.submit(one, [1])) == 2

    scheduler = AsyncScheduler(**SETTINGS)
    asyncio.run(main())
    assert not scheduler.running
    assert "The event loop ends while the scheduler runs" in caplog.text
    check_threads_end()
    asyncio.run(look())


def test_a_program_ends_that_forgets_its_scheduler():
    program = """
import asyncio, threading
from scheduler import AsyncScheduler

async def main():
    scheduler = AsyncScheduler(timezone="UTC")
    await scheduler.start()
    began = threading.Event()
    await scheduler.submit(lambda: (began.set(), threading.Event().wait()))
    await asyncio.to_thread(began.wait)
    asyncio.ensure_future(scheduler.shutdown())  # which would wait for ever
    await asyncio.sleep(0)

asyncio.run(main())
print("over")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "over\n"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_has_one_that_is_stopped_and_may_use_it(tmp_path):
    program = f"""
import asyncio, multiprocessing
from scheduler import AsyncScheduler

scheduler = AsyncScheduler("sqlite:///{tmp_path / "jobs.db"}", timezone="UTC")

async def look():
    print(scheduler.running, [job.id for job in await scheduler.get_jobs()], flush=True)
    async with scheduler:
        print(await (await scheduler.submit("builtins:len", ["abc"])), flush=True)

async def main():
    async with scheduler:
        await scheduler.add_job("builtins:list", "interval", hours=1, id="a")
        child = multiprocessing.get_context("fork").Process(target=lambda: asyncio.run(look()))
        child.start()
        await asyncio.to_thread(child.join)
        print(child.exitcode, scheduler.running, [job.id for job in await scheduler.get_jobs()])

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "False ['a']\n3\n0 True ['a']\n"), done.stderr


# run_forever


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_forever_ends_with_a_signal_and_gives_the_handlers_back(number):
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}

    async def main():
        within = {each: signal.getsignal(each) for each in before}
        scheduler = AsyncScheduler(**SETTINGS)
        scheduler.add_listener(lambda event: os.kill(os.getpid(), number), SchedulerStarted)
        await scheduler.run_forever()
        assert not scheduler.running
        assert {each: signal.getsignal(each) for each in before} == within

    asyncio.run(main())
    assert {each: signal.getsignal(each) for each in before} == before


def test_run_forever_ends_with_a_shutdown():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        running = asyncio.Event()
        scheduler.add_listener(lambda event: running.set(), SchedulerStarted)
        forever = asyncio.ensure_future(scheduler.run_forever())
        await running.wait()
        await scheduler.shutdown()
        await forever

    asyncio.run(main())


def test_run_forever_shuts_down_when_its_task_is_cancelled():
    async def main():
        async with started() as scheduler:
            forever = asyncio.ensure_future(scheduler.run_forever())
            await turns(10)
            forever.cancel()
            await asyncio.wait({forever})
            assert forever.cancelled()
            assert not scheduler.running

    asyncio.run(main())


def test_run_forever_works_in_a_thread():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)

        async def stop():
            await scheduler.shutdown()

        await scheduler.submit(stop)
        await scheduler.run_forever()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


# uvloop


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop has no Windows")
def test_it_works_under_uvloop_up_to_the_signal_that_ends_it():
    program = """
import asyncio, os, signal, uvloop
from scheduler import AsyncScheduler, RunSucceeded

async def main():
    scheduler = AsyncScheduler(timezone="UTC")
    heard = []

    async def hear(event):
        heard.append(event.run.result)

    async def job():
        assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
        return await (await scheduler.submit(divmod, [7, 2]))

    async with scheduler:
        scheduler.add_listener(hear, RunSucceeded)
        print(await (await scheduler.submit(job)))
    print(heard)
    asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)
    await scheduler.run_forever()
    print(scheduler.running)

uvloop.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "(3, 1)\n[(3, 1), (3, 1)]\nFalse\n"), done.stderr
