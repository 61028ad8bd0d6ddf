"""start, pause, resume, shutdown, run_forever, the context manager, health: on real threads, without sleeping."""

import threading

import pytest

from scheduler import (
    RunFailed,
    RunStarted,
    RunState,
    RunSucceeded,
    Scheduler,
    SchedulerAlreadyRunningError,
    SchedulerError,
    SchedulerNotRunningError,
    SchedulerShutdown,
    SchedulerState,
)
from scheduler.executors import ThreadPoolExecutor
from scheduler.jobstores import MemoryJobStore
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.jobs import act, note

RUN_ENDS = (RunSucceeded, RunFailed)
SOON = 20.0
"""Seconds after which a test gives up on what should happen at once."""


@pytest.fixture
def real(make, url):
    """A scheduler on the machine's own clock."""
    return make(url, poll_interval=0.05)


@pytest.fixture
def blocked():
    """A job that begins and then stays until it is let go."""
    began, let_go = threading.Event(), threading.Event()

    def action():
        began.set()
        let_go.wait(SOON)
        return "done"

    jobs.present["action"] = action
    yield began, let_go
    let_go.set()


def scheduler_threads():
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("scheduler-")}


def test_a_scheduler_runs_from_start_to_shutdown(real):
    assert (real.state, real.running) == (SchedulerState.STOPPED, False)
    real.start()
    assert (real.state, real.running) == (SchedulerState.RUNNING, True)
    assert "scheduler-loop" in scheduler_threads()
    real.shutdown()
    assert (real.state, real.running) == (SchedulerState.STOPPED, False)
    assert scheduler_threads() == set()


def test_what_is_due_is_called_in_another_thread(real):
    called = threading.Event()
    names = []

    def action():
        names.append(threading.current_thread().name)
        called.set()

    jobs.present["action"] = action
    real.start()
    real.add_job(act)
    assert called.wait(SOON)
    assert names == ["scheduler-worker-1"]


def test_start_twice_and_shutdown_twice_are_refused(real):
    with pytest.raises(SchedulerNotRunningError, match="the scheduler does not run"):
        real.shutdown()
    real.start()
    with pytest.raises(SchedulerAlreadyRunningError, match="runs already; call shutdown"):
        real.start()
    assert real.running
    real.shutdown()
    with pytest.raises(SchedulerNotRunningError):
        real.shutdown()


def test_pause_and_resume_need_a_running_scheduler(real):
    for call in (real.pause, real.resume):
        with pytest.raises(SchedulerNotRunningError, match=r"call start\(\) first"):
            call()


def test_jobs_survive_a_shutdown_and_go_on_after_the_next_start(clock, scheduler, passing):
    scheduler.add_job(note, "interval", hours=1, id="a")
    passing.advance(3600)
    scheduler.shutdown()
    clock.advance(3 * 3600)
    scheduler.start()
    passing.settle()
    states = [(run.state, run.count) for run in scheduler.get_runs("a", newest_first=False)]
    assert states == [(RunState.SUCCESS, 1), (RunState.SKIPPED, 2), (RunState.SUCCESS, 1)]


def test_a_scheduler_that_was_shut_down_is_a_client_still(real):
    real.start()
    real.shutdown()
    real.add_job(note, "interval", hours=1, id="a")
    real.pause_job("a")
    assert real.get_job("a").paused
    assert real.get_runs() == []


def test_a_paused_scheduler_starts_nothing_and_catches_up_when_resumed(scheduler, clock):
    scheduler.start(paused=True)
    passing = VirtualTime(clock, scheduler)
    scheduler.add_job(note, "interval", hours=1, id="a")
    assert scheduler.state is SchedulerState.PAUSED
    assert scheduler.health().paused
    passing.advance(2.5 * 3600)
    assert jobs.calls == []
    scheduler.resume()
    passing.settle()
    assert len(jobs.calls) == 1
    scheduler.pause()
    passing.advance(3600)
    assert len(jobs.calls) == 1


def test_shutdown_waits_for_what_runs_and_records_it(real, blocked):
    began, let_go = blocked
    real.start()
    real.add_job(act, id="a")
    assert began.wait(SOON)
    threading.Timer(0.0, let_go.set).start()
    real.shutdown()
    (run,) = real.get_runs("a")
    assert (run.state, run.result) == (RunState.SUCCESS, "done")


