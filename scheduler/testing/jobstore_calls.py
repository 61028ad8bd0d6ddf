"""The part of the job store contract that is about runs which are called, revoked, or say how far they are."""

from __future__ import annotations

from typing import Any

from scheduler.core.call import call
from scheduler.core.run import Progress, Reason, Run, RunState
from scheduler.core.settle import begin, revoke
from scheduler.errors import SerializationError
from scheduler.jobstores.base import MOST_BLOCKERS, DueRun
from scheduler.testing.jobstore_base import NODE, OTHER_NODE, StoreTests, at, error_of, ids, make_job, make_run


def progress(done: int, seconds: float = 5) -> Progress:
    """Return what a function might say."""
    return Progress("PROGRESS", {"done": done, "total": 10}, at(seconds))


class ProgressTests(StoreTests):
    """`Turn.progress`."""

    def test_progress_is_written_and_nothing_else_of_the_run(self) -> None:
        run = self._started()
        assert self._say(run.evolved(progress=progress(3), error="E", result=1, state=RunState.SUCCESS)) == [run.id]
        assert self._run(run) == run.evolved(progress=progress(3))
        assert self._say(run.evolved(progress=progress(4, 6))) == [run.id]
        assert self._run(run).progress == progress(4, 6)

    def test_progress_is_written_only_by_the_node_that_holds_the_run_and_for_its_attempt(self) -> None:
        run = self._started()
        said = run.evolved(progress=progress(1))
        assert self._say(said, node=OTHER_NODE) == []
        assert self._say(said.evolved(attempt=2)) == []
        assert self._say(said.evolved(id="nobody")) == []
        assert self._run(run) == run
        self._retry(run, ready=100)
        assert self._say(said) == []
        assert self._run(run).progress is None

    def test_progress_of_a_run_that_has_ended_is_not_written(self) -> None:
        run = self._started()
        self._end(run, progress=progress(9))
        assert self._say(run.evolved(progress=progress(10))) == []
        assert self._run(run).progress == progress(9)

    def test_the_next_attempt_begins_without_progress(self) -> None:
        run = self._started()
        again = run.moved(RunState.RETRY, node=None, ready_at=at(0), progress=progress(9))
        assert self._finish(again) == [run.id]
        assert self._run(run).progress == progress(9)
        with self.store.turn() as turn:
            ((waiting, _),) = turn.claim({"default": 1}, ()).runs
            turn.record([], [begin(waiting, node=NODE, now=turn.now)])
        assert self._run(run).progress is None

    def test_progress_that_cannot_be_kept_says_so(self) -> None:
        run = self._started()
        said = Progress("PROGRESS", {"lock": object()}, at(5))
        assert self._say(run.evolved(progress=said)) == [run.id]
        stored = self._run(run).progress
        assert stored is not None
        assert (stored.state, stored.updated_at) == ("PROGRESS", at(5))
        if self.store.persistent:
            assert "lock" in stored.meta["not stored"]
        else:
            assert stored == said

    def test_saying_nothing_is_allowed(self) -> None:
        assert self._say() == []

    def _started(self) -> Run:
        job = make_job("job", max_instances=9)
        run = make_run(job)
        self._add_with_runs(job, run)
        return run

    def _say(self, *runs: Run, node: str = NODE) -> list[str]:
        with self.store.turn() as turn:
            return sorted(turn.progress(runs, node))


