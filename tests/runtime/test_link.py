"""What the engine remembers about one store."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.jobstores import MemoryJobStore
from scheduler.runtime.link import FIRST_RETRY, LONGEST_RETRY, PARKED_FOR, StoreLink

NOW = datetime(2024, 1, 1, tzinfo=UTC)
SOON, LATER = NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)


@pytest.fixture
def link():
    return StoreLink("default", MemoryJobStore(), "node-1")


def test_a_store_that_fails_is_tried_again_less_and_less_often_up_to_a_bound(link):
    waits = []
    for _ in range(100):
        link.failed("away", NOW, monotonic=1000.0)
        waits.append(link.retry_at - 1000.0)
    assert waits[:4] == pytest.approx([FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY, 8 * FIRST_RETRY])
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(LONGEST_RETRY)


def test_only_the_first_failure_and_the_first_answer_are_news(link):
    assert link.answered(NOW) is None
    assert link.failed("away", SOON, 0.0)
    assert not link.failed("still away", LATER, 0.0)
    assert (link.error, link.since) == ("still away", SOON)
    assert link.answered(LATER) == SOON
    assert (link.error, link.since, link.retry_at) == (None, LATER, 0.0)
    assert link.answered(LATER) is None
    assert link.failed("again", LATER, 0.0)
    assert link.retry_at == pytest.approx(FIRST_RETRY)


@pytest.mark.parametrize(
    ("known", "changed_to", "wakes"),
    [(None, SOON, True), (LATER, SOON, True), (SOON, LATER, False), (SOON, SOON, False), (SOON, None, False)],
)
def test_a_changed_job_wakes_the_loop_only_if_it_is_due_first(link, known, changed_to, wakes):
    link.dirty = False
    link.looked(known, ["default"], look_at=60.0)
    assert link.changed(changed_to) is wakes
    assert link.dirty


def test_a_store_is_asked_again_when_time_has_passed_something_changed_or_another_executor_has_room(link):
    link.dirty = False
    link.looked(None, ["a", "b"], look_at=60.0)
    assert not link.must_look(["a"], 59.9)
    assert link.must_look(["a"], 60.0)
    assert link.must_look(["a", "c"], 0.0)
    link.dirty = True
    assert link.must_look(["a"], 0.0)


def test_a_parked_job_is_left_alone_for_a_while_and_told_once(link):
    assert link.parked_now(0.0) == ()
    assert link.park("job", 1, "gone", 10.0)
    assert not link.park("job", 1, "gone", 10.0)
    assert link.park("job", 1, "worse", 10.0)
    assert list(link.parked_now(10.0 + PARKED_FOR - 0.1)) == ["job"]
    assert not link.parked_now(10.0 + PARKED_FOR)


def test_a_job_that_ran_is_parked_no_longer(link):
    link.park("job", 1, "gone", 10.0)
    link.sound(["other"])
    assert link.parked
    link.sound(["job"])
    assert not link.parked
    assert link.park("job", 1, "gone", 10.0)


def test_a_parked_job_that_is_not_found_broken_again_is_forgotten(link):
    link.park("job", 1, "gone", 10.0)
    link.unpark(10.0 + PARKED_FOR - 1)
    assert link.parked
    link.unpark(10.0 + PARKED_FOR)
    assert not link.parked
