"""What health() tells in each state of the scheduler."""

import pytest

from scheduler import Scheduler
from scheduler.executors import InlineExecutor
from scheduler.jobstores import MemoryJobStore
from scheduler.testing import FakeClock, VirtualTime


class Away(MemoryJobStore):
    """A store that can be asked nothing."""

    def next_due(self, executors, skip=()):
        raise ConnectionError("away")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def scheduler(clock):
    return Scheduler(clock=clock, timezone="UTC")


def facts(health):
    return health.ok, health.running, health.paused, health.active_runs


def test_health_follows_the_life_of_the_scheduler(scheduler):
    assert facts(scheduler.health()) == (False, False, False, 0)
    scheduler.start()
    assert facts(scheduler.health()) == (True, True, False, 0)
    scheduler.pause()
    assert facts(scheduler.health()) == (True, True, True, 0)
    scheduler.resume()
    assert facts(scheduler.health()) == (True, True, False, 0)
    scheduler.shutdown()
    assert facts(scheduler.health()) == (False, False, False, 0)


def test_the_age_of_the_last_step_tells_whether_the_loop_moves(clock, scheduler):
    assert scheduler.health().last_step_age is None
    scheduler.start()
    VirtualTime(clock, scheduler).settle()
    clock.advance(7)
    assert scheduler.health().last_step_age == 7
    scheduler.engine.step()
    assert scheduler.health().last_step_age == 0


def test_lag_is_the_lateness_of_the_oldest_due_job(clock, scheduler):
    scheduler.add_job(print, "interval", seconds=10)
    scheduler.start()
    assert scheduler.health().lag == 0
    clock.advance(25)
    assert scheduler.health().lag == 15
    VirtualTime(clock, scheduler).settle()
    assert scheduler.health().lag == 0


def test_a_job_whose_executor_is_gone_is_broken_and_the_scheduler_is_well(clock, scheduler):
    def fail():
        raise AssertionError("not called")

    scheduler.add_executor(InlineExecutor(), "other")
    scheduler.add_job(fail, "interval", seconds=10, id="job", executor="other")
    scheduler.remove_executor("other")
    scheduler.start()
    VirtualTime(clock, scheduler).advance(60)
    [job] = scheduler.get_jobs(broken=True)
    assert job.id == "job"
    assert scheduler.health().ok
    assert scheduler.health().active_runs == 0


def test_a_store_that_fails_makes_the_whole_unhealthy_and_is_named(clock):
    scheduler = Scheduler(clock=clock, timezone="UTC", jobstores={"far": Away()})
    scheduler.start()
    VirtualTime(clock, scheduler).advance(10)
    health = scheduler.health()
    assert not health.ok
    assert health.stores["default"].reachable
    far = health.stores["far"]
    assert not far.reachable
    assert "away" in far.error
    assert health.nodes == ()
