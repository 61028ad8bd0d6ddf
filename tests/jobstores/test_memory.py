"""The memory store's history: the latest runs that have ended are kept, and no transaction trips over it."""

import pytest

from scheduler.core.plan import Plan
from scheduler.core.run import RunState
from scheduler.jobstores import MemoryJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import NODE, START, at, ids, make_job, make_run


@pytest.mark.parametrize("keep_runs", [0, 1, 2, 9])
def test_a_run_that_begins_and_ends_in_one_turn_is_history_once(keep_runs):
    store = MemoryJobStore(keep_runs=keep_runs)
    store.open(FakeClock(START))
    job = make_job("job", max_instances=9)
    store.write_jobs(add=[job])
    runs = [make_run(job, number) for number in range(3)]
    with store.turn() as turn:
        turn.record([Plan(job, at(60), starts=tuple(runs))], [])
        turn.finish([run.moved(RunState.SUCCESS, finished_at=at(number)) for number, run in enumerate(runs)], NODE)
    kept = runs[max(len(runs) - keep_runs, 0) :]
    assert ids(store.get_runs(newest_first=False)) == ids(kept)
    with store.turn() as turn:
        assert turn.claim({"default": 9}, ()).runs == []
        later = make_run(job, 9, RunState.SKIPPED)
        turn.record([Plan(store.get_job("job"), at(70), skips=(later,))], [])
    assert ids(store.get_runs(newest_first=False)) == ids([*kept, later][-keep_runs:] if keep_runs else [])


def test_a_queued_run_that_is_released_and_revoked_in_one_turn_is_history_once():
    store = MemoryJobStore(keep_runs=1)
    store.open(FakeClock(START))
    job = make_job("job")
    store.write_jobs(add=[job])
    queued = make_run(job, 0, RunState.PENDING)
    with store.turn() as turn:
        turn.record([Plan(job, at(60), queued=(queued,))], [])
        turn.release([job.incarnation])
        ((run, _),) = turn.claim({"default": 1}, ()).runs
        turn.record([], [run.moved(RunState.REVOKED, reason="removed", finished_at=START, ready_at=None)])
    assert [(run.id, run.state) for run in store.get_runs()] == [(queued.id, RunState.REVOKED)]
