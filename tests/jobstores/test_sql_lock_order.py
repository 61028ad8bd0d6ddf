"""Nodes that want the same rows pass over what others hold, or wait in one order, so that nothing deadlocks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from scheduler.core.plan import Plan
from scheduler.core.run import RunState
from scheduler.errors import ConflictingIdError
from scheduler.testing.jobstore_base import NODE, OTHER_NODE, START, at, ids, make_job, make_run
from tests.jobstores.stores import before, blocked, opened


def record(store, job, *runs, next_due=None):
    store.write_jobs(add=[job])
    starts = tuple(run for run in runs if run.state is RunState.STARTED)
    queued = tuple(run for run in runs if run.state is RunState.PENDING)
    with store.turn() as turn:
        turn.record([Plan(job, next_due, starts=starts, queued=queued)], [])


def waiting(store, job, **changes):
    """Add a job with a run that is ready, as after its jitter, and return the run."""
    run = make_run(job, -1, RunState.PENDING, **({"ready_at": START} | changes))
    record(store, job, run, next_due=job.next_run_time)
    return run


def claimed(turn, executor="default", skip=()):
    """Claim for one executor, and return the ids of the runs and those of the jobs."""
    due = turn.claim({executor: 9}, skip)
    return [run.id for run, _ in due.runs], [job.id for job, _ in due.jobs]


def give_up(turn, run):
    """Do what the engine does with a claimed run that is missed."""
    turn.record([], [run.moved(RunState.SKIPPED, reason="missed", finished_at=START, ready_at=None)])
    turn.release([run.incarnation])
    turn.remove_ended([run.job_id])


def end(run):
    return run.moved(RunState.SUCCESS, finished_at=START)


def test_a_job_that_another_node_holds_is_passed_over(pair):
    one, two = pair
    one.write_jobs(add=[make_job("a", due=-2), make_job("b", due=-1)])
    with one.turn() as first, two.turn() as second:
        assert [job.id for job, _ in first.claim({"default": 1}, ()).jobs] == ["a"]
        assert [job.id for job, _ in second.claim({"default": 1}, ()).jobs] == ["b"]


def test_a_waiting_run_that_another_node_holds_is_passed_over(pair):
    one, two = pair
    runs = [waiting(one, make_job(name, due=60), ready_at=at(-seconds)) for name, seconds in (("a", 2), ("b", 1))]
    with one.turn() as first, two.turn() as second:
        assert [run.id for run, _ in first.claim({"default": 1}, ()).runs] == [runs[0].id]
        assert [run.id for run, _ in second.claim({"default": 1}, ()).runs] == [runs[1].id]


def test_a_run_that_is_queued_while_the_one_before_it_ends_is_released(pair):
    one, two = pair
    job = make_job("job", coalesce=False)
    run, queued = make_run(job, -1, node=OTHER_NODE), make_run(job, 0, RunState.PENDING)
    record(one, job, run, next_due=START)

    def end_and_release():
        with two.turn() as turn:
            assert turn.finish([end(run)], OTHER_NODE)
            turn.followers([job.id])
            turn.release([job.incarnation])

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            ((claimed, active),) = turn.claim({"default": 1}, ()).jobs
            assert active == 1
            released = blocked(pool, one, end_and_release)
            turn.record([Plan(claimed, at(60), queued=(queued,))], [])
        released.result(timeout=30)
    assert one.get_run(queued.id).ready_at == START


def test_a_run_that_is_queued_while_the_one_before_it_is_missed_is_released(pair):
    one, two = pair
    job = make_job("job", coalesce=False)
    late, queued = waiting(one, job, executor="other"), make_run(job, 0, RunState.PENDING)
    with one.turn() as first:
        ((due, active),) = first.claim({"default": 1}, ()).jobs
        assert active == 1
        with two.turn() as second:
            assert claimed(second, "other") == ([], [])
        first.record([Plan(due, at(60), queued=(queued,))], [])
    with two.turn() as turn:
        assert claimed(turn, "other") == ([late.id], [])
        give_up(turn, late)
    assert one.get_run(queued.id).ready_at == START


def test_a_waiting_run_comes_with_its_job_as_it_is_when_both_are_locked(pair):
    one, two = pair
    late = waiting(one, make_job("job", due=60))
    with one.turn() as turn:
        before(turn, "claim_jobs_of", lambda: two.write_jobs(update=[replace(two.get_job("job"), name="changed")]))
        ((run, job),) = turn.claim({"default": 1}, ()).runs
    assert (run.id, job) == (late.id, two.get_job("job"))
    assert job.name == "changed"


def test_a_waiting_run_is_left_to_whoever_is_removing_its_job(pair):
    one, two = pair
    late = waiting(one, make_job("job", due=60))
    removals = []
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            before(turn, "claim_jobs_of", lambda: removals.append(blocked(pool, two, lambda: two.remove_job("job"))))
            assert claimed(turn) == ([], [])
        removals[0].result(timeout=30)
    assert one.get_run(late.id).state is RunState.REVOKED


def test_a_node_that_gives_up_a_run_and_the_removal_of_its_job_do_not_wait_in_a_ring(pair):
    one, two = pair
    late = waiting(one, make_job("job", due=60))
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert claimed(turn) == ([late.id], [])
            removed = blocked(pool, one, lambda: two.remove_job("job"))
            give_up(turn, late)
        removed.result(timeout=30)
    assert one.get_run(late.id).state is RunState.SKIPPED
    assert one.get_jobs() == []


def test_nodes_that_give_up_runs_whose_jobs_are_due_do_not_wait_in_a_ring(pair):
    one, two = pair
    late = {
        name: waiting(one, make_job(name, executor=other), executor=name) for name, other in (("a", "b"), ("b", "a"))
    }
    with one.turn() as first, two.turn() as second:
        assert claimed(first, "a") == ([late["a"].id], ["b"])
        assert claimed(second, "b") == ([], [])
        give_up(first, late["a"])
    with two.turn() as turn:
        assert claimed(turn, "b") == ([late["b"].id], ["a"])
        give_up(turn, late["b"])
    assert [run.state for run in one.get_runs()] == [RunState.SKIPPED] * 2


def test_nodes_that_end_runs_of_the_same_jobs_and_release_others_do_not_wait_in_a_ring(pair):
    one, two = pair
    jobs = [make_job(name, max_instances=3, coalesce=False) for name in ("a", "b")]
    for job in jobs:
        record(one, job, make_run(job, 0), make_run(job, 1, node=OTHER_NODE), make_run(job, 2, RunState.PENDING))

    def end_and_release_a():
        with two.turn() as turn:
            assert turn.finish([end(make_run(job, 1)) for job in jobs], OTHER_NODE)
            turn.followers(["a", "b"])
            turn.release([jobs[0].incarnation])
            assert list(turn.remove_ended(["a", "b"])) == []

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert turn.finish([end(make_run(job, 0)) for job in jobs], NODE)
            turn.followers(["a", "b"])
            turn.release([jobs[1].incarnation])
            ended = blocked(pool, one, end_and_release_a)
            assert list(turn.remove_ended(["a", "b"])) == []
        ended.result(timeout=30)
    assert [one.get_run(make_run(job, 2).id).ready_at for job in jobs] == [START] * 2


def test_a_turn_that_has_claimed_does_not_wait_for_the_jobs_of_runs_that_it_ended_before(pair):
    one, two = pair
    job = make_job("job", due=0, max_instances=2)
    record(one, job, make_run(job, 0), make_run(job, 1), next_due=START)
    late = waiting(one, make_job("late", due=60), executor="other")
    with one.turn() as first:
        assert claimed(first) == ([], ["job"])
        with two.turn() as second:
            second._connection.exec_driver_sql("SET LOCAL lock_timeout = 1")
            assert second.finish([end(make_run(job, 0))], NODE)
            assert claimed(second, "other") == ([late.id], [])
            give_up(second, late)
    assert one.get_run(late.id).state is RunState.SKIPPED


def test_who_removes_all_jobs_locks_them_before_their_runs(pair):
    one, two = pair
    late = waiting(one, make_job("job"), executor="other")
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert claimed(turn) == ([], ["job"])
            removed = blocked(pool, one, two.remove_all_jobs)
            assert claimed(turn, "other") == ([late.id], [])
        removed.result(timeout=30)
    assert one.get_run(late.id).state is RunState.REVOKED


def test_who_updates_jobs_locks_them_in_the_order_of_their_ids(pair):
    one, two = pair
    for job in (make_job("b", due=-1), make_job("a", due=-2)):
        one.write_jobs(add=[job])
    changes = [replace(one.get_job(name), name="changed") for name in ("b", "a")]
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert claimed(turn, skip=["b"]) == ([], ["a"])
            updated = blocked(pool, one, lambda: two.write_jobs(update=changes))
            assert claimed(turn, skip=["a"]) == ([], ["b"])
        updated.result(timeout=30)
    assert [job.name for job in one.get_jobs()] == ["changed"] * 2


def test_who_adds_jobs_adds_them_in_the_order_of_their_ids(pair):
    one, two = pair
    one.write_jobs(add=[make_job("a"), make_job("other")])
    jobs = one._tables.jobs
    with ThreadPoolExecutor(1) as pool:
        with one._engine.begin() as connection:
            connection.execute(jobs.delete().where(jobs.c.id == "a"))
            added = blocked(pool, one, lambda: two.write_jobs(add=[make_job("b"), make_job("a")]))
            connection.execute(jobs.update().where(jobs.c.id == "other").values(id="b"))
        with pytest.raises(ConflictingIdError, match="'b'"):
            added.result(timeout=30)
    assert ids(one.get_jobs()) == ["b"]


def test_a_job_whose_last_two_runs_end_on_two_nodes_at_once_is_removed(pair):
    one, two = pair
    job = make_job("job", max_instances=2)
    mine, other = make_run(job, 1), make_run(job, 2, node=OTHER_NODE)
    record(one, job, mine, other)

    def end_other():
        with two.turn() as turn:
            assert turn.finish([end(other)], OTHER_NODE)
            return list(turn.remove_ended(["job"]))

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            turn.finish([end(mine)], NODE)
            assert list(turn.remove_ended(["job"])) == []
            removed = blocked(pool, one, end_other)
        assert removed.result(timeout=30) == ["job"]
    assert one.get_jobs() == []


def test_nodes_that_lock_the_same_runs_wait_for_each_other_and_not_in_a_ring(pair):
    one, two = pair
    job = make_job("job", max_instances=2)
    runs = [make_run(job, 0), make_run(job, 1)]
    record(one, job, *reversed(runs))

    def end_both():
        with two.turn() as turn:
            return turn.finish([end(run) for run in reversed(runs)], NODE)

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            turn.finish([end(runs[0])], NODE)
            waiting = blocked(pool, one, end_both)
            assert turn.finish([end(runs[1])], NODE) == {runs[1].id}
        assert waiting.result(timeout=30) == set()


def test_only_a_claim_of_waiting_runs_asks_for_their_jobs_and_only_where_rows_are_locked(database):
    url, prefix = database
    store = opened(url, prefix=prefix)
    store.write_jobs(add=[make_job("due")])
    asked = []
    with store.turn() as turn:
        before(turn, "claim_jobs_of", lambda: asked.append("no run"))
        assert claimed(turn) == ([], ["due"])
    late = waiting(store, make_job("job", due=60))
    with store.turn() as turn:
        before(turn, "claim_jobs_of", lambda: asked.append("a run"))
        assert claimed(turn) == ([late.id], ["due"])
    assert asked == ["a run"] * store._dialect.locks
    store.close()
