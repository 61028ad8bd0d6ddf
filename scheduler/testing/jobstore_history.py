"""The part of the job store contract that is about jobs that follow others, and about history that is not kept."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.core.job import Job
from scheduler.core.run import Run, RunState
from scheduler.testing.jobstore_base import NODE, StoreTests, at, changed, ids, make_job, make_run
from scheduler.triggers import AfterTrigger


def make_follower(job_id: str, follows: str = "job", **changes: object) -> Job:
    """Return a job that fires when another one ends."""
    return make_job(job_id, due=None, trigger=AfterTrigger(follows), **changes)


class FollowTests(StoreTests):
    """`Turn.followers`, and what else concerns jobs without fire times of their own."""

    def test_the_jobs_that_follow_are_found_with_the_numbers_of_their_runs_that_have_not_ended(self) -> None:
        jobs = [make_job("job"), make_job("other"), make_follower("a"), make_follower("b"), make_follower("c", "other")]
        self._add(*jobs, make_follower("far", "elsewhere"))
        with self.store.turn() as turn:
            turn.insert([make_run(jobs[3], seconds) for seconds in (1, 2)])
        assert self._followers("job") == [(jobs[2], 0), (jobs[3], 2)]
        assert self._followers("job", "other") == [(jobs[2], 0), (jobs[3], 2), (jobs[4], 0)]
        assert self._followers("a", "nobody") == self._followers() == []

    def test_a_paused_job_follows_too(self) -> None:
        paused = make_follower("paused", paused=True)
        self._add(paused)
        assert self._followers("job") == [(paused, 0)]

    def test_a_job_that_comes_to_follow_another_one_is_found_there(self) -> None:
        job = make_job("b")
        self._add(job, make_follower("a"))
        follower = changed(job, next_run_time=None, trigger=AfterTrigger("job"))
        self.store.write_jobs(update=[follower])
        assert self._names("job") == ["a", "b"]
        self.store.write_jobs(update=[changed(self._job("b"), trigger=AfterTrigger("other"))])
        assert (self._names("job"), self._names("other")) == (["a"], ["b"])
        self.store.write_jobs(update=[changed(self._job("b"), trigger=job.trigger, next_run_time=at(5))])
        assert self._names("other") == []

    def test_a_removed_job_follows_nobody(self) -> None:
        self._add(make_follower("a"), make_follower("b"))
        self.store.remove_job("a")
        assert self._names("job") == ["b"]
        self.store.remove_all_jobs()
        assert self._names("job") == []

    def test_a_job_that_follows_is_found_in_the_turn_in_which_the_other_ends(self) -> None:
        job, follower = make_job("job", due=None), make_follower("follower")
        run = make_run(job)
        self._add_with_runs(job, run)
        self._add(follower)
        called = make_run(follower, 5, RunState.PENDING, ready_at=at(0), cause=run.id)
        with self.store.turn() as turn:
            assert turn.finish([run.moved(RunState.SUCCESS, finished_at=turn.now)], NODE)
            assert list(turn.followers(["job"])) == [(follower, 0)]
            turn.insert([called])
            assert turn.release([job.incarnation]) == 0
            assert list(turn.remove_ended(["job"])) == ["job"]
            assert turn.claim({"default": 9}, ()).runs == [(called, follower)]
        assert self._run(called) == called

    def test_the_jobs_that_follow_are_found_in_the_turn_in_which_a_run_is_revoked(self) -> None:
        job, follower = make_job("job", max_instances=9), make_follower("follower")
        runs = [make_run(job, 1), make_run(job, 2, RunState.PENDING)]
        self._add_with_runs(job, *runs)
        self._add(follower)
        for run in runs:
            with self.store.turn() as turn:
                assert turn.open_run(run.id) is not None
                assert list(turn.followers(["job"])) == [(follower, 0)]

    def test_a_job_that_follows_another_is_not_removed_when_its_run_ends(self) -> None:
        follower = make_follower("follower")
        self._add(follower)
        run = make_run(follower)
        with self.store.turn() as turn:
            turn.insert([run])
        self._end(run)
        with self.store.turn() as turn:
            assert list(turn.remove_ended(["follower"])) == []
        assert self._job("follower") == follower

    def _followers(self, *job_ids: str) -> list[tuple[Job, int]]:
        with self.store.turn() as turn:
            found = [(job, active) for job, active in turn.followers(job_ids)]
        return sorted(found, key=lambda entry: entry[0].id)

    def _names(self, *job_ids: str) -> list[str]:
        return [job.id for job, _ in self._followers(*job_ids)]


class HistoryTests(StoreTests):
    """`prune` and `prune_job`."""

    def test_runs_that_ended_before_a_time_are_removed_and_no_others(self) -> None:
        job = make_job("job", max_instances=9)
        started, waiting = make_run(job, 1), make_run(job, 2, RunState.PENDING)
        ended = self._ended(job, 3, 4, 5, also=[started, waiting])
        assert self.store.prune(at(4), 100) == 1
        assert self._left() == ids([started, waiting, *ended[1:]])
        assert self.store.prune(at(4), 100) == 0
        assert self.store.prune(at(60), 100) == 2
        assert self._left() == ids([started, waiting])

    def test_a_run_that_ended_late_stays_as_long(self) -> None:
        job = make_job("job")
        run = make_run(job, 1)
        self._add_with_runs(job, run)
        self.clock.advance(50)
        self._end(run)
        assert self.store.prune(at(50), 100) == 0
        assert self.store.prune(at(51), 100) == 1

    def test_records_of_skipped_fires_are_removed_like_runs(self) -> None:
        job = make_job("job")
        self._add_with_runs(job, make_run(job, 1, RunState.SKIPPED), make_run(job, 9, RunState.SKIPPED))
        assert self.store.prune(at(5), 100) == 1
        assert len(self._left()) == 1

    def test_not_more_runs_are_removed_at_once_than_asked_for(self) -> None:
        self._ended(make_job("job", max_instances=9), *range(7))
        assert [self.store.prune(at(60), 3) for _ in range(4)] == [3, 3, 1, 0]
        assert self._left() == []

    def test_of_a_job_all_but_the_latest_ended_runs_are_removed(self) -> None:
        job, other = make_job("job", max_instances=9), make_job("other", max_instances=9)
        started, waiting = make_run(job, -2), make_run(job, -1, RunState.PENDING)
        ended = self._ended(job, 3, 1, 2, 4, also=[started, waiting])
        foreign = self._ended(other, 1, 2, 3)
        assert self.store.prune_job("job", 2, at(60), 100) == 2
        assert self._left("job") == ids([started, waiting, ended[0], ended[3]])
        assert self._left("other") == ids(foreign)
        assert self.store.prune_job("job", 2, at(60), 100) == 0
        assert self.store.prune_job("job", 0, at(60), 100) == 2
        assert self._left("job") == ids([started, waiting])
        assert self.store.prune_job("nobody", 0, at(60), 100) == 0

    def test_of_a_job_not_more_runs_are_removed_at_once_than_asked_for(self) -> None:
        ended = self._ended(make_job("job", max_instances=9), *range(7))
        assert [self.store.prune_job("job", 2, at(60), 3) for _ in range(3)] == [3, 2, 0]
        assert self._left() == ids(ended[-2:])

    def test_runs_of_a_job_that_ended_just_now_stay_however_few_are_kept(self) -> None:
        ended = self._ended(make_job("job", max_instances=9), *range(7))
        assert self.store.prune_job("job", 5, at(4), 100) == 2
        assert self.store.prune_job("job", 0, at(4), 1) == 1
        assert self.store.prune_job("job", 0, at(4), 100) == 1
        assert self._left() == ids(ended[4:])
        assert self.store.prune_job("job", 1, at(60), 100) == 2

    def test_a_run_of_a_job_that_ended_late_stays_as_long(self) -> None:
        job = make_job("job")
        run = make_run(job, 1)
        self._add_with_runs(job, run)
        self.clock.advance(50)
        self._end(run)
        assert self.store.prune_job("job", 0, at(50), 100) == 0
        assert self.store.prune_job("job", 0, at(51), 100) == 1

    def test_the_runs_of_a_removed_job_are_removed_too(self) -> None:
        job = make_job("job", max_instances=9)
        ended = self._ended(job, 1, 2, 3)
        self.store.remove_job("job")
        assert self.store.prune_job("job", 1, at(60), 100) == 2
        assert self._left() == ids(ended[-1:])

    def test_a_fire_whose_record_was_removed_can_be_recorded_again(self) -> None:
        job = make_job("job")
        (run,) = self._ended(job, 1)
        assert self.store.prune(at(60), 100) == 1
        self._record(self._job("job"), run)
        assert self._run(run) == run
        self._end(run)
        assert self.store.prune(at(60), 100) == 1
        assert self._left() == []

    def _ended(self, job: Job, *seconds: int, also: Sequence[Run] = ()) -> list[Run]:
        """Add a job with runs, all of which end at the time for which they were scheduled, but for `also`."""
        runs = [make_run(job, number) for number in seconds]
        self._add_with_runs(job, *also, *runs)
        for run in sorted(runs, key=lambda run: run.id):
            self._finish(run.moved(RunState.SUCCESS, finished_at=run.scheduled_time))
        return runs

    def _left(self, job_id: str | None = None) -> list[str]:
        return ids(self.store.get_runs(job_id, newest_first=False))
