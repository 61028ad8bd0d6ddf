"""Jobs that fire when another one ends: with that end, in one transaction, once for each."""

import pytest
from sqlalchemy import create_engine, text

from scheduler import JobBroken, RetryPolicy, RunState
from tests.flow.executors import HeldExecutor, MuteExecutor
from tests.flow.faulty import crash, lose_the_answer
from tests.flow.functions import fail, fail_until, note, tell_cause
from tests.flow.world import NODE_TIMEOUT, at, database_world, moves_of

FIRE = 10
PENDING, STARTED, SUCCESS, REVOKED, SKIPPED = (
    RunState.PENDING, RunState.STARTED, RunState.SUCCESS, RunState.REVOKED, RunState.SKIPPED)  # fmt: skip


@pytest.fixture
def held():
    return HeldExecutor()


def follow(scheduler, job_id, on="success", id="follower", **rules):
    scheduler.add_job(note, "after", job_id=job_id, on=on, args=(id,), id=id, **rules)


ENDS = {
    # function, retry → the states of `on` that it is an end for, when
    "success": (note, None, {"success", "any"}, 0),
    "failure": (fail, None, {"failure", "any"}, 0),
    "failure after a retry": (fail, RetryPolicy(1, delay=30), {"failure", "any"}, 30),
    "success after a retry": (fail_until, RetryPolicy(1, delay=30), {"success", "any"}, 30),
}


@pytest.mark.parametrize("on", ["success", "failure", "any"])
@pytest.mark.parametrize(("func", "retry", "ends_for", "later"), ENDS.values(), ids=ENDS)
def test_it_fires_once_the_run_has_ended_for_good_in_the_way_it_waits_for(
    world, calls, func, retry, ends_for, later, on
):
    scheduler = world.scheduler()
    args = (2,) if func is fail_until else ()
    scheduler.add_job(func, "date", run_date=at(FIRE), args=args, id="first", retry=retry)
    follow(scheduler, "first", on)
    world.advance(FIRE + later)
    if on not in ends_for:
        assert world.runs("follower") == []
        return
    run, first = world.run("follower"), world.run("first")
    assert (run.state, run.scheduled_time, run.cause) == (SUCCESS, at(FIRE + later), first.id)
    assert scheduler.get_job("follower") is not None


def test_a_follower_knows_the_run_that_has_called_it_and_others_have_none(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(tell_cause, "date", run_date=at(FIRE), id="first")
    scheduler.add_job(tell_cause, "after", job_id="first", id="follower")
    world.advance(FIRE)
    assert [world.run(job_id).result for job_id in ("first", "follower")] == [None, world.run("first").id]


@pytest.mark.parametrize(("on", "fires"), [("success", 0), ("failure", 0), ("any", 1)])
def test_a_cancelled_run_is_an_end_only_for_those_that_wait_for_any(world, calls, held, on, fires):
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="first", executor="held")
    follow(scheduler, "first", on)
    world.advance(FIRE)
    scheduler.cancel_run(world.run("first").id)
    world.advance(0)
    assert world.states("follower") == [SUCCESS] * fires


@pytest.mark.parametrize(("on", "fires"), [("success", 0), ("failure", 1), ("any", 1)])
def test_a_lost_run_has_failed(world, calls, on, fires):
    doomed, _ = world.scheduler(executors={"default": MuteExecutor()}), world.scheduler()
    doomed.add_job(note, "date", run_date=at(FIRE), id="first")
    follow(doomed, "first", on)
    world.advance_to_crash(doomed, FIRE)
    world.advance(NODE_TIMEOUT + 10)
    assert world.states("follower") == [SUCCESS] * fires


def test_a_skipped_fire_is_no_end(world, calls, held):
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "interval", seconds=10, id="first", executor="held")
    follow(scheduler, "first", "any")
    world.advance(30)
    assert world.runs("follower") == []


def test_a_chain_of_three_goes_on_by_itself(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=10, args=("a",), id="a")
    follow(scheduler, "a", id="b")
    follow(scheduler, "b", id="c")
    world.advance(20)
    assert calls == [("a",), ("b",), ("c",)] * 2
    runs = {job_id: world.runs(job_id) for job_id in "abc"}
    for before, after in (("a", "b"), ("b", "c")):
        assert [run.cause for run in runs[after]] == [run.id for run in runs[before]]


