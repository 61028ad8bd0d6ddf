"""Job stores and executors that come and go, stopped and running; and jobs that act on their own scheduler."""

import threading

import pytest

from scheduler import (
    ExecutorLookupError,
    InvalidSettingError,
    JobStoreLookupError,
    RunState,
    SchedulerAlreadyRunningError,
    SchedulerError,
    SchedulerShutdown,
    current_run,
)
from scheduler.executors import InlineExecutor, ThreadPoolExecutor
from scheduler.jobstores import MemoryJobStore
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.jobs import act, note

SOON = 20.0


@pytest.mark.parametrize("running", [False, True])
def test_a_store_can_be_added_and_its_jobs_are_driven(scheduler, clock, running):
    store = MemoryJobStore()
    passing = VirtualTime(clock, scheduler)
    if running:
        scheduler.start()
    scheduler.add_jobstore(store, "late")
    scheduler.add_job(note, "interval", hours=1, id="a", jobstore="late")
    if not running:
        scheduler.start()
    passing.advance(3600)
    assert len(jobs.calls) == 1
    scheduler.remove_jobstore("late")
    assert scheduler.get_job("a") is None
    passing.advance(3600)
    assert len(jobs.calls) == 1
    with pytest.raises(JobStoreLookupError, match="no job store has the alias 'late'"):
        scheduler.add_job(note, jobstore="late")
    scheduler.add_jobstore(store, "back")
    assert scheduler.get_job("a").jobstore == "back"
    passing.settle()
    assert len(jobs.calls) == 2


@pytest.mark.parametrize("running", [False, True])
def test_an_executor_can_be_added_and_removed_and_its_jobs_wait_meanwhile(scheduler, clock, running):
    passing = VirtualTime(clock, scheduler)
    if running:
        scheduler.start()
    scheduler.add_executor(InlineExecutor(), "late")
    scheduler.add_job(note, "interval", hours=1, id="a", executor="late", coalesce=False, max_instances=5)
    if not running:
        scheduler.start()
    passing.advance(3600)
    scheduler.remove_executor("late")
    passing.advance(3 * 3600)
    assert len(jobs.calls) == 1
    assert "no executor has the alias 'late'" in scheduler.get_job("a").broken
    scheduler.add_executor(InlineExecutor(), "late")
    passing.settle()
    assert scheduler.get_job("a").broken is None
    assert [run.state for run in scheduler.get_runs("a")] == [RunState.SUCCESS] * 4


def test_an_alias_that_is_taken_or_unknown_is_named(scheduler):
    with pytest.raises(SchedulerError, match="there is a job store 'default' already; remove it first"):
        scheduler.add_jobstore("sqlite://")
    with pytest.raises(SchedulerError, match="there is an executor 'default' already; remove it first"):
        scheduler.add_executor(InlineExecutor())
    with pytest.raises(JobStoreLookupError, match="'defualt'; did you mean 'default'"):
        scheduler.remove_jobstore("defualt")
    with pytest.raises(ExecutorLookupError, match="'defualt'; did you mean 'default'"):
        scheduler.remove_executor("defualt")
    for alias in ("", 5, None, "a\0"):
        with pytest.raises(InvalidSettingError, match="the alias of"):
            scheduler.add_jobstore(MemoryJobStore(), alias)
        with pytest.raises(InvalidSettingError, match="the alias of"):
            scheduler.add_executor(InlineExecutor(), alias)


def test_a_store_whose_runs_go_on_here_is_not_let_go(make, url):
    began, let_go = threading.Event(), threading.Event()
    jobs.present["action"] = lambda: (began.set(), let_go.wait(SOON))
    scheduler = make(url)
    scheduler.add_job(act)
    scheduler.start()
    assert began.wait(SOON)
    with pytest.raises(SchedulerError, match="has 1 runs of this process that have not ended"):
        scheduler.remove_jobstore("default")
    let_go.set()
    scheduler.shutdown()
    scheduler.remove_jobstore("default")


def test_an_executor_belongs_to_one_scheduler(make):
    shared = ThreadPoolExecutor(1)
    make(executors={"default": shared}).start()
    other = make()
    other.start()
    with pytest.raises(SchedulerAlreadyRunningError, match="executors of its own"):
        other.add_executor(shared, "shared")
    with pytest.raises(ExecutorLookupError):
        other.remove_executor("shared")


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_calls_are_cancelled_and_time_out_while_an_executor_is_removed(make, how):
    began, told = threading.Event(), []
    jobs.present["action"] = lambda: (began.set(), told.append(current_run().cancelled.wait(SOON)))
    scheduler = make(executors={"late": ThreadPoolExecutor(1)})
    scheduler.start()
    run = scheduler.submit(act, executor="late", timeout=0.3 if how == "timeout" else None)
    assert began.wait(SOON)
    removing = threading.Thread(target=scheduler.remove_executor, args=("late",))
    removing.start()
    if how == "cancel":
        while "is being removed" not in refusal(scheduler, "late"):
            assert removing.is_alive()
        assert run.cancel()
    removing.join(SOON)
    assert told == [True]
    assert (run.state, run.reason) == (("REVOKED", "cancelled") if how == "cancel" else ("FAILURE", "timeout"))
    scheduler.add_executor(ThreadPoolExecutor(1), "late")
    assert scheduler.submit(note, executor="late").wait(SOON)