@pytest.mark.parametrize("options", [{"wait": False}, {"timeout": 0}, {"timeout": 0.01}, {"wait": False, "timeout": 5}])
def test_a_run_that_shutdown_does_not_wait_for_is_recorded_as_lost(real, blocked, options):
    began, let_go = blocked
    real.start()
    real.add_job(act, id="a")
    assert began.wait(SOON)
    real.shutdown(**options)
    assert not let_go.is_set()
    (run,) = real.get_runs("a")
    assert (run.state, run.reason) == (RunState.LOST, "shutdown")
    assert "shut down before the function ended" in run.error


def test_a_run_that_is_lost_to_a_shutdown_is_tried_again_by_the_next_start(real, blocked):
    began, let_go = blocked
    real.start()
    real.add_job(act, id="a", retry=1)
    assert began.wait(SOON)
    real.shutdown(wait=False)
    assert [run.state for run in real.get_runs("a")] == [RunState.RETRY]
    let_go.set()
    ended = threading.Event()
    real.add_listener(lambda event: ended.set() if getattr(event, "run", None) and event.run.state.final else None)
    real.start()
    assert ended.wait(SOON)
    (run,) = real.get_runs("a")
    assert (run.state, run.attempt, run.result) == (RunState.SUCCESS, 2, "done")


def test_a_job_may_shut_its_scheduler_down(real):
    stopped = threading.Event()
    real.add_listener(lambda event: stopped.set(), SchedulerShutdown)
    jobs.present["action"] = real.shutdown
    real.add_job(act, id="a")
    real.start()
    assert stopped.wait(SOON)
    assert not real.running
    assert [run.state for run in real.get_runs("a")] == [RunState.SUCCESS]
    real.start()
    real.shutdown()


def test_a_listener_may_shut_the_scheduler_down(real):
    stopped = threading.Event()
    real.add_listener(lambda event: stopped.set(), SchedulerShutdown)
    real.add_listener(lambda event: real.shutdown() if event.run.state.final else None, *RUN_ENDS)
    real.add_job(note, id="a")
    real.start()
    assert stopped.wait(SOON)
    assert not real.running


def test_a_start_while_a_shutdown_goes_on_is_refused(real):
    begun, let_go, stopped = threading.Event(), threading.Event(), threading.Event()

    def action():
        real.shutdown()
        begun.set()
        let_go.wait(SOON)

    jobs.present["action"] = action
    real.add_listener(lambda event: stopped.set(), SchedulerShutdown)
    real.start()
    real.add_job(act, id="a")
    assert begun.wait(SOON)
    with pytest.raises(SchedulerAlreadyRunningError, match="is still shutting down; start it again after"):
        real.start()
    let_go.set()
    assert stopped.wait(SOON)
    assert [run.state for run in real.get_runs("a")] == [RunState.SUCCESS]
    real.start()
    assert real.running


def test_run_forever_returns_when_a_job_shuts_down(real):
    jobs.present["action"] = real.shutdown
    real.add_job(act)
    real.run_forever()
    assert not real.running
    assert scheduler_threads() == set()


def test_run_forever_works_in_any_thread(real):
    thread = threading.Thread(target=real.run_forever)
    started = threading.Event()
    real.add_listener(lambda event: started.set())
    thread.start()
    assert started.wait(SOON)
    real.shutdown()
    thread.join(SOON)
    assert not thread.is_alive()


def test_run_forever_is_refused_on_a_virtual_clock(scheduler):
    with pytest.raises(SchedulerError, match="drive it with VirtualTime"):
        scheduler.run_forever()


def test_a_with_block_starts_and_shuts_down(real):
    with real as inside:
        assert inside is real
        assert real.running
        with real:
            pass
        assert not real.running
    with pytest.raises(ZeroDivisionError), real:
        1 / 0  # noqa: B018
    assert not real.running


def test_a_start_that_fails_leaves_nothing_started(make, clock):
    shared = ThreadPoolExecutor(1)
    first = make(executors={"default": shared})
    first.start()
    second = make(executors={"own": ThreadPoolExecutor(1), "default": shared})
    with pytest.raises(SchedulerAlreadyRunningError, match="give each scheduler executors of its own"):
        second.start()
    assert not second.running
    first.shutdown()
    second.start()
    assert second.running


# health


