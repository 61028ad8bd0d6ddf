"""Ends and what follows from them, calls, revocations and the removal of history lock rows in the one order."""

import random
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import text

from scheduler.core.call import call
from scheduler.core.retry import RetryPolicy
from scheduler.core.run import WAITING, Progress, Reason, RunState
from scheduler.core.settle import Ending, Outcome, revoke
from scheduler.errors import JobLookupError, StaleJobError
from scheduler.runtime.batch import Batch
from scheduler.runtime.endings import Endings, record_ended, record_revoked
from scheduler.runtime.link import Revocation
from scheduler.serialization import FunctionLoader
from scheduler.testing.jobstore_base import NODE, OTHER_NODE, START, at, changed, ids, make_job, make_run
from scheduler.testing.jobstore_history import make_follower
from tests.jobstores.stores import before, blocked, opened
from tests.jobstores.test_sql_lock_order import claimed, end, record, waiting


def end_and_follow(store, *runs, node=NODE):
    """End runs in a turn. Returns the ids of the jobs that follow."""
    with store.turn() as turn:
        assert turn.finish([end(run) for run in runs], node)
        return [job.id for job, _ in turn.followers({run.job_id for run in runs})]


def open_and_revoke(store, run):
    """Revoke a run in a turn. Returns it as it was, or None."""
    with store.turn() as turn:
        found = turn.open_run(run.id)
        if found is not None:
            turn.revoke(revoke(found.run, Reason.CANCELLED, now=turn.now))
            turn.followers([found.run.job_id])
        return found and found.run


def test_who_ends_runs_locks_their_jobs_and_those_that_follow_in_the_order_of_their_ids(pair):
    one, two = pair
    job = make_job("z", due=0)
    record(one, job, make_run(job, -1), next_due=START)
    one.write_jobs(add=[make_follower("a", "z")])
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert turn.active_job("a") is not None
            ended = blocked(pool, one, lambda: end_and_follow(two, make_run(job, -1)))
            assert claimed(turn) == ([], ["z"])
        assert ended.result(timeout=30) == ["a"]


@pytest.mark.parametrize("state", [RunState.STARTED, RunState.PENDING])
def test_who_revokes_a_run_locks_its_job_and_those_that_follow_in_the_order_of_their_ids(pair, state):
    one, two = pair
    job = make_job("z", due=0)
    run = make_run(job, -1, state)
    record(one, job, run, next_due=START)
    one.write_jobs(add=[make_follower("a", "z")])
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert turn.active_job("a") is not None
            revoked = blocked(pool, one, lambda: open_and_revoke(two, run))
            assert claimed(turn) == ([], ["z"])
        assert revoked.result(timeout=30) == run


def test_who_revokes_a_waiting_run_locks_its_job_before_it(pair):
    one, two = pair
    late = waiting(one, make_job("job"), executor="other")
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert claimed(turn) == ([], ["job"])
            revoked = blocked(pool, one, lambda: open_and_revoke(two, late))
            assert claimed(turn, "other") == ([late.id], [])
        assert revoked.result(timeout=30) == late


def test_who_revokes_a_held_run_locks_it_before_its_job(pair):
    one, two = pair
    job = make_job("job", max_instances=2)
    run = make_run(job, -1)
    record(one, job, run, next_due=START)
    with ThreadPoolExecutor(2) as pool:
        with one.turn() as turn:
            assert turn.progress([run.evolved(progress=Progress("P", {}, START))], NODE) == {run.id}
            revoked = blocked(pool, one, lambda: open_and_revoke(two, run))
            assert claimed(turn) == ([], ["job"])
        assert revoked.result(timeout=30).progress == Progress("P", {}, START)
    assert one.get_run(run.id).state is RunState.REVOKED


def test_a_run_that_begins_while_it_is_being_revoked_is_to_be_looked_for_again(pair):
    one, two = pair
    late = waiting(one, make_job("job", due=60))
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            ((run, _),) = turn.claim({"default": 1}, ()).runs
            begun = run.moved(RunState.STARTED, attempt=1, node=NODE, ready_at=None, started_at=START)
            turn.record([], [begun])
            revoked = blocked(pool, one, lambda: open_and_revoke(two, late))
        assert revoked.result(timeout=30) is None
    assert open_and_revoke(two, late) == begun