def test_several_may_follow_one(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "date", run_date=at(FIRE), args=("first",), id="first")
    for name in "xyz":
        follow(scheduler, "first", id=name)
    world.advance(FIRE)
    assert sorted(calls[1:]) == [("x",), ("y",), ("z",)]


CRASHES = ["before_commit", "after_commit"]


@pytest.mark.parametrize("when", CRASHES)
def test_a_chain_survives_a_crash_between_its_links(world, calls, when):
    """The end and what follows from it are one: either both are recorded, or neither."""
    store = world.store()
    setattr(store, when, lambda did: crash() if "finish" in did else None)
    doomed = world.scheduler(store)
    doomed.add_job(note, "date", run_date=at(FIRE), args=("first",), id="first", retry=1)
    follow(doomed, "first", retry=1)
    world.advance_to_crash(doomed, FIRE)
    assert world.states("follower") == ([] if when == "before_commit" else [STARTED])
    world.scheduler()
    world.advance(NODE_TIMEOUT + 10)
    assert world.states("first") == [SUCCESS]
    assert world.states("follower") == [SUCCESS]


def test_an_end_whose_commit_has_lost_its_answer_is_followed_once(world, calls):
    store = world.store()

    def lose_it_once(did):
        if "finish" in did:
            store.after_commit = lambda did: None
            lose_the_answer()

    store.after_commit = lose_it_once
    scheduler = world.scheduler(store)
    told = moves_of(scheduler)
    scheduler.add_job(note, "date", run_date=at(FIRE), args=("first",), id="first")
    follow(scheduler, "first")
    world.advance(FIRE + 5)
    assert calls == [("first",), ("follower",)]
    for job_id in ("first", "follower"):
        assert [state for who, state, _ in told if who == job_id] == ["STARTED", "SUCCESS"]


# what the follower's own rules say


def test_a_follower_that_is_under_way_skips_an_end(world, calls, held):
    scheduler = world.scheduler(executors={"held": held})
    told = moves_of(scheduler)
    scheduler.add_job(note, "interval", seconds=10, args=("first",), id="first", end_date=at(30))
    follow(scheduler, "first", executor="held")
    world.advance(30)
    first, *skipped = world.runs("follower")
    assert first.state is STARTED
    assert [(run.state, run.reason, run.cause) for run in skipped] == [(SKIPPED, "overlap", first.id)] * 2
    assert told.count(("follower", "SKIPPED", "overlap")) == 2


def test_a_follower_that_may_queue_runs_once_for_each_end_in_their_order(world, calls, held):
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "interval", seconds=10, args=("first",), id="first", end_date=at(30))
    follow(scheduler, "first", executor="held", overlap="queue")
    world.advance(30)
    assert world.states("follower") == [STARTED, PENDING, PENDING]
    for _ in range(3):
        held.finish()
        world.advance(0)
    runs = world.runs("follower")
    assert [run.state for run in runs] == [SUCCESS] * 3
    assert [run.cause for run in runs] == [run.id for run in world.runs("first")]


def test_a_follower_may_take_the_place_of_its_run_under_way(world, calls, held):
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "interval", seconds=10, args=("first",), id="first", end_date=at(20))
    follow(scheduler, "first", executor="held", overlap="cancel_running")
    world.advance(20)
    old, new = world.runs("follower")
    assert (old.state, old.reason, old.cause) == (REVOKED, "replaced", new.id)
    assert new.state is STARTED
    assert held.told == [old.id]


def test_a_lost_run_is_followed_by_one_that_takes_a_place(world, calls, held):
    doomed = world.scheduler(executors={"mute": MuteExecutor()})
    survivor = world.scheduler(executors={"held": held})
    doomed.add_job(note, "interval", seconds=FIRE, id="first", executor="mute")
    follow(survivor, "first", "failure", executor="held", overlap="cancel_running")
    called = survivor.run_job("follower")
    world.advance(FIRE)
    world.freeze(doomed)
    world.advance(NODE_TIMEOUT + 10)
    old, new = world.runs("follower")
    assert (old.id, old.state, old.cause, new.state) == (called.id, REVOKED, new.id, STARTED)


