"""By how much jitter delays the runs of a job, and what becomes of those that have waited."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.core.chance import part_of
from scheduler.core.job import Job
from scheduler.core.overlap import QUEUE
from scheduler.core.plan import plan, proceed, ready_time
from scheduler.core.run import RunState
from scheduler.triggers import DateTrigger, IntervalTrigger

START = datetime(2024, 1, 1, tzinfo=UTC)
EVERY_TEN = IntervalTrigger(seconds=10, start_date=START)


def at(seconds):
    return START + timedelta(seconds=seconds)


def seconds(time):
    return (time - START).total_seconds()


def make_job(job_id="job", **rules):
    fields = {"trigger": EVERY_TEN, "next_run_time": START, "incarnation": "life", "jitter": 8.0, **rules}
    return Job(id=job_id, func=print, **fields)


def decide(job, now, active=0, room=10):
    return plan(job, active=active, now=at(now), room=room, node="node")


def delay(job, fire=0.0):
    """In seconds; those of the job "job" with a jitter of 8 s are below."""
    return seconds(ready_time(job, at(fire))) - fire


DELAYS = {0: 5.746405, 10: 5.94624, 20: 0.297609, 30: 2.118482}
"""What the table below relies on."""


def test_delays_are_the_same_on_every_machine_and_in_every_release():
    assert {fire: delay(make_job(), fire) for fire in DELAYS} == pytest.approx(DELAYS, abs=1e-9)
    assert delay(make_job(jitter=80.0)) == pytest.approx(57.464054, abs=1e-9)


@given(longest=st.floats(0, 366 * 86_400), name=st.text())
def test_a_part_is_below_the_whole(longest, name):
    part = part_of(longest, name)
    assert part == part_of(longest, name)
    assert timedelta(0) <= part < max(timedelta(seconds=longest), timedelta.resolution)


@pytest.mark.parametrize("longest", [0.0, 1e-6, 0.5, 60.0, 1e7])
def test_parts_of_a_thousand_names_cover_the_whole_evenly(longest):
    parts = sorted(part_of(longest, f"job-{number}").total_seconds() for number in range(1000))
    assert all(
        abs(part - (rank + 0.5) / 1000 * longest) <= max(longest * 0.05, 1e-6) for rank, part in enumerate(parts)
    )


@pytest.mark.parametrize(
    "others",
    [[make_job(str(number)) for number in range(1000)], [make_job(next_run_time=at(10 * n)) for n in range(1000)]],
    ids=["jobs", "fires"],
)
def test_jobs_and_fires_have_delays_of_their_own(others):
    delays = {delay(job, seconds(job.next_run_time)) for job in others}
    assert len(delays) == 1000
    assert min(delays) < 0.1
    assert 7.9 < max(delays) < 8


def test_a_job_that_is_added_again_keeps_its_delays():
    assert delay(make_job(incarnation="first")) == delay(make_job(incarnation="second", name="other", max_instances=3))


def test_the_last_fire_of_the_calendar_is_not_delayed_beyond_it():
    end = datetime.max.replace(tzinfo=UTC)
    assert ready_time(make_job(), end) == end


TABLE = {
    # rules, now, active, room → starts, delayed, queued, skips with reason and count, next run time
    "its delay is ahead": ({}, 0, 0, 1, [], [0], [], [], 10),
    "its delay is over": ({}, 5.8, 0, 1, [0], [], [], [], 10),
    "a run that waits is an instance": ({}, 0, 1, 1, [], [], [], [(0, "overlap", 1)], 10),
    "the last one, after those before it are coalesced": ({}, 12, 0, 1, [], [10], [], [(0, "coalesced", 1)], 20),
    "the last one, whose delay is over": ({}, 16, 0, 1, [10], [], [], [(0, "coalesced", 1)], 20),
    "late by its delay and the grace time": ({"misfire_grace_time": 1.0}, 6.7, 0, 1, [0], [], [], [], 10),
    "later": ({"misfire_grace_time": 1.0}, 6.8, 0, 1, [], [], [], [(0, "missed", 1)], 10),
    "later than the longest delay": ({"misfire_grace_time": 1.0}, 9.1, 0, 1, [], [], [], [(0, "missed", 1)], 10),
    "the earlier are missed": ({"misfire_grace_time": 1.0}, 21.2, 0, 1, [20], [], [], [(0, "missed", 2)], 30),
    "each of them that is late": (
        {"coalesce": False, "max_instances": 9, "misfire_grace_time": 1.0}, 21.5, 0, 9, [], [], [],
        [(0, "missed", 2), (20, "missed", 1)], 30),
    "each of them, the last one later": (
        {"coalesce": False, "max_instances": 9}, 31, 0, 9, [0, 10, 20], [30], [], [], 40),
    "each of them, as instances allow": (
        {"coalesce": False, "max_instances": 2}, 31, 0, 9, [0, 10], [], [20, 30], [], 40),
    "what is ahead needs no room": ({"coalesce": False, "max_instances": 9}, 31, 0, 1, [0], [30], [10, 20], [], 40),
    "behind what is ahead": (
        {"coalesce": False, "max_instances": 2, "jitter": 80.0}, 31, 0, 9, [], [0, 10], [20, 30], [], 40),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "now", "active", "room", "starts", "delayed", "queued", "skips", "following"),
                         TABLE.values(), ids=TABLE.keys())  # fmt: skip
def test_a_due_job_with_jitter_does_what_its_rules_say(
    rules, now, active, room, starts, delayed, queued, skips, following
):
    decided = decide(make_job(**rules), now, active, room)
    assert [seconds(run.scheduled_time) for run in decided.starts] == starts
    assert [seconds(run.scheduled_time) for run in decided.delayed] == delayed
    assert [seconds(run.scheduled_time) for run in decided.queued] == queued
    assert [(seconds(run.scheduled_time), run.reason, run.count) for run in decided.skips] == skips
    assert seconds(decided.next_run_time) == following


def test_one_plan_delays_a_bounded_number_of_runs_and_stays_due():
    decided = decide(make_job(jitter=1e6, coalesce=False, max_instances=10**6), 30 * QUEUE)
    assert (len(decided.runs), decided.next_run_time) == (QUEUE, at(10 * QUEUE))
    assert len(decided.delayed) > QUEUE / 2
    assert decided.walked == QUEUE


def test_a_delayed_run_is_pending_until_its_time():
    job = make_job(executor="pool")
    [run] = decide(job, 0).delayed
    assert (run.state, run.attempt, run.executor, run.count) == (RunState.PENDING, 0, "pool", 1)
    assert (run.scheduled_time, run.ready_at) == (at(0), at(delay(job)))
    assert (run.node, run.started_at, run.finished_at) == (None, None, None)


def test_the_last_fire_of_a_job_may_wait_too():
    decided = decide(make_job(trigger=DateTrigger(START)), 0)
    assert (len(decided.delayed), decided.next_run_time) == (1, None)


@given(jitter=st.floats(0.001, 100), late=st.floats(0, 100), coalesce=st.booleans(), instances=st.integers(1, 20))
def test_jitter_moves_no_fire_time_and_makes_no_run_early(jitter, late, coalesce, instances):
    rules = {"coalesce": coalesce, "max_instances": instances}
    decided, plain = (decide(make_job(jitter=each, **rules), late) for each in (jitter, None))
    assert decided.next_run_time == plain.next_run_time
    assert sorted(run.id for run in decided.runs) == sorted(run.id for run in plain.runs)
    for run in decided.starts:
        assert run.started_at >= ready_time(make_job(jitter=jitter), run.scheduled_time) >= run.scheduled_time
    for run in decided.delayed:
        assert at(late) < run.ready_at < run.scheduled_time + timedelta(seconds=jitter)


def waiting(job, **changes):
    [run] = decide(job, 0).delayed
    return run.evolved(**changes)


@pytest.mark.parametrize(
    ("rules", "late", "state"),
    [
        ({}, 0, RunState.STARTED),
        ({}, 86_400, RunState.STARTED),
        ({"misfire_grace_time": 5.0}, 5, RunState.STARTED),
        ({"misfire_grace_time": 5.0}, 5.000001, RunState.SKIPPED),
    ],
)
def test_a_run_that_has_waited_begins_unless_it_comes_later_than_the_grace_time(rules, late, state):
    job = make_job(**rules)
    now = waiting(job).ready_at + timedelta(seconds=late)
    moved = proceed(waiting(job), job, now=now, node="node")
    assert (moved.state, moved.ready_at) == (state, None)
    if state is RunState.STARTED:
        assert (moved.attempt, moved.node, moved.started_at, moved.finished_at) == (1, "node", now, None)
    else:
        assert (moved.attempt, moved.reason, moved.count, moved.finished_at) == (0, "missed", 1, now)


def test_a_run_that_was_queued_waits_for_the_rest_of_its_delay():
    job = make_job()
    queued = waiting(job, ready_at=at(1))
    assert proceed(queued, job, now=at(2), node="node") == waiting(job)
    assert proceed(queued, job, now=waiting(job).ready_at, node="node").state is RunState.STARTED


@pytest.mark.parametrize(("late", "state"), [(1.0, RunState.STARTED), (1.1, RunState.SKIPPED)])
def test_a_run_that_was_queued_is_judged_alike_from_when_it_was_ready(late, state):
    run = waiting(make_job()).evolved(ready_at=at(100))
    job = make_job(jitter=None, misfire_grace_time=1.0)
    assert proceed(run, job, now=at(100 + late), node="node").state is state


def test_lateness_is_nothing_to_a_second_attempt():
    run = waiting(make_job()).evolved(state=RunState.RETRY, attempt=1)
    assert proceed(run, make_job(misfire_grace_time=1.0), now=at(1_000), node="node").state is RunState.STARTED
