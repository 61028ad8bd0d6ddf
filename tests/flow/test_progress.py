"""What functions say of their progress: written at a bounded rate, told, and kept with the ending."""

import pytest

from scheduler import RetryPolicy, RunProgress, RunState, RunSucceeded
from tests.flow.executors import HeldExecutor
from tests.flow.faulty import lose_the_answer
from tests.flow.functions import note
from tests.flow.world import NODE_TIMEOUT, at

FIRE = 10
INTERVAL = 0.5


@pytest.fixture
def held():
    return HeldExecutor()


@pytest.fixture
def store(world):
    return world.store()


@pytest.fixture
def scheduler(world, held, store):
    """One whose job is under way."""
    scheduler = world.scheduler(store, executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="job", retry=RetryPolicy(1, delay=5), timeout=60)
    world.advance(FIRE)
    return scheduler


@pytest.fixture
def told(scheduler):
    """What is told of progress: how much is done."""
    told = []
    scheduler.add_listener(lambda event: told.append(event.run.progress.meta["done"]), RunProgress)
    return told


def done(world):
    progress = world.run("job").progress
    return None if progress is None else progress.meta["done"]


def test_what_is_said_is_on_record_and_told_soon(world, calls, held, scheduler, told):
    held.current().update_state("COPYING", {"done": 3, "total": 10})
    world.advance(0)
    run = world.run("job")
    assert (run.state, run.progress.state, dict(run.progress.meta)) == (
        RunState.STARTED, "COPYING", {"done": 3, "total": 10})  # fmt: skip
    assert run.progress.updated_at == at(FIRE)
    assert told == [3]


def test_of_what_is_said_in_quick_succession_the_last_is_written_and_told(world, calls, held, store, scheduler, told):
    writes = []
    store.after_commit = lambda did: writes.append(did) if "progress" in did else None
    for number in range(100):
        held.current().progress(number)
        world.advance(0.05)
    world.advance(INTERVAL)
    assert done(world) == 99
    assert len(writes) == len(told) <= 5 / INTERVAL + 2
    assert told == sorted(told)
    assert told[-1] == 99


def test_the_last_word_is_written_with_the_ending(world, calls, held, scheduler, told):
    ended = []
    scheduler.add_listener(lambda event: ended.append(event.run.progress.meta["done"]), RunSucceeded)
    held.current().progress(1)
    world.advance(0)
    held.current().progress(2)
    held.finish()
    world.advance(0)
    assert (world.run("job").state, done(world)) == (RunState.SUCCESS, 2)
    assert (told, ended) == ([1], [2])


def test_the_next_attempt_begins_without_the_progress_of_the_one_before(world, calls, held, scheduler):
    held.current().progress(1)
    world.advance(60)
    run = world.run("job")
    assert (run.state, done(world)) == (RunState.RETRY, 1)
    world.advance(5)
    run = world.run("job")
    assert (run.state, run.attempt, run.progress) == (RunState.STARTED, 2, None)
    held.current(at=0).progress(50)  # the first attempt goes on in its thread
    held.current(at=1).progress(2)
    world.advance(1)
    assert done(world) == 2


def test_what_is_said_of_a_run_that_others_have_taken_is_not_written(world, calls, held, scheduler, told):
    other = world.scheduler()
    other.pause()
    world.freeze(scheduler)
    world.advance(NODE_TIMEOUT + 10)
    assert world.states("job") == [RunState.RETRY]
    held.current().progress(1)
    scheduler.pause()
    world.thaw(scheduler)
    world.advance(2)
    assert (done(world), told) == (None, [])


def test_progress_that_could_not_be_written_is_written_when_the_store_is_back(
    world, calls, held, store, scheduler, told
):
    store.away = True
    held.current().progress(1)
    world.advance(5)
    held.current().progress(2)
    store.away = False
    world.advance(5)
    assert (done(world), told) == (2, [2])


def test_progress_whose_commit_has_lost_its_answer_is_told_once(world, calls, held, store, scheduler, told):
    def lose_it_once(did):
        store.after_commit = lambda did: None
        lose_the_answer()

    store.after_commit = lose_it_once
    held.current().progress(1)
    world.advance(5)
    assert (done(world), told) == (1, [1])


def test_what_is_said_after_the_end_is_heard_by_nobody(world, calls, held, scheduler, told):
    current = held.current()
    held.finish()
    world.advance(0)
    current.progress(1)
    world.advance(5)
    assert (done(world), told) == (None, [])


def test_a_run_keeps_its_progress_when_it_is_revoked(world, calls, held, scheduler):
    held.current().progress(1)
    world.advance(0)
    scheduler.cancel_run(world.run("job").id)
    world.advance(0)
    assert (world.run("job").state, done(world)) == (RunState.REVOKED, 1)