@pytest.mark.parametrize(("overlap", "states"), [
    ("skip", [SKIPPED, SKIPPED, STARTED]),
    ("queue", [PENDING, PENDING, STARTED]),
    ("cancel_running", [REVOKED, REVOKED, STARTED]),
])  # fmt: skip
def test_several_ends_in_one_turn_are_as_many_fires(world, calls, held, overlap, states):
    other = HeldExecutor()
    scheduler = world.scheduler(executors={"held": held, "other": other})
    scheduler.add_job(note, "interval", seconds=1000, id="first", executor="other", max_instances=3)
    follow(scheduler, "first", executor="held", overlap=overlap)
    for _ in range(3):
        scheduler.run_job("first")
    world.advance(0)
    other.finish(3)
    world.advance(0)
    assert sorted(world.states("follower")) == sorted(states)


def test_an_instance_that_is_freed_with_the_ends_to_follow_is_given_away_once(world, calls, held):
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "interval", seconds=1000, id="first", max_instances=2)
    follow(scheduler, "first", overlap="queue")
    scheduler.run_job("first")
    world.advance(0)
    held.finish()
    world.advance(1)
    for _ in range(2):
        scheduler.run_job("first")
    world.advance(0)
    held.finish(3)
    world.advance(0)
    assert sorted(world.states("follower")) == [PENDING, STARTED, SUCCESS]


def test_a_paused_follower_does_not_fire_and_goes_on_when_it_is_resumed(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=10, args=("first",), id="first")
    follow(scheduler, "first")
    scheduler.pause_job("follower")
    world.advance(20)
    assert world.runs("follower") == []
    scheduler.resume_job("follower")
    world.advance(10)
    assert world.states("follower") == [SUCCESS]


def test_a_follower_that_is_removed_does_not_fire(world, calls, held):
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="first", executor="held")
    follow(scheduler, "first")
    world.advance(FIRE)
    scheduler.remove_job("follower")
    held.finish()
    world.advance(0)
    assert world.runs("follower") == []
    assert scheduler.get_jobs() == []


def test_a_follower_whose_executor_nobody_has_waits_for_it(world, calls):
    elsewhere = world.scheduler(executors={"elsewhere": HeldExecutor()})
    elsewhere.add_job(note, "date", run_date=at(FIRE), id="first")
    follow(elsewhere, "first", executor="elsewhere")
    elsewhere.shutdown()
    scheduler = world.scheduler()
    world.advance(FIRE)
    assert world.states("follower") == [PENDING]
    scheduler.add_executor(HeldExecutor(), "elsewhere")
    world.advance(1)
    assert world.states("follower") == [STARTED]


def test_the_run_of_a_follower_is_retried_and_timed_out_by_its_own_rules(world, calls, held):
    scheduler = world.scheduler(executors={"held": held})
    scheduler.add_job(note, "date", run_date=at(FIRE), id="first")
    follow(scheduler, "first", executor="held", timeout=5, retry=RetryPolicy(1, delay=7))
    world.advance(FIRE + 5)
    assert world.states("follower") == [RunState.RETRY]
    world.advance(7)
    assert world.states("follower") == [STARTED]


@pytest.mark.parametrize("damage", ["args = 'x'", "trigger = 'x'"])
def test_a_follower_that_cannot_be_read_is_broken_and_holds_up_nobody(tmp_path, calls, damage):
    """What of it can be read decides: with its trigger, the end is on record and runs when the job is mended."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    world = database_world(url)
    scheduler = world.scheduler()
    broken = []
    scheduler.add_listener(broken.append, JobBroken)
    scheduler.add_job(note, "interval", seconds=10, args=("first",), id="first")
    follow(scheduler, "first")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE scheduler_jobs SET {damage} WHERE id = 'follower'"))
    engine.dispose()
    world.advance(30)
    assert calls == [("first",)] * 3
    assert {event.job_id for event in broken} == {"follower"}
    assert world.states("follower")[:1] == ([PENDING] if damage.startswith("args") else [])
    world.close()