def refusal(scheduler, alias):
    """Why no executor can be added by this alias."""
    with pytest.raises(InvalidSettingError) as caught:
        scheduler.add_executor(InlineExecutor(), alias)
    return str(caught.value)


def test_an_executor_that_is_being_removed_takes_no_more_runs_and_is_not_started_again(make):
    began, let_go = threading.Event(), threading.Event()
    jobs.present["action"] = lambda: (began.set(), let_go.wait(SOON))
    scheduler = make(executors={"late": ThreadPoolExecutor(2)})
    scheduler.start()
    scheduler.submit(act, executor="late")
    assert began.wait(SOON)
    removing = threading.Thread(target=scheduler.remove_executor, args=("late",))
    removing.start()
    while "is being removed" not in refusal(scheduler, "late"):
        assert removing.is_alive()
    waiting = scheduler.submit(note, executor="late")
    assert scheduler.submit(note).wait(SOON)  # by then that one would have begun
    assert waiting.state == "PENDING"
    scheduler.shutdown(wait=False)
    scheduler.start()
    assert "is being removed" in refusal(scheduler, "late")
    let_go.set()
    removing.join(SOON)
    scheduler.add_executor(ThreadPoolExecutor(1), "late")
    assert waiting.wait(SOON)


# from inside a job


def test_a_job_may_add_change_and_remove_jobs(scheduler, passing):
    def action():
        scheduler.add_job(note, "interval", hours=1, id="new")
        scheduler.modify_job("changed", args=("changed",))
        scheduler.remove_job("removed")

    jobs.present["action"] = action
    for job_id in ("changed", "removed"):
        scheduler.add_job(note, "interval", hours=1, id=job_id)
    scheduler.add_job(act, id="actor")
    passing.advance(3600)
    assert {job.id for job in scheduler.get_jobs()} == {"new", "changed"}
    assert sorted(map(str, jobs.calls)) == ["('changed',)", "()"]


@pytest.mark.parametrize(
    ("action", "left"),
    [
        (lambda scheduler: scheduler.remove_job("a"), None),
        (lambda scheduler: scheduler.pause_job("a"), (True, 0)),
        (lambda scheduler: scheduler.modify_job("a", name="renamed"), (False, 3600)),
        (lambda scheduler: scheduler.reschedule_job("a", trigger="interval", minutes=1), (False, 60)),
        (lambda scheduler: scheduler.add_job(act, "interval", hours=1, id="a", replace_existing=True), (False, 3600)),
    ],
)
def test_a_job_may_change_itself(scheduler, passing, action, left):
    jobs.present["action"] = lambda: bool(action(scheduler))
    scheduler.add_job(act, "interval", hours=1, id="a")
    passing.advance(3600)
    (run,) = scheduler.get_runs("a")
    assert run.state is RunState.SUCCESS, run.error
    job = scheduler.get_job("a")
    if left is None:
        assert job is None
    else:
        paused, seconds = left
        assert job.paused is paused
        assert paused or (job.next_run_time - passing.clock.now()).total_seconds() == seconds


def test_a_one_off_job_may_add_itself_again(scheduler, passing):
    jobs.present["action"] = lambda: bool(
        scheduler.add_job(
            act, "date", run_date=passing.clock.now().replace(microsecond=0, hour=5), id="a", replace_existing=True
        )
    )
    scheduler.add_job(act, id="a")
    passing.settle()
    assert scheduler.get_job("a").next_run_time.hour == 5


def test_a_job_in_virtual_time_may_shut_its_scheduler_down(scheduler, clock):
    stopped = threading.Event()
    scheduler.add_listener(lambda event: stopped.set(), SchedulerShutdown)
    jobs.present["action"] = scheduler.shutdown
    scheduler.add_job(act, "interval", hours=1, id="a")
    scheduler.start()
    VirtualTime(clock, scheduler).advance(5 * 3600)
    assert stopped.wait(SOON)
    assert [run.state for run in scheduler.get_runs("a")] == [RunState.SUCCESS]


def test_one_job_store_cannot_be_two(make):
    store = MemoryJobStore()
    scheduler = make(store)
    with pytest.raises(InvalidSettingError, match="here as 'default' already"):
        scheduler.add_jobstore(store, "other")
    assert scheduler.get_jobs("default") == []
