"""What health() tells in each state of the scheduler."""

import pytest

from scheduler import RunState, Scheduler
from scheduler.executors import Executor, InlineExecutor
from scheduler.executors.base import StuckCall
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


class Deaf(Executor):
    """Has two places for calls, which never end and never listen."""

    def __init__(self, clock):
        self.clock = clock
        self.calls, self.told = {}, {}

    def start(self, done, clock):
        pass

    def free_room(self):
        return 2 - len(self.calls)

    def submit(self, calls):
        self.calls |= {call.run_id: call for call in calls}

    def cancel(self, run_id):
        self.told[run_id] = self.clock.monotonic()
        return False

    def stuck(self):
        return [StuckCall(run_id, 1, "deaf-1", told_at, "in a loop") for run_id, told_at in self.told.items()]

    def stop(self, timeout=None):
        return False


@pytest.fixture
def deaf(clock):
    scheduler = Scheduler(clock=clock, timezone="UTC", executors={"deaf": Deaf(clock)})
    scheduler.start()
    for number in (1, 2):
        scheduler.add_job(print, id=f"job-{number}", executor="deaf", timeout=10 * number)
    return scheduler


def test_functions_that_do_not_end_when_told_are_listed_with_their_stack(clock, deaf):
    time = VirtualTime(clock, deaf)
    time.settle()
    assert deaf.health().stuck_calls == ()
    time.advance(10)
    since = clock.now()
    time.advance(5)
    [stuck] = deaf.health().stuck_calls
    [run] = deaf.get_runs("job-1")
    assert (run.state, run.reason) == (RunState.FAILURE, "timeout")
    assert (stuck.run_id, stuck.attempt, stuck.executor) == (run.id, 1, "deaf")
    assert (stuck.thread, stuck.since, stuck.stack) == ("deaf-1", since, "in a loop")


def test_all_is_well_until_such_functions_have_left_no_place(clock, deaf):
    time = VirtualTime(clock, deaf)
    time.advance(15)
    health = deaf.health()
    assert (health.ok, len(health.stuck_calls), health.blocked_executors) == (True, 1, ())
    time.advance(10)
    health = deaf.health()
    assert (health.ok, len(health.stuck_calls), health.blocked_executors) == (False, 2, ("deaf",))


class Broken(Deaf):
    def stuck(self):
        raise RuntimeError("no idea")


def test_an_executor_that_cannot_tell_what_is_stuck_does_not_keep_health_from_answering(clock, caplog):
    scheduler = Scheduler(clock=clock, timezone="UTC", executors={"odd": Broken(clock)})
    scheduler.start()
    assert scheduler.health().ok
    assert "cannot tell which of its calls are stuck" in caplog.text