def test_health_tells_the_truth_about_a_running_scheduler(scheduler, passing, clock, url):
    scheduler.add_job(note, "interval", hours=1, id="a")
    passing.advance(1800)
    health = scheduler.health()
    assert (health.ok, health.running, health.paused, health.active_runs) == (True, True, False, 0)
    assert (health.last_step_age, health.lag, health.broken_jobs) == (0.0, 0.0, 0)
    assert health.stores["default"].reachable
    assert health.stores["default"].since is not None
    assert len(health.nodes) == (0 if url is None else 1)
    clock.advance(3600)
    late = scheduler.health()
    assert (late.lag, late.last_step_age) == (1800.0, 3600.0)
    scheduler.shutdown()
    stopped = scheduler.health()
    assert (stopped.ok, stopped.running, stopped.last_step_age, stopped.nodes) == (False, False, None, ())


class Stubborn(MemoryJobStore):
    """A store that fails in a way of its own."""

    def next_due(self, executors, skip=()):
        raise RuntimeError("the disk is on fire")


def test_health_raises_nothing_whatever_a_store_does(make, clock):
    health = make(Stubborn(), clock=clock).health()
    assert (health.ok, health.stores["default"].reachable) == (False, False)
    assert health.stores["default"].error == "RuntimeError: the disk is on fire"


def test_a_store_that_fails_does_not_end_the_loop_nor_hold_up_other_stores(make):
    called = threading.Event()
    jobs.present["action"] = called.set
    scheduler = make(Stubborn(), jobstores={"good": None})
    scheduler.start()
    scheduler.add_job(act, jobstore="good")
    assert called.wait(SOON)
    assert scheduler.running
    health = scheduler.health()
    assert (health.ok, health.stores["default"].reachable, health.stores["good"].reachable) == (False, False, True)


def test_schedulers_are_independent_of_each_other():
    one, other = Scheduler(timezone="UTC"), Scheduler(timezone="UTC")
    with one:
        one.add_job(note, "interval", hours=1, id="a")
        assert other.get_jobs() == []
        assert not other.running


class Watched(ThreadPoolExecutor):
    """Tells when it was asked to stop."""

    def __init__(self):
        super().__init__(1)
        self.asked = threading.Event()

    def stop(self, timeout=None):
        self.asked.set()
        return super().stop(timeout)


def test_a_shutdown_between_the_record_of_a_run_and_its_call_does_not_fail_the_run(make, url):
    executor = Watched()
    scheduler = make(url, executors={"default": executor})
    closing = threading.Thread(target=scheduler.shutdown)

    def shut_down(event):
        closing.start()
        executor.asked.wait(0.1)  # in vain: the executor is stopped only when it has been handed the call

    scheduler.add_listener(shut_down, RunStarted)
    scheduler.add_job(note, id="a")
    stopped = threading.Event()
    scheduler.add_listener(lambda event: stopped.set(), SchedulerShutdown)
    scheduler.start()
    assert stopped.wait(SOON)
    closing.join(SOON)
    assert [(run.state, run.error) for run in scheduler.get_runs("a")] == [(RunState.SUCCESS, None)]


def test_a_client_gives_back_its_connections_and_may_go_on(tmp_path):
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    client = Scheduler(url, timezone="UTC")
    client.add_job("builtins:list", "interval", hours=1, id="a")
    client.close()
    client.close()
    assert client.get_job("a") is not None
    client.close()


def test_a_call_after_shutdown_opens_the_store_and_close_gives_it_back(make, sqlite_url, clock, tmp_path):
    """SQLite's log lies beside the file for as long as somebody has it open."""
    log = tmp_path / "jobs.db-wal"
    scheduler = make(sqlite_url, clock=clock)
    scheduler.start()
    scheduler.shutdown()
    assert not log.exists()
    assert scheduler.get_jobs() == []
    assert log.exists()
    scheduler.close()
    assert not log.exists()


def test_health_of_a_scheduler_never_started_opens_its_stores(make, sqlite_url, tmp_path):
    scheduler = make(sqlite_url)
    assert not (tmp_path / "jobs.db").exists()
    health = scheduler.health()
    assert (health.ok, health.stores["default"].reachable) == (False, True)
    assert (tmp_path / "jobs.db").exists()


def test_a_running_scheduler_cannot_be_closed(tmp_path):
    with (
        Scheduler(f"sqlite:///{tmp_path / 'jobs.db'}", timezone="UTC") as scheduler,
        pytest.raises(SchedulerAlreadyRunningError, match="shutdown"),
    ):
        scheduler.close()
