"""Schedulers that were never started: what they record is complete, is told, and leaves nothing behind in them."""

import sys
import threading

import pytest
from sqlalchemy import create_engine, text

from scheduler import JobBroken, RunRevoked, RunState, Scheduler
from tests.flow.executors import HeldExecutor, MuteExecutor
from tests.flow.faulty import nothing
from tests.flow.functions import note
from tests.flow.world import NODE_TIMEOUT, at, database_world

FIRE = 10
STARTED, REVOKED = RunState.STARTED, RunState.REVOKED


@pytest.fixture
def held():
    return HeldExecutor()


def chain(scheduler, length=1):
    """A job under way, and so many after it, each of which follows the one before it and has a run under way."""
    scheduler.add_job(note, "interval", seconds=FIRE, id="job-0", end_date=at(FIRE))
    for number in range(length):
        scheduler.add_job(
            note, "after", job_id=f"job-{number}", on="any", id=f"job-{number + 1}", overlap="cancel_running"
        )
        scheduler.run_job(f"job-{number + 1}")


@pytest.mark.parametrize("length", [1, 3])
def test_a_client_revokes_what_is_to_make_place_for_those_that_follow(world, calls, held, length):
    scheduler = world.scheduler(executors={"default": held})
    told = []
    world.client.add_listener(lambda event: told.append((event.run.job_id, event.run.reason)), RunRevoked)
    chain(scheduler, length)
    world.advance(FIRE)
    world.freeze(scheduler)  # nobody but the client does anything now
    world.client.cancel_run(world.run("job-0").id)
    for number in range(1, length + 1):
        old, *_, new = world.runs(f"job-{number}")
        assert (old.state, old.reason, old.cause) == (REVOKED, "replaced", new.id)
    assert told[:2] == [("job-0", "cancelled"), ("job-1", "replaced")]
    assert not world.client.engine.links["default"].revocations
    world.thaw(scheduler)
    world.advance(1)
    assert world.states("job-1") == [REVOKED, STARTED]


def test_what_a_client_could_not_revoke_does_not_undo_what_it_has(world, calls, held):
    store = world.store()
    scheduler, client = world.scheduler(executors={"default": held}), world.scheduler(store, start=False)
    chain(scheduler)
    world.advance(FIRE)
    first = world.run("job-0")

    def go_away(did):
        store.away = True

    store.after_commit = go_away
    assert client.cancel_run(first.id) is True
    store.away, store.after_commit = False, nothing
    assert world.run("job-0").state is REVOKED
    assert len(client.engine.links["default"].revocations) == 1


def test_a_client_that_cancels_leaves_nothing_behind(world, calls):
    heard = []
    world.client.add_listener(heard.append, RunRevoked)
    for _ in range(20):
        world.client.submit(note, countdown=100).cancel()
    assert len(heard) == 20
    assert not world.client.engine._revoking.unfinished


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_all_that_several_threads_cancel_at_once_is_told(world, calls):
    client, heard = world.client, []
    client.add_listener(lambda event: heard.append(event.run.id), RunRevoked)
    handles = [client.submit(note, countdown=100) for _ in range(200)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda part: [one.cancel() for one in part], args=(handles[number::8],))
                   for number in range(8)]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sorted(heard) == sorted(handle.id for handle in handles)


@pytest.mark.parametrize("world", ["memory"], indirect=True)
def test_who_only_keeps_steps_from_being_taken_does_not_keep_events(world, calls):
    """As while a store is removed, or in an earlier look whether a step is being taken."""
    client, heard = world.client, []
    client.add_listener(lambda event: heard.append(event.run.id), RunRevoked)
    handle = client.submit(note, countdown=100)
    with client.engine.stepping:
        thread = threading.Thread(target=handle.cancel)
        thread.start()
        thread.join()
    assert heard == [handle.id]


def test_what_is_cancelled_in_the_last_moment_of_a_step_is_told(world, calls, held):
    """A listener of the last event of a step cancels: nobody takes another step. Nor may it wait for one."""
    scheduler = world.scheduler(executors={"default": held})
    revoked = []
    scheduler.add_listener(lambda event: revoked.append((event.run.id, scheduler.engine.inside_a_step)), RunRevoked)
    scheduler.submit(note)
    other = scheduler.submit(note, countdown=100)
    scheduler.add_listener(lambda event: other.cancel())
    while not held.calls:
        scheduler.engine.step()
    assert revoked == [(other.id, True)]


def broken_follower(url):
    """A job that is to follow another one, and of which nobody can tell when."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE scheduler_jobs SET trigger = 'x' WHERE id = 'follower'"))
    engine.dispose()


@pytest.mark.parametrize("by", ["a client", "another node after a crash"])
def test_a_follower_that_cannot_be_read_is_told_of_by_whoever_records_the_end(tmp_path, calls, caplog, by):
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    world = database_world(url)
    doomed, survivor = world.scheduler(executors={"mute": MuteExecutor()}), world.scheduler()
    doomed.add_job(note, "interval", seconds=FIRE, id="first", executor="mute", end_date=at(FIRE))
    doomed.add_job(note, "after", job_id="first", on="any", id="follower")
    broken_follower(url)
    world.advance(FIRE)
    who: Scheduler = world.client if by == "a client" else survivor
    broken = []
    who.add_listener(broken.append, JobBroken)
    if by == "a client":
        who.cancel_run(world.run("first").id)
    else:
        world.freeze(doomed)
        world.advance(NODE_TIMEOUT + 10)
    assert [event.job_id for event in broken] == ["follower"]
    world.close()
