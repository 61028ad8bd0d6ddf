"""The two ways in and out of the engine: outcomes come through the inbox, events leave through the bus."""

import threading

import pytest

from scheduler import Event, InvalidSettingError, JobAdded, JobEvent, JobRemoved, SchedulerError, SchedulerStarted
from scheduler.core.settle import Ending, Outcome, ProgressReport
from scheduler.runtime.bus import EventBus
from scheduler.runtime.inbox import Inbox
from scheduler.runtime.wakeup import Wakeup

ADDED, REMOVED, STARTED = JobAdded("job", "default"), JobRemoved("job", "default"), SchedulerStarted()


@pytest.mark.parametrize(
    ("types", "heard"),
    [
        ((), [ADDED, STARTED, REMOVED]),
        ((Event,), [ADDED, STARTED, REMOVED]),
        ((JobEvent,), [ADDED, REMOVED]),
        ((JobRemoved,), [REMOVED]),
        ((JobAdded, SchedulerStarted), [ADDED, STARTED]),
        ((JobAdded, JobEvent), [ADDED, REMOVED]),
    ],
)
def test_a_listener_hears_the_types_it_asked_for_and_their_subtypes_once(types, heard):
    bus, events = EventBus(), []
    bus.add(events.append, types)
    for event in (ADDED, STARTED, REMOVED):
        bus.publish(event)
    assert events == heard
    assert [bus.heard(type(event)) for event in (ADDED, STARTED, REMOVED)] == [
        event in heard for event in (ADDED, STARTED, REMOVED)
    ]


def test_listeners_are_called_in_the_order_they_were_added():
    bus, order = EventBus(), []
    for name in "abc":
        bus.add(lambda event, name=name: order.append(name), ())
    bus.publish(ADDED)
    assert order == ["a", "b", "c"]


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(1)], ids=repr)
def test_a_listener_that_raises_is_logged_and_the_next_one_is_called(error, caplog):
    bus, events = EventBus(), []

    def poisoned(event):
        raise error

    bus.add(poisoned, ())
    bus.add(events.append, ())
    bus.publish(ADDED)
    assert events == [ADDED]
    assert "poisoned" in caplog.text
    assert "JobAdded" in caplog.text


def test_a_listener_may_remove_itself_and_add_others_while_it_is_called():
    bus, events = EventBus(), []

    def once(event):
        bus.remove(once)
        bus.add(events.append, ())

    bus.add(once, ())
    bus.publish(ADDED)
    bus.publish(REMOVED)
    assert events == [REMOVED]


def test_a_removed_listener_hears_nothing_more():
    bus, events = EventBus(), []
    listener = events.append
    bus.add(listener, ())
    bus.publish(ADDED)
    bus.remove(listener)
    bus.publish(REMOVED)
    assert events == [ADDED]
    assert not bus.heard(JobAdded)
    with pytest.raises(SchedulerError, match="is not a listener"):
        bus.remove(listener)


@pytest.mark.parametrize(
    ("callback", "types", "words"),
    [
        (None, (), "must be callable, not None"),
        (print, (int,), "int.*is not an event type"),
        (print, ("JobAdded",), "'JobAdded' is not an event type"),
        (print, (ADDED,), "is not an event type"),
    ],
)
def test_a_listener_that_could_hear_nothing_is_refused(callback, types, words):
    with pytest.raises(InvalidSettingError, match=words):
        EventBus().add(callback, types)


def outcome(number):
    return Outcome(f"run-{number}", Ending.RETURNED)


def test_the_inbox_keeps_the_order_and_is_empty_once_drained():
    inbox = Inbox(Wakeup())
    assert not inbox
    for number in range(5):
        inbox.put(outcome(number))
    assert inbox
    assert inbox.drain() == [outcome(number) for number in range(5)]
    assert not inbox
    assert inbox.drain() == []


def test_of_what_an_attempt_says_about_its_progress_the_inbox_keeps_the_last_word_and_hands_it_out_before_the_outcome():
    inbox = Inbox(Wakeup())
    for done in range(1000):
        inbox.put(ProgressReport("run", 2, "PROGRESS", {"done": done}))
    inbox.put(ProgressReport("run", 1, "PROGRESS", {"done": "of an attempt that goes on"}))
    inbox.put(outcome(1))
    assert inbox
    assert inbox.drain() == [
        ProgressReport("run", 2, "PROGRESS", {"done": 999}),
        ProgressReport("run", 1, "PROGRESS", {"done": "of an attempt that goes on"}),
        outcome(1),
    ]
    assert not inbox


def test_nothing_that_many_threads_put_into_the_inbox_gets_lost():
    inbox, begin = Inbox(Wakeup()), threading.Barrier(5)
    threads = [
        threading.Thread(target=lambda base=base: (begin.wait(), [inbox.put(outcome(base + n)) for n in range(500)]))
        for base in range(0, 2000, 500)
    ]
    for thread in threads:
        thread.start()
    begin.wait()
    taken = []
    while len(taken) < 2000 and (any(thread.is_alive() for thread in threads) or inbox):
        taken += inbox.drain()
    for thread in threads:
        thread.join()
    taken += inbox.drain()
    assert sorted(entry.run_id for entry in taken) == sorted(f"run-{number}" for number in range(2000))


def test_an_outcome_ends_the_wait_of_the_loop():
    wakeup = Wakeup()
    waiter = threading.Thread(target=wakeup.wait, args=(60,), daemon=True)
    waiter.start()
    Inbox(wakeup).put(outcome(1))
    waiter.join(30)
    assert not waiter.is_alive()


def test_a_wakeup_before_the_wait_is_not_forgotten_and_counts_once():
    wakeup = Wakeup()
    wakeup.set()
    wakeup.set()
    waiter = threading.Thread(target=wakeup.wait, args=(60,), daemon=True)
    waiter.start()
    waiter.join(30)
    assert not waiter.is_alive()
    second = threading.Thread(target=wakeup.wait, args=(0.01,), daemon=True)
    second.start()
    second.join(30)
    assert not second.is_alive()
