"""A job that is given another executor while its run comes to wait for another attempt: the run is there in the end."""

from concurrent.futures import ThreadPoolExecutor

from scheduler.core.run import RunState
from scheduler.testing.jobstore_base import NODE, START, changed, make_job, make_run
from tests.jobstores.stores import blocked
from tests.jobstores.test_sql_lock_order import claimed, record, waiting


def move(store, job_id="job"):
    store.write_jobs(update=[changed(store.get_job(job_id), executor="new")])


def retry(turn, run):
    """Do what the engine does with an attempt that failed."""
    again = run.moved(RunState.RETRY, node=None, ready_at=START)
    assert turn.finish([again], NODE) == {run.id}
    turn.followers([run.job_id])
    turn.rehouse([run.incarnation])


def started(store):
    job = make_job("job")
    run = make_run(job, -1)
    record(store, job, run)
    return run


def test_a_move_that_waits_for_the_end_of_an_attempt_finds_its_run_waiting(pair):
    one, two = pair
    run = started(one)
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            retry(turn, run)
            moved = blocked(pool, one, lambda: move(two))
        moved.result(timeout=30)
    assert one.get_run(run.id).executor == "new"


def test_an_attempt_whose_end_waits_for_a_move_goes_where_the_job_is_then(pair):
    one, two = pair
    run = started(one)

    def end_it():
        with two.turn() as turn:
            retry(turn, run)

    with ThreadPoolExecutor(1) as pool:
        with one._engine.connect() as connection:
            connection.exec_driver_sql(
                f"UPDATE {one._tables.jobs.name} SET executor = 'new', version = version + 1 WHERE id = 'job'"
            )
            ended = blocked(pool, one, end_it)
            connection.commit()
        ended.result(timeout=30)
    assert one.get_run(run.id).executor == "new"


def test_a_run_that_is_claimed_while_its_job_is_to_move_stays_with_who_claimed_it(pair):
    one, two = pair
    late = waiting(one, make_job("job", due=60))
    with ThreadPoolExecutor(1) as pool:
        with one.turn() as turn:
            assert claimed(turn) == ([late.id], [])
            begun = late.moved(RunState.STARTED, attempt=1, node=NODE, ready_at=None, started_at=START)
            turn.record([], [begun])
            moved = blocked(pool, one, lambda: move(two))
        moved.result(timeout=30)
    assert one.get_run(late.id) == begun
    assert one.get_job("job").executor == "new"
