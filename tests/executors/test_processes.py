"""The pool of processes: what comes of a call, whatever happens to its worker."""

import multiprocessing
import os
import signal
import threading
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from scheduler.clock import SystemClock
from scheduler.core.retry import Again
from scheduler.core.run import Reason
from scheduler.core.settle import Ending
from scheduler.executors import Call, process
from scheduler.executors.base import EPOCH
from tests.executors import process_calls as calls
from tests.executors.process_pools import PATIENCE, Pool


@pytest.fixture(scope="module")
def shared():
    """Two workers, for tests that do not count them."""
    pool = Pool(2)
    yield pool
    assert pool.executor.stop(PATIENCE)


# how calls end


@pytest.mark.parametrize(
    ("func", "args", "ending", "words"),
    [
        (calls.exit_at_once, (7,), Ending.LOST, "ended with exit code 7 while it called the function"),
        (calls.exit_at_once, (0,), Ending.LOST, "ended with exit code 0 while it called the function"),
        (calls.kill_itself, (), Ending.LOST, "was killed by SIGKILL while it called the function"),
        (calls.fault, (), Ending.LOST, "was killed by SIGSEGV while it called the function"),
        (calls.add, (calls.KillsOnLoading(),), Ending.LOST, "exit code 9 before it could call the function"),
        (calls.add, (calls.FailsToLoad(),), Ending.RAISED, "must be able to import all that it names: ValueError"),
        (calls.add, (1, threading.Lock()), Ending.RAISED, "args[1]: <unlocked _thread.lock"),
        (calls.answer_what_cannot_be_pickled, (), Ending.RAISED, "cannot be pickled for its way back"),
        (calls.answer_what_cannot_be_loaded, (), Ending.RAISED, "cannot be loaded from its worker process: ValueError"),
        (calls.ask_for_too_much, (), Ending.RAISED, "MemoryError"),
        (calls.leave, (SystemExit(3),), Ending.RAISED, "SystemExit: 3"),
        (calls.leave, (KeyboardInterrupt(),), Ending.RAISED, "KeyboardInterrupt"),
    ],
)
def test_a_call_that_does_not_return_is_reported_with_the_reason(shared, func, args, ending, words):
    outcome = shared.call(func, *args)
    assert (outcome.ending, outcome.result, outcome.attempt) == (ending, None, 1)
    assert words in outcome.error
    assert shared.call(calls.add, 1, 2).result == 3


def test_a_keyword_argument_that_cannot_be_pickled_is_named(shared):
    outcome = shared.call(calls.add, 1, right=threading.Lock())
    assert "kwargs['right']: <unlocked _thread.lock" in outcome.error
    assert "such as an id or a path" in outcome.error


@pytest.mark.parametrize("func", [calls.answer_what_cannot_be_pickled, calls.answer_what_cannot_be_loaded])
def test_work_whose_result_cannot_be_sent_is_not_to_be_done_again(shared, func):
    assert shared.call(func).again == Again(max_retries=0)


def test_a_coroutine_is_run_to_its_end(shared):
    assert shared.call(calls.await_and_add, 3, 4).result == 7


def test_a_call_sees_no_context_variables_of_earlier_calls(shared):
    assert [shared.call(calls.see_and_set, "set").result for _ in range(4)] == ["nothing"] * 4


def test_what_a_function_says_of_its_progress_comes_before_its_outcome(shared):
    shared.reports.clear()
    shared.executor.submit([Call("run", calls.tell, attempt=2, job_id="job", scheduled_time=EPOCH)])
    outcome = shared.wait_for("run")
    assert outcome.result == ("run", 2, "job", EPOCH, False)
    assert shared.reports[-1] is outcome
    assert [(report.run_id, report.attempt, report.meta["done"]) for report in shared.reports[:-1]] == [
        ("run", 2, done) for done in range(100)
    ]


# workers that die


def test_a_worker_that_dies_costs_the_run_that_it_was_executing_and_no_other(shared):
    shared.reports.clear()
    worker = shared.occupy("lost")
    for number in range(50):
        shared.submit(f"kept-{number}", calls.add, number)
    os.kill(worker, signal.SIGKILL)
    shared.wait_for("lost", *(f"kept-{number}" for number in range(50)))
    outcomes = shared.outcomes()
    assert outcomes.pop("lost").ending is Ending.LOST
    assert [outcome.result for outcome in outcomes.values()] == [int(name.removeprefix("kept-")) for name in outcomes]
    assert len(shared.reports) == 1 + 51


def test_a_worker_that_dies_while_it_has_nothing_to_do_costs_nothing(make_process_pool):
    pool = make_process_pool(1)
    first = pool.call(os.getpid).result
    os.kill(first, signal.SIGKILL)
    second = pool.call(os.getpid)
    assert second.ending is Ending.RETURNED
    assert second.result != first


def test_a_worker_that_is_killed_in_the_middle_of_a_message_costs_the_run_that_it_was_executing(shared):
    outcome = shared.call(calls.die_in_the_middle_of_a_message)
    assert (outcome.ending, "SIGKILL" in outcome.error) == (Ending.LOST, True)
    assert [shared.call(calls.add, number).result for number in range(5)] == list(range(5))


def test_a_worker_is_replaced_after_so_many_calls(make_process_pool):
    pool = make_process_pool(1, max_tasks_per_child=2)
    processes = [pool.call(os.getpid).result for _ in range(5)]
    assert [processes.count(one) for one in dict.fromkeys(processes)] == [2, 2, 1]


# initializers


def test_each_worker_calls_the_initializer_first(make_process_pool):
    pool = make_process_pool(1, max_tasks_per_child=1, initializer=calls.prepare, initargs=("word",))
    assert [pool.call(calls.prepared).result for _ in range(2)] == [["word"], ["word"]]


