"""Runs that jitter delays: on every node alike, never early, and on record while they wait."""

from datetime import timedelta

import pytest

from scheduler import JobDefinition, JobRemoved, RetryPolicy, RunRevoked, RunSkipped, RunState
from scheduler.core.plan import ready_time
from tests.flow.executors import HeldExecutor
from tests.flow.functions import fail_until, note
from tests.flow.world import at, skipped

LIKELY = {"misfire_grace_time": 5}
"""A grace time that a run which waits for nothing but its delay keeps."""


def delay(job, fire):
    """Seconds by which the run of a fire time, in seconds after the start, is delayed."""
    return (ready_time(job, at(fire)) - at(fire)).total_seconds()


def times(world, job_id=None):
    return [(run.scheduled_time, run.started_at) for run in world.runs(job_id)]


def test_runs_start_when_their_delay_is_over_and_fire_times_stay(world, calls):
    scheduler = world.scheduler()
    job = scheduler.add_job(note, "interval", minutes=1, jitter=30, id="job", **LIKELY)
    scheduler.add_job(note, "interval", minutes=1, id="plain")
    world.advance(630)
    assert [run.scheduled_time for run in world.runs("job")] == [at(60 * number) for number in range(1, 11)]
    assert times(world, "job") == [(at(fire), ready_time(job, at(fire))) for fire in range(60, 601, 60)]
    assert times(world, "plain") == [(at(fire), at(fire)) for fire in range(60, 601, 60)]
    assert set(world.states()) == {RunState.SUCCESS}


def test_a_delayed_run_is_on_record_while_it_waits(world, calls):
    scheduler = world.scheduler()
    job = scheduler.add_job(note, "interval", minutes=1, jitter=50, id="job")
    world.advance(60)
    [run] = world.runs()
    assert (run.state, run.attempt, run.ready_at, run.node) == (RunState.PENDING, 0, ready_time(job, at(60)), None)
    assert scheduler.get_job("job").next_run_time == at(120)
    assert calls == []
    world.advance(delay(job, 60))
    [run] = world.runs()
    assert (run.state, run.attempt, run.ready_at) == (RunState.SUCCESS, 1, None)


def test_all_nodes_derive_the_same_delays_and_each_fire_runs_once(world, calls):
    nodes = [world.scheduler(executors={"default": HeldExecutor(room=3)}) for _ in range(3)]
    jobs = [JobDefinition(note, "interval", minutes=1, jitter=50, id=f"job-{number}") for number in range(8)]
    added = nodes[0].add_jobs(jobs)
    world.advance(120)
    runs = [run for run in world.runs() if run.scheduled_time == at(60)]
    assert len(runs) == 8
    assert len({run.node for run in runs}) == 3
    assert {run.job_id: run.started_at for run in runs} == {job.id: ready_time(job, at(60)) for job in added}


def test_jobs_that_are_due_together_are_spread_over_the_jitter(world, calls):
    scheduler = world.scheduler()
    scheduler.add_jobs([JobDefinition(note, "date", run_date=at(1), jitter=60, id=str(n)) for n in range(120)])
    world.advance(61)
    seconds = [(run.started_at - run.scheduled_time).total_seconds() for run in world.runs()]
    assert len(seconds) == 120
    assert all(sum(10 * part <= second < 10 * part + 10 for second in seconds) >= 10 for part in range(6))


def test_a_delayed_run_outlives_the_node_that_planned_it(world, calls):
    first = world.scheduler()
    job = first.add_job(note, "date", run_date=at(10), jitter=60, id="job", **LIKELY)
    world.advance(10)
    first.shutdown()
    second = world.scheduler()
    assert second.get_job("job").ended
    world.advance(60)
    assert times(world) == [(at(10), ready_time(job, at(10)))]
    assert second.get_jobs() == []


def test_a_delayed_run_of_a_frozen_node_starts_in_time_on_another(world, calls):
    first, second = world.scheduler(), world.scheduler()
    job = first.add_job(note, "date", run_date=at(10), jitter=60, id="job", **LIKELY)
    world.freeze(second)
    world.advance(10)
    world.freeze(first)
    world.thaw(second)
    world.advance(60)
    assert times(world) == [(at(10), ready_time(job, at(10)))]


def test_a_delayed_run_is_revoked_with_its_job(world, calls):
    scheduler = world.scheduler()
    revoked = []
    scheduler.add_listener(revoked.append, RunRevoked)
    scheduler.add_job(note, "interval", minutes=1, jitter=50, id="job")
    world.advance(60)
    scheduler.remove_job("job")
    world.advance(600)
    [run] = world.runs()
    assert (run.state, run.reason, run.ready_at) == (RunState.REVOKED, "removed", None)
    assert [event.run.id for event in revoked] == [run.id]
    assert calls == []


