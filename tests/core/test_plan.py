"""What one due job does: one table for the rules, and the property that every fire time is accounted for once."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.core.job import Job
from scheduler.core.overlap import QUEUE
from scheduler.core.plan import CATCH_UP, plan
from scheduler.core.run import RunState
from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger, DateTrigger, IntervalTrigger, Trigger
from tests.contracts.wrong_triggers import Standing

START = datetime(2024, 1, 1, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


EVERY_TEN = IntervalTrigger(seconds=10, start_date=START)


def make_job(trigger=EVERY_TEN, due=START, **rules):
    return Job(id="job", func=print, trigger=trigger, next_run_time=due, incarnation="life", executor="pool", **rules)


def decide(job, now, active=0, room=10):
    return plan(job, active=active, now=now, room=room, node="node-1")


def seconds(time):
    return None if time is None else (time - START).total_seconds()


def summary(decided):
    """Starts, queued runs, skips with reason and count, and the next run time, in seconds."""
    return (
        [seconds(run.scheduled_time) for run in decided.starts],
        [seconds(run.scheduled_time) for run in decided.queued],
        [(seconds(run.scheduled_time), run.reason, run.count) for run in decided.skips],
        seconds(decided.next_run_time),
    )


ENDS = IntervalTrigger(seconds=10, start_date=START, end_date=at(20))
ONCE = DateTrigger(START)

TABLE = {
    # rules, now, active, room → starts, queued, skips, next run time
    "on time": ({}, 0, 0, 1, [0], [], [], 10),
    "late by less than an interval": ({}, 9.9, 0, 1, [0], [], [], 10),
    "coalesced into the last": ({}, 35, 0, 1, [30], [], [(0, "coalesced", 3)], 40),
    "one instance is under way": ({}, 0, 1, 1, [], [], [(0, "overlap", 1)], 10),
    "several overlap": ({}, 25, 1, 1, [], [], [(0, "overlap", 3)], 30),
    "an instance is free": ({"max_instances": 2}, 0, 1, 1, [0], [], [], 10),
    "more instances under way than allowed": ({"max_instances": 2}, 0, 5, 1, [], [], [(0, "overlap", 1)], 10),
    "exactly as late as the grace time": ({"misfire_grace_time": 5.0}, 5, 0, 1, [0], [], [], 10),
    "later than the grace time": ({"misfire_grace_time": 5.0}, 5.1, 0, 1, [], [], [(0, "missed", 1)], 10),
    "missed but for the last": ({"misfire_grace_time": 5.0}, 34, 0, 1, [30], [], [(0, "missed", 3)], 40),
    "missed, then coalesced": (
        {"misfire_grace_time": 20.0}, 45, 0, 1, [40], [], [(0, "missed", 3), (30, "coalesced", 1)], 50),
    "missed, then overlap": (
        {"misfire_grace_time": 20.0}, 45, 1, 1, [], [], [(0, "missed", 3), (30, "overlap", 2)], 50),
    "missed comes before overlap": ({"misfire_grace_time": 5.0}, 9, 1, 1, [], [], [(0, "missed", 1)], 10),
    "each of them, one at a time": ({"coalesce": False}, 35, 0, 9, [0], [10, 20, 30], [], 40),
    "each of them, as instances allow": (
        {"coalesce": False, "max_instances": 3}, 35, 1, 9, [0, 10], [20, 30], [], 40),
    "each of them, as room allows": ({"coalesce": False, "max_instances": 9}, 35, 0, 2, [0, 10], [20, 30], [], 40),
    "each of them, with none free": ({"coalesce": False}, 25, 1, 9, [], [], [(0, "overlap", 3)], 30),
    "each that is not missed": (
        {"coalesce": False, "misfire_grace_time": 15.0}, 35, 0, 9, [20], [30], [(0, "missed", 2)], 40),
    "it may wait for an instance": ({"overlap": "queue"}, 0, 1, 1, [], [0], [], 10),
    "late ones wait as one": ({"overlap": "queue"}, 25, 1, 1, [], [20], [(0, "coalesced", 2)], 30),
    "late ones wait each": ({"overlap": "queue", "coalesce": False}, 25, 1, 1, [], [0, 10, 20], [], 30),
    "some start and others wait": (
        {"overlap": "queue", "coalesce": False, "max_instances": 3}, 25, 1, 9, [0, 10], [20], [], 30),
    "what waits too long is missed": (
        {"overlap": "queue", "misfire_grace_time": 2.0}, 25, 1, 1, [], [], [(0, "missed", 3)], 30),
    "the queue is full": ({"overlap": "queue"}, 25, QUEUE + 1, 1, [], [], [(0, "overlap", 3)], 30),
    "the last in the queue": ({"overlap": "queue"}, 0, QUEUE, 1, [], [0], [], 10),
    "the queue takes one more of several": (
        {"overlap": "queue", "coalesce": False}, 25, QUEUE, 1, [], [0], [], 10),
    "the trigger ends with the fire": ({"trigger": ONCE}, 0, 0, 1, [0], [], [], None),
    "the only fire is missed": (
        {"trigger": ONCE, "misfire_grace_time": 5.0}, 60, 0, 1, [], [], [(0, "missed", 1)], None),
    "the only fire overlaps": ({"trigger": ONCE}, 60, 1, 1, [], [], [(0, "overlap", 1)], None),
    "the trigger ends before now": ({"trigger": ENDS}, 500, 0, 1, [20], [], [(0, "coalesced", 2)], None),
    "the trigger ends, each of them": ({"trigger": ENDS, "coalesce": False}, 500, 0, 9, [0], [10, 20], [], None),
    "the trigger ends, all are missed": (
        {"trigger": ENDS, "misfire_grace_time": 1.0}, 500, 0, 1, [], [], [(0, "missed", 3)], None),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "now", "active", "room", "starts", "queued", "skips", "following"), TABLE.values(),
                         ids=TABLE.keys())  # fmt: skip
def test_a_due_job_does_what_its_rules_say(rules, now, active, room, starts, queued, skips, following):
    decided = decide(make_job(**rules), at(now), active, room)
    assert summary(decided) == (starts, queued, skips, following)


@pytest.mark.parametrize(
    ("rules", "now", "blockers", "replaced"),
    [
        ({}, 0, ["a"], ("a",)),
        ({"max_instances": 2}, 0, ["a", "b"], ("a",)),
        ({"max_instances": 2}, 0, ["a", "b", "c"], ("b", "a")),
        ({}, 25, ["a"], ("a",)),
        ({"coalesce": False}, 25, ["a"], ("a",)),
        ({"misfire_grace_time": 1.0}, 25, ["a"], ()),
        ({"coalesce": False, "misfire_grace_time": 1.0}, 25, ["a"], ()),
        ({"overlap": "queue"}, 0, ["a"], ()),
        ({"overlap": "skip"}, 0, ["a"], ()),
    ],
)
def test_a_later_run_takes_the_place_of_the_oldest_only_where_it_is_queued_itself(rules, now, blockers, replaced):
    job = make_job(**{"overlap": "cancel_running", **rules})
    decided = plan(job, active=len(blockers), now=at(now), room=9, node="node-1", blockers=blockers)
    assert decided.replaced == replaced
    assert bool(decided.queued) or not replaced


def test_a_skipped_fire_names_the_oldest_run_that_blocks_it():
    decided = plan(make_job(), active=2, now=at(0), room=9, node="node-1", blockers=["a", "b"])
    assert [run.cause for run in decided.skips] == ["a"]


@pytest.mark.parametrize("job", [make_job(due=None), make_job(trigger=None)], ids=["paused", "broken"])
def test_a_job_that_is_not_due_cannot_be_planned(job):
    with pytest.raises(ValueError, match="'job' is not due"):
        decide(job, START)


def test_the_runs_of_a_plan_say_what_they_are():
    decided = decide(make_job(coalesce=False, misfire_grace_time=15.0), at(35))
    [start], [waiting], [skip] = decided.starts, decided.queued, decided.skips
    for run in (start, waiting, skip):
        assert (run.job_id, run.incarnation, run.executor) == ("job", "life", "pool")
    assert (start.state, start.attempt, start.node, start.started_at) == (RunState.STARTED, 1, "node-1", at(35))
    assert (waiting.state, waiting.attempt, waiting.node, waiting.ready_at) == (RunState.PENDING, 0, None, None)
    assert (skip.state, skip.attempt, skip.finished_at) == (RunState.SKIPPED, 0, at(35))


SECONDLY = IntervalTrigger(seconds=1, start_date=START)


class EverySecond(Trigger):
    """One that has to be walked through, as those of users' own."""

    def next(self, after):
        return after.replace(microsecond=0) + timedelta(seconds=1)


