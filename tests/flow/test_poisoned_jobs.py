"""Jobs, listeners and executors that fail: each is its own problem, and nobody else's."""

import asyncio
import sys

import pytest

from scheduler import JobBroken, RunState
from scheduler.executors import InlineExecutor
from tests.flow.executors import HeldExecutor, RefusingExecutor
from tests.flow.functions import note, return_what_no_database_keeps
from tests.flow.triggers import MoodyTrigger
from tests.flow.world import accounted, at

MODULE = "movable_module_of_the_flow_tests"

pytestmark = pytest.mark.parametrize("world", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def movable(tmp_path, monkeypatch):
    """A module that can be taken away and put back; `there(bool)` does it."""
    path = tmp_path / f"{MODULE}.py"
    monkeypatch.syspath_prepend(tmp_path)

    def there(wanted):
        sys.modules.pop(MODULE, None)
        if wanted:
            path.write_text("from tests.flow.functions import note as work\n")
        else:
            path.unlink()

    there(True)
    yield there
    sys.modules.pop(MODULE, None)


@pytest.fixture
def mood(monkeypatch):
    """Whether MoodyTrigger works."""

    def good(wanted):
        monkeypatch.setattr(MoodyTrigger, "bad_mood", not wanted)

    return good


def healthy_runs(world):
    return [(run.scheduled_time, run.started_at, run.state) for run in world.runs("healthy")]


def punctual(number):
    return [(at(10 * count), at(10 * count), RunState.SUCCESS) for count in range(1, number + 1)]


def poison(world, scheduler, name, movable, mood):
    """Add a job that every node will fail to load or to plan. Returns what repairs it."""
    if name == "trigger":
        scheduler.add_job(note, MoodyTrigger(), next_run_time=at(10), id="poisoned")
        mood(False)
        return lambda: mood(True)
    if name == "function":
        world.client.add_job(f"{MODULE}:work", "interval", seconds=10, id="poisoned")
        movable(False)
        return lambda: movable(True)
    other = world.scheduler(start=False, executors={"special": InlineExecutor()})
    other.add_job(note, "interval", seconds=10, id="poisoned", executor="special")
    return lambda: scheduler.add_executor(InlineExecutor(), "special")


@pytest.mark.parametrize("name", ["trigger", "function", "executor"])
def test_a_job_that_cannot_run_is_kept_and_resumes_and_delays_nobody(world, calls, movable, mood, name):
    scheduler = world.scheduler()
    heard = []
    scheduler.add_listener(heard.append, JobBroken)
    repair = poison(world, scheduler, name, movable, mood)
    scheduler.add_job(note, "interval", seconds=10, id="healthy")
    world.advance(120)
    assert healthy_runs(world) == punctual(12)
    assert world.runs("poisoned") == []
    [broken] = scheduler.get_jobs(broken=True)
    assert (broken.id, broken.next_run_time) == ("poisoned", at(10))
    assert [event.job_id for event in heard] == ["poisoned"] * (name != "executor")
    repair()
    world.advance(60)
    assert accounted(world.runs(), "poisoned") == 18
    assert scheduler.get_jobs(broken=True) == []
    assert scheduler.health().broken_jobs == 0
    assert healthy_runs(world) == punctual(18)


def test_a_broken_job_that_is_changed_is_tried_at_once(world, calls, mood):
    scheduler = world.scheduler()
    poison(world, scheduler, "trigger", None, mood)
    world.advance(11)
    scheduler.reschedule_job("poisoned", trigger="interval", seconds=5)
    world.advance(5)
    assert [run.scheduled_time for run in world.runs("poisoned")] == [at(16)]


def test_a_listener_that_raises_is_logged_and_disturbs_nobody(world, calls, caplog):
    scheduler = world.scheduler()
    heard = []

    def poisoned(event):
        raise RuntimeError("listener")

    scheduler.add_listener(poisoned)
    scheduler.add_listener(heard.append)
    scheduler.add_job(note, "interval", seconds=10, id="healthy")
    world.advance(30)
    assert healthy_runs(world) == punctual(3)
    assert [type(event).__name__ for event in heard] == ["JobAdded"] + ["RunStarted", "RunSucceeded"] * 3
    assert "poisoned" in caplog.text


@pytest.mark.parametrize(("retry", "state", "attempt"), [(None, RunState.FAILURE, 1), (1, RunState.SUCCESS, 2)])
def test_an_executor_that_takes_nothing_gives_a_failed_attempt(world, calls, retry, state, attempt):
    scheduler = world.scheduler(executors={"other": RefusingExecutor(refusals=1)})
    scheduler.add_job(note, "date", run_date=at(10), id="refused", executor="other", retry=retry)
    scheduler.add_job(note, "interval", seconds=10, id="healthy")
    world.advance(30)
    [run] = world.runs("refused")
    assert (run.state, run.attempt) == (state, attempt)
    assert run.error is None or "no more threads" in run.error
    assert healthy_runs(world) == punctual(3)


@pytest.mark.parametrize("reason", [asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_whatever_an_executor_raises_each_attempt_is_made_once(world, calls, reason):
    """The others of the same turn have been handed over by then, and must not be once more."""
    held = HeldExecutor()
    scheduler = world.scheduler(executors={"held": held, "bad": RefusingExecutor(1, reason)})
    scheduler.pause()
    scheduler.add_job(note, "date", run_date=at(10), id="first", executor="held")
    scheduler.add_job(note, "date", run_date=at(10), id="refused", executor="bad")
    scheduler.add_job(note, "date", run_date=at(10), id="last", executor="default")
    scheduler.resume()
    world.advance(30)
    assert len(held.calls) == 1
    assert (world.states("first"), world.states("refused"), world.states("last")) == (
        [RunState.STARTED], [RunState.FAILURE], [RunState.SUCCESS],
    )  # fmt: skip


def test_a_function_that_exits_the_program_is_a_failed_run(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job("sys:exit", "date", run_date=at(10), id="exit")
    scheduler.add_job(note, "interval", seconds=10, id="healthy")
    world.advance(30)
    [run] = world.runs("exit")
    assert (run.state, run.error) == (RunState.FAILURE, "SystemExit")
    assert healthy_runs(world) == punctual(3)


def test_a_result_that_no_database_keeps_is_recorded_as_what_it_is_and_holds_up_nobody(world, calls):
    scheduler = world.scheduler()
    scheduler.add_job(return_what_no_database_keeps, "date", run_date=at(10), id="odd")
    scheduler.add_job(note, "interval", seconds=10, id="healthy")
    world.advance(30)
    [run] = world.runs("odd")
    assert run.state is RunState.SUCCESS
    assert "object" in f"{run.result} {run.reason}"
    assert healthy_runs(world) == punctual(3)


def test_health_tells_of_jobs_whose_executor_is_unknown_here(world, calls):
    world.scheduler(start=False, executors={"io": InlineExecutor()}).add_job(
        note, "date", run_date=at(5), executor="io"
    )
    scheduler = world.scheduler()
    scheduler.add_job(note, "interval", seconds=10)
    assert scheduler.health().stores["default"].unknown_executors == ("io",)
    assert scheduler.health().lag == 0
    world.advance(65)
    assert len(calls) == 6
    assert scheduler.health().lag == 60


def test_a_key_error_of_an_executors_own_is_a_failed_attempt_and_no_sign_that_it_is_gone(world, calls, caplog):
    scheduler = world.scheduler(executors={"default": RefusingExecutor(1, KeyError("its own"))})
    scheduler.add_job(note, id="job")
    world.advance(0)
    assert world.states("job") == [RunState.FAILURE]
    assert "took none" in caplog.text
