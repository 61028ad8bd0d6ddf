"""What the function of a run may ask and say, and from where."""

import asyncio
import contextvars
import functools
import logging
import threading
from datetime import UTC, datetime

import pytest

from scheduler import NotInARunError, Retry, RunState, current_run
from scheduler.core.retry import Again
from scheduler.core.run import Reason
from scheduler.core.settle import Ending, ProgressReport
from scheduler.errors import InvalidSettingError
from scheduler.executors.base import Call, raised
from scheduler.executors.current import CurrentRun, attempt, inside_a_run

PATIENCE = 60.0
TIME = datetime(2024, 5, 1, tzinfo=UTC)


def run_of(func=int, report=None):
    return CurrentRun(Call("the run", func, attempt=2, job_id="the job", scheduled_time=TIME), report)


def call(func, report=None):
    """Make a call as executors do, and return its outcome."""
    current = run_of(func, report)
    return contextvars.Context().run(attempt, current.call, current)


def in_a_thread(func):
    """Return what a function returns, or the error that it raises, in a thread of its own."""
    found = []

    def work():
        try:
            found.append(func())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)
    return found[0]


# where it is found


def test_outside_of_a_run_the_error_says_what_to_do():
    assert not inside_a_run()
    with pytest.raises(NotInARunError, match=r"outside the function of a run; .*call it before, and pass on"):
        current_run()


def test_it_is_over_when_the_call_has_ended():
    assert attempt(Call("run", inside_a_run)).result is True
    assert not inside_a_run()


def test_a_thread_that_the_function_starts_is_given_the_object():
    def func():
        run = current_run()
        return in_a_thread(current_run), in_a_thread(lambda: run.run_id)

    found, run_id = call(func).result
    assert isinstance(found, NotInARunError)
    assert run_id == "the run"


def test_coroutines_and_the_tasks_they_start_are_inside():
    async def func():
        async def inner():
            return current_run()

        run = current_run()
        return await inner() is run and await asyncio.create_task(inner()) is run

    assert call(func).result is True


def test_a_run_inside_of_a_run_is_another_one():
    def func():
        inner = attempt(Call("inner", lambda: current_run().run_id)).result
        return inner, current_run().run_id

    assert call(func).result == ("inner", "the run")


def test_it_tells_what_the_run_is():
    run = run_of()
    assert (run.run_id, run.job_id, run.scheduled_time, run.attempt) == ("the run", "the job", TIME, 2)


# cancelled


def test_it_is_cancelled_when_it_is_told():
    run = run_of()
    assert not run.cancelled
    assert not run.cancelled.is_set()
    assert run.cancelled.wait(0) is False
    run.tell(17.0, Reason.SHUTDOWN)
    assert run.cancelled
    assert run.cancelled.is_set()
    assert run.cancelled.wait(PATIENCE) is True
    assert (run.told_at, run.told_why) == (17.0, Reason.SHUTDOWN)


def test_what_is_asked_for_only_later_knows_that_it_was_told():
    run = run_of()
    run.tell(17.0)
    run.tell(18.0, Reason.SHUTDOWN)
    assert run.cancelled
    assert (run.told_at, run.told_why) == (17.0, None), "the first word counts"


def test_threads_that_wait_are_woken():
    run = run_of()
    waiting = threading.Thread(target=run.cancelled.wait, args=(PATIENCE,))
    waiting.start()
    run.tell(17.0)
    waiting.join(PATIENCE)
    assert not waiting.is_alive()


# progress


def test_what_it_says_is_reported():
    reports = []
    run = run_of(report=reports.append)
    run.update_state("COPYING", {"file": "a"})
    run.progress(3, 10)
    run.progress(0.5)
    run.progress(1, stage="last", total=1)
    assert reports == [
        ProgressReport("the run", 2, "COPYING", {"file": "a"}),
        ProgressReport("the run", 2, "PROGRESS", {"done": 3, "total": 10}),
        ProgressReport("the run", 2, "PROGRESS", {"done": 0.5, "total": None}),
        ProgressReport("the run", 2, "PROGRESS", {"done": 1, "total": 1, "stage": "last"}),
    ]


def test_what_it_said_does_not_change_when_the_function_goes_on():
    reports, lines = [], ["first"]
    run = run_of(report=reports.append)
    run.update_state("READING", {"lines": lines})
    run.progress(1, lines=lines)
    lines.append("second")
    assert [report.meta["lines"] for report in reports] == [["first"], ["first"]]


@pytest.mark.parametrize("state", ["", "a" * 65, None, 3, RunState.STARTED, "SUCCESS", "LOST"], ids=repr)
def test_a_state_that_cannot_be_told_apart_is_refused(state):
    with pytest.raises(InvalidSettingError, match=r"state must be 1 to 64 characters.*, not ") as caught:
        run_of().update_state(state, {})
    assert repr(state)[:20] in str(caught.value)