def test_a_delayed_run_of_a_job_that_is_paused_goes_on(world, calls):
    scheduler = world.scheduler()
    job = scheduler.add_job(note, "interval", minutes=1, jitter=50, id="job")
    world.advance(60)
    scheduler.pause_job("job")
    world.advance(600)
    assert times(world) == [(at(60), ready_time(job, at(60)))]


@pytest.mark.parametrize(("grace", "state"), [(None, RunState.SUCCESS), (100, RunState.SUCCESS), (5, RunState.SKIPPED)])
def test_a_delayed_run_waits_while_the_scheduler_is_paused_and_is_judged_then(world, calls, grace, state):
    scheduler = world.scheduler()
    scheduler.add_job(note, "date", run_date=at(10), jitter=50, misfire_grace_time=grace, id="job")
    world.advance(10)
    scheduler.pause()
    world.advance(90)
    assert world.states() == [RunState.PENDING]
    scheduler.resume()
    world.advance(0)
    assert world.states() == [state]


def test_a_delay_longer_than_the_interval_overlaps_as_instances_allow(world, calls):
    scheduler = world.scheduler()
    one = scheduler.add_job(note, "interval", seconds=10, jitter=60, id="one")
    many = scheduler.add_job(note, "interval", seconds=10, jitter=60, max_instances=7, id="many")
    world.advance(400)
    fires = range(10, 401, 10)
    assert {(run.state, run.reason) for run in world.runs("many") if run.scheduled_time <= at(340)} == {
        (RunState.SUCCESS, None)
    }
    expected, busy_until = [], 0
    for fire in fires:
        free = fire > busy_until
        expected.append((at(fire), None if free else "overlap"))
        busy_until = fire + delay(one, fire) if free else busy_until
    assert [(run.scheduled_time, run.reason) for run in world.runs("one")] == expected
    started = {run.scheduled_time: run.started_at for run in world.runs("many") if run.started_at is not None}
    assert all(start == ready_time(many, fire) for fire, start in started.items())


def test_a_delayed_run_that_comes_too_late_is_missed_and_its_job_ends(world, calls):
    scheduler = world.scheduler()
    heard = []
    scheduler.add_listener(lambda event: heard.append(type(event)), RunSkipped, JobRemoved)
    scheduler.add_job(note, "date", run_date=at(10), jitter=50, id="job", **LIKELY)
    world.advance(10)
    world.clock.advance(100)
    world.advance(0)
    [run] = world.runs()
    assert (run.state, run.reason, run.attempt, run.finished_at) == (RunState.SKIPPED, "missed", 0, at(110))
    assert (run.started_at, run.ready_at) == (None, None)
    assert heard == [RunSkipped, JobRemoved]
    assert scheduler.get_jobs() == []
    assert calls == []


def test_a_fire_that_is_due_with_a_missed_run_of_its_job_finds_its_instance_free(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", minutes=3, jitter=50, id="job", **LIKELY)
    world.advance(180)
    world.clock.move_to(at(360))
    world.advance(60)
    assert skipped(world.runs()) == [("missed", 1)]
    assert [(run.scheduled_time, run.state) for run in world.runs()][1:] == [(at(360), RunState.SUCCESS)]


def test_missed_runs_leave_their_room_to_others(world, calls):
    held = HeldExecutor(room=1)
    scheduler = world.scheduler(executors={"default": held})
    for number in range(5):
        scheduler.add_job(note, "date", run_date=at(10), jitter=50, id=f"job-{number}", **LIKELY)
    scheduler.add_job(note, "date", run_date=at(100), args=("after them",), id="late")
    world.advance(10)
    world.clock.move_to(at(100))
    world.advance(0)
    assert skipped(world.runs()) == [("missed", 1)] * 5
    assert [call.args for call in held.calls] == [("after them",)]


def test_a_job_that_goes_to_another_executor_takes_its_missed_run_along_and_keeps_its_room(world, calls):
    held = HeldExecutor(room=1)
    scheduler = world.scheduler(executors={"default": HeldExecutor(), "other": held})
    scheduler.add_job(note, "interval", minutes=3, jitter=50, id="job", **LIKELY)
    world.advance(180)
    scheduler.modify_job("job", executor="other", jitter=1e-6)
    world.clock.move_to(at(360))
    world.time.settle()
    assert [(run.state, run.executor) for run in world.runs()] == [
        (RunState.SKIPPED, "other"),
        (RunState.STARTED, "other"),
    ]
    assert len(held.calls) == 1


def test_a_delayed_run_waits_for_room_too(world, calls):
    held = HeldExecutor(room=1)
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "date", run_date=at(5), id="long")
    job = scheduler.add_job(note, "date", run_date=at(10), jitter=50, id="job")
    world.advance(100)
    held.finish()
    world.advance(0)
    assert times(world, "job") == [(at(10), at(100))]
    assert ready_time(job, at(10)) < at(100)


