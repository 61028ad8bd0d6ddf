"""What is kept of runs that have ended, and how the rest goes: a little at a time, and never in the way of fires."""

from datetime import timedelta

import pytest

from scheduler import History, RetryPolicy, RunState, Scheduler
from scheduler.core.run import Run, run_id
from scheduler.errors import StoreUnavailableError
from scheduler.executors import InlineExecutor
from scheduler.runtime.housekeeping import BATCH, BREATH
from scheduler.testing import FakeClock, VirtualTime
from tests.flow.executors import HeldExecutor
from tests.flow.functions import fail, note
from tests.flow.world import EVERYTHING, START, at

DAY = 86_400


def start(world, **options):
    """A scheduler whose heartbeats are not most of what happens."""
    return world.scheduler(heartbeat_interval=30.0 * DAY, node_timeout=90.0 * DAY, **options)


def backlog(world, number, job_id="old", ended=None):
    """Put runs into the store that ended a minute after one another, the last one a minute before the start."""
    runs = []
    for minute in range(number, 0, -1):
        time = START - timedelta(minutes=minute)
        runs.append(
            Run(
                id=run_id("0ld", time), job_id=job_id, incarnation="0ld", scheduled_time=time, state=RunState.SUCCESS,
                started_at=time, finished_at=ended or time,
            )
        )  # fmt: skip
    with world.client.engine.links["default"].store.turn() as turn:
        turn.insert(runs)


@pytest.fixture
def opened(world):
    """A world whose client has opened its store."""
    world.client.get_jobs()
    return world


def test_runs_are_kept_for_their_time(world, calls):
    scheduler = start(world, history=History(keep_for=timedelta(hours=3), keep_runs=None))
    scheduler.add_job(note, "interval", hours=1, id="job")
    world.advance(10 * 3600)
    kept = [run.scheduled_time for run in world.runs("job")]
    assert kept == [at(3600 * hour) for hour in (7, 8, 9, 10)]


def test_nothing_is_pruned_where_all_is_to_be_kept(world, calls):
    scheduler = start(world, history=EVERYTHING)
    scheduler.add_job(note, "interval", hours=6, id="job")
    world.advance(40 * DAY)
    assert len(world.runs("job")) == 40 * 4


@pytest.mark.parametrize(("keep", "most"), [(0, 3), (1, 4), (5, 8), (40, 47)])
def test_of_each_job_the_latest_runs_are_kept_with_a_tenth_more_and_those_of_the_last_minutes(world, calls, keep, most):
    scheduler = start(world, history=History(keep_runs=keep))
    for name in "ab":
        scheduler.add_job(note, "interval", minutes=1, id=name)
    world.advance(50 * 60 + 30)
    for name in "ab":
        kept = [run.scheduled_time for run in world.runs(name)]
        assert keep <= len(kept) <= most
        assert kept == [at(60 * minute) for minute in range(51 - len(kept), 51)]


def test_a_job_may_keep_another_number_than_the_scheduler(world, calls):
    scheduler = start(world, history=History(keep_runs=10))
    scheduler.add_job(note, "interval", minutes=1, id="none", keep_runs=0)
    scheduler.add_job(note, "interval", minutes=1, id="few", keep_runs=3)
    scheduler.add_job(note, "interval", minutes=1, id="as the others")
    world.advance(30 * 60 + 30)
    for name, keep in (("none", 0), ("few", 3), ("as the others", 10)):
        assert keep <= len(world.runs(name)) <= keep + 3


def test_a_run_stays_for_a_minute_after_its_end_however_few_are_kept(world, calls):
    scheduler = start(world, history=History(keep_for=1, keep_runs=0))
    scheduler.add_job(note, "interval", seconds=10, id="job")
    world.advance(1_000)
    kept = {run.scheduled_time for run in world.runs("job")}
    assert kept >= {at(second) for second in range(940, 1_001, 10)}
    assert len(kept) < 30


def test_skipped_fires_are_history_too(world, calls):
    held = HeldExecutor()
    scheduler = start(world, executors={"default": held}, history=History(keep_runs=5))
    scheduler.add_job(note, "interval", minutes=1, id="stuck", coalesce=False)
    world.advance(60 * 60 + 30)
    states = world.states("stuck")
    assert states.count(RunState.STARTED) == 1
    assert 5 <= states.count(RunState.SKIPPED) <= 8


def test_runs_that_have_not_ended_are_never_pruned(world, calls):
    held = HeldExecutor()
    scheduler = start(world, executors={"default": held}, history=History(keep_for=60, keep_runs=0))
    scheduler.add_job(note, "date", run_date=at(1), id="runs on")
    scheduler.add_job(note, "interval", minutes=1, id="queued", overlap="queue", start_date=at(10), end_date=at(100))
    world.advance(DAY)
    assert world.states("runs on") == [RunState.STARTED]
    assert [run.finished_at for run in world.runs("queued")] == [None, None]


