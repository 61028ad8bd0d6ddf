"""AsyncScheduler: its life, and its calls for jobs, as coroutines."""

import asyncio
import copy
import inspect
import io
import pickle

import pytest

from scheduler import (
    AsyncScheduler,
    InvalidJobError,
    InvalidSettingError,
    InvalidTriggerError,
    JobDefinition,
    JobLookupError,
    Scheduler,
    SchedulerAlreadyRunningError,
    SchedulerNotRunningError,
    SchedulerState,
    UnknownOptionError,
)
from scheduler.executors import ThreadPoolExecutor
from tests.api.jobs import note, one
from tests.api.loops import SETTINGS, check_threads_end, started

# life cycle


def test_it_runs_from_start_to_shutdown_and_again_in_another_loop():
    scheduler = AsyncScheduler(**SETTINGS)

    async def live():
        assert (scheduler.state, scheduler.running) == (SchedulerState.STOPPED, False)
        await scheduler.start(paused=True)
        assert (scheduler.state, scheduler.running) == (SchedulerState.PAUSED, True)
        await scheduler.resume()
        await scheduler.pause()
        await scheduler.resume()
        assert (await scheduler.health()).ok
        assert await (await scheduler.submit(one, [1])) == 2
        await scheduler.shutdown()
        assert (scheduler.state, scheduler.running) == (SchedulerState.STOPPED, False)

    asyncio.run(live())
    asyncio.run(live())
    check_threads_end()


def test_start_twice_and_shutdown_twice_are_refused():
    async def main():
        async with started() as scheduler:
            with pytest.raises(SchedulerAlreadyRunningError, match=r"runs already; await shutdown\(\) first"):
                await scheduler.start()
            assert scheduler.running
            assert await scheduler.get_jobs() == []
            await scheduler.shutdown()
            with pytest.raises(SchedulerNotRunningError):
                await scheduler.shutdown()

    asyncio.run(main())


def test_of_two_starts_at_once_one_is_refused():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        ends = await asyncio.gather(scheduler.start(), scheduler.start(), return_exceptions=True)
        assert ends[0] is None
        assert isinstance(ends[1], SchedulerAlreadyRunningError)
        await scheduler.shutdown()

    asyncio.run(main())


def test_a_start_that_fails_leaves_nothing_started():
    async def main():
        shared = ThreadPoolExecutor(1)
        async with started(executors={"default": shared}):
            second = AsyncScheduler(executors={"default": shared}, **SETTINGS)
            with pytest.raises(SchedulerAlreadyRunningError, match="give each scheduler executors of its own"):
                await second.start()
            assert not second.running
        await second.start()
        await second.shutdown()

    asyncio.run(main())


@pytest.mark.parametrize("timeout", [-1, "soon"])
def test_a_shutdown_with_a_wrong_timeout_is_refused_and_the_scheduler_goes_on(timeout):
    async def main():
        async with started() as scheduler:
            with pytest.raises(InvalidSettingError, match="timeout"):
                await scheduler.shutdown(timeout=timeout)
            assert scheduler.running

    asyncio.run(main())


def test_two_schedulers_live_in_one_loop():
    async def main():
        async with started() as first, started() as second:
            await first.add_job(note, "interval", hours=1, id="a")
            assert await second.get_jobs() == []
            assert await asyncio.gather(await first.submit(one, [1]), await second.submit(one, [2])) == [2, 3]

    asyncio.run(main())


def test_a_with_block_starts_and_shuts_down():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        async with scheduler as inside:
            assert inside is scheduler
            assert scheduler.running
            async with scheduler:
                pass
            assert not scheduler.running
        with pytest.raises(ZeroDivisionError):
            async with scheduler:
                1 / 0  # noqa: B018
        assert not scheduler.running

    asyncio.run(main())


def test_one_that_was_never_started_is_a_client_in_any_loop(tmp_path):
    client = AsyncScheduler(f"sqlite:///{tmp_path / 'jobs.db'}", **SETTINGS)

    async def add():
        await client.add_job("builtins:list", "interval", hours=1, id="a")

    async def look():
        assert [job.id for job in await client.get_jobs()] == ["a"]
        await client.close()

    asyncio.run(add())
    asyncio.run(look())
    check_threads_end()


def test_a_client_that_nobody_holds_leaves_no_threads():
    async def main():
        assert await AsyncScheduler(**SETTINGS).get_jobs() == []

    asyncio.run(main())
    check_threads_end()