def late(world, **rules):
    """A node that finds seven fires of a job that does not coalesce, of which the last three have delays ahead."""
    world.client.add_job(note, "interval", seconds=10, jitter=60, id="job", coalesce=False, **rules)
    world.clock.advance(75)
    return world.scheduler()


def test_late_fires_run_each_after_its_own_delay_and_as_instances_allow(world, calls):
    scheduler = late(world, max_instances=2)
    job = scheduler.get_job("job")
    world.advance(0)
    scheduler.modify_job("job", next_run_time=at(1_000))
    world.advance(300)
    runs = world.runs()
    assert [run.scheduled_time for run in runs] == [at(fire) for fire in range(10, 71, 10)]
    assert all(run.state is RunState.SUCCESS for run in runs)
    assert all(run.started_at >= ready_time(job, run.scheduled_time) for run in runs)
    assert any(run.started_at == ready_time(job, run.scheduled_time) > at(75) for run in runs)


def test_no_more_runs_wait_or_run_at_once_than_instances(world, calls):
    held = HeldExecutor()
    world.client.add_job(note, "interval", seconds=10, jitter=60, id="job", coalesce=False, max_instances=2)
    world.clock.advance(75)
    world.scheduler(executors={"default": held})
    for _ in range(12):
        world.advance(10)
        open_runs = [run for run in world.runs() if run.finished_at is None]
        assert sum(run.state is RunState.STARTED or run.ready_at is not None for run in open_runs) <= 2
        held.finish(len(held.calls))
    world.advance(0)


def test_a_missed_run_lets_the_next_one_in_the_queue_begin(world, calls):
    world.client.add_job(
        note, "interval", seconds=10, end_date=at(20), jitter=120, id="job", coalesce=False, misfire_grace_time=1_000
    )
    world.clock.advance(25)
    scheduler = world.scheduler()
    world.advance(0)
    job = scheduler.get_job("job")
    assert ready_time(job, at(10)) > at(25)
    assert [(run.state, run.ready_at) for run in world.runs()] == [
        (RunState.PENDING, ready_time(job, at(10))),
        (RunState.PENDING, None),
    ]
    scheduler.modify_job("job", misfire_grace_time=1)
    world.clock.advance(200)
    world.advance(0)
    assert [(run.state, run.reason) for run in world.runs()] == [(RunState.SKIPPED, "missed"), (RunState.SUCCESS, None)]
    assert scheduler.get_jobs() == []


def test_attempts_after_the_first_wait_for_their_retry_alone(world, calls):
    scheduler = world.scheduler()
    job = scheduler.add_job(
        fail_until, "date", run_date=at(10), args=(3,), jitter=60, retry=RetryPolicy(3, delay=5), id="job", **LIKELY
    )
    world.advance(200)
    [run] = world.runs()
    assert (run.state, run.attempt) == (RunState.SUCCESS, 3)
    assert run.started_at == ready_time(job, at(10)) + timedelta(seconds=10)


@pytest.mark.parametrize("jitter", [None, 1, 50])
def test_a_run_that_waits_starts_when_it_was_said_to_whatever_less_jitter_its_job_has_since(world, calls, jitter):
    scheduler = world.scheduler()
    job = scheduler.add_job(note, "date", run_date=at(10), jitter=50, id="job")
    world.advance(10)
    scheduler.modify_job("job", jitter=jitter)
    world.advance(60)
    assert times(world) == [(at(10), ready_time(job, at(10)))]


def test_a_job_that_is_added_again_keeps_the_run_that_waits(world, calls):
    scheduler = world.scheduler()
    job = scheduler.add_job(note, "interval", minutes=1, jitter=50, id="job")
    world.advance(60)
    scheduler.add_job(note, "interval", minutes=1, jitter=50, id="job", replace_existing=True)
    world.advance(50)
    assert times(world) == [(at(60), ready_time(job, at(60)))]
