"""What a shutdown does not wait for is lost, whatever its function does when it is told to end: on real threads."""

import asyncio
import signal
import threading
from datetime import timedelta

import pytest

from scheduler import RetryPolicy, RunProgress, RunState, current_run
from scheduler.executors import AsyncIOExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from scheduler.jobstores import MemoryJobStore
from scheduler.runtime import shutdown, stopping
from tests.api.jobs import note, one

SOON = 20.0
"""Seconds after which a test gives up on what should happen at once."""

HALF = "half of the work"


def looks_whether_to_end():
    current_run().progress(1)
    return current_run().cancelled.wait(SOON) and HALF


def raises_when_told():
    current_run().progress(1)
    current_run().cancelled.wait(SOON)
    raise RuntimeError(HALF)


async def catches_its_end():
    current_run().progress(1)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return HALF


class Told(Exception):
    pass


def catches_sigterm():
    """In a worker process."""

    def tell(*_):
        raise Told

    signal.signal(signal.SIGTERM, tell)
    try:
        current_run().progress(1)
        threading.Event().wait(SOON)
    except Told:
        return HALF


KINDS = [
    (looks_whether_to_end, ThreadPoolExecutor),
    (raises_when_told, ThreadPoolExecutor),
    (catches_its_end, ThreadPoolExecutor),
    (catches_its_end, AsyncIOExecutor),
    (catches_sigterm, lambda: ProcessPoolExecutor(1)),
]
NAMES = ["a thread that returns", "a thread that raises", "a coroutine in a pool", "a coroutine", "a process"]


@pytest.fixture
def under_way(make, url):
    """Start a scheduler, and a run in it of a job whose success another job follows; gives both when it has begun."""

    def under_way(function, make_executor, **options):
        scheduler = make(url, executors={"default": ThreadPoolExecutor(), "own": make_executor()})
        began = threading.Event()
        scheduler.add_listener(lambda event: began.set(), RunProgress)
        scheduler.add_job(function, "interval", hours=1, id="a", executor="own", **options)
        scheduler.add_job(note, "after", job_id="a", id="next")
        scheduler.start()
        run = scheduler.run_job("a")
        assert began.wait(SOON)
        return scheduler, run.id

    return under_way


@pytest.mark.parametrize("options", [{"wait": False}, {"timeout": timedelta(milliseconds=10)}], ids=str)
@pytest.mark.parametrize(("function", "make_executor"), KINDS, ids=NAMES)
def test_what_ends_as_it_is_told_so_is_lost_all_the_same(under_way, caplog, function, make_executor, options):
    scheduler, run_id = under_way(function, make_executor)
    scheduler.shutdown(**options)
    scheduler.start()
    assert scheduler.submit(one, [1]).get(timeout=SOON) == 2  # the loop has taken in what came late
    run = scheduler.get_run(run_id)
    assert (run.state, run.reason, run.result) == (RunState.LOST, "shutdown", None)
    assert run.error == "the scheduler was shut down before the function ended"
    assert scheduler.get_runs("next") == []
    assert "nobody waits for" not in caplog.text


def test_a_lost_attempt_is_tried_again_whatever_its_function_raised(under_way):
    scheduler, run_id = under_way(raises_when_told, ThreadPoolExecutor, retry=RetryPolicy(1, on=OSError))
    scheduler.shutdown(wait=False)
    assert (scheduler.get_run(run_id).state, scheduler.get_run(run_id).reason) == (RunState.RETRY, "shutdown")


@pytest.mark.parametrize("function", [looks_whether_to_end, catches_its_end])
def test_a_run_may_be_cancelled_while_a_shutdown_waits_for_it(under_way, function):
    scheduler, run_id = under_way(function, ThreadPoolExecutor)
    stopping = threading.Thread(target=scheduler.shutdown)
    stopping.start()
    assert scheduler.cancel_run(run_id)
    stopping.join(SOON)
    assert not stopping.is_alive()
    assert scheduler.get_run(run_id).state is RunState.REVOKED


@pytest.mark.parametrize("function", [looks_whether_to_end, catches_its_end])
def test_a_run_times_out_while_a_shutdown_waits_for_it(under_way, function):
    scheduler, run_id = under_way(function, ThreadPoolExecutor, timeout=0.6)
    scheduler.shutdown()
    run = scheduler.get_run(run_id)
    assert (run.state, run.reason) == (RunState.FAILURE, "timeout")


# what hangs


@pytest.fixture
def let_go():
    """Set when the test has ended, and with it what it has blocked."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def _short(monkeypatch, request):
    """Let a shutdown wait for what hangs for moments only."""
    if "let_go" in request.fixturenames:
        monkeypatch.setattr(stopping, "GRACE", 0.01)
        monkeypatch.setattr(shutdown, "STORES_LEFT", 0.05)


def test_a_coroutine_that_does_not_end_holds_up_no_shutdown(make, let_go, caplog):
    began = threading.Event()

    async def blocks_its_loop():
        began.set()
        let_go.wait(SOON)

    scheduler = make()
    scheduler.start()
    run = scheduler.submit(blocks_its_loop)
    assert began.wait(SOON)
    scheduler.shutdown(wait=False)
    assert (run.state, run.reason) == (RunState.LOST, "shutdown")
    assert "Stopping executor 'default' takes longer; the shutdown does not wait for it" in caplog.text


class Sticky(MemoryJobStore):
    """A store that cannot be closed as long as something else is not over."""

    def __init__(self, let_go):
        super().__init__()
        self.let_go = let_go

    def close(self):
        self.let_go.wait(SOON)


def test_a_store_that_cannot_be_left_holds_up_no_shutdown(make, let_go, caplog):
    scheduler = make(Sticky(let_go))
    scheduler.start()
    scheduler.shutdown(wait=False)
    assert not scheduler.running
    assert "Taking leave of job store 'default' takes longer; the shutdown does not wait for it" in caplog.text
