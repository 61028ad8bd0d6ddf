"""The part of the job store contract that is about turns in which jobs are claimed and their runs recorded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from scheduler.core.plan import Plan
from scheduler.core.run import Reason, RunState
from scheduler.core.settle import begin
from scheduler.errors import StaleJobError
from scheduler.testing.jobstore_base import (
    NODE,
    OTHER_NODE,
    StoreTests,
    at,
    changed,
    error_of,
    ids,
    make_job,
    make_run,
)


class ClaimTests(StoreTests):
    """`Turn.claim` and `next_due`."""

    def test_due_jobs_are_claimed_oldest_first(self) -> None:
        self._add(
            make_job("late", due=-1),
            make_job("now", due=0),
            make_job("latest", due=-9),
            make_job("later", due=0.000001),
        )
        assert self._claimed() == ["latest", "late", "now"]

    def test_a_claimed_job_is_the_stored_one(self) -> None:
        job = make_job(args=(1, [2]), kwargs={"a": "b"}, tags=("t",))
        self._add(job)
        assert self._claim().jobs == [(job, 0)]

    def test_paused_and_ended_jobs_are_not_claimed(self) -> None:
        self._add(make_job("paused", due=None, paused=True), make_job("ended", due=None))
        assert self._claimed() == []
        assert self._next_due() is None

    def test_a_claim_takes_no_more_than_the_room_of_each_executor(self) -> None:
        for executor in ("a", "b", "c"):
            self._add(*[make_job(f"{executor}{number}", due=-number, executor=executor) for number in range(3)])
        assert sorted(self._claimed({"a": 2, "b": 1, "unknown": 5})) == ["a1", "a2", "b2"]
        assert self._claimed({"a": 0, "c": 1}) == ["c2"]
        assert self._claimed({"unknown": 5}) == []

    def test_jobs_to_skip_take_no_room(self) -> None:
        self._add(*[make_job(f"job-{number}", due=number - 10) for number in range(6)])
        assert self._claimed({"default": 2}, skip={"job-0", "job-1", "job-3", "nobody"}) == ["job-2", "job-4"]

    def test_what_was_claimed_and_not_recorded_is_claimed_again(self) -> None:
        self._add(make_job())
        assert self._claimed() == self._claimed() == ["job"]

    def test_what_was_claimed_and_not_recorded_is_due_still_in_the_same_turn(self) -> None:
        job = make_job("job", due=60)
        self._add_with_runs(job, make_run(job, 0, RunState.PENDING, ready_at=at(-2)))
        self._add(make_job("due", due=-1))
        with self.store.turn() as turn:
            due = turn.claim({"default": 9}, ())
            assert (len(due.runs), len(due.jobs)) == (1, 1)
            assert turn.next_due(["default"], ()) == at(-2)
            assert turn.next_due(["default"], ["job"]) == at(-1)

    def test_a_claimed_job_comes_with_the_number_of_its_runs_that_have_not_ended(self) -> None:
        job = make_job("job", due=-1)
        runs = [make_run(job, -4), make_run(job, -3, RunState.PENDING), make_run(job, -2), make_run(job, -1)]
        self._add(job, make_job("idle"))
        self._record(job, *runs, make_run(job, -5, RunState.SKIPPED), next_due=-1)
        self._end(runs[0])
        self._retry(runs[2], ready=100)
        assert [(job.id, active) for job, active in self._claim().jobs] == [("job", 3), ("idle", 0)]

    def test_runs_of_an_earlier_incarnation_are_not_counted(self) -> None:
        job = make_job("job")
        self._add_with_runs(job, make_run(job))
        self.store.remove_job("job")
        self._add(make_job("job", incarnation="another life"))
        assert [active for _, active in self._claim().jobs] == [0]

    def test_a_waiting_run_is_claimed_with_its_job_once_it_is_ready(self) -> None:
        job = make_job("job")
        run = make_run(job)
        stored = self._add_with_runs(job, run)
        self._retry(run, ready=10)
        assert self._claimed() == []
        assert self._next_due() == at(10)
        self.clock.advance(10)
        assert self._claim().runs == [(self._run(run), stored)]

    def test_a_run_that_a_plan_delays_is_claimed_with_its_job_once_it_is_ready(self) -> None:
        job = make_job("job")
        run = make_run(job, 0, RunState.PENDING, ready_at=at(10))
        stored = self._add_with_runs(job, run)
        assert self._claimed() == []
        assert self._next_due() == at(10)
        self.clock.advance(10)
        assert self._claim().runs == [(run, stored)]

    def test_a_waiting_run_of_a_removed_job_is_claimed_without_a_job(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self.store.remove_job("job")
        self._add(make_job("job", due=99, incarnation="another life"))
        self._retry(run, ready=0)
        assert self._claim().runs == [(self._run(run), None)]

    def test_a_queued_run_is_not_claimed_before_it_is_released(self) -> None:
        job = make_job("job")
        self._add_with_runs(job, make_run(job, -1, RunState.PENDING))
        assert self._claimed() == []
        assert self._next_due() == at(60)

    def test_waiting_runs_take_room_before_due_jobs(self) -> None:
        job = make_job("job", max_instances=9)
        runs = [make_run(job, seconds) for seconds in (1, 2)]
        self._add_with_runs(job, *runs)
        for run in runs:
            self._retry(run, ready=run.scheduled_time.second)
        self._add(make_job("first", due=-9), make_job("second", due=-8))
        self.clock.advance(5)
        assert self._claimed({"default": 3}) == [*ids(runs), "first"]
        assert self._claimed({"default": 1}) == [runs[0].id]
        assert self._claimed({"default": 3}, skip={"job"}) == ["first", "second"]

    def test_waiting_runs_belong_to_their_executor(self) -> None:
        job = make_job("job", executor="other")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._retry(run, ready=0)
        assert self._claimed({"default": 5}) == []
        assert self._claimed({"other": 1}) == [run.id]

    def test_the_next_due_time_is_that_of_the_executors_asked_for(self) -> None:
        assert self._next_due() is None
        self._add(make_job("a", due=30), make_job("b", due=20, executor="other"), make_job("c", due=40))
        assert self._next_due() == at(30)
        assert self._next_due(["other"]) == at(20)
        assert self._next_due(["default", "other", "unknown"]) == at(20)
        assert self._next_due(["unknown"]) is None
        assert self._next_due([]) is None

    def test_the_next_due_time_leaves_alone_jobs_to_skip_and_their_waiting_runs(self) -> None:
        job = make_job("job", due=10)
        run = make_run(job)
        self._add_with_runs(job, run)
        self._retry(run, ready=5)
        self._add(make_job("a", due=20), make_job("b", due=30))
        assert self._next_due() == at(5)
        assert self._next_due(skip=["job"]) == at(20)
        assert self._next_due(skip={"job", "a", "nobody"}) == at(30)
        assert self._next_due(skip=["job", "a", "b"]) is None


class RecordTests(StoreTests):
    """`Turn.record`, and what becomes of a turn that fails."""

    def test_a_plan_moves_its_job_on_and_records_its_runs(self) -> None:
        job = make_job("job", due=0)
        runs = [make_run(job, 0), make_run(job, 1, RunState.PENDING), make_run(job, -5, RunState.SKIPPED, count=4)]
        self._add(job)
        self._record(job, *runs, next_due=77)
        assert self._job("job") == changed(job, next_run_time=at(77), version=2)
        assert [self._run(run) for run in runs] == runs

    def test_a_plan_can_be_the_last(self) -> None:
        job = make_job("job")
        self._add(job)
        self._record(job, next_due=None)
        assert self._job("job").ended

    def test_hundreds_of_plans_are_recorded_at_once(self) -> None:
        jobs = [make_job(f"job-{number:03}") for number in range(600)]
        self._add(*jobs)
        with self.store.turn() as turn:
            due = turn.claim({"default": 1000}, ())
            turn.record([Plan(job, at(60), starts=(make_run(job),)) for job, _ in due.jobs], [])
        assert len(due.jobs) == self._active_runs() == 600
        assert self._claimed() == []

    def test_a_waiting_run_that_begins_is_written(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._retry(run, ready=1)
        self.clock.advance(2)
        with self.store.turn() as turn:
            ((waiting, _),) = turn.claim({"default": 1}, ()).runs
            begun = begin(waiting, node=OTHER_NODE, now=turn.now)
            turn.record([], [begun])
        assert (begun.attempt, begun.started_at, begun.ready_at) == (2, at(2), None)
        assert self._run(run) == begun
        assert self._claimed() == []

    def test_a_waiting_run_that_is_given_up_is_written(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._retry(run, ready=0)
        with self.store.turn() as turn:
            ((waiting, _),) = turn.claim({"default": 1}, ()).runs
            turn.record([], [waiting.moved(RunState.REVOKED, reason="removed", finished_at=turn.now, ready_at=None)])
        assert (self._run(run).state, self._run(run).reason) == (RunState.REVOKED, "removed")
        assert self._active_runs() == 0

    def test_a_waiting_run_that_waits_on_is_written(self) -> None:
        job = make_job("job")
        run = make_run(job, 0, RunState.PENDING, ready_at=at(0))
        self._add_with_runs(job, run)
        with self.store.turn() as turn:
            ((waiting, _),) = turn.claim({"default": 1}, ()).runs
            turn.record([], [waiting.evolved(ready_at=at(20))])
        assert self._run(run) == run.evolved(ready_at=at(20))
        assert self._claimed() == []
        assert self._next_due() == at(20)

    def test_a_waiting_run_that_is_given_up_lets_the_next_begin_or_its_job_end_in_the_same_turn(self) -> None:
        job, ended = make_job("job", coalesce=False), make_job("ended", due=None)
        runs = [make_run(each, 0, RunState.PENDING, ready_at=at(0)) for each in (job, ended)]
        queued = make_run(job, 1, RunState.PENDING)
        self._add_with_runs(job, runs[0], queued)
        self._add_with_runs(ended, runs[1])
        with self.store.turn() as turn:
            waiting = [run for run, _ in turn.claim({"default": 9}, ()).runs]
            missed = {"reason": Reason.MISSED.value, "finished_at": turn.now, "ready_at": None}
            turn.record([], [run.moved(RunState.SKIPPED, **missed) for run in waiting])
            turn.release([job.incarnation])
            assert list(turn.remove_ended(["job", "ended"])) == ["ended"]
        assert [self._run(run).state for run in runs] == [RunState.SKIPPED] * 2
        assert self._claimed() == [queued.id]

    def test_a_job_that_has_changed_fails_the_turn(self) -> None:
        sound, stale = make_job("sound"), make_job("stale")
        self._add(sound, stale)
        self.store.write_jobs(update=[changed(stale, name="changed")])
        self._refused("stale", [Plan(job, at(60), starts=(make_run(job),)) for job in (sound, stale)])

    def test_a_job_that_is_gone_fails_the_turn(self) -> None:
        sound, gone = make_job("sound"), make_job("gone")
        self._add(sound)
        self._refused("gone", [Plan(job, at(60), starts=(make_run(job),)) for job in (sound, gone)])

    def test_a_job_of_another_incarnation_fails_the_turn(self) -> None:
        job = make_job("job")
        self._add(make_job("job", incarnation="another life"), make_job("sound"))
        self._refused("job", [Plan(job, at(60), starts=(make_run(job),))])

    def test_a_fire_that_is_recorded_already_stays_as_it_is_and_its_job_moves_on(self) -> None:
        job, other = make_job("job", max_instances=9), make_job("other")
        there = make_run(job, 5)
        stored = self._add_with_runs(job, there)
        self._end(there, result="done")
        before = self._run(there)
        self._add(other)
        plans = [
            Plan(stored, at(70), starts=(make_run(job, 5, node=OTHER_NODE), make_run(job, 6))),
            Plan(other, at(70), starts=(make_run(other, 5),)),
        ]
        with self.store.turn() as turn:
            assert list(turn.record(plans, [])) == [there.id]
        assert self._run(there) == before
        assert [self._run(run).node for run in (make_run(job, 6), make_run(other, 5))] == [NODE, NODE]
        assert [self._job(name).next_run_time for name in ("job", "other")] == [at(70), at(70)]

    def test_recording_new_fires_names_none_of_them(self) -> None:
        job = make_job("job")
        self._add(job)
        with self.store.turn() as turn:
            assert list(turn.record([Plan(job, at(60), starts=(make_run(job),))], [])) == []
            assert list(turn.record([], [])) == []

    def _refused(self, job_id: str, plans: list[Plan]) -> None:
        """Check that the plans are refused for one job, and that nothing of the turn is left."""
        before = self.store.get_jobs(), self.store.get_runs()

        def record() -> None:
            with self.store.turn() as turn:
                turn.record(plans, [])

        assert error_of(StaleJobError, record).job_id == job_id
        assert (self.store.get_jobs(), self.store.get_runs()) == before

    def test_a_turn_that_fails_changes_nothing(self) -> None:
        job, ended = make_job("job", due=0), make_job("ended", due=None)
        run, queued = make_run(job, -2), make_run(job, -1, RunState.PENDING)
        self._add(job, ended)
        self._record(job, run, queued, next_due=0)
        before = self.store.get_jobs(), self.store.get_runs()

        def turn_that_fails() -> None:
            with self.store.turn() as turn:
                turn.finish([run.moved(RunState.SUCCESS, finished_at=turn.now)], NODE)
                turn.release([job.incarnation])
                turn.remove_ended(["ended"])
                (claimed, _), *_ = turn.claim({"default": 9}, ()).jobs
                turn.record([Plan(claimed, at(60), starts=(make_run(job, 0),))], [])
                raise RuntimeError("stop")

        error_of(RuntimeError, turn_that_fails)
        assert (self.store.get_jobs(), self.store.get_runs()) == before
        assert self._claimed() == ["job"]

    def test_other_threads_see_nothing_of_a_turn_before_it_ends(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add(job)
        reads: list[Callable[[], object]] = [
            lambda: self.store.get_job("job"),
            lambda: self.store.get_run(run.id),
            self.store.get_jobs,
            self.store.get_runs,
        ]
        with ThreadPoolExecutor(len(reads)) as pool:

            def turn_that_fails() -> None:
                with self.store.turn() as turn:
                    turn.record([Plan(job, at(60), starts=(run,))], [])
                    futures.extend(pool.submit(read) for read in reads)
                    wait(futures, timeout=0.1)  # a store may as well let them wait until the turn has ended
                    raise RuntimeError("stop")

            futures: list[Future[object]] = []
            error_of(RuntimeError, turn_that_fails)
            assert [future.result(timeout=60) for future in futures] == [job, None, [job], []]
