"""The part of the job store contract that is about reading runs."""

from __future__ import annotations

from scheduler.core.run import Reason, Run, RunState
from scheduler.testing.jobstore_base import StoreTests, at, ids, make_job, make_run


class RunTests(StoreTests):
    """`get_run` and `get_runs`."""

    def _history(self) -> list[Run]:
        """Record five runs of job "a" and one of job "b", and return them as they were recorded, by time."""
        a, b = make_job("a", max_instances=9), make_job("b")
        skip = make_run(a, 10, RunState.SKIPPED, count=7, reason=Reason.COALESCED.value)
        runs = [make_run(a, 1), make_run(a, 2), skip, make_run(a, 20, RunState.PENDING), make_run(a, 30)]
        self._add_with_runs(a, *runs)
        foreign = make_run(b, 5)
        self._add_with_runs(b, foreign)
        return sorted([*runs, foreign], key=lambda run: run.id)

    def test_runs_come_back_as_they_were_recorded(self) -> None:
        runs = self._history()
        assert [self.store.get_run(run.id) for run in runs] == runs

    def test_a_run_of_a_microsecond_and_an_odd_name_comes_back(self) -> None:
        job = make_job("日報", executor="réseau", due=0.000001)
        run = make_run(job, 0.000001)
        self._add_with_runs(job, run)
        assert self._run(run) == run

    def test_an_unknown_run_is_none(self) -> None:
        assert self.store.get_run("nobody") is None

    def test_runs_are_listed_newest_first(self) -> None:
        runs = self._history()
        assert self.store.get_runs() == runs[::-1]
        assert self.store.get_runs(newest_first=False) == runs

    def test_runs_are_listed_by_job(self) -> None:
        runs = [run for run in self._history() if run.job_id == "a"]
        assert self.store.get_runs("a") == runs[::-1]
        assert self.store.get_runs("a", newest_first=False, limit=2) == runs[:2]
        assert self.store.get_runs("nobody") == []

    def test_runs_are_listed_by_state(self) -> None:
        self._history()
        found = self.store.get_runs(state=RunState.SKIPPED)
        assert [(run.scheduled_time, run.count) for run in found] == [(at(10), 7)]
        assert len(self.store.get_runs("a", state=RunState.STARTED)) == 3

    def test_runs_are_listed_from_since_until_before_until(self) -> None:
        self._history()
        for job_id in (None, "a"):
            found = self.store.get_runs(job_id, since=at(2), until=at(20), newest_first=False)
            times = [run.scheduled_time for run in found]
            assert times == [at(2), *([at(5)] if job_id is None else []), at(10)]

    def test_no_more_runs_are_listed_than_asked_for(self) -> None:
        runs = self._history()
        assert self.store.get_runs(limit=2) == runs[:3:-1]
        assert self.store.get_runs(limit=2, newest_first=False) == runs[:2]

    def test_runs_of_a_removed_job_stay(self) -> None:
        runs = [run for run in self._history() if run.job_id == "a"]
        self.store.remove_job("a")
        assert ids(self.store.get_runs("a")) == ids(runs[::-1])
