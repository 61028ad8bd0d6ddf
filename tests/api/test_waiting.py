"""Waiting for runs: in threads and event loops, for those of this process and of others, with news on the way."""

import asyncio
import math
import threading
from datetime import timedelta

import pytest

from scheduler import (
    InvalidSettingError,
    Run,
    RunEvent,
    RunFailedError,
    RunStarted,
    RunState,
    SchedulerError,
    SchedulerNotRunningError,
    WaitTimeoutError,
)
from scheduler.jobstores import MemoryJobStore
from scheduler.testing.jobstore_nodes import make_node
from tests.api import jobs
from tests.api.jobs import act, fail, note, one
from tests.api.waiting import SOON, awaited, in_thread
from tests.flow.faulty import FaultyStore

# waiting


def test_who_waits_gets_the_result_as_soon_as_it_is_there(running, blocked):
    began, let_go = blocked
    handle = running.submit(act)
    result = in_thread(handle.get)
    assert began.wait(SOON)
    let_go.set()
    assert result() == "done"
    assert not running._bus.heard(RunEvent)


@pytest.mark.parametrize("timeout", [0, 0.01, timedelta(milliseconds=10)])
def test_who_waits_for_a_limited_time_is_told_that_it_is_over_and_the_run_goes_on(running, blocked, timeout):
    began, let_go = blocked
    handle = running.submit(act)
    assert began.wait(SOON)
    assert handle.wait(timeout) is False
    with pytest.raises(WaitTimeoutError, match="is STARTED still; it goes on"):
        handle.get(timeout)
    with pytest.raises(TimeoutError):
        handle.get(timeout)
    let_go.set()
    assert handle.get(SOON) == "done"


def test_who_waits_in_vain_is_told_where_no_scheduler_runs(make, sqlite_url):
    client, killed = make(sqlite_url), make(sqlite_url)
    handle = client.submit(note)
    with pytest.raises(
        WaitTimeoutError, match=r"is PENDING still; no scheduler runs on job store 'default'; start one$"
    ):
        handle.get(timeout=0)
    store = killed.engine.links["default"].store
    killed.get_jobs()
    store.heartbeat(make_node("killed"), register=True)
    with pytest.raises(WaitTimeoutError, match=r"is PENDING still; it goes on$"):
        handle.get(timeout=0)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE scheduler_nodes SET heartbeat_at = 0")
    with pytest.raises(WaitTimeoutError, match="no scheduler runs on job store 'default'"):
        handle.get(timeout=0)


def test_the_run_of_another_process_is_waited_for(sharing, blocked):
    began, let_go = blocked
    client, worker = sharing(poll_interval=0.05), sharing(poll_interval=0.05)
    client.engine.links["default"].store.shared = True  # for a memory store that two schedulers share
    handle = client.submit(act)
    result = in_thread(handle.get)
    worker.start()
    assert began.wait(SOON)
    let_go.set()
    assert result() == "done"


def test_a_run_is_found_by_its_id_after_a_restart(make, sqlite_url):
    first = make(sqlite_url)
    first.start()
    ended, waiting = first.submit(one, [1]), first.submit(one, [2], countdown=0.05)
    ended.get(SOON)
    first.shutdown()
    second = make(sqlite_url)
    assert second.get_run(ended.id).get() == 2
    handle = second.get_run(waiting.id)
    second.start()
    assert handle.get(SOON) == 3


def test_many_threads_wait_for_one_run(running, blocked):
    handle = running.submit(act)
    results = [in_thread(handle.get) for _ in range(20)]
    blocked[1].set()
    assert [result() for result in results] == ["done"] * 20


def test_an_outage_while_one_waits_is_waited_out(make, blocked):
    began, let_go = blocked
    inner = MemoryJobStore()
    worker, store = make(inner), FaultyStore(inner)
    client = make(store, poll_interval=0.01)
    worker.start()
    handle = client.get_run(worker.submit(act).id)
    looks, reach = threading.Semaphore(0), store.reach
    store.reach = lambda: looks.release() or reach()
    result = in_thread(handle.get)
    for away in (False, True):
        store.away = away
        assert all(looks.acquire(timeout=SOON) for _ in range(10))
    assert began.wait(SOON)
    let_go.set()
    assert worker.get_run(handle.id).get(SOON) == "done"
    store.away = False
    assert result() == "done"


# what cannot be waited for


def test_time_that_stands_still_is_not_waited_for(scheduler, passing):
    handle = scheduler.submit(note, countdown=60)
    for wait in (handle.get, handle.wait, lambda: handle.get(5)):
        with pytest.raises(SchedulerError, match=r"PENDING, and on this clock no time passes .* VirtualTime\("):
            wait()
    assert handle.wait(0) is False
    passing.advance(60)
    assert handle.get() == 1


