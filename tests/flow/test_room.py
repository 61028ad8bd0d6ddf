"""What may run at once: instances of a job, room of executors, queues, stores and executors by alias."""

import pytest

from scheduler import RunState
from scheduler.jobstores import MemoryJobStore
from tests.flow.executors import HeldExecutor
from tests.flow.functions import note
from tests.flow.world import at, skipped

pytestmark = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)


def started(world, job_id):
    return [run.scheduled_time for run in world.runs(job_id) if run.state is RunState.STARTED]


def test_a_job_has_no_more_runs_at_once_than_its_instances(world, calls):
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"default": held})
    scheduler.add_job(note, "interval", seconds=10, id="job", max_instances=2)
    world.advance(45)
    assert started(world, "job") == [at(10), at(20)]
    assert skipped(world.runs("job")) == [("overlap", 1), ("overlap", 1)]
    held.finish()
    world.advance(10)
    assert started(world, "job") == [at(20), at(50)]


def test_two_nodes_count_the_instances_of_a_job_together(world, calls):
    first, _ = (world.scheduler(executors={"default": HeldExecutor(room=1)}) for _ in range(2))
    first.add_job(note, "interval", seconds=10, id="job", max_instances=3)
    world.advance(30)
    runs = world.runs("job")
    assert [run.state for run in runs] == [RunState.STARTED] * 2
    assert len({run.node for run in runs}) == 2


def test_a_saturated_executor_holds_up_nobody_else_and_catches_up(world, calls):
    held = HeldExecutor(room=1)
    scheduler = world.scheduler(executors={"slow": held})
    for number in range(3):
        scheduler.add_job(note, "date", run_date=at(10), id=f"slow-{number}", executor="slow", args=("slow",))
    scheduler.add_job(note, "interval", seconds=10, id="quick")
    world.advance(30)
    assert [run.started_at for run in world.runs("quick")] == [at(10), at(20), at(30)]
    assert len(held.calls) == 1
    assert scheduler.health().lag == 20
    for _ in range(3):
        held.finish()
        world.advance(1)
    assert calls.count(("slow",)) == 3
    assert [job.id for job in scheduler.get_jobs()] == ["quick"]


def test_what_one_node_has_no_room_for_another_takes(world, calls):
    full, free = HeldExecutor(room=1), HeldExecutor(room=5)
    scheduler, _ = world.scheduler(executors={"default": full}), world.scheduler(executors={"default": free})
    for number in range(4):
        scheduler.add_job(note, "date", run_date=at(10), id=f"job-{number}")
    world.advance(10)
    assert (len(full.calls), len(free.calls)) == (1, 3)


@pytest.mark.parametrize("instances", [1, 3])
def test_late_fires_that_are_not_coalesced_run_all_of_them_in_order(world, calls, instances):
    held = HeldExecutor()
    world.client.add_job(note, "interval", seconds=10, id="job", coalesce=False, max_instances=instances)
    world.clock.advance(65)
    world.scheduler(executors={"default": held})
    world.advance(1)
    times = [at(10 * number) for number in range(1, 7)]
    assert world.states() == [RunState.STARTED] * instances + [RunState.PENDING] * (6 - instances)
    for number in range(1, 7):
        held.finish()
        world.advance(0)
        done = [run.scheduled_time for run in world.runs() if run.state is RunState.SUCCESS]
        assert done == times[:number]
        assert started(world, "job") == times[number : number + instances]


def test_a_job_that_is_removed_takes_its_queue_with_it(world, calls):
    held = HeldExecutor()
    world.client.add_job(note, "interval", seconds=10, id="job", coalesce=False)
    world.clock.advance(35)
    scheduler = world.scheduler(executors={"default": held})
    world.advance(1)
    scheduler.remove_job("job")
    held.finish()
    world.advance(60)
    assert world.states() == [RunState.SUCCESS, RunState.REVOKED, RunState.REVOKED]
    assert len(calls) == 1


def test_stores_and_executors_are_used_by_their_aliases(world, calls):
    special = HeldExecutor()
    scheduler = world.scheduler(jobstores={"volatile": MemoryJobStore()}, executors={"special": special})
    scheduler.add_job(note, "date", run_date=at(10), id="a", args=("a",))
    scheduler.add_job(note, "date", run_date=at(10), id="b", args=("b",), jobstore="volatile")
    scheduler.add_job(note, "date", run_date=at(10), id="c", args=("c",), jobstore="volatile", executor="special")
    world.advance(10)
    assert sorted(calls) == [("a",), ("b",)]
    assert [run.job_id for run in world.runs()] == ["a"]
    assert [job.jobstore for job in scheduler.get_jobs()] == ["volatile"]
    special.finish()
    world.advance(1)
    assert {run.job_id: run.executor for run in scheduler.get_runs()} == {
        "a": "default",
        "b": "default",
        "c": "special",
    }
    assert {run.state for run in scheduler.get_runs()} == {RunState.SUCCESS}


def test_a_lambda_in_memory_and_a_name_in_a_database_run_side_by_side(world, calls):
    scheduler = world.scheduler(jobstores={"volatile": MemoryJobStore()})
    scheduler.add_job("tests.flow.functions:note", "date", run_date=at(10), args=("named",))
    scheduler.add_job(lambda: calls.append("lambda"), "date", run_date=at(10), jobstore="volatile")
    world.advance(10)
    assert len(calls) == 2


def test_a_store_that_is_added_while_it_runs_is_driven_at_once(world, calls):
    scheduler, other = world.scheduler(), MemoryJobStore()
    scheduler.add_jobstore(other, "late")
    scheduler.add_job(note, "interval", seconds=10, id="job", jobstore="late")
    world.advance(20)
    assert len(calls) == 2
    scheduler.remove_jobstore("late")
    world.advance(20)
    assert len(calls) == 2