SLOW_TO_COUNT = EverySecond()


@pytest.mark.parametrize(
    ("rules", "active", "reason"),
    [({"misfire_grace_time": 10.0}, 0, "missed"), ({}, 0, "coalesced"), ({}, 1, "overlap")],
)
def test_one_plan_walks_through_a_bounded_number_of_fires_and_stays_due(rules, active, reason):
    decided = decide(make_job(SLOW_TO_COUNT, **rules), at(3 * CATCH_UP), active)
    assert summary(decided) == ([], [], [(0, reason, CATCH_UP)], CATCH_UP)


def test_fires_that_are_counted_by_arithmetic_are_one_record_however_many():
    late = 30_000_000
    decided = decide(make_job(SECONDLY), at(late))
    assert summary(decided) == ([late], [], [(0, "coalesced", late)], late + 1)


def test_exactly_as_many_fires_as_the_bound_are_one_plan():
    decided = decide(make_job(SLOW_TO_COUNT), at(CATCH_UP - 1))
    assert summary(decided) == ([CATCH_UP - 1], [], [(0, "coalesced", CATCH_UP - 1)], CATCH_UP)


def test_one_plan_makes_a_bounded_number_of_runs_and_stays_due():
    decided = decide(make_job(SECONDLY, coalesce=False, max_instances=3), at(3 * QUEUE))
    assert len(decided.starts) + len(decided.queued) == QUEUE
    assert decided.next_run_time == at(QUEUE)


