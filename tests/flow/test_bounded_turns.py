"""However much there is to record, one turn does a part of it, so that rows are locked for milliseconds only."""

import pytest

from scheduler import RunState
from scheduler.jobstores import MemoryJobStore
from scheduler.runtime import engine, overlaps, recovery
from tests.flow.executors import HeldExecutor, MuteExecutor
from tests.flow.functions import note
from tests.flow.world import NODE_TIMEOUT, at

pytestmark = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)

FIRE = 10
RUNS = 10


def under_way(world, scheduler):
    for number in range(RUNS):
        scheduler.add_job(note, "date", run_date=at(FIRE), id=f"job-{number}")
    world.advance(FIRE)


def count(world, state):
    return world.states().count(state)


def test_many_ends_are_recorded_in_several_turns_and_one_step_after_another(world, calls, monkeypatch):
    monkeypatch.setattr(engine, "LARGEST", 3)
    store, held = world.store(), HeldExecutor()
    scheduler = world.scheduler(store, executors={"default": held})
    under_way(world, scheduler)
    held.finish(RUNS)
    scheduler.engine.step()
    assert count(world, RunState.SUCCESS) == 3
    assert scheduler.engine.active == RUNS - 3
    world.advance(0)
    assert count(world, RunState.SUCCESS) == RUNS


def test_of_many_ends_none_is_left_at_shutdown(world, calls, monkeypatch):
    monkeypatch.setattr(engine, "LARGEST", 3)
    scheduler = world.scheduler(executors={"default": MuteExecutor()})
    under_way(world, scheduler)
    scheduler.shutdown(wait=False)
    assert {run.reason for run in world.runs()} == {"shutdown"}


def test_the_runs_of_a_dead_node_are_settled_a_part_at_each_step_and_others_are_served_between(
    world, calls, monkeypatch
):
    monkeypatch.setattr(recovery, "LARGEST", 4)
    doomed = world.scheduler(executors={"default": MuteExecutor()})
    under_way(world, doomed)
    world.freeze(doomed)
    survivor = world.scheduler(jobstores={"other": MemoryJobStore()})
    survivor.add_job(note, "date", run_date=at(FIRE + NODE_TIMEOUT + 5), id="due", args=("due",), jobstore="other")
    world.time.run_until(at(FIRE + NODE_TIMEOUT - 5))
    world.clock.move_to(at(FIRE + NODE_TIMEOUT + 5))
    lost = []
    while count(world, RunState.LOST) < RUNS:
        survivor.engine.step()
        lost.append(count(world, RunState.LOST))
    assert lost[-3:] == [4, 8, RUNS]
    assert calls[-1] == ("due",)


def test_what_is_known_of_jobs_that_skip_fires_is_bounded(world, calls, monkeypatch):
    monkeypatch.setattr(overlaps, "MOST", 3)
    scheduler = world.scheduler(executors={"default": HeldExecutor()})
    for number in range(5):
        scheduler.add_job(note, "interval", seconds=FIRE, id=f"job-{number}")
    world.advance(3 * FIRE)
    assert len(scheduler.engine.links["default"].overlaps._said) == 3