@pytest.mark.parametrize("wait", [lambda handle: handle.get(), lambda handle: asyncio.run(awaited(handle))])
def test_a_listener_cannot_wait_for_a_run(running, blocked, wait):
    answer, told = [], threading.Event()
    other = running.submit(note, countdown=3600)

    def listen(event):
        try:
            wait(other)
        except SchedulerError as error:
            answer.append(str(error))
        told.set()

    running.add_listener(listen, RunStarted)
    running.submit(note)
    assert told.wait(SOON)
    assert "this is the thread that would have to go on with it" in answer[0]


def test_a_job_may_wait_for_another_run(running):
    jobs.present["action"] = lambda: running.submit(one, [1]).get(SOON)
    assert running.submit(act).get(SOON) == 2


def test_who_forgot_to_start_the_scheduler_is_told_so(make):
    scheduler = make()
    handle = scheduler.submit(one, [1])
    with pytest.raises(SchedulerNotRunningError, match=r"nobody goes on with it: .* call start\(\) first"):
        handle.get(SOON)
    assert handle.wait(0) is False
    scheduler.start()
    assert handle.get(SOON) == 2


def test_who_waits_while_the_scheduler_stops_gets_the_result_or_an_end(make, blocked):
    began, let_go = blocked
    scheduler = make(poll_interval=0.01)
    scheduler.start()
    running, waiting = scheduler.submit(act), scheduler.submit(note, countdown=3600)
    results = [in_thread(running.get), in_thread(waiting.get)]
    assert began.wait(SOON)
    stopped = in_thread(scheduler.shutdown)
    let_go.set()
    assert results[0]() == "done"
    assert isinstance(results[1](), SchedulerNotRunningError)
    assert stopped() is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout": -1}, "timeout must be None .* from 0 to 31622400, a year, not -1"),
        ({"timeout": math.nan}, "not nan"),
        ({"timeout": math.inf}, "not inf"),
        ({"timeout": "5"}, "not '5'"),
        ({"timeout": True}, "not True"),
        ({"timeout": 10**5000}, "timeout must be None"),
        ({"on_message": 5}, "on_message must be a function that takes a Run, or None, not 5"),
    ],
)
def test_a_wrong_wait_is_refused(scheduler, arguments, message):
    with pytest.raises(InvalidSettingError, match=message):
        scheduler.submit(note).get(**arguments)


# messages


def test_each_state_is_told_while_one_waits(running):
    jobs.present["action"] = lambda: jobs.calls or note() / 0
    told = []
    handle = running.submit(act, retry=1, countdown=0.05)
    thread = threading.current_thread()
    handle.get(SOON, on_message=lambda run: told.append((run.state, run.attempt, threading.current_thread() is thread)))
    # Looks at the store may come between, and states that follow each other at once need not all be seen.
    assert told[-1] == (RunState.SUCCESS, 2, True)
    order = [("STARTED", 1, True), ("RETRY", 1, True), ("STARTED", 2, True), ("SUCCESS", 2, True)]
    assert [entry for entry in order if entry in told] == told


def test_an_end_that_is_known_is_not_told_again(scheduler, passing):
    handle, told = scheduler.submit(note), []
    passing.settle()
    assert handle.get(on_message=told.append) == 1
    assert [(type(run), run.state) for run in told] == [(Run, "SUCCESS")]
    handle.get(on_message=told.append)
    assert len(told) == 1


def test_what_a_message_raises_ends_the_wait(running, blocked):
    def stop(run):
        raise KeyError(run.state)

    handle = running.submit(act)
    with pytest.raises(KeyError, match="STARTED"):
        handle.get(SOON, on_message=stop)
    assert not running._bus.heard(RunEvent)


# coroutines


def test_a_handle_can_be_awaited(running):
    handle = running.submit(one, [1])
    assert asyncio.run(awaited(handle)) == 2
    assert asyncio.run(awaited(handle)) == 2
    with pytest.raises(RunFailedError, match="this job always fails"):
        asyncio.run(awaited(running.submit(fail)))


def test_a_thousand_handles_are_awaited_at_once(running):
    async def main():
        return await asyncio.gather(*[running.submit(one, [number]) for number in range(1000)])

    assert asyncio.run(main()) == list(range(1, 1001))
    assert not running._bus.heard(RunEvent)


def test_an_event_loop_goes_on_while_a_coroutine_waits(running, blocked):
    async def main():
        waiting = asyncio.ensure_future(awaited(running.submit(act)))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not waiting.done()
        blocked[1].set()
        return await waiting

    assert asyncio.run(main()) == "done"


def test_a_coroutine_that_is_cancelled_waits_no_more_and_the_run_goes_on(running, blocked):
    _, let_go = blocked
    handle = running.submit(act)

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, 0.05)

    asyncio.run(main())
    assert not running._bus.heard(RunEvent)
    let_go.set()
    assert handle.get(SOON) == "done"


def test_a_coroutine_cannot_wait_for_time_that_stands_still(scheduler, passing):
    handle = scheduler.submit(note)
    with pytest.raises(SchedulerError, match="on this clock no time passes"):
        asyncio.run(awaited(handle))
    passing.settle()
    assert asyncio.run(awaited(handle)) == 1
