"""When history is pruned: how often, how much at a time, and how it gives way."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.core.history import History
from scheduler.core.job import Job
from scheduler.core.run import Run, RunState, run_id
from scheduler.runtime import housekeeping
from scheduler.runtime.housekeeping import BATCH, BREATH, FRESH, INTERVAL, LATER, PATIENCE, SHARE, Housekeeping
from scheduler.runtime.link import StoreLink
from scheduler.triggers import DateTrigger, IntervalTrigger

NOW = datetime(2024, 1, 1, tzinfo=UTC)


class HandClock:
    """Passes when it is told to; not a virtual one, as what is tested is the pace in real time."""

    virtual = False

    def __init__(self):
        self.passed = 1_000.0

    def monotonic(self):
        return self.passed

    def now(self):
        return NOW + timedelta(seconds=self.passed)


class Shelf:
    """Of a store, what housekeeping uses: how much is to be removed, and how long that takes."""

    persistent = True

    def __init__(self, clock):
        self.clock = clock
        self.takes = 0.0
        self.old = 0
        self.crowded = {}
        self.looks, self.counts = [], []

    def now(self):
        return self.clock.now()

    def prune(self, before, limit):
        self.clock.passed += self.takes
        self.looks.append((before, limit))
        pruned = min(self.old, limit)
        self.old -= pruned
        return pruned

    def prune_job(self, job_id, keep, before, limit):
        assert before == self.now() - timedelta(seconds=FRESH)
        self.clock.passed += self.takes
        self.counts.append((job_id, keep))
        pruned = min(self.crowded.get(job_id, 0), limit)
        self.crowded[job_id] = self.crowded.get(job_id, 0) - pruned
        return pruned


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def shelf(clock):
    return Shelf(clock)


@pytest.fixture
def link(shelf):
    return StoreLink("default", shelf, "node")


def ended(job_id, number=1, *, keep=None, trigger=None):
    job = Job(
        id=job_id, func=print, trigger=trigger or IntervalTrigger(seconds=1), keep_runs=keep, next_run_time=NOW,
    )  # fmt: skip
    run = Run(id=run_id("life", NOW), job_id=job_id, incarnation="life", scheduled_time=NOW, state=RunState.SUCCESS)
    return [(run, job)] * number


IDLE, BUSY = 60.0, 0.0


def test_what_is_too_old_is_looked_for_at_once_and_then_every_half_minute(clock, shelf, link):
    keeper = Housekeeping(History(keep_for=60), clock)
    assert keeper.tidy(link, IDLE) == pytest.approx(INTERVAL)
    assert shelf.looks == [(clock.now() - timedelta(seconds=60), BATCH)]
    clock.passed += INTERVAL - 1
    assert keeper.tidy(link, IDLE) == pytest.approx(1)
    clock.passed += 1
    keeper.tidy(link, IDLE)
    assert len(shelf.looks) == 2


def test_while_more_is_left_it_comes_again_after_a_breath(clock, shelf, link):
    shelf.old = 2 * BATCH + 1
    keeper = Housekeeping(History(keep_for=60), clock)
    for left in (BATCH + 1, 1):
        assert keeper.tidy(link, IDLE) == pytest.approx(BREATH)
        assert shelf.old == left
        clock.passed += BREATH
    assert keeper.tidy(link, IDLE) == pytest.approx(INTERVAL)
    assert shelf.old == 0


def test_a_slow_store_is_left_alone_for_as_long_as_it_took(clock, shelf, link):
    shelf.old, shelf.takes = 10 * BATCH, 0.5
    keeper = Housekeeping(History(keep_for=60), clock)
    assert keeper.tidy(link, IDLE) == pytest.approx(0.5 * (SHARE - 1))


def test_what_is_due_comes_first_but_not_for_ever(clock, shelf, link):
    shelf.old = 10 * BATCH
    keeper = Housekeeping(History(keep_for=60), clock)
    keeper.tidy(link, BUSY)
    clock.passed += PATIENCE / 2
    keeper.tidy(link, BUSY)
    assert shelf.looks == []
    clock.passed += PATIENCE / 2
    keeper.tidy(link, BUSY)
    clock.passed += BREATH
    keeper.tidy(link, BUSY)
    assert len(shelf.looks) == 2
    clock.passed += BREATH
    keeper.tidy(link, IDLE)
    clock.passed += BREATH
    keeper.tidy(link, BUSY)
    assert len(shelf.looks) == 3


def counted(keeper, link, shelf, clock):
    """Let it work for a while, until nothing is left that is to be looked at later, and return what it counted."""
    before, end = len(shelf.counts), clock.passed + 3 * LATER
    while clock.passed < end:
        clock.passed += max(keeper.tidy(link, IDLE), BREATH)
    return shelf.counts[before:]


def test_a_run_that_ended_just_now_stays_for_a_minute(clock, shelf, link):
    keeper = Housekeeping(History(keep_for=1, keep_runs=0), clock)
    keeper.tidy(link, IDLE)
    assert shelf.looks == [(clock.now() - timedelta(seconds=FRESH), BATCH)]
    keeper.note(link, ended("job"))
    clock.passed += LATER - 1
    keeper.tidy(link, IDLE)
    assert shelf.counts == []
    clock.passed += 1
    keeper.tidy(link, IDLE)
    assert shelf.counts == [("job", 0)]


def test_what_ends_while_a_job_is_to_be_looked_at_is_looked_for_once_more(clock, shelf, link):
    keeper = Housekeeping(History(keep_for=None, keep_runs=0), clock)
    keeper.note(link, ended("job"))
    clock.passed += LATER / 2
    keeper.note(link, ended("job", 3))
    assert counted(keeper, link, shelf, clock) == [("job", 0)] * 2
    assert counted(keeper, link, shelf, clock) == []


@pytest.mark.parametrize("keep", [1, 9, 100])
def test_a_jobs_runs_are_counted_with_its_first_end_and_then_after_each_tenth(clock, shelf, link, keep):
    keeper = Housekeeping(History(keep_for=None, keep_runs=keep), clock)
    tenth = max(keep // 10, 1)
    keeper.note(link, ended("job"))
    assert counted(keeper, link, shelf, clock) == [("job", keep)]
    keeper.note(link, ended("job", tenth - 1))
    assert counted(keeper, link, shelf, clock) == []
    keeper.note(link, ended("job"))
    assert counted(keeper, link, shelf, clock) == [("job", keep)]


def test_the_jobs_own_number_goes_before_the_schedulers(clock, shelf, link):
    keeper = Housekeeping(History(keep_runs=None), clock)
    keeper.note(link, ended("none of its own") + ended("its own", keep=0))
    assert counted(keeper, link, shelf, clock) == [("its own", 0)]


def test_the_number_that_holds_is_that_of_the_last_run_that_ended(clock, shelf, link):
    keeper = Housekeeping(History(), clock)
    for keep in (9, 3):
        keeper.note(link, ended("job", keep=keep))
    assert counted(keeper, link, shelf, clock) == [("job", 3)] * 2


def test_single_calls_are_counted_only_when_there_have_been_many(clock, shelf, link):
    keeper = Housekeeping(History(keep_runs=100), clock)
    keeper.note(link, ended("once", 9, trigger=DateTrigger(NOW)))
    assert counted(keeper, link, shelf, clock) == []
    keeper.note(link, ended("once", trigger=DateTrigger(NOW)))
    assert counted(keeper, link, shelf, clock) == [("once", 100)]


def test_a_store_in_memory_has_no_runs_of_earlier_times_to_count(clock, shelf, link):
    shelf.persistent = False
    keeper = Housekeeping(History(keep_runs=100), clock)
    keeper.note(link, ended("job"))
    assert counted(keeper, link, shelf, clock) == []


def test_many_crowded_jobs_are_dealt_with_in_small_turns(clock, shelf, link):
    shelf.crowded = {f"job-{number}": BATCH - 1 for number in range(50)}
    keeper = Housekeeping(History(keep_for=None), clock)
    for job_id in shelf.crowded:
        keeper.note(link, ended(job_id))
    removed = []
    clock.passed += LATER
    while (wait := keeper.tidy(link, IDLE)) < INTERVAL / 2:
        removed.append(sum(shelf.crowded.values()))
        clock.passed += wait
    steps = [before - after for before, after in zip([50 * (BATCH - 1), *removed], removed, strict=False)]
    assert max(steps) <= BATCH
    assert sum(shelf.crowded.values()) == 0


def test_what_is_remembered_of_jobs_is_bounded(clock, shelf, link, monkeypatch):
    monkeypatch.setattr(housekeeping, "MOST_JOBS", 100)
    keeper = Housekeeping(History(keep_for=None), clock)
    for number in range(1_000):
        keeper.note(link, ended(f"job-{number}"))
    chores = keeper._chores[link]
    assert len(chores.ended) <= 100
    assert len(chores.crowded) <= 100


def test_a_failure_is_passed_on_and_nothing_forgotten(clock, shelf, link):
    keeper = Housekeeping(History(keep_for=60), clock)
    keeper.note(link, ended("job"))
    works, shelf.prune_job = shelf.prune_job, None
    clock.passed += LATER
    with pytest.raises(TypeError):
        keeper.tidy(link, IDLE)
    shelf.prune_job = works
    assert counted(keeper, link, shelf, clock) == [("job", 1_000)]
