"""cancel_run: what waits never starts, what runs is told to end, and REVOKED is final whatever the function does."""

import threading

import pytest

from scheduler import RunLookupError, RunRevoked, RunRevokedError, RunStarted, RunState, current_run
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.jobs import act, fail, note
from tests.api.waiting import SOON, in_thread
from tests.flow.executors import HeldExecutor


@pytest.fixture
def held():
    return HeldExecutor(pooled=True)


@pytest.fixture
def driven(sharing, clock, held):
    """A started scheduler on each kind of store whose calls are made when a test says so, and its time."""
    scheduler = sharing(clock=clock, executors={"default": held})
    scheduler.start()
    return scheduler, VirtualTime(clock, scheduler)


def stay():
    """Run until told to end, and return all the same."""
    jobs.present["began"].set()
    if current_run().cancelled.wait(SOON):
        jobs.calls.append("told")
    jobs.present["ended"].set()
    return "too late"


@pytest.fixture
def staying():
    jobs.present.update(began=threading.Event(), ended=threading.Event())
    return jobs.present["began"], jobs.present["ended"]


# what waits


def test_a_run_that_waits_for_its_time_never_starts(driven, held):
    scheduler, passing = driven
    handle = scheduler.submit(note, countdown=60)
    passing.advance(30)
    assert scheduler.cancel_run(handle.id) is True
    assert (handle.state, handle.reason, handle.attempt) == (RunState.REVOKED, "cancelled", 0)
    assert handle.finished_at == passing.clock.now()
    passing.advance(60)
    assert held.calls == []
    assert scheduler.get_jobs() == []
    with pytest.raises(RunRevokedError, match="ended as REVOKED: cancelled"):
        handle.get()


def test_a_run_that_waits_for_another_attempt_makes_none(driven, held):
    scheduler, passing = driven
    handle = scheduler.submit(fail, retry=3)
    passing.settle()
    held.begin()
    scheduler.pause()
    held.finish()
    passing.settle()
    assert handle.state is RunState.RETRY
    assert handle.cancel() is True
    scheduler.resume()
    passing.settle()
    assert (handle.state, handle.attempt, held.calls) == (RunState.REVOKED, 1, [])
    assert "this job always fails" in handle.attempts[0].error


def test_a_run_that_waits_for_an_instance_makes_place_for_nobody_and_those_behind_it_move_up(driven, held):
    scheduler, passing = driven
    scheduler.add_job(note, "interval", hours=1, id="job")
    first, second, third = [scheduler.run_job("job") for _ in range(3)]
    passing.settle()
    assert second.cancel() is True
    passing.settle()
    assert [run.state for run in (first, second, third)] == ["STARTED", "REVOKED", "PENDING"]
    assert first.cancel() is True
    passing.settle()
    assert third.state is RunState.STARTED


# what runs


def test_a_run_that_has_begun_is_told_to_end_and_what_it_returns_is_not_recorded(driven, held):
    scheduler, passing = driven
    handle = scheduler.submit(note)
    passing.settle()
    held.begin()
    assert scheduler.cancel_run(handle.id) is True
    assert handle.state is RunState.REVOKED
    passing.settle()
    assert held.told == [handle.id]
    revoked = handle.evolved()
    held.finish()
    passing.settle()
    assert jobs.calls == [()]
    assert handle.refresh() == revoked
    assert handle.result is None


def test_a_call_that_has_not_begun_in_its_executor_is_dropped(driven, held):
    scheduler, passing = driven
    handle = scheduler.submit(note)
    passing.settle()
    assert handle.state is RunState.STARTED
    assert handle.cancel() is True
    passing.settle()
    assert (held.calls, jobs.calls) == ([], [])


def test_a_thread_is_told(running, staying):
    began, ended = staying
    handle = running.submit(stay)
    assert began.wait(SOON)
    assert handle.cancel() is True
    assert ended.wait(SOON)
    assert (handle.state, jobs.calls) == ("REVOKED", ["told"])
    with pytest.raises(RunRevokedError):
        handle.get(SOON)


