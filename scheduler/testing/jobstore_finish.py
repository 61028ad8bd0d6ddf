"""The part of the job store contract that is about turns in which runs end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scheduler.core.run import Attempt, Reason, RunState
from scheduler.testing.jobstore_base import NODE, OTHER_NODE, StoreTests, at, changed, ids, make_job, make_run


class FinishTests(StoreTests):
    """`Turn.finish`, `release` and `remove_ended`."""

    def test_an_end_is_written_with_its_result(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        ended = run.moved(RunState.SUCCESS, result={"n": [1, "ü"], "t": (1,)}, finished_at=at(3))
        assert self._finish(ended) == [run.id]
        assert self._run(run) == ended

    def test_a_failure_is_written_with_its_error(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        ended = run.moved(RunState.FAILURE, error="E: ü", traceback="line\nline", reason="why", finished_at=at(3))
        assert self._finish(ended) == [run.id]
        assert self._run(run) == ended

    def test_an_error_with_any_character_is_written(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._finish(run.moved(RunState.FAILURE, error="nul \0 lone \ud800 end", finished_at=at(3)))
        stored = self._run(run)
        assert stored.state is RunState.FAILURE
        assert stored.error is not None
        assert stored.error.startswith("nul ")
        assert stored.error.endswith(" end")

    def test_a_result_that_cannot_be_kept_does_not_make_the_run_fail(self) -> None:
        job = make_job("job")
        run, result = make_run(job), object()
        self._add_with_runs(job, run)
        self._end(run, result=result)
        stored = self._run(run)
        assert stored.state is RunState.SUCCESS
        if self.store.persistent:
            assert stored.result is None
            assert (stored.reason or "").startswith("result not stored: ")
        else:
            assert stored.result is result

    def test_a_run_is_written_only_by_the_node_that_holds_it_and_for_its_attempt(self) -> None:
        job = make_job("job", max_instances=9)
        run, other = make_run(job, 1), make_run(job, 2)
        self._add_with_runs(job, run, other)
        ended = run.moved(RunState.SUCCESS, finished_at=at(3))
        assert self._finish(ended, node=OTHER_NODE) == []
        assert self._finish(replace(ended, attempt=2)) == []
        assert self._finish(make_run(job, 99).moved(RunState.SUCCESS, finished_at=at(3))) == []
        assert self._run(run) == run
        assert self._finish(ended, replace(other.moved(RunState.LOST, finished_at=at(3)), attempt=7)) == [run.id]
        assert self._run(other) == other

    def test_a_run_that_has_ended_stays_as_it_is(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._end(run, result=1)
        before = self._run(run)
        assert self._finish(run.moved(RunState.FAILURE, finished_at=at(9), error="E")) == []
        assert self._run(run) == before

    def test_a_run_that_waits_again_is_held_by_nobody(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._retry(run, ready=5)
        assert self._finish(run.moved(RunState.SUCCESS, finished_at=at(9))) == []
        assert self._run(run).state is RunState.RETRY

    def test_finishing_nothing_is_allowed(self) -> None:
        assert self._finish() == []

    def test_the_oldest_queued_runs_are_released_one_for_each_entry(self) -> None:
        job, other = make_job("job", coalesce=False), make_job("other", coalesce=False)
        queued = [make_run(job, seconds, RunState.PENDING) for seconds in (3, 1, 2)]
        foreign = make_run(other, 0, RunState.PENDING)
        self._add_with_runs(job, *queued, make_run(job, 0))
        self._add_with_runs(other, foreign)
        self.clock.advance(10)
        assert self._release(job.incarnation) == 1
        assert [run.ready_at for run in map(self._run, queued)] == [None, at(10), None]
        assert self._release(job.incarnation, job.incarnation, "nobody") == 2
        assert [run.ready_at for run in map(self._run, queued)] == [at(10)] * 3
        assert self._run(foreign) == foreign
        assert self._release(job.incarnation) == 0
        assert self._claimed() == ids(sorted(queued, key=lambda run: run.id))

    def test_a_run_that_waits_for_its_retry_is_not_released(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._retry(run, ready=100)
        assert self._release(job.incarnation) == 0
        assert self._run(run).ready_at == at(100)

    def test_a_run_that_is_delayed_is_not_released(self) -> None:
        job = make_job("job", coalesce=False)
        delayed, queued = make_run(job, 0, RunState.PENDING, ready_at=at(100)), make_run(job, 1, RunState.PENDING)
        self._add_with_runs(job, delayed, queued)
        assert self._release(job.incarnation) == 1
        assert [self._run(run).ready_at for run in (delayed, queued)] == [at(100), at(0)]

    def test_the_end_of_a_run_releases_the_next_in_the_same_turn(self) -> None:
        job = make_job("job", coalesce=False)
        run, queued = make_run(job, 1), make_run(job, 2, RunState.PENDING)
        self._add_with_runs(job, run, queued)
        with self.store.turn() as turn:
            assert turn.finish([run.moved(RunState.SUCCESS, finished_at=turn.now)], NODE)
            turn.release([job.incarnation])
            assert [run.id for run, _ in turn.claim({"default": 9}, ()).runs] == [queued.id]

    def test_only_jobs_without_future_pause_and_open_runs_are_removed(self) -> None:
        jobs: dict[str, Any] = {
            name: make_job(name, due=None, paused=name == "paused") for name in ("ended", "paused", "running", "untold")
        }
        jobs["due"] = make_job("due", due=100)
        for name, job in jobs.items():
            self._add_with_runs(job, *([make_run(job)] if name == "running" else []))
        done = make_run(jobs["ended"])
        self._record(self._job("ended"), done, next_due=None)
        self._end(done)
        assert self._remove_ended("ended", "paused", "running", "due", "nobody") == ["ended"]
        assert sorted(ids(self.store.get_jobs())) == ["due", "paused", "running", "untold"]
        self._end(make_run(jobs["running"]))
        assert self._remove_ended("running") == ["running"]
        assert self._run(done).state is RunState.SUCCESS

    def test_a_job_whose_run_waits_is_not_removed(self) -> None:
        job = make_job("job", due=None)
        run = make_run(job)
        self._add_with_runs(job, run)
        self._retry(run, ready=100)
        delayed = make_job("delayed", due=None)
        self._add_with_runs(delayed, make_run(delayed, 0, RunState.PENDING, ready_at=at(100)))
        assert self._remove_ended("job", "delayed") == []

    def test_a_skip_does_not_keep_a_job(self) -> None:
        job = make_job("job", due=None)
        self._add_with_runs(job, make_run(job, 0, RunState.SKIPPED, reason=Reason.OVERLAP.value))
        assert self._remove_ended("job") == ["job"]

    def test_an_attempt_is_written_with_those_before_it(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        attempts = (
            Attempt(1, at(0), at(2), NODE, "E: ü\n\0 \ud800", "timeout"),
            Attempt(2, None, at(3), None, None),
        )
        again = run.moved(RunState.RETRY, node=None, ready_at=at(9), attempts=attempts, cause="another run")
        assert self._finish(again) == [run.id]
        assert self._run(run) == again

    def test_a_run_whose_job_was_given_another_executor_meanwhile_makes_its_next_attempt_there(self) -> None:
        job, other = make_job("job", due=100), make_job("other", due=100)
        run, foreign = make_run(job, 1), make_run(other, 1)
        self._add_with_runs(job, run)
        self._add_with_runs(other, foreign)
        for name in ("job", "other"):
            self.store.write_jobs(update=[changed(self._job(name), executor="new")])
        again = [one.moved(RunState.RETRY, node=None, ready_at=at(0)) for one in (run, foreign)]
        stored = self._job("job")
        with self.store.turn() as turn:
            assert len(turn.finish(again, NODE)) == 2
            turn.followers(["job"])
            turn.rehouse([job.incarnation])
            assert turn.claim({"new": 9}, ()).runs == [(again[0].evolved(executor="new"), stored)]
            assert [run.id for run, _ in turn.claim({"default": 9}, ()).runs] == [foreign.id]
        assert [self._run(one).executor for one in (run, foreign)] == ["new", "default"]

    def test_runs_whose_jobs_are_gone_wait_where_they_are(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self.store.remove_job("job")
        self._retry(run, ready=100)
        with self.store.turn() as turn:
            turn.rehouse([])
            turn.rehouse([job.incarnation, "nobody"])
        assert self._run(run).executor == "default"

    def _release(self, *incarnations: str) -> int:
        with self.store.turn() as turn:
            return turn.release(incarnations)

    def _remove_ended(self, *job_ids: str) -> list[str]:
        with self.store.turn() as turn:
            return sorted(turn.remove_ended(job_ids))