@pytest.mark.parametrize("state", ["a", "a" * 64, "progress", "Größe"])
def test_a_state_of_ones_own_is_taken(state):
    run_of().update_state(state, {})


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (None, "meta must be a mapping with text as keys, not None"),
        ([("a", 1)], "meta must be a mapping"),
        ({1: "a"}, "meta must be a mapping with text as keys"),
        ({"lock": threading.Lock()}, "cannot be copied: TypeError.*; pass plain values"),
    ],
    ids=["nothing", "pairs", "a number as key", "a lock as value"],
)
def test_meta_that_cannot_be_kept_is_refused(meta, message):
    with pytest.raises(InvalidSettingError, match=message):
        run_of().update_state("PROGRESS", meta)


@pytest.mark.parametrize("wrong", ["3", True, False, None, -1, -0.5, float("nan"), float("inf"), 1j], ids=repr)
def test_progress_is_told_in_numbers_from_0(wrong):
    with pytest.raises(InvalidSettingError, match="done must be a number from 0, not "):
        run_of().progress(wrong, 10)
    if wrong is not None:
        with pytest.raises(InvalidSettingError, match=r"total must be a number from 0, or None \(not known\), not "):
            run_of().progress(1, wrong)


def test_not_more_is_done_than_there_is_to_do():
    said = []
    current = run_of(report=said.append)
    with pytest.raises(InvalidSettingError, match="done must be at the most total, 3, not 5"):
        current.progress(5, 3)
    assert said == []
    for done, total in ((0, 0), (0, 3), (3, 3), (0.5, 0.5), (5, None), (1, 10**400)):
        current.progress(done, total)
    assert [report.meta for report in said] == [
        {"done": 0, "total": 0}, {"done": 0, "total": 3}, {"done": 3, "total": 3}, {"done": 0.5, "total": 0.5},
        {"done": 5, "total": None}, {"done": 1, "total": 10**400},
    ]  # fmt: skip


def test_a_report_that_nobody_takes_is_logged_and_does_not_reach_the_function(caplog):
    def refuse(report):
        raise OSError("no")

    with caplog.at_level(logging.ERROR, logger="scheduler.executors"):
        run_of(report=refuse).progress(1)
    assert "the progress of run the run could not be reported" in caplog.text


def test_without_somebody_who_listens_it_may_be_said_all_the_same():
    assert attempt(Call("run", lambda: current_run().progress(1, 2))).ending is Ending.RETURNED


# attempts


async def add(first, second):
    await asyncio.sleep(0)
    return first + second


async def fail():
    await asyncio.sleep(0)
    raise SystemExit("from a coroutine")


def test_a_coroutine_is_run_to_its_end():
    assert attempt(Call("run", add, (1, 2))).result == 3
    assert attempt(Call("run", functools.partial(add, 1), (2,))).result == 3
    assert attempt(Call("run", lambda: add(1, 2))).result == 3, "whatever function returned it"


def test_a_coroutine_is_run_to_its_end_also_where_an_event_loop_runs():
    async def program():
        return call(lambda: add(current_run().attempt, 1)), call(fail)

    returned, failed = asyncio.run(program())
    assert returned.result == 3
    assert (failed.ending, failed.error) == (Ending.RAISED, "SystemExit: from a coroutine")


def test_tasks_that_a_coroutine_leaves_behind_are_cancelled():
    ended = []

    async def left():
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            ended.append(True)

    async def func():
        func.task = asyncio.create_task(left())
        await asyncio.sleep(0)

    assert call(func).ending is Ending.RETURNED
    assert ended == [True]


def test_a_coroutine_for_which_there_is_no_event_loop_is_a_failure(monkeypatch):
    def refuse():
        raise OSError("too many open files")

    monkeypatch.setattr(asyncio.events, "new_event_loop", refuse)
    outcome = call(lambda: add(1, 2))
    assert (outcome.ending, outcome.error) == (Ending.RAISED, "OSError: too many open files")


# Retry


class Later(Retry):
    """A Retry that is made in its own way."""

    def __init__(self):
        pass


class Wrong(Retry):
    def __init__(self):
        super().__init__("soon")
        self.countdown = "5"


class Unreadable(Retry):
    @property
    def eta(self):
        raise LookupError("nowhere")

    def __init__(self):
        pass


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Retry(), Again()),
        (Retry(countdown=5), Again(countdown=5.0)),
        (Retry(eta=TIME, max_retries=0), Again(eta=TIME, max_retries=0)),
        (Later(), Again()),
        (ValueError(), None),
    ],
    ids=repr,
)
def test_an_attempt_that_is_to_be_made_again_says_so(error, again):
    outcome = raised("run", error)
    assert (outcome.ending, outcome.again) == (Ending.RAISED, again)


@pytest.mark.parametrize(
    ("error", "message"),
    [(Wrong(), "InvalidJobError: retry: countdown must be a number"), (Unreadable(), "LookupError: nowhere")],
)
def test_a_retry_that_asks_for_nonsense_is_a_failure_that_says_so(error, message):
    outcome = raised("run", error)
    assert (outcome.ending, outcome.again) == (Ending.RAISED, None)
    assert outcome.error.startswith(message)