class CallTests(StoreTests):
    """`Turn.open_run`, `active_job`, `insert`, `revoke` and `blockers`."""

    def test_a_run_that_has_not_ended_is_found_with_its_job_whatever_it_does(self) -> None:
        job = make_job("job", max_instances=9)
        queued, delayed = make_run(job, 1, RunState.PENDING), make_run(job, 2, RunState.PENDING, ready_at=at(9))
        started, again = make_run(job, 3), make_run(job, 4)
        stored = self._add_with_runs(job, queued, delayed, started, again)
        self._retry(again, ready=100)
        for run in (queued, delayed, started, again):
            assert self._open_run(run) == (self._run(run), stored)

    def test_a_run_that_has_ended_and_an_unknown_one_are_not_found(self) -> None:
        job = make_job("job")
        run, skip = make_run(job, 1), make_run(job, 2, RunState.SKIPPED)
        self._add_with_runs(job, run, skip)
        self._end(run)
        assert [self._open_run(one) for one in (run, skip, make_run(job, 3))] == [None] * 3

    def test_an_open_run_of_a_removed_job_is_found_without_a_job(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self.store.remove_job("job")
        assert self._open_run(run) == (run, None)
        self._add(make_job("job", incarnation="another life"))
        assert self._open_run(run) == (run, None)

    def test_a_job_is_found_with_the_number_of_its_runs_that_have_not_ended(self) -> None:
        job = make_job("job", max_instances=9)
        runs = [make_run(job, 1), make_run(job, 2, RunState.PENDING), make_run(job, 3), make_run(job, 4)]
        stored = self._add_with_runs(job, *runs, make_run(job, 5, RunState.SKIPPED))
        self._end(runs[0])
        self._retry(runs[2], ready=100)
        self._add(make_job("idle"))
        with self.store.turn() as turn:
            assert turn.active_job("job") == (stored, 3)
        with self.store.turn() as turn:
            assert turn.active_job("idle") == (make_job("idle"), 0)
        with self.store.turn() as turn:
            assert turn.active_job("nobody") is None

    def test_a_run_that_is_called_begins_like_any_other(self) -> None:
        job = make_job("job", due=60)
        self._add(job)
        with self.store.turn() as turn:
            found = turn.active_job("job")
            assert found is not None
            run = call(found.job, "key", at=turn.now, active=found.active)
            turn.insert([run])
        assert self._next_due() == at(0)
        assert self._claim().runs == [(run, job)]

    def test_a_job_is_inserted_with_its_run(self) -> None:
        job = make_job("once", due=None, args=(1, "zwei"))
        run = make_run(job, 0, RunState.PENDING, ready_at=at(10), cause="another run")
        with self.store.turn() as turn:
            turn.insert([run], [job])
        assert (self._job("once"), self._run(run)) == (job, run)
        self.clock.advance(10)
        assert self._claim().runs == [(run, job)]

    def test_nothing_may_be_inserted(self) -> None:
        with self.store.turn() as turn:
            turn.insert([])
        assert (self.store.get_jobs(), self.store.get_runs()) == ([], [])

    def test_a_run_as_an_argument_comes_back_with_its_attempts_and_progress(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._end(run, result={"n": (1, 2)}, progress=progress(9), error="E", cause="another run")
        ended = self._run(run)
        callback = make_job("callback", due=None, args=(ended,))
        with self.store.turn() as turn:
            turn.insert([make_run(callback, 0, RunState.PENDING, ready_at=at(0))], [callback])
        assert self._job("callback").args == (ended,)

    def test_a_job_that_cannot_be_kept_is_refused_before_anything_is_written_and_the_turn_goes_on(self) -> None:
        if not self.store.persistent:
            return
        jobs = [make_job("sound", due=None), make_job("bad", due=None, args=(object(),))]
        runs = [make_run(job, 0, RunState.PENDING, ready_at=at(0)) for job in jobs]
        with self.store.turn() as turn:
            error = error_of(SerializationError, lambda: turn.insert(runs, jobs))
            assert "args[0]" in str(error)
            turn.insert(runs[:1], jobs[:1])
        assert ids(self.store.get_jobs()) == ["sound"]
        assert ids(self.store.get_runs()) == [runs[0].id]

    def test_a_turn_that_fails_inserts_nothing(self) -> None:
        job = make_job("once", due=None)

        def turn_that_fails() -> None:
            with self.store.turn() as turn:
                turn.insert([make_run(job, 0, RunState.PENDING, ready_at=at(0))], [job])
                raise RuntimeError("stop")

        error_of(RuntimeError, turn_that_fails)
        assert (self.store.get_jobs(), self.store.get_runs()) == ([], [])
        assert self._next_due() is None

    def test_a_run_is_revoked_whatever_it_does_and_nobody_writes_it_after_that(self) -> None:
        job = make_job("job", max_instances=9)
        started, again = make_run(job, 1), make_run(job, 2)
        queued, delayed = make_run(job, 3, RunState.PENDING), make_run(job, 4, RunState.PENDING, ready_at=at(0))
        self._add_with_runs(job, started, again, queued, delayed)
        self._retry(again, ready=0)
        for run in (started, again, queued, delayed):
            self._revoke(run, Reason.CANCELLED, cause="another run")
        assert self._claimed() == []
        assert self._active_runs() == 0
        assert self._finish(started.moved(RunState.SUCCESS, finished_at=at(9))) == []
        for run in (started, again, queued, delayed):
            stored = self._run(run)
            assert (stored.state, stored.reason, stored.cause) == (RunState.REVOKED, "cancelled", "another run")
            assert (stored.finished_at, stored.ready_at) == (at(0), None)

    def test_blockers_are_the_runs_that_have_not_ended_the_oldest_first(self) -> None:
        job, idle = make_job("job", max_instances=9), make_job("idle")
        runs = [make_run(job, 3), make_run(job, 1), make_run(job, 2, RunState.PENDING), make_run(job, 0)]
        self._add_with_runs(job, *runs, make_run(job, -1, RunState.SKIPPED))
        self._add_with_runs(idle, make_run(make_job("other"), 5))
        self._end(runs[3])
        expected = sorted(ids(runs[:3]))
        assert self._blockers(job.incarnation, "nobody") == {job.incarnation: expected, "nobody": []}

    def test_not_more_blockers_are_named_than_are_of_use(self) -> None:
        job = make_job("job", max_instances=999)
        runs = [make_run(job, seconds) for seconds in range(MOST_BLOCKERS + 1)]
        self._add_with_runs(job, *reversed(runs))
        assert self._blockers(job.incarnation) == {job.incarnation: ids(runs[:MOST_BLOCKERS])}

    def _open_run(self, run: Run) -> DueRun | None:
        with self.store.turn() as turn:
            return turn.open_run(run.id)

    def _revoke(self, run: Run, reason: Reason, **words: Any) -> None:
        with self.store.turn() as turn:
            found = turn.open_run(run.id)
            assert found is not None
            turn.revoke(revoke(found.run, reason, now=turn.now, **words))

    def _blockers(self, *incarnations: str) -> dict[str, list[str]]:
        with self.store.turn() as turn:
            return {name: list(found) for name, found in turn.blockers(incarnations).items()}
