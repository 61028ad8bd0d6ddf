"""Everything at once: nodes die, stores lose answers, users cancel and move jobs; and what must hold whatever."""

from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest

from scheduler import JobLookupError, RetryPolicy, RunState
from scheduler.core.call import key_of
from scheduler.core.run import WAITING
from scheduler.errors import StoreUnavailableError
from tests.flow.executors import HeldExecutor
from tests.flow.faulty import lose_the_answer, nothing
from tests.flow.functions import again, fail, note
from tests.flow.world import NODE_TIMEOUT, at

LASTS = 120
"""Seconds of fires."""

STEP = 10
"""Seconds between the fires of a job."""

FIRES = [at(number) for number in range(STEP, LASTS + 1, STEP)]

OPEN = {RunState.PENDING, RunState.STARTED, RunState.RETRY}

EXECUTORS = ("default", "other")


class Life:
    """One world and what happens in it, all of it drawn from a seed."""

    def __init__(self, world, seed):
        self.random = Random(seed)
        self.world = world
        self.nodes = []
        """Scheduler, its store and its executors."""
        self.begun = []
        """Run id and attempt of all calls that any executor was given."""
        self.final = {}
        """Run id → the run as it ended."""
        self.submitted = []
        for _ in range(2):
            self.be_born()
        self.jobs = [self.add_job(number) for number in range(6)]
        self.followers = [self.add_follower(number) for number in range(3)]

    def rules(self):
        draw = self.random.choice
        return {
            "overlap": draw(["skip", "queue", "cancel_running"]),
            "max_instances": draw([1, 1, 2, 3]),
            "timeout": draw([None, 7, 25]),
            "retry": draw([None, RetryPolicy(max_retries=2, delay=draw([0, 8]))]),
        }

    def add_job(self, number):
        self.world.client.add_job(
            self.random.choice([note, note, fail, again]),
            "interval",
            seconds=STEP,
            start_date=FIRES[0],
            end_date=FIRES[-1],
            id=f"job-{number}",
            coalesce=self.random.random() < 0.5,
            jitter=self.random.choice([None, None, 5]),
            misfire_grace_time=self.random.choice([None, None, 15]),
            on_success=self.random.choice([None, note]),
            **self.rules(),
        )
        return self.world.client.get_job(f"job-{number}")

    def add_follower(self, number):
        on = self.random.choice(["success", "any"])
        id = f"follower-{number}"
        self.world.client.add_job(note, "after", job_id=f"job-{number}", on=on, id=id, **self.rules())
        return self.world.client.get_job(id)

    # what happens

    def be_born(self):
        store, executors = self.world.store(), {alias: self.make_executor() for alias in EXECUTORS}
        self.nodes.append((self.world.scheduler(store, executors=executors), store, list(executors.values())))

    def make_executor(self):
        executor = HeldExecutor(room=self.random.choice([2, 20]))
        submit = executor.submit

        def note_and_submit(calls):
            self.begun += [(call.run_id, call.attempt) for call in calls]
            submit(calls)

        executor.submit = note_and_submit
        return executor

    @property
    def executors(self):
        return [executor for _, _, executors in self.nodes for executor in executors]

    def die(self):
        scheduler, _, _ = self.nodes.pop(self.random.randrange(len(self.nodes)))
        self.world.freeze(scheduler)
        self.be_born()

    def end_calls(self):
        for executor in self.executors:
            for _ in range(self.random.randint(0, len(executor.calls))):
                executor.finish(at=self.random.randrange(len(executor.calls)))

    def say_something(self):
        for executor in self.executors:
            for place in range(len(executor.calls)):
                executor.current(place).progress(place)

    def cancel(self):
        runs = [run for run in self.world.runs() if run.state in OPEN]
        if runs:
            self.world.client.cancel_run(self.random.choice(runs).id)

    def move(self):
        scheduler, _, _ = self.random.choice(self.nodes)
        job, executor = self.random.choice(self.jobs + self.followers), self.random.choice(EXECUTORS)
        with suppress(JobLookupError, StoreUnavailableError):
            scheduler.modify_job(job.id, executor=executor)

    def submit(self):
        self.submitted.append(self.world.client.submit(note, countdown=self.random.choice([0, 9]), retry=1).id)

    def run_job(self):
        self.submitted.append(self.world.client.run_job(self.random.choice(self.followers).id).id)

    def lose_an_answer(self):
        _, store, _ = self.random.choice(self.nodes)

        def lose(did):
            store.before_commit = store.after_commit = nothing
            lose_the_answer()

        setattr(store, self.random.choice(["before_commit", "after_commit"]), lose)

    def live(self):
        happenings = [self.end_calls] * 6 + [self.cancel, self.cancel, self.submit, self.run_job, self.say_something]
        happenings += [self.lose_an_answer, self.die, self.move, self.move]
        while self.world.clock.now() < at(LASTS):
            self.world.advance(self.random.choice([0, 1, 3, 4]))
            self.random.choice(happenings)()
            self.look()
        for _ in range(200):
            for executor in self.executors:
                executor.finish(len(executor.calls))
            self.world.advance(NODE_TIMEOUT / 4)
            if self.look() == 0:
                break

    # what must hold

    def look(self):
        """Look at all runs, and return how many have not ended."""
        runs = self.world.runs()
        for run in runs:
            assert self.final.get(run.id, run) == run
        self.final.update({run.id: run for run in runs if run.state.final})
        for job in self.jobs + self.followers:
            started = [run for run in runs if run.incarnation == job.incarnation and run.state is RunState.STARTED]
            assert len(started) <= job.max_instances
            now = self.world.client.get_job(job.id)
            waiting = [run for run in runs if run.incarnation == job.incarnation and run.state in WAITING]
            assert {run.executor for run in waiting} <= {now and now.executor}
        assert not self.world.client.engine.links["default"].revocations
        assert not self.world.client.engine._revoking.unfinished
        return sum(not run.state.final for run in runs)

    def check(self):
        runs = self.world.runs()
        assert [run for run in runs if not run.state.final] == []
        assert len(set(self.begun)) == len(self.begun)
        for job in self.jobs:
            fired = [run for run in runs if run.incarnation == job.incarnation and not run.called]
            accounted = [run.scheduled_time + timedelta(seconds=STEP * n) for run in fired for n in range(run.count)]
            assert sorted(accounted) == FIRES
            assert self.world.client.get_job(job.id) is None
        for run_id in self.submitted:
            assert len([run for run in runs if run.id == run_id]) == 1
        self.check_followers(runs)

    def check_followers(self, runs):
        for follower in self.followers:
            ends = [run for run in runs if run.job_id == follower.follows and run.state is not RunState.SKIPPED]
            if follower.trigger.on == "success":
                ends = [run for run in ends if run.state is RunState.SUCCESS]
            expected = sorted(key_of(run.id, follower.id) for run in ends)
            own = [run.id for run in runs if run.job_id == follower.id and run.id not in self.submitted]
            assert sorted(run_id.rpartition("-")[2] for run_id in own) == expected
        called = [run for job in self.jobs if job.on_success for run in runs if run.job_id == job.id]
        expected = sorted(run.id for run in called if run.state is RunState.SUCCESS)
        assert sorted(run.cause for run in runs if ":on_success:" in run.job_id) == expected


@pytest.fixture
def seed(request, monkeypatch):
    """What everything is drawn from, the identities of jobs and nodes included."""
    draw = Random(request.param).randbytes
    monkeypatch.setattr("secrets.token_hex", lambda number: draw(number).hex())
    return request.param


@pytest.mark.parametrize("world", ["memory"], indirect=True)
@pytest.mark.parametrize("seed", range(12), indirect=True)
def test_whatever_happens_every_fire_call_and_end_is_accounted_for(world, calls, seed):
    life = Life(world, seed)
    life.live()
    life.check()


@pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
def test_the_same_holds_in_a_database(world, calls):
    life = Life(world, seed=1)
    life.live()
    life.check()