def test_runs_that_wait_for_another_attempt_are_never_pruned(world, calls):
    scheduler = start(world, history=History(keep_for=60, keep_runs=0))
    scheduler.add_job(
        fail, "date", run_date=at(1), id="retried", retry=RetryPolicy(max_retries=1, delay=2 * DAY, max_delay=2 * DAY)
    )
    world.advance(DAY)
    assert world.states("retried") == [RunState.RETRY]


@pytest.mark.parametrize("what", ["pause_job", "remove_job"])
def test_the_history_of_a_job_that_fires_no_more_goes_with_time(world, calls, what):
    scheduler = start(world, history=History(keep_for=DAY, keep_runs=2))
    scheduler.add_job(note, "interval", minutes=1, id="job")
    scheduler.add_job(note, "interval", hours=12, id="other")
    world.advance(3 * 60)
    getattr(scheduler, what)("job")
    world.advance(DAY / 2)
    assert 2 <= len(world.runs("job")) <= 4
    world.advance(DAY)
    assert world.runs("job") == []


class Punctual(InlineExecutor):
    """Notes when each call is made."""

    def __init__(self, clock):
        super().__init__()
        self.times = []
        self._clock = clock

    def submit(self, calls):
        self.times += [self._clock.now()] * len(calls)
        super().submit(calls)


def test_a_long_backlog_goes_in_small_turns_while_fires_stay_on_time(opened, calls):
    world = opened
    backlog(world, 7 * BATCH)
    executor = Punctual(world.clock)
    scheduler = start(world, executors={"default": executor}, history=History(keep_for=1))
    scheduler.add_job(note, "interval", seconds=BREATH, id="job", keep_runs=1_000)
    left = []
    for _ in range(9):
        world.advance(BREATH)
        left.append(len(world.runs("old")))
    assert left[-1] == 0
    steps = [before - after for before, after in zip([7 * BATCH, *left], left, strict=False)]
    assert max(steps) <= 2 * BATCH
    assert executor.times == [at(BREATH * number) for number in range(1, 10)]


def test_the_runs_that_a_job_had_before_the_start_are_counted_with_its_first_one(opened, calls):
    world = opened
    backlog(world, 3 * BATCH, "job")
    scheduler = start(world, history=History(keep_runs=100))
    scheduler.add_job(note, "interval", hours=1, id="job")
    world.advance(3600)
    world.advance(3600)
    world.advance(1)
    there_were_runs_before = world.client.engine.links["default"].store.persistent
    assert len(world.runs("job")) == (100 if there_were_runs_before else 3 * BATCH + 2)


def test_pruning_that_fails_is_tried_again_when_the_store_answers(opened, calls):
    world = opened
    backlog(world, 5)
    store = world.store()
    prunes = []

    def prune(before, limit):
        prunes.append(limit)
        if len(prunes) < 3:
            raise StoreUnavailableError("not now")
        return store.inner.prune(before, limit)

    store.prune = prune
    start(world, store=store, history=History(keep_for=1))
    world.advance(10)
    assert len(prunes) == 3
    assert world.runs() == []


def test_virtual_time_is_not_made_to_pass_for_housekeeping(world, calls):
    scheduler = start(world, history=History())
    scheduler.add_job(note, "interval", days=1, id="job")
    world.advance(10)
    assert world.time.settle() == timedelta(seconds=DAY - 10)


def test_two_schedulers_may_keep_house_in_one_store(world, calls):
    for _ in range(2):
        scheduler = start(world, history=History(keep_runs=5))
    scheduler.add_job(note, "interval", minutes=1, id="job")
    world.advance(30 * 60 + 30)
    assert 5 <= len(world.runs("job")) <= 8


def fail_at_length(text):
    raise ValueError(text)


def test_messages_and_tracebacks_are_cut_as_the_scheduler_says(world, calls):
    scheduler = start(world, history=History(max_traceback=100))
    scheduler.add_job(fail_at_length, "date", run_date=at(1), args=["x" * 1_000], id="job")
    world.advance(1)
    [run] = world.runs("job")
    for text in (run.error, run.traceback):
        assert len(text) < 150
        assert "characters left out …]" in text
        assert text.rstrip().endswith("x" * 40)


def test_results_are_as_long_as_the_scheduler_says(tmp_path, calls):
    clock = FakeClock(START)
    scheduler = Scheduler(f"sqlite:///{tmp_path / 'r.db'}", clock=clock, timezone="UTC", history=History(max_result=50))
    with scheduler:
        scheduler.add_job("builtins:str", args=["y" * 49], id="too long")
        scheduler.add_job("builtins:str", args=["y" * 40], id="short")
        VirtualTime(clock, scheduler).settle()
        results = {run.job_id: run.result for run in scheduler.get_runs()}
    scheduler.close()
    assert results["short"] == "y" * 40
    assert results["too long"] != "y" * 49
