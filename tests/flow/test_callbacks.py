"""Functions that a job wants called after its runs: runs of their own, recorded with the end that calls them."""

import pytest

from scheduler import JobAdded, JobRemoved, RetryPolicy, RunState
from tests.flow.executors import HeldExecutor, MuteExecutor
from tests.flow.faulty import crash
from tests.flow.functions import fail, fail_on_run, fail_until, note, note_run, return_what_no_database_keeps
from tests.flow.world import NODE_TIMEOUT, at

FIRE = 10
BOTH = {"on_success": note_run, "on_failure": note_run}


def callbacks(world):
    return [run for run in world.runs() if ":on_" in run.job_id]


@pytest.mark.parametrize(
    ("func", "rules", "kind"),
    [
        (note, BOTH, "on_success"),
        (fail, BOTH, "on_failure"),
        (note, {"on_failure": note_run}, None),
        (fail, {"on_success": note_run}, None),
    ],
)
def test_the_end_of_a_run_calls_the_function_for_it_with_the_run_as_it_ended(world, calls, func, rules, kind):
    scheduler = world.scheduler()
    scheduler.add_job(func, "date", run_date=at(FIRE), id="job", tags=("nightly",), **rules)
    world.advance(FIRE)
    run = world.run("job")
    if kind is None:
        assert callbacks(world) == []
        return
    [made] = callbacks(world)
    assert (made.state, made.cause, made.scheduled_time) == (RunState.SUCCESS, run.id, at(FIRE))
    assert made.job_id.startswith(f"job:{kind}:")
    assert calls[1:] == [(run.id, run.state, run.result, run.error)]
    assert scheduler.get_jobs() == []


def test_it_is_called_once_the_run_has_ended_for_good_and_not_for_each_attempt(world, calls):
    scheduler = world.scheduler()
    retry = RetryPolicy(max_retries=2, delay=10)
    scheduler.add_job(fail_until, "date", run_date=at(FIRE), args=(3,), id="job", retry=retry, **BOTH)
    world.advance(100)
    assert [run.job_id.split(":")[1] for run in callbacks(world)] == ["on_success"]


def take_away(scheduler):
    scheduler.modify_job("job", on_success=None, on_failure=None)


@pytest.mark.parametrize("change", [take_away, lambda scheduler: scheduler.remove_job("job")], ids=["away", "removed"])
@pytest.mark.parametrize("dies", [False, True])
def test_a_run_under_way_calls_what_it_began_with_unless_the_process_dies_that_knows(world, calls, change, dies):
    held = HeldExecutor()
    scheduler, other = world.scheduler(executors={"default": held}), world.scheduler()
    world.freeze(other)
    scheduler.add_job(note, "interval", seconds=FIRE, end_date=at(FIRE), id="job", **BOTH)
    world.advance(FIRE)
    change(scheduler)
    world.thaw(other)
    if dies:
        world.freeze(scheduler)
    else:
        held.finish()
    world.advance(NODE_TIMEOUT + 10)
    assert world.run("job").state is (RunState.LOST if dies else RunState.SUCCESS)
    assert len(callbacks(world)) == (0 if dies else 1)


def test_a_lost_run_has_failed(world, calls):
    doomed, _ = world.scheduler(executors={"default": MuteExecutor()}), world.scheduler()
    doomed.add_job(note, "date", run_date=at(FIRE), id="job", **BOTH)
    world.advance_to_crash(doomed, FIRE)
    world.advance(NODE_TIMEOUT + 10)
    run = world.run("job")
    assert run.state is RunState.LOST
    assert calls[1:] == [(run.id, RunState.LOST, None, run.error)]


def test_a_cancelled_run_has_neither_succeeded_nor_failed(world, calls):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job", **BOTH)
    world.advance(FIRE)
    scheduler.cancel_run(world.run("job").id)
    world.advance(1)
    assert callbacks(world) == []


def test_a_timed_out_run_has_failed(world, calls):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job", timeout=5, **BOTH)
    world.advance(FIRE + 5)
    [made] = callbacks(world)
    assert ":on_failure:" in made.job_id


def test_a_callback_that_fails_is_retried_as_its_job_is_and_calls_nobody(world, calls):
    scheduler = world.scheduler()
    retry = RetryPolicy(max_retries=2, delay=10)
    scheduler.add_job(
        note, "date", run_date=at(FIRE), id="job", retry=retry, on_success=fail_on_run, on_failure=fail_on_run
    )
    world.advance(100)
    [made] = callbacks(world)
    assert (made.state, made.attempt, len(calls)) == (RunState.FAILURE, 3, 4)
    assert made.error == "ValueError: the callback, as it was told"
    assert len(world.runs()) == 2
    assert scheduler.get_jobs() == []


def test_each_run_of_a_job_has_its_own(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=10, id="job", on_success=note_run)
    world.advance(30)
    assert [run.cause for run in callbacks(world)] == [run.id for run in world.runs("job")]


def test_the_callback_of_a_job_that_was_removed_meanwhile_is_made(world, calls):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "interval", seconds=10, id="job", executor="held", on_success=note_run)
    world.advance(FIRE)
    scheduler.remove_job("job")
    held.finish()
    world.advance(0)
    [made] = callbacks(world)
    assert world.run("job").state is RunState.SUCCESS
    assert made.state is RunState.PENDING or made.state is RunState.STARTED
    held.finish()
    world.advance(0)
    assert [run.state for run in callbacks(world)] == [RunState.SUCCESS]


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_a_crash_when_the_end_is_recorded_makes_it_neither_lost_nor_double(world, calls, when):
    store = world.store()
    setattr(store, when, lambda did: crash() if "finish" in did else None)
    doomed = world.scheduler(store)
    doomed.add_job(note, "date", run_date=at(FIRE), id="job", retry=1, on_success=note_run)
    world.advance_to_crash(doomed, FIRE)
    world.scheduler()
    world.advance(NODE_TIMEOUT + 10)
    assert [run.state for run in callbacks(world)] == [RunState.SUCCESS]


def test_a_result_that_no_database_keeps_holds_up_no_callback(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(return_what_no_database_keeps, "date", run_date=at(FIRE), id="job", on_success=note_run)
    world.advance(FIRE)
    [made] = callbacks(world)
    assert (world.run("job").state, made.state) == (RunState.SUCCESS, RunState.SUCCESS)


def test_its_job_is_told_of_as_any_other(world, calls):
    scheduler = world.scheduler()
    told = []
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job", on_success=note_run)
    scheduler.add_listener(lambda event: told.append((type(event), event.job_id)), JobAdded, JobRemoved)
    world.advance(FIRE)
    [made] = callbacks(world)
    assert told == [(JobAdded, made.job_id), (JobRemoved, "job"), (JobRemoved, made.job_id)]
