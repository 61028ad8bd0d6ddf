"""Virtual time refuses what it cannot drive, instead of letting time pass while nothing happens."""

from datetime import datetime, timedelta

import pytest

from scheduler.clock import SystemClock
from scheduler.testing import FakeClock, VirtualTime
from tests.api import jobs
from tests.api.jobs import act, note

CALLS = [
    lambda passing: passing.advance(60),
    lambda passing: passing.run_until("2024-01-02T00:00:00+00:00"),
    lambda passing: passing.settle(),
]


@pytest.mark.parametrize("other", [FakeClock(), None])
def test_a_scheduler_on_another_clock_is_refused(make, clock, other):
    with pytest.raises(ValueError, match=r"another clock; make it with Scheduler\(clock=clock\)"):
        VirtualTime(clock, make(clock=clock), make(clock=other))


@pytest.mark.parametrize("clock", [None, SystemClock(), "scheduler"], ids=["none", "the machine's", "a scheduler"])
def test_a_clock_that_nobody_can_move_is_refused(make, clock):
    with pytest.raises(TypeError, match=r"is no FakeClock; call VirtualTime\(clock, scheduler\)"):
        VirtualTime(make() if clock == "scheduler" else clock)


@pytest.mark.parametrize("call", CALLS)
def test_time_does_not_pass_without_a_scheduler(clock, call):
    with pytest.raises(RuntimeError, match=r"there is no scheduler to drive; call VirtualTime\(clock, scheduler\)"):
        call(VirtualTime(clock))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda passing: passing.advance(-5), "is past: the clock shows 2024-01-01T00:00:00"),
        (lambda passing: passing.advance(timedelta(microseconds=-1)), "is past"),
        (lambda passing: passing.run_until("2023-12-31T23:59:59+00:00"), r"is past.*use jump_to\(\) of the clock"),
        (lambda passing: passing.run_until(datetime(2024, 1, 2)), "has no offset from UTC"),
    ],
)
def test_time_that_would_not_pass_is_refused(make, clock, call, message):
    scheduler = make(clock=clock)
    scheduler.add_job(note)
    scheduler.start()
    with pytest.raises(ValueError, match=message):
        call(VirtualTime(clock, scheduler))
    assert jobs.calls == []


def test_time_may_pass_until_the_present_instant(make, clock):
    scheduler = make(clock=clock)
    scheduler.add_job(note)
    scheduler.start()
    VirtualTime(clock, scheduler).run_until(clock.now())
    assert jobs.calls == [()]


@pytest.mark.parametrize("call", CALLS)
def test_time_does_not_pass_for_schedulers_that_were_not_started(make, clock, call):
    passing = VirtualTime(clock, make(clock=clock), make(clock=clock))
    before = clock.now()
    with pytest.raises(RuntimeError, match=r"none of the schedulers runs; call start\(\) first"):
        call(passing)
    assert clock.now() == before


@pytest.mark.parametrize("call", CALLS)
def test_time_passes_where_one_scheduler_was_started_and_one_only_watches(make, clock, call):
    scheduler = make(clock=clock)
    passing = VirtualTime(clock, make(clock=clock), scheduler)
    scheduler.add_job(note)
    scheduler.start()
    call(passing)
    assert jobs.calls == [()]


def test_time_goes_on_after_a_job_has_shut_its_scheduler_down(make, clock):
    scheduler = make(clock=clock)
    passing = VirtualTime(clock, scheduler)
    jobs.present["action"] = lambda: scheduler.shutdown(wait=False)
    scheduler.add_job(act, "interval", hours=1)
    scheduler.start()
    before = clock.now()
    passing.advance(timedelta(hours=5))
    passing.settle()
    assert clock.now() == before + timedelta(hours=5)


@pytest.mark.parametrize("call", CALLS)
def test_time_passes_for_schedulers_that_have_been_shut_down(make, clock, call):
    scheduler = make(clock=clock)
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    scheduler.shutdown()
    call(passing)
    assert jobs.calls == []