def test_a_run_that_began_and_ends_while_it_is_being_revoked_as_a_waiting_one_is_not_waited_for(pair):
    one, two = pair
    late = waiting(one, make_job("job", due=60))
    begun = late.moved(RunState.STARTED, attempt=1, node=NODE, ready_at=None, started_at=START)
    ended = []
    with ThreadPoolExecutor(1) as pool:

        def begin_it():
            with two.turn() as turn:
                assert claimed(turn) == ([late.id], [])
                turn.record([], [begun])

        def end_it():
            ended.append(blocked(pool, two, lambda: end_and_follow(two, begun)))

        with one.turn() as turn:
            before(turn, "lock_following", begin_it)
            before(turn, "lock_waiting", end_it)
            assert turn.open_run(late.id) is None
        assert ended[0].result(timeout=30) == []
    assert one.get_run(late.id).state is RunState.SUCCESS


def test_a_run_that_is_to_be_retried_while_it_is_being_revoked_is_to_be_looked_for_again(pair):
    one, two = pair
    job = make_job("job")
    run = make_run(job, -1)
    record(one, job, run, next_due=at(60))
    again = run.moved(RunState.RETRY, node=None, ready_at=START)
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert turn.finish([again], NODE) == {run.id}
            revoked = blocked(pool, one, lambda: open_and_revoke(two, run))
        assert revoked.result(timeout=30) is None
    assert open_and_revoke(two, run) == again


def test_a_run_that_ends_while_it_is_being_revoked_has_ended(pair):
    one, two = pair
    job = make_job("job")
    run = make_run(job, -1)
    record(one, job, run, next_due=at(60))
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert turn.finish([end(run)], NODE) == {run.id}
            revoked = blocked(pool, one, lambda: open_and_revoke(two, run))
        assert revoked.result(timeout=30) is None
    assert one.get_run(run.id).state is RunState.SUCCESS


def test_a_job_that_comes_to_follow_after_the_locks_were_taken_is_left_to_the_next_end(pair):
    one, two = pair
    job = make_job("job")
    run = make_run(job, -1)
    record(one, job, run, next_due=at(60))
    with one.turn() as turn:
        assert turn.open_run(run.id) is not None
        two.write_jobs(add=[make_follower("a")])
        assert turn.followers(["job"]) == ()
    assert end_and_follow(one, run) == ["a"]


def test_two_calls_of_a_job_count_each_other(pair):
    one, two = pair
    one.write_jobs(add=[make_job("job", due=60)])

    def call_it(store, key):
        with store.turn() as turn:
            job, active = turn.active_job("job")
            turn.insert([call(job, key, at=START, active=active)])
            return active

    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            job, active = turn.active_job("job")
            second = blocked(pool, one, lambda: call_it(two, "b"))
            turn.insert([call(job, "a", at=START, active=active)])
        assert (active, second.result(timeout=30)) == (0, 1)
    assert sorted(run.queued for run in one.get_runs()) == [False, True]


@pytest.mark.parametrize(
    "prune", [lambda store: store.prune(at(60), 9), lambda store: store.prune_job("job", 0, at(60), 9)]
)
def test_the_removal_of_history_passes_over_what_others_hold(pair, prune):
    one, two = pair
    job = make_job("job", max_instances=9)
    runs = [make_run(job, seconds) for seconds in (1, 2, 3)]
    record(one, job, *runs)
    with one.turn() as turn:
        turn.finish([run.moved(RunState.SUCCESS, finished_at=at(5)) for run in runs], NODE)
    with one._engine.begin() as connection:
        lock = f"SELECT id FROM {one._tables.runs.name} WHERE id = :id FOR UPDATE"
        connection.execute(text(lock), {"id": runs[1].id})
        assert prune(two) == 2
    assert ids(one.get_runs()) == [runs[1].id]
    assert prune(two) == 1


