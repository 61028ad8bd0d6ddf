"""Executors that come and go: what holds of one that goes, until its calls have ended."""

import threading

import pytest

from scheduler.clock import SystemClock
from scheduler.core.history import History
from scheduler.errors import ExecutorLookupError, InvalidSettingError
from scheduler.executors import ThreadPoolExecutor
from scheduler.executors.base import Call
from scheduler.runtime.flights import Flights
from scheduler.runtime.staff import Staff
from scheduler.runtime.wakeup import Wakeup

SOON = 20.0


@pytest.fixture
def flights():
    return Flights(Wakeup(), SystemClock(), History())


@pytest.fixture
def staff(flights):
    return Staff(flights, SystemClock())


@pytest.fixture
def busy(staff):
    """An executor that makes a call until the event is set."""
    let_go = threading.Event()
    executor = ThreadPoolExecutor(2)
    staff.add("busy", executor, running=True)
    executor.submit([Call("run", let_go.wait, (SOON,))])
    yield executor, let_go
    let_go.set()
    executor.stop(SOON)


def test_one_that_leaves_has_no_room_and_is_known_until_its_calls_have_ended(staff, flights, busy):
    executor, let_go = busy
    assert flights.room() == {"busy": 1}
    assert staff.dismiss("busy", running=True) is executor
    assert flights.room() == {}
    assert flights.executors == {"busy": executor}
    with pytest.raises(InvalidSettingError, match="'busy' is being removed"):
        staff.add("busy", ThreadPoolExecutor(1), running=True)
    let_go.set()
    staff.let_go("busy", executor)
    assert (flights.executors, flights.leaving) == ({}, set())
    with pytest.raises(ExecutorLookupError):
        staff.dismiss("busy", running=True)


def test_who_removes_what_is_being_removed_waits_too(staff, flights, busy):
    let_go = busy[1]
    twice = [threading.Thread(target=staff.let_go, args=("busy", staff.dismiss("busy", running=True))) for _ in "12"]
    for thread in twice:
        thread.start()
    let_go.set()
    for thread in twice:
        thread.join(SOON)
    assert (flights.executors, flights.leaving) == ({}, set())


def test_in_the_child_of_a_fork_what_was_leaving_has_left(staff, flights, busy):
    staff.add("other", ThreadPoolExecutor(1), running=False)
    staff.dismiss("busy", running=True)
    busy[1].set()
    assert busy[0].stop(SOON)
    staff.after_fork()
    assert (list(flights.executors), flights.leaving) == (["other"], set())


def test_without_calls_under_way_one_leaves_at_once(staff, flights):
    staff.add("idle", ThreadPoolExecutor(1), running=False)
    staff.dismiss("idle", running=False)
    assert (flights.executors, flights.leaving) == ({}, set())
