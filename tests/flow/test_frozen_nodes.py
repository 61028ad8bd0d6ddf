"""Nodes that others take for dead, rightly or not."""

import pytest

from scheduler import RunState
from scheduler.executors import InlineExecutor
from tests.flow.executors import HeldExecutor, MuteExecutor
from tests.flow.functions import note
from tests.flow.world import NODE_TIMEOUT, at


def node_ids(scheduler):
    return {node.id for node in scheduler.health().nodes}


def test_a_frozen_node_cannot_finish_a_lost_run(world, calls):
    held = HeldExecutor()
    frozen, other = world.scheduler(executors={"default": held}), world.scheduler()
    frozen.add_job(note, "date", run_date=at(10), id="job")
    world.advance(10)
    world.freeze(frozen)
    world.advance(NODE_TIMEOUT + 10)
    assert world.states() == [RunState.LOST]
    held.finish()
    world.thaw(frozen)
    world.advance(30)
    assert world.states() == [RunState.LOST]
    assert other.get_job("job") is None


def test_a_frozen_node_cannot_end_the_attempt_that_another_has_begun(world, calls):
    frozen_held, other_held = HeldExecutor(), HeldExecutor()
    frozen = world.scheduler(executors={"default": frozen_held})
    world.scheduler(executors={"default": other_held})
    frozen.add_job(note, "date", run_date=at(10), id="job", retry=1)
    world.advance(10)
    world.freeze(frozen)
    world.advance(NODE_TIMEOUT + 10)
    world.thaw(frozen)
    frozen_held.finish()
    world.advance(1)
    assert [(run.state, run.attempt) for run in world.runs()] == [(RunState.STARTED, 2)]
    other_held.finish()
    world.advance(1)
    assert [(run.state, run.attempt, run.result) for run in world.runs()] == [(RunState.SUCCESS, 2, 2)]


def test_a_node_that_was_declared_dead_goes_on_under_a_new_id(world, calls):
    frozen, other = world.scheduler(), world.scheduler()
    world.advance(1)
    before = node_ids(other)
    world.freeze(frozen)
    world.advance(NODE_TIMEOUT + 10)
    [survivor] = node_ids(other)
    world.thaw(frozen)
    world.advance(10)
    after = node_ids(other)
    assert len(after) == 2
    assert after & before == {survivor}
    world.freeze(other)
    frozen.add_job(note, "date", id="job")
    world.advance(1)
    [run] = world.runs()
    assert run.state is RunState.SUCCESS
    assert run.node in after - before


def test_a_node_that_was_frozen_condemns_nobody_that_was_frozen_with_it(world, calls):
    held = HeldExecutor()
    first, second = world.scheduler(), world.scheduler(executors={"default": held})
    second.add_job(note, "date", run_date=at(10), id="job")
    world.freeze(first)
    world.advance(10)
    world.thaw(first)
    world.time.schedulers.reverse()
    world.advance(10)
    assert world.states() == [RunState.STARTED]
    world.clock.advance(10 * NODE_TIMEOUT)
    world.time.schedulers.reverse()
    world.advance(10)
    held.finish()
    world.advance(10)
    assert world.states() == [RunState.SUCCESS]
    assert len(node_ids(first)) == 2


def test_a_clock_that_jumps_condemns_nobody(world, calls):
    held = HeldExecutor()
    second, first = world.scheduler(executors={"default": held}), world.scheduler()
    second.add_job(note, "date", run_date=at(10), id="job")
    world.advance(10)
    world.time.schedulers.reverse()
    for jump in (86_400, -2 * 86_400):
        world.clock.jump_to(at(jump))
        world.advance(2 * NODE_TIMEOUT)
        assert world.states() == [RunState.STARTED]
    held.finish()
    world.advance(1)
    assert world.states() == [RunState.SUCCESS]
    assert len(node_ids(first)) == 2


def test_a_node_that_died_before_the_clock_was_set_back_is_found_all_the_same(world, calls):
    doomed, _ = world.scheduler(executors={"default": MuteExecutor()}), world.scheduler()
    doomed.add_job(note, "date", run_date=at(10), id="job")
    world.advance_to_crash(doomed, 10)
    world.advance(1)
    world.clock.jump_to(at(-86_400))
    world.advance(2 * NODE_TIMEOUT)
    assert world.states() == [RunState.LOST]


def test_a_run_that_a_node_took_when_it_was_dead_already_is_found_when_it_dies(world, calls):
    """It froze after its heartbeat and before its turn, was declared dead, woke, took a job, and died."""
    store = world.store()
    doomed = world.scheduler(store, executors={"mute": MuteExecutor()})
    survivor = world.scheduler(executors={"mute": InlineExecutor()})
    doomed.add_job(note, "date", run_date=at(1), id="makes the function known")
    doomed.add_job(note, "interval", seconds=10, id="job", executor="mute")
    world.advance(6)
    world.freeze(doomed)
    survivor.pause()

    def freeze():
        store.before_turn = lambda: None
        world.advance(NODE_TIMEOUT + 10)

    store.before_turn = freeze
    world.clock.move_to(at(10))
    doomed.engine.step()
    assert world.states("job")[-1] is RunState.STARTED
    survivor.resume()
    world.advance(2 * NODE_TIMEOUT)
    states = world.states("job")
    assert RunState.LOST in states
    assert RunState.STARTED not in states
    assert states[-1] is RunState.SUCCESS


@pytest.mark.parametrize("late", [True, False], ids=["reports late", "never reports"])
def test_a_node_that_takes_up_its_own_lost_run_again_tells_its_attempts_apart(world, calls, late):
    held = HeldExecutor()
    frozen, other = world.scheduler(executors={"default": held}), world.scheduler()
    frozen.add_job(note, "date", run_date=at(10), id="job", retry=1)
    world.advance(10)
    world.freeze(frozen)
    other.pause()
    world.advance(NODE_TIMEOUT + 10)
    assert world.states() == [RunState.RETRY]
    world.thaw(frozen)
    world.advance(1)
    assert [(run.state, run.attempt) for run in world.runs()] == [(RunState.STARTED, 2)]
    first, second = held.calls
    held.calls = [first, second] if late else [second]
    if late:
        held.finish()
        world.advance(1)
        assert [(run.state, run.attempt) for run in world.runs()] == [(RunState.STARTED, 2)]
    held.finish()
    world.advance(1)
    assert [(run.state, run.attempt, run.result) for run in world.runs()] == [(RunState.SUCCESS, 2, len(calls))]
    assert frozen.health().active_runs == 0