def test_an_initializer_may_be_given_what_only_new_processes_can_be(make_process_pool):
    queue = multiprocessing.get_context("spawn").SimpleQueue()
    pool = make_process_pool(1, initializer=calls.put, initargs=(queue, "word"))
    assert pool.call(calls.add, 1).result == 1
    assert queue.get() == "word"


def test_an_initializer_that_fails_fails_the_run_that_waits_for_it_and_is_tried_again(make_process_pool, tmp_path):
    pool = make_process_pool(1, initializer=calls.prepare_at_the_second_time, initargs=(str(tmp_path / "first"),))
    outcome = pool.call(calls.add, 1)
    assert (outcome.ending, outcome.run_id) == (Ending.RAISED, "run")
    assert outcome.error == "the initializer of the worker process failed: OSError: not yet"
    assert "OSError" in outcome.error_types
    assert pool.call(calls.add, 1).result == 1


def test_a_worker_that_ends_before_it_is_ready_fails_the_run_and_says_what_to_look_at(make_process_pool):
    outcome = make_process_pool(1, initializer=calls.exit_at_once, initargs=(3,)).call(calls.add, 1)
    assert outcome.ending is Ending.RAISED
    assert "ended with exit code 3 before it was ready" in outcome.error
    assert '__name__ == "__main__"' in outcome.error


@pytest.mark.parametrize(("kills", "ending"), [(2, Ending.RETURNED), (3, Ending.LOST)])
def test_workers_that_are_killed_before_they_are_ready_cost_nothing_until_it_is_each_one(
    make_process_pool, tmp_path, kills, ending
):
    pool = make_process_pool(1, initializer=calls.die_at_first, initargs=(str(tmp_path / "lives"), kills))
    assert pool.call(calls.add, 1).ending is ending


# cancel


def test_a_call_that_waits_is_dropped_and_one_that_runs_is_ended_alone(make_process_pool):
    pool = make_process_pool(2)
    workers = [pool.occupy(name) for name in ("cancelled", "other")]
    pool.submit("waits", calls.add, 1)
    assert pool.executor.cancel("waits")
    assert not pool.executor.cancel("waits")
    assert not pool.executor.cancel("cancelled")
    outcome = pool.wait_for("cancelled")
    assert (outcome.ending, outcome.reason) == (Ending.LOST, None)
    assert "SIGTERM" in outcome.error
    os.kill(workers[1], 0)
    assert pool.outcomes().keys() == {"cancelled"}
    assert pool.call(calls.add, 1).result == 1


def test_a_worker_can_be_ended_also_where_the_program_blocks_signals_to_wait_for_them(make_process_pool):
    resource_tracker.ensure_running()  # which unblocks them once
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        pool = make_process_pool(1)
        pool.occupy("run")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    pool.executor.cancel("run")
    assert "SIGTERM" in pool.wait_for("run").error


def test_a_call_waits_until_a_worker_is_ready_for_it(make_process_pool, pipe):
    pool = make_process_pool(1, initializer=calls.open_and_wait, initargs=(pipe,))
    pool.submit("run", calls.add, 1)
    Path(pipe).read_text()
    assert pool.executor.began("run", 1) is None
    assert pool.executor.free_room() == 0
    assert pool.executor.cancel("run")
    assert pool.executor.free_room() == 1


def test_when_a_call_began_is_known_while_it_runs(make_process_pool):
    pool = make_process_pool(1)
    before = SystemClock().monotonic()
    pool.occupy("run")
    assert before < pool.executor.began("run", 1) < SystemClock().monotonic()
    assert pool.executor.stuck() == []


# room


def test_room_is_as_many_as_there_are_workers_and_more_for_quick_calls(make_process_pool):
    pool = make_process_pool(2)
    assert pool.executor.free_room() == 2
    for _ in range(20):
        pool.call(calls.add, 1)
    assert pool.executor.free_room() > 2


# stop


def test_stop_waits_and_then_ends_what_still_runs_also_what_ignores_sigterm(make_process_pool, monkeypatch):
    pool = make_process_pool(2)
    monkeypatch.setattr(process, "GRACE", 1.0)
    pool.occupy("polite")
    pool.occupy("deaf", calls.begin_and_ignore_sigterm)
    pool.submit("waits", calls.add, 1)
    stopping = threading.Thread(target=pool.executor.stop, args=(0,))
    stopping.start()
    pool.wait_for("polite")
    assert [(call.run_id, call.attempt) for call in pool.executor.stuck()] == [("deaf", 1)]
    stopping.join(PATIENCE)
    outcomes = pool.outcomes()
    assert {name: outcome.reason for name, outcome in outcomes.items()} == dict.fromkeys(
        ("polite", "deaf"), Reason.SHUTDOWN
    )
    assert "SIGKILL" in outcomes["deaf"].error
    assert outcomes["deaf"].error.startswith("the scheduler was shut down before the function ended")
    assert pool.workers() == []


def test_stop_does_not_wait_for_a_worker_that_does_not_become_ready(make_process_pool, pipe):
    pool = make_process_pool(1, initializer=calls.open_and_wait, initargs=(pipe,))
    pool.submit("run", calls.add, 1)
    Path(pipe).read_text()
    assert not pool.executor.stop(0)
    assert (pool.reports, pool.workers()) == ([], [])


def test_a_stopped_pool_can_be_started_again_and_has_new_workers(make_process_pool):
    pool = make_process_pool(1)
    first = pool.call(os.getpid).result
    assert pool.executor.stop(PATIENCE)
    assert pool.workers() == []
    pool.start()
    assert pool.call(os.getpid).result != first