def test_wrong_arguments_are_refused_as_by_scheduler():
    with pytest.raises(UnknownOptionError, match="poll_intervall"):
        AsyncScheduler(poll_intervall=1)
    assert inspect.signature(AsyncScheduler) == inspect.signature(Scheduler).replace(return_annotation="None")


# jobs


def test_a_job_has_a_life_by_calls_and_by_its_handle():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        job = await scheduler.add_job(note, "interval", hours=1, id="a", tags=["x"])
        assert (await scheduler.modify_job("a", name="b")).name == "b"
        assert (await scheduler.reschedule_job("a", trigger="interval", hours=2)).trigger != job.trigger
        assert (await scheduler.pause_job("a")).paused
        assert not (await scheduler.resume_job("a")).paused
        assert (await job.modify(name="c")).name == "c"
        assert (await (await job.reschedule("interval", hours=3)).pause()).paused
        assert not (await job.resume()).paused
        assert [each.id for each in await scheduler.get_jobs(tag="x")] == ["a"]
        out = io.StringIO()
        await scheduler.print_jobs(out=out)
        assert "c (id: a" in out.getvalue()
        assert (await scheduler.get_job("a")).name == "c"
        await job.remove()
        assert await scheduler.get_job("a") is None
        with pytest.raises(JobLookupError):
            await scheduler.remove_job("a")
        await scheduler.add_jobs([JobDefinition(note, "interval", hours=1, id=name) for name in "bc"])
        await scheduler.remove_all_jobs()
        assert await scheduler.get_jobs() == []
        await scheduler.close()

    asyncio.run(main())


def test_jobs_are_exported_and_imported(tmp_path):
    async def main():
        async with started() as scheduler:
            await scheduler.add_job("builtins:list", "interval", hours=1, id="a")
            await scheduler.export_jobs(tmp_path / "jobs.json")
            await scheduler.add_jobstore(None, "other")
            (copied,) = await scheduler.import_jobs(tmp_path / "jobs.json", "other")
            assert (copied.id, copied.jobstore) == ("a", "other")
            await scheduler.remove_jobstore("other")
            assert [job.jobstore for job in await scheduler.get_jobs()] == ["default"]

    asyncio.run(main())


def test_a_job_handle_is_copied_but_not_pickled():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        job = await scheduler.add_job(note, "interval", hours=1, id="a")
        assert (await copy.deepcopy(job).pause()).paused
        with pytest.raises(TypeError, match="pickle its id"):
            pickle.dumps(job)
        await scheduler.close()

    asyncio.run(main())


def test_decorated_functions_are_added_by_start_and_keep_their_timing(tmp_path):
    def program():
        scheduler = AsyncScheduler(f"sqlite:///{tmp_path / 'jobs.db'}", **SETTINGS)
        scheduler.scheduled_job("interval", hours=1)(note)
        scheduler.scheduled_job("interval", hours=2, id="named", args=[1])(one)
        return scheduler

    async def live():
        async with program() as scheduler:
            return {job.id: job.next_run_time for job in await scheduler.get_jobs()}

    first = asyncio.run(live())
    assert set(first) == {"note", "named"}
    assert asyncio.run(live()) == first


def test_a_decorated_function_stays_as_it_is_and_is_added_once():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        assert scheduler.scheduled_job("interval", hours=1)(note) is note
        assert await scheduler.get_jobs() == []
        async with scheduler:
            await scheduler.remove_job("note")
        async with scheduler:
            assert await scheduler.get_jobs() == []

    asyncio.run(main())


def test_a_decorator_that_is_wrong_is_refused_at_once_or_by_start():
    async def main():
        scheduler = AsyncScheduler(**SETTINGS)
        with pytest.raises(InvalidTriggerError, match="trigger"):
            scheduler.scheduled_job(note)
        scheduler.scheduled_job("interval", hours=1, id="good")(note)
        scheduler.scheduled_job("interval", hours=1, args=[1], max_instances=0)(one)
        with pytest.raises(InvalidJobError, match="max_instances") as caught:
            await scheduler.start()
        assert "function one" in caught.value.__notes__[0]
        assert not scheduler.running
        await scheduler.close()

    asyncio.run(main())


def test_a_decorator_is_refused_while_the_scheduler_runs():
    async def main():
        async with started() as scheduler:
            with pytest.raises(SchedulerAlreadyRunningError, match="add_job"):
                scheduler.scheduled_job("interval", hours=1)

    asyncio.run(main())
