"""The thread that takes the steps: nothing ends it but stop."""

import threading

import pytest

from scheduler.runtime import loop as loop_module
from scheduler.runtime.loop import Loop
from scheduler.runtime.wakeup import Wakeup

TIMEOUT = 30
"""Seconds after which something that must happen has failed to."""


class Steps:
    """Takes steps, each of which does what the list says; the last entry is repeated."""

    def __init__(self, *actions):
        self.actions = list(actions)
        self.taken = 0
        self.enough = threading.Event()

    def __call__(self):
        self.taken += 1
        if self.taken >= len(self.actions):
            self.enough.set()
        action = self.actions[min(self.taken, len(self.actions)) - 1]
        if isinstance(action, BaseException):
            raise action
        return action


@pytest.mark.parametrize("error", [RuntimeError("bug"), MemoryError(), SystemExit(2), KeyboardInterrupt()], ids=repr)
def test_a_step_that_raises_does_not_end_the_loop(error, monkeypatch, caplog):
    monkeypatch.setattr(loop_module, "RETRY_AFTER", 0.0)
    steps = Steps(0.0, error, error, 60.0)
    loop = Loop(steps, Wakeup())
    loop.start()
    assert steps.enough.wait(TIMEOUT)
    assert loop.alive
    loop.stop()
    assert not loop.alive
    assert steps.taken == 4
    assert caplog.text.count("the loop goes on") == 2


def test_a_step_that_raises_is_not_repeated_without_a_pause():
    assert loop_module.RETRY_AFTER > 0


def test_a_wakeup_ends_the_wait_between_steps():
    steps, wakeup = Steps(60.0, 60.0, 60.0), Wakeup()
    loop = Loop(steps, wakeup)
    loop.start()
    while not steps.enough.wait(0.001):
        wakeup.set()
    loop.stop()
    assert steps.taken >= 3


def test_stop_waits_for_the_present_step_and_no_other_is_taken():
    inside, leave = threading.Event(), threading.Event()
    taken = []

    def step():
        taken.append(1)
        inside.set()
        assert leave.wait(TIMEOUT)
        return 0.0

    loop = Loop(step, Wakeup())
    loop.start()
    assert inside.wait(TIMEOUT)
    stopper = threading.Thread(target=loop.stop)
    stopper.start()
    assert loop.alive
    leave.set()
    stopper.join(TIMEOUT)
    assert not loop.alive
    assert len(taken) <= 2


def test_stop_from_within_a_step_does_not_wait_for_itself():
    seen = []

    def step():
        seen.append(loop.current)
        loop.stop()
        ended.set()
        return 60.0

    ended = threading.Event()
    loop = Loop(step, Wakeup())
    assert not loop.current
    loop.start()
    assert ended.wait(TIMEOUT)
    loop.stop()
    assert not loop.alive
    assert seen == [True]


def test_a_wait_without_end_does_not_end_the_loop():
    stepped = threading.Semaphore(0)

    def step():
        stepped.release()
        return 1e300

    wakeup = Wakeup()
    loop = Loop(step, wakeup)
    loop.start()
    assert stepped.acquire(timeout=10)
    wakeup.set()
    assert stepped.acquire(timeout=10)
    loop.stop()
