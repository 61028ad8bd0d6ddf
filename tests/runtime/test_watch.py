"""Who waits for runs is told of their own, by one listener, and looks at the store less and less often."""

import threading
from datetime import UTC, datetime
from itertools import islice

import pytest

from scheduler import Progress, Run, RunEvent, RunProgress, RunState, RunSucceeded
from scheduler.core.events import JobRemoved, RunStarted
from scheduler.runtime.bus import EventBus
from scheduler.runtime.watch import SHARE, Watch, is_news

START = datetime(2024, 1, 1, tzinfo=UTC)


def a_run(run_id="a", state=RunState.STARTED, attempt=1, told=None):
    progress = None if told is None else Progress("PROGRESS", {}, START.replace(second=told))
    return Run(
        id=run_id, job_id="job", incarnation="1", scheduled_time=START, state=state, attempt=attempt, progress=progress
    )


@pytest.fixture
def bus():
    return EventBus()


@pytest.fixture
def watch(bus):
    return Watch(bus)


def test_each_is_told_of_its_own_run_only(bus, watch):
    heard, other = [], []
    with watch.on("a", heard.append), watch.on("b", other.append):
        for run in (a_run("a"), a_run("c"), a_run("a", told=1)):
            bus.publish(RunProgress(run))
        bus.publish(JobRemoved("a", "default"))
    assert heard == [a_run("a"), a_run("a", told=1)]
    assert other == []


def test_all_who_wait_for_one_run_are_told(bus, watch):
    heard, other = [], []
    with watch.on("a", heard.append), watch.on("a", other.append):
        bus.publish(RunStarted(a_run()))
    assert heard == other == [a_run()]


def test_the_bus_has_one_listener_while_somebody_waits_and_none_otherwise(bus, watch):
    assert not bus.heard(RunSucceeded)
    with watch.on("a", print):
        with watch.on("a", repr), watch.on("b", repr):
            assert (bus.heard(RunEvent), len(bus._listeners)) == (True, 1)
        assert bus.heard(RunSucceeded)
    assert (bus.heard(RunEvent), watch._waiting) == (False, {})


def test_who_leaves_by_an_error_is_told_no_more(bus, watch):
    heard = []
    with pytest.raises(KeyboardInterrupt), watch.on("a", heard.append):
        raise KeyboardInterrupt
    bus.publish(RunStarted(a_run()))
    assert (heard, bus.heard(RunEvent)) == ([], False)


def test_a_thousand_who_wait_are_not_asked_about_the_runs_of_others(bus, watch):
    told = []
    waits = [watch.on(f"run{number}", told.append) for number in range(1000)]
    for wait in waits:
        wait.__enter__()
    for number in range(1000):
        bus.publish(RunSucceeded(a_run(f"run{number}")))
    for wait in waits:
        wait.__exit__(None, None, None)
    assert len(told) == 1000


def test_looks_at_the_store_become_rarer_up_to_the_poll_interval(watch):
    assert list(islice(watch.pauses(0.01, 0.1), 6)) == [0.01, 0.02, 0.04, 0.08, 0.1, 0.1]
    assert list(islice(watch.pauses(0.01, 0.001), 2)) == [0.001, 0.001]


def test_many_who_wait_do_not_look_more_often_together(watch):
    waits = [watch.on("a", lambda run, number=number: number) for number in range(50)]
    for wait in waits:
        wait.__enter__()
    assert next(watch.pauses(0.01, 0.02)) == 50 * SHARE
    for wait in waits:
        wait.__exit__(None, None, None)
    assert next(watch.pauses(0.01, 0.02)) == 0.01


PENDING, STARTED, RETRY = RunState.PENDING, RunState.STARTED, RunState.RETRY
LATER = [
    (a_run(state=STARTED), a_run(state=PENDING, attempt=0)),
    (a_run(told=1), a_run()),
    (a_run(told=2), a_run(told=1)),
    (a_run(state=RETRY), a_run()),
    (a_run(state=RETRY), a_run(told=5)),
    (a_run(attempt=2), a_run(state=RETRY, told=5)),
    (a_run(state=RunState.REVOKED, attempt=0), a_run(state=PENDING, attempt=0)),
    (a_run(state=RunState.SUCCESS), a_run(told=3)),
]
"""Each first one is later in the life of a run than the second."""

OTHER = [
    (a_run(state=RunState.ENQUEUED), a_run(state=STARTED)),
    (a_run(state=RunState.REVOKED), a_run(state=RETRY)),
]
"""Either may come after the other, as far as can be told from them."""


@pytest.mark.parametrize(("run", "known"), [*LATER, *OTHER])
def test_what_is_later_is_news(run, known):
    assert is_news(run, known)


@pytest.mark.parametrize(("known", "run"), [*LATER, (a_run(), a_run()), (a_run(told=1), a_run(told=1))])
def test_what_is_known_or_told_late_is_no_news(known, run):
    assert not is_news(run, known)


def test_in_the_child_of_a_fork_nobody_waits_and_others_may(bus, watch):
    heard, later = [], []
    with watch.on("a", heard.append):
        thread = threading.Thread(target=watch._lock.acquire)  # another one of the parent, which has it for ever
        thread.start()
        thread.join()
        watch.after_fork()
        bus.publish(RunStarted(a_run("a")))
        with watch.on("a", later.append):
            bus.publish(RunStarted(a_run("a")))
    assert (heard, later) == ([], [a_run("a")])
    assert (bus.heard(RunEvent), watch._waiting) == (False, {})
    assert list(islice(watch.pauses(1.0, 8.0), 2)) == [1.0, 2.0]