def node(store, name, chance, rounds):
    """Take turns as the engine does: end what was begun, and begin what is due."""
    functions = FunctionLoader()
    functions.load("builtins:print")
    starts = []
    for _ in range(rounds):
        chance.shuffle(starts)
        how = chance.choice([Ending.RETURNED, Ending.RAISED])
        ending = [(start, Outcome(start.run.id, how, attempt=start.run.attempt)) for start in starts[:4]]
        batch = Batch({"default": 5, "other": 5}, name, functions)
        with store.turn() as turn:
            record_ended(turn, ending, Endings(deque()))
            batch.claim(turn, ())
        starts = starts[4:] + batch.starts
        with store.turn() as turn:
            turn.progress([start.run.evolved(progress=Progress("P", {}, START)) for start in starts], name)
    return starts


def canceller(store, chance, rounds):
    for _ in range(rounds):
        open_runs = [run for run in store.get_runs(limit=500) if not run.state.final]
        if open_runs:
            with store.turn() as turn:
                record_revoked(turn, Revocation(chance.choice(open_runs).id, Reason.CANCELLED), Endings(deque()))


def caller(store, chance, names, rounds):
    for number in range(rounds):
        with store.turn() as turn:
            found = turn.active_job(chance.choice(names))
            if found is not None:
                turn.insert([call(found.job, f"{chance.getrandbits(64):x}", at=turn.now, active=found.active)])
        if number % 5 == 0:
            store.prune(at(60), 5)
        store.prune_job(chance.choice(names), 2, at(60), 3)


def changer(store, chance, jobs, rounds):
    for _ in range(rounds):
        chosen = store.get_jobs([job.id for job in chance.sample(jobs, 3)])
        try:
            store.write_jobs(update=[changed(job, executor=chance.choice(["default", "other"])) for job in chosen])
            if chance.random() < 0.3:
                job = chance.choice(jobs)
                store.remove_job(job.id)
                store.write_jobs(add=[changed(job, incarnation=f"{chance.getrandbits(64):x}")])
        except (StaleJobError, JobLookupError):
            pass


def test_all_that_processes_do_at_once_ends_without_one_waiting_for_the_other_in_a_ring(postgresql):
    url, prefix = postgresql
    again = RetryPolicy(2, delay=0)
    due = [
        make_job(
            name, due=-600, coalesce=False, max_instances=2, overlap=overlap, retry=retry, on_success="builtins:print"
        )
        for name, overlap, retry in (("c", "queue", None), ("m", "cancel_running", again), ("x", "queue", again))
    ]
    after = [("a", "m"), ("b", "x"), ("y", "c"), ("z", "a"), ("d", "z"), ("n", "b")]
    jobs = due + [make_follower(name, follows, overlap="queue") for name, follows in after]
    stores = [opened(url, prefix=prefix, timeout=20) for _ in range(6)]
    stores[0].write_jobs(add=jobs)
    names = [job.id for job in jobs]
    work = [
        partial(node, name=NODE, rounds=40),
        partial(node, name=OTHER_NODE, rounds=40),
        partial(canceller, rounds=50),
        partial(canceller, rounds=50),
        partial(caller, names=names, rounds=30),
        partial(changer, jobs=jobs, rounds=20),
    ]
    with ThreadPoolExecutor(len(work)) as pool:
        done = [
            pool.submit(part, store, chance=random.Random(number))
            for number, (part, store) in enumerate(zip(work, stores, strict=True))
        ]
        results = [future.result(timeout=120) for future in done]
    held = {run.id: run for run in stores[0].get_runs(state=RunState.STARTED, limit=5000)}
    assert set(held) <= {start.run.id for start in results[0] + results[1]}
    homes = {job.incarnation: job.executor for job in stores[0].get_jobs()}
    waits = [run for run in stores[0].get_runs(limit=5000) if run.state in WAITING]
    assert [run for run in waits if homes.get(run.incarnation, run.executor) != run.executor] == []
    for store in stores:
        store.close()
