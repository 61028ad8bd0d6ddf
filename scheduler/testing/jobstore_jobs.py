"""The part of the job store contract that is about jobs."""

from __future__ import annotations

from datetime import timedelta

from scheduler.core.retry import RetryPolicy
from scheduler.core.run import Reason, RunState
from scheduler.errors import ConflictingIdError, JobLookupError, SerializationError, StaleJobError
from scheduler.testing.jobstore_base import START, StoreTests, at, changed, error_of, ids, make_job, make_run


class JobTests(StoreTests):
    """`write_jobs`, `remove_job`, `get_job` and their like."""

    def test_a_job_comes_back_as_it_was_added(self) -> None:
        job = make_job(
            "täglich/日報 🎉",
            due=0.000001,
            name="Ünï ☃",
            args=(1, "zwei", 2.5, None, True, [1, {"a": "ß"}]),
            kwargs={"when": START + timedelta(microseconds=7), "nothing": None},
            executor="other",
            misfire_grace_time=1.5,
            coalesce=False,
            max_instances=3,
            retry=RetryPolicy(max_retries=2, delay=0.5, on=("OSError",)),
            tags=("a", "b c"),
            executor_options={"queue": "high"},
        )
        self._add(job)
        assert self._job(job.id) == job

    def test_a_paused_job_comes_back_paused(self) -> None:
        job = make_job(due=None, paused=True)
        self._add(job)
        assert self._job(job.id) == job

    def test_a_text_with_any_character_comes_back(self) -> None:
        job = make_job(args=("nul \0 here", "lone \ud800 surrogate", "newline\n'quote\""))
        self._add(job)
        assert self._job(job.id).args == job.args

    def test_an_unknown_id_is_none(self) -> None:
        assert self.store.get_job("nobody") is None

    def test_an_id_that_is_taken_is_refused_and_nothing_is_added(self) -> None:
        self._add(make_job("taken", due=1))
        new, second = make_job("new"), make_job("taken", incarnation="second")
        error = error_of(ConflictingIdError, lambda: self._add(new, second))
        assert error.job_id == "taken"
        assert ids(self.store.get_jobs()) == ["taken"]
        assert self._job("taken").next_run_time == at(1)

    def test_an_id_given_twice_is_refused_and_nothing_is_added(self) -> None:
        first, second = make_job("twice"), make_job("twice", incarnation="second")
        error = error_of(ConflictingIdError, lambda: self._add(make_job("other"), first, second))
        assert error.job_id == "twice"
        assert self.store.get_jobs() == []

    def test_an_update_replaces_everything_and_raises_the_version(self) -> None:
        job = make_job()
        self._add(job)
        other = changed(
            job, name="other", args=(2,), next_run_time=at(99), executor="other", tags=("t",), coalesce=False
        )
        self.store.write_jobs(update=[other])
        assert self._job("job") == changed(other, version=2)

    def test_an_update_of_an_older_version_is_refused(self) -> None:
        job = make_job()
        self._add(job)
        self.store.write_jobs(update=[changed(job, name="first")])
        error = error_of(StaleJobError, lambda: self.store.write_jobs(update=[changed(job, name="second")]))
        assert error.job_id == "job"
        assert self._job("job").name == "first"

    def test_an_update_of_another_incarnation_is_refused(self) -> None:
        job = make_job()
        self._add(job)
        again = changed(job, incarnation="another life", name="other")
        assert error_of(StaleJobError, lambda: self.store.write_jobs(update=[again])).job_id == "job"
        assert self._job("job") == job

    def test_an_update_of_a_removed_job_is_refused(self) -> None:
        job = make_job()
        self._add(job)
        self.store.remove_job("job")
        assert error_of(JobLookupError, lambda: self.store.write_jobs(update=[job])).job_id == "job"

    def test_all_jobs_are_written_or_none(self) -> None:
        sound, stale = make_job("sound"), make_job("stale")
        self._add(sound, stale)
        self.store.write_jobs(update=[stale])
        changes = [changed(sound, name="changed"), changed(stale, name="changed")]
        error = error_of(StaleJobError, lambda: self.store.write_jobs(add=[make_job("new")], update=changes))
        assert error.job_id == "stale"
        assert self._job("sound") == sound
        assert self.store.get_job("new") is None

    def test_adding_and_updating_go_together(self) -> None:
        job = make_job("old")
        self._add(job)
        self.store.write_jobs(add=[make_job("new")], update=[changed(job, name="changed")])
        assert self._job("old").name == "changed"
        assert self.store.get_job("new") is not None

    def test_writing_nothing_is_allowed(self) -> None:
        self.store.write_jobs()
        assert self.store.get_jobs() == []

    def test_an_argument_that_cannot_be_kept_is_named_and_nothing_is_added(self) -> None:
        if not self.store.persistent:
            return
        job = make_job("bad", kwargs={"lock": object()})
        error = error_of(SerializationError, lambda: self._add(make_job("sound"), job))
        assert "lock" in str(error)
        assert self.store.get_jobs() == []

    def test_jobs_come_by_next_run_time_those_without_one_last_then_by_id(self) -> None:
        times = {"d": None, "a": 2, "c": 1, "b": 2, "Z": None, "é": 2}
        self._add(*[make_job(job_id, due=due) for job_id, due in times.items()])
        assert ids(self.store.get_jobs()) == ["c", "a", "b", "é", "Z", "d"]

    def test_jobs_are_chosen_by_ids_and_unknown_ones_are_passed_over(self) -> None:
        self._add(make_job("a", due=3), make_job("b", due=2), make_job("c", due=1))
        assert ids(self.store.get_jobs(["a", "c", "nobody"])) == ["c", "a"]
        assert self.store.get_jobs([]) == []

    def test_thousands_of_jobs_are_added_and_read_at_once(self) -> None:
        jobs = [make_job(f"job-{number:05}") for number in range(3000)]
        self._add(*jobs)
        assert self.store.get_jobs() == jobs
        assert self.store.get_jobs(ids(jobs)) == jobs

    def test_a_removed_job_is_gone_and_its_id_is_free(self) -> None:
        self._add(make_job("a"), make_job("b"))
        self.store.remove_job("a")
        assert ids(self.store.get_jobs()) == ["b"]
        self._add(make_job("a", incarnation="second"))

    def test_removing_an_unknown_job_is_refused(self) -> None:
        assert error_of(JobLookupError, lambda: self.store.remove_job("nobody")).job_id == "nobody"

    def test_removing_a_job_revokes_its_waiting_runs_only(self) -> None:
        job, other = make_job("job", coalesce=False), make_job("other")
        queued, started, ended, again = (make_run(job, 1, RunState.PENDING), *(make_run(job, n) for n in (2, 3, 4)))
        foreign = make_run(other, 1, RunState.PENDING)
        delayed = make_run(job, 5, RunState.PENDING, ready_at=at(9))
        self._add_with_runs(job, queued, started, ended, again, delayed)
        self._add_with_runs(other, foreign)
        self._end(ended)
        self._retry(again, ready=100)
        self.clock.advance(5)
        self.store.remove_job("job")
        for run in (queued, again, delayed):
            stored = self._run(run)
            assert (stored.state, stored.reason) == (RunState.REVOKED, Reason.REMOVED)
            assert (stored.finished_at, stored.ready_at) == (at(5), None)
        assert [self._run(run).state for run in (started, ended)] == [RunState.STARTED, RunState.SUCCESS]
        assert self._run(foreign) == foreign

    def test_removing_all_jobs_revokes_their_waiting_runs(self) -> None:
        one, two = make_job("one"), make_job("two")
        queued, started = make_run(one, 1, RunState.PENDING), make_run(two, 2)
        self._add_with_runs(one, queued)
        self._add_with_runs(two, started)
        self.store.remove_all_jobs()
        assert self.store.get_jobs() == []
        assert [self._run(run).state for run in (queued, started)] == [RunState.REVOKED, RunState.STARTED]
        assert self._claimed() == []

    def test_executors_are_those_that_jobs_name_each_once(self) -> None:
        assert set(self.store.executors()) == set()
        jobs = [make_job(f"job-{name}-{n}", executor=name) for name in ("io", "cpu", "Ω") for n in range(3)]
        self.store.write_jobs(add=jobs)
        assert sorted(self.store.executors()) == ["cpu", "io", "Ω"]
        for n in range(3):
            self.store.remove_job(f"job-io-{n}")
        assert sorted(self.store.executors()) == ["cpu", "Ω"]

    def test_executors_are_those_too_that_runs_wait_for_whose_jobs_are_gone_or_elsewhere(self) -> None:
        job = make_job("job", executor="away")
        runs = [make_run(job, 1), make_run(job, 2)]
        self._add_with_runs(job, *runs)
        self.store.remove_job("job")
        assert sorted(self.store.executors()) == []
        self._retry(runs[0], ready=100)
        self.store.write_jobs(add=[make_job("other", executor="here")])
        assert sorted(self.store.executors()) == ["away", "here"]

    def test_waiting_runs_go_to_the_executor_that_their_job_is_given(self) -> None:
        job, other = make_job("job", due=100), make_job("other", due=100)
        queued, started, ended, again = (make_run(job, 1, RunState.PENDING), *(make_run(job, n) for n in (2, 3, 4)))
        delayed = make_run(job, 5, RunState.PENDING, ready_at=at(9))
        foreign = make_run(other, 1, RunState.PENDING, ready_at=at(8))
        self._add_with_runs(job, queued, started, ended, again, delayed)
        self._add_with_runs(other, foreign)
        self._end(ended)
        self._retry(again, ready=7)
        assert self._next_due(["new"]) is None
        self.store.write_jobs(update=[changed(self._job("job"), executor="new")])
        assert [self._run(run).executor for run in (queued, again, delayed)] == ["new"] * 3
        assert [self._run(run).executor for run in (started, ended, foreign)] == ["default"] * 3
        assert self._run(delayed) == delayed.evolved(executor="new")
        assert (self._next_due(["new"]), self._next_due(["default"])) == (at(7), at(8))
        self.clock.advance(50)
        assert self._claimed({"new": 9}) == [again.id, delayed.id]
        assert self._claimed({"default": 9}) == [foreign.id]

    def test_runs_of_another_life_of_a_job_stay_where_they_are(self) -> None:
        before, after = make_job("job", incarnation="first"), make_job("job", incarnation="second")
        run = make_run(before, 1)
        self._add_with_runs(before, run)
        self.store.remove_job("job")
        self._retry(run, ready=0)
        self._add(after)
        self.store.write_jobs(update=[changed(after, executor="new")])
        assert self._run(run).executor == "default"

    def test_an_update_that_fails_moves_no_runs(self) -> None:
        job = make_job("job", due=100)
        delayed = make_run(job, 5, RunState.PENDING, ready_at=at(9))
        stored = self._add_with_runs(job, delayed)
        changes = [changed(stored, executor="new"), make_job("nobody")]
        assert error_of(JobLookupError, lambda: self.store.write_jobs(update=changes)).job_id == "nobody"
        assert self._run(delayed) == delayed
        assert self._next_due() == at(9)
