"""The crash table of the design: wherever the process dies, each fire has one record, and is settled by the policy."""

import pytest

from scheduler import RunLost, RunRetrying, RunState
from tests.flow.executors import MuteExecutor
from tests.flow.faulty import crash
from tests.flow.functions import note
from tests.flow.world import NODE_TIMEOUT, at

FIRE = 10


def before_commit(world):
    store = world.store()
    store.before_commit = crash
    return world.scheduler(store)


def after_commit_before_submit(world):
    store = world.store()
    store.after_commit = lambda did: crash() if "record" in did else None
    return world.scheduler(store)


def while_running(world):
    return world.scheduler(executors={"default": MuteExecutor()})


def returned_and_not_recorded(world):
    store = world.store()
    store.before_commit = lambda did: crash() if "finish" in did else None
    return world.scheduler(store)


def while_the_ending_is_committed(world):
    store = world.store()
    store.after_commit = lambda did: crash() if "finish" in did else None
    return world.scheduler(store)


LOST, SUCCESS = RunState.LOST, RunState.SUCCESS

TABLE = [
    # where it dies                   retry  → state, attempts, calls
    (before_commit, None, SUCCESS, 1, 1),
    (before_commit, 2, SUCCESS, 1, 1),
    (after_commit_before_submit, None, LOST, 1, 0),
    (after_commit_before_submit, 2, SUCCESS, 2, 1),
    (while_running, None, LOST, 1, 1),
    (while_running, 2, SUCCESS, 2, 2),
    (returned_and_not_recorded, None, LOST, 1, 1),
    (returned_and_not_recorded, 2, SUCCESS, 2, 2),
    (while_the_ending_is_committed, None, SUCCESS, 1, 1),
    (while_the_ending_is_committed, 2, SUCCESS, 1, 1),
]
CRASHES = pytest.mark.parametrize(("crashing", "retry", "state", "attempt", "called"), TABLE)


@CRASHES
def test_a_crash_leaves_one_record_which_another_node_settles(world, calls, crashing, retry, state, attempt, called):
    doomed, survivor = crashing(world), world.scheduler()
    doomed.add_job(note, "date", run_date=at(FIRE), id="job", retry=retry)
    world.advance_to_crash(doomed, FIRE)
    world.advance(NODE_TIMEOUT + 10)
    [run] = world.runs()
    assert (run.state, run.attempt, run.scheduled_time) == (state, attempt, at(FIRE))
    assert len(calls) == called
    assert survivor.get_job("job") is None


@CRASHES
def test_a_crash_is_settled_by_the_same_program_when_it_starts_again(
    world, calls, crashing, retry, state, attempt, called
):
    doomed = crashing(world)
    doomed.add_job(note, "date", run_date=at(FIRE), id="job", retry=retry)
    world.advance_to_crash(doomed, FIRE)
    world.clock.advance(3600)
    world.scheduler()
    world.advance(1)
    [run] = world.runs()
    assert (run.state, run.attempt, len(calls)) == (state, attempt, called)


def test_the_schedule_goes_on_after_a_crash_and_no_fire_is_left_out(world, calls):
    doomed, _ = while_running(world), world.scheduler()
    doomed.add_job(note, "interval", seconds=10, id="job", max_instances=10)
    world.advance_to_crash(doomed, 20)
    world.advance(100)
    runs = world.runs("job")
    assert [run.scheduled_time for run in runs] == [at(10 * number) for number in range(1, 13)]
    assert [run.state for run in runs] == [LOST] * 2 + [SUCCESS] * 10


def test_an_attempt_that_is_lost_again_and_again_ends_as_lost(world, calls):
    first = while_running(world)
    first.add_job(note, "date", run_date=at(FIRE), id="job", retry=2)
    world.advance_to_crash(first, FIRE)
    for _ in range(3):
        world.advance_to_crash(while_running(world), 2 * NODE_TIMEOUT)
    world.scheduler()
    world.advance(NODE_TIMEOUT + 10)
    [run] = world.runs()
    assert (run.state, run.attempt, len(calls)) == (LOST, 3, 3)
    assert run.reason == "lost"
    assert "died" in run.error


def test_a_lost_run_is_told_and_its_node_is_forgotten(world, calls):
    doomed, survivor = while_running(world), world.scheduler()
    heard = []
    survivor.add_listener(heard.append, RunLost, RunRetrying)
    doomed.add_job(note, "date", run_date=at(FIRE), id="once")
    doomed.add_job(note, "date", run_date=at(FIRE), id="again", retry=1)
    world.advance(1)
    assert len(survivor.health().nodes) == 2
    world.advance_to_crash(doomed, FIRE)
    world.advance(NODE_TIMEOUT + 10)
    assert {(type(event), event.run.job_id) for event in heard} == {(RunLost, "once"), (RunRetrying, "again")}
    assert len(survivor.health().nodes) == 1


def test_a_lost_run_of_a_removed_job_is_lost_and_not_tried_again(world, calls):
    doomed, survivor = while_running(world), world.scheduler()
    doomed.add_job(note, "interval", seconds=FIRE, id="job", retry=5)
    world.advance_to_crash(doomed, FIRE)
    survivor.remove_job("job")
    world.advance(NODE_TIMEOUT + 10)
    assert world.states() == [LOST]
    assert len(calls) == 1


def test_the_runs_that_wait_behind_a_lost_one_go_on(world, calls):
    doomed, _ = while_running(world), world.scheduler()
    doomed.add_job(note, "interval", seconds=FIRE, start_date=at(-40), id="job", coalesce=False, next_run_time=at(-40))
    world.advance_to_crash(doomed, 1)
    assert world.states() == [RunState.STARTED] + [RunState.PENDING] * 4
    world.advance(NODE_TIMEOUT + 5)
    assert world.states()[:5] == [LOST] + [SUCCESS] * 4