def test_runs_are_not_planned_for_ever_by_a_trigger_that_stands_still():
    with pytest.raises(InvalidTriggerError, match="it must give a later datetime in UTC"):
        decide(make_job(Standing(), coalesce=False, max_instances=3), at(10))


triggers = st.one_of(
    st.builds(
        lambda step, end: IntervalTrigger(seconds=step, start_date=START, end_date=None if end is None else at(end)),
        step=st.integers(1, 40),
        end=st.none() | st.integers(1, 2_000),
    ),
    st.sampled_from([CronTrigger(second="*/7,13", timezone="UTC"), CronTrigger(minute="*/2", timezone="UTC"), ONCE]),
)
rule_sets = st.fixed_dictionaries(
    {
        "misfire_grace_time": st.none() | st.floats(0.5, 300),
        "coalesce": st.booleans(),
        "max_instances": st.integers(1, 4),
        "jitter": st.none() | st.floats(0.001, 300),
    }
)
moments = st.lists(st.tuples(st.floats(0, 400), st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=12)


def fires(trigger, first, until):
    """Every fire time from the first one to an instant, by asking the trigger for one after the other."""
    while first is not None and first <= until:
        yield first
        first = trigger.next(first)


@settings(max_examples=150)
@given(trigger=triggers, rules=rule_sets, moments=moments)
def test_every_fire_is_accounted_for_exactly_once_whenever_it_is_planned(trigger, rules, moments):
    job = make_job(trigger, due=trigger.first(START), **rules)
    first, accounted, now, previous = job.next_run_time, [], START, None
    for wait, active, room in moments:
        now += timedelta(seconds=wait)
        while job.next_run_time is not None and job.next_run_time <= now:
            decided = decide(job, now, active, room)
            assert previous is None or job.next_run_time > previous
            assert len(decided.starts) <= room
            assert len(decided.starts) + len(decided.delayed) <= max(rules["max_instances"] - active, 0)
            for run in decided.runs:
                assert run.scheduled_time <= now
                covered = list(islice(fires(trigger, run.scheduled_time, now), run.count))
                assert len(covered) == run.count
                accounted += covered
            previous = job.next_run_time
            job = make_job(trigger, due=decided.next_run_time, **rules)
            if decided.next_run_time is not None:
                assert decided.next_run_time > previous
    assert sorted(accounted) == list(fires(trigger, first, now))


@settings(max_examples=100)
@given(rules=rule_sets, late=st.floats(0, 600), active=st.integers(0, 5))
def test_no_run_that_starts_is_early_or_later_than_its_grace_time(rules, late, active):
    decided = decide(make_job(**rules), at(late), active)
    grace, jitter = rules["misfire_grace_time"], rules["jitter"] or 0
    for run in (*decided.starts, *decided.delayed, *decided.queued):
        lateness = at(late) - run.scheduled_time
        assert lateness >= timedelta(0)
        assert grace is None or lateness <= timedelta(seconds=grace + jitter)


@given(rules=rule_sets, late=st.floats(0, 600), active=st.integers(0, 5), room=st.integers(1, 9))
def test_a_plan_is_the_same_on_every_node_but_for_its_name(rules, late, active, room):
    job = make_job(**rules)
    one, other = (plan(job, active=active, now=at(late), room=room, node=node) for node in ("a", "b"))
    assert [run.evolved(node=None) for run in one.runs] == [run.evolved(node=None) for run in other.runs]
    assert one.next_run_time == other.next_run_time