def test_who_waits_for_a_run_that_is_cancelled_waits_no_longer(running, staying):
    handle = running.submit(stay)
    result = in_thread(handle.get)
    assert staying[0].wait(SOON)
    assert running.cancel_run(handle.id) is True
    assert isinstance(result(), RunRevokedError)


def test_a_run_of_another_process_is_cancelled(sharing, staying):
    began, ended = staying
    client, worker = sharing(poll_interval=0.02), sharing(poll_interval=0.02)
    worker.engine.links["default"].store.shared = True  # for a memory store that two schedulers share
    worker.start()
    handle = worker.submit(stay)
    assert began.wait(SOON)
    assert client.cancel_run(handle.id) is True
    assert ended.wait(SOON)
    assert (handle.state, jobs.calls) == ("REVOKED", ["told"])


def test_a_run_may_cancel_itself(running):
    jobs.present["action"] = lambda: jobs.calls.append(running.cancel_run(current_run().run_id))
    handle = running.submit(act)
    with pytest.raises(RunRevokedError):
        handle.get(SOON)
    running.shutdown()
    assert (jobs.calls, handle.refresh().state) == ([True], "REVOKED")


def test_a_listener_may_cancel_a_run(driven, held):
    scheduler, passing = driven
    heard = []
    scheduler.add_listener(lambda event: heard.append(scheduler.cancel_run(event.run.id)), RunStarted)
    handle = scheduler.submit(note)
    passing.settle()
    assert (heard, handle.state, held.told) == ([True], "REVOKED", [handle.id])


# what has ended


def test_a_run_that_has_ended_is_not_cancelled(scheduler, passing):
    ended, failed = scheduler.submit(note), scheduler.submit(fail)
    passing.settle()
    assert [scheduler.cancel_run(run.id) for run in (ended, failed)] == [False, False]
    assert [run.state for run in (ended, failed)] == ["SUCCESS", "FAILURE"]
    assert (ended.cancel(), scheduler.get_run(failed.id).cancel()) == (False, False)


def test_a_skipped_run_is_not_cancelled(scheduler, passing):
    scheduler.add_job(note, "interval", hours=1, id="job", misfire_grace_time=1)
    passing.clock.advance(5400)
    passing.settle()
    (skipped,) = scheduler.get_runs("job")
    assert (skipped.state, scheduler.cancel_run(skipped.id)) == ("SKIPPED", False)


def test_a_run_is_cancelled_once(driven):
    scheduler, _ = driven
    heard = []
    scheduler.add_listener(lambda event: heard.append(event.run.id), RunRevoked)
    handle = scheduler.submit(note, countdown=60)
    gate = threading.Barrier(8)
    answers = [in_thread(lambda: gate.wait() >= 0 and scheduler.cancel_run(handle.id)) for _ in range(8)]
    assert sorted(answer() for answer in answers) == [False] * 7 + [True]
    scheduler.engine.step()
    assert heard == [handle.id]


def test_a_run_that_is_not_there_cannot_be_cancelled(driven):
    scheduler, _ = driven
    with pytest.raises(RunLookupError, match="no run has the id 'ghost'"):
        scheduler.cancel_run("ghost")


def test_a_run_in_another_store_is_cancelled(make, url, clock):
    scheduler = make(url, clock=clock, jobstores={"other": None})
    handle = scheduler.submit(note, jobstore="other", countdown=5)
    assert scheduler.cancel_run(handle.id) is True
    assert scheduler.get_run(handle.id).state is RunState.REVOKED


def test_a_scheduler_that_was_never_started_cancels_what_waits(sharing, clock):
    client, other = sharing(clock=clock), sharing(clock=clock)
    handle = client.submit(note)
    assert other.cancel_run(handle.id) is True
    client.start()
    VirtualTime(clock, client).settle()
    assert (handle.state, jobs.calls) == ("REVOKED", [])
