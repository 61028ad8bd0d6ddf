"""A store that does not answer for a while."""

import pytest

from scheduler import RunState, RunSucceeded, StoreRecovered, StoreUnavailable
from scheduler.jobstores import MemoryJobStore
from tests.flow.executors import HeldExecutor
from tests.flow.functions import note
from tests.flow.world import NODE_TIMEOUT, accounted, at

pytestmark = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)


def test_fires_go_on_after_an_outage_and_none_is_lost_or_doubled(world, calls):
    store = world.store()
    scheduler = world.scheduler(store)
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(25)
    store.away = True
    world.advance(60)
    store.away = False
    world.advance(35)
    runs = world.runs("job")
    assert accounted(runs, "job") == 12
    assert [(run.scheduled_time, run.reason) for run in runs if run.state is RunState.SKIPPED] == [
        (at(30), "coalesced")
    ]
    assert len(calls) == len([run for run in runs if run.state is RunState.SUCCESS])


def test_an_outage_and_its_end_are_told_once(world, calls):
    store = world.store()
    scheduler = world.scheduler(store)
    heard = []
    scheduler.add_listener(heard.append, StoreUnavailable, StoreRecovered)
    scheduler.add_job(note, "interval", seconds=1, id="job")
    for away in (25, 85):
        world.time.run_until(at(away))
        store.away = True
        world.advance(30)
        health = scheduler.health()
        assert (health.ok, health.stores["default"].reachable) == (False, False)
        assert health.stores["default"].since == heard[-1].since
        store.away = False
        world.advance(10)
        assert scheduler.health().ok
    assert [type(event) for event in heard] == [StoreUnavailable, StoreRecovered] * 2
    assert heard[0].since == heard[1].since
    assert "away" in heard[0].error


def test_other_stores_are_not_affected_by_an_outage(world, calls):
    store = world.store()
    scheduler = world.scheduler(store, jobstores={"other": MemoryJobStore()})
    scheduler.add_job(note, "interval", seconds=10, id="here")
    scheduler.add_job(note, "interval", seconds=10, id="there", jobstore="other")
    store.away = True
    world.advance(60)
    store.away = False
    runs = scheduler.get_runs("there", newest_first=False)
    assert [(run.scheduled_time, run.started_at) for run in runs] == [(at(10 * n),) * 2 for n in range(1, 7)]
    assert scheduler.get_runs("here") == []


def test_what_ended_during_an_outage_is_recorded_after_it(world, calls):
    store, held = world.store(), HeldExecutor()
    scheduler = world.scheduler(store, executors={"default": held})
    succeeded = []
    scheduler.add_listener(succeeded.append, RunSucceeded)
    for number in range(3):
        scheduler.add_job(note, "date", run_date=at(10), id=f"job-{number}")
    world.advance(10)
    store.away = True
    world.advance(5)
    held.finish(3)
    world.advance(5)
    assert scheduler.health().active_runs == 3
    store.away = False
    world.advance(5)
    assert world.states() == [RunState.SUCCESS] * 3
    assert len(succeeded) == len(calls) == 3
    assert scheduler.get_jobs() == []


def test_a_node_whose_outage_outlasts_its_time_out_is_dead_to_the_others(world, calls):
    store, held = world.store(), HeldExecutor()
    cut_off, _ = world.scheduler(store, executors={"default": held}), world.scheduler()
    cut_off.add_job(note, "date", run_date=at(10), id="job")
    world.advance(10)
    store.away = True
    held.finish()
    world.advance(NODE_TIMEOUT + 10)
    assert world.states() == [RunState.LOST]
    store.away = False
    world.advance(10)
    assert world.states() == [RunState.LOST]
    assert cut_off.health().active_runs == 0


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError("a full disk"), ValueError()], ids=repr)
def test_a_store_with_a_bug_is_tried_again_like_one_that_is_away(world, calls, error):
    store = world.store()
    scheduler = world.scheduler(store, jobstores={"other": MemoryJobStore()})
    scheduler.add_job(note, "interval", seconds=10, id="here")
    scheduler.add_job(note, "interval", seconds=10, id="there", jobstore="other")

    def fail():
        raise error

    store.before_turn = fail
    world.advance(30)
    assert len(calls) == 3
    store.before_turn = lambda: None
    world.advance(30)
    assert accounted(world.runs(), "here") == 6
    assert accounted(scheduler.get_runs("there"), "there") == 6


def test_a_store_that_is_away_at_shutdown_does_not_hold_it_up(world, calls):
    store, held = world.store(), HeldExecutor()
    scheduler = world.scheduler(store, executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(10), id="job")
    world.advance(10)
    store.away = True
    scheduler.shutdown()
    assert not scheduler.running
    assert scheduler.engine.active == 0
