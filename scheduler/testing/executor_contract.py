"""The contract of executors as tests: run it on an executor of your own to see whether schedulers can rely on it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, NoReturn, TypeVar
from unittest import SkipTest

from scheduler.clock import SystemClock
from scheduler.core.settle import Ending, Outcome
from scheduler.errors import ExecutorStoppedError, SchedulerAlreadyRunningError, UnknownOptionError
from scheduler.executors.base import Call, Executor

__all__ = ["ExecutorContract"]

PATIENCE = 60.0
"""Seconds after which a test gives up waiting; no test waits so long when the contract holds."""

_Error = TypeVar("_Error", bound=Exception)

_SEEN: ContextVar[str] = ContextVar("seen", default="nothing")


class ExecutorContract(ABC):
    """Every sentence of `scheduler.executors.base`, as tests for pytest.

    A subclass says how to make an executor, and how many calls it makes at a time; the suite starts and stops it:

        from scheduler.testing import ExecutorContract

        class TestMyExecutor(ExecutorContract):
            workers = 2

            def make_executor(self):
                return MyExecutor(threads=2)

    The calls hand over threading events, so the executor must make them in this process. A test that fails names the
    sentence that does not hold. Call `pytest.register_assert_rewrite("scheduler.testing")` in your conftest.py, before
    the import, to see the values as well.
    """

    workers: ClassVar[int]
    """How many calls the executor makes at a time beside the thread that submits; 0: it makes them within `submit`."""

    @abstractmethod
    def make_executor(self) -> Executor:
        """Return a new executor, not started."""

    def setup_method(self) -> None:
        """Start an executor; called by pytest before each test."""
        self.gate = threading.Event()
        self.reports = _Reports()
        self.executor = self.make_executor()
        self.executor.start(self.reports.done, SystemClock())

    def teardown_method(self) -> None:
        """Stop it; called by pytest after each test."""
        self.gate.set()
        self.executor.stop(PATIENCE)

    # outcomes

    def test_a_call_that_returns_is_reported_with_its_result(self) -> None:
        outcome = self._outcome(divmod, 17, 5)
        assert (outcome.ending, outcome.result, outcome.error) == (Ending.RETURNED, (3, 2), None)

    def test_a_call_is_given_its_arguments(self) -> None:
        self.executor.submit([Call("run", dict, ([("a", 1)],), {"b": 2})])
        assert self.reports.first().result == {"a": 1, "b": 2}

    def test_an_outcome_says_which_attempt_it_was_of(self) -> None:
        self.executor.submit([Call("returns", int, attempt=2)])
        assert self.reports.first().attempt == 2
        self.executor.submit([Call("raises", _raise, (ValueError(),), attempt=3)])
        self.reports.wait_for(2)
        assert [outcome.attempt for outcome in self.reports.outcomes] == [2, 3]

    def test_a_call_that_raises_is_reported_with_type_message_and_traceback(self) -> None:
        outcome = self._outcome(_raise, ValueError("no such thing"))
        assert (outcome.ending, outcome.result) == (Ending.RAISED, None)
        assert outcome.error == "ValueError: no such thing"
        assert "_raise" in (outcome.traceback or "")
        assert {"ValueError", "builtins.ValueError", "Exception"} <= set(outcome.error_types)

    def test_whatever_is_raised_is_reported_and_the_executor_goes_on(self) -> None:
        raised = (SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException(), StopIteration())
        for error in raised * max(1, self.workers):
            outcome = self._outcome(_raise, error)
            assert outcome.ending is Ending.RAISED
            assert type(error).__name__ in outcome.error_types

    def test_a_result_that_raises_when_it_is_looked_at_is_reported(self) -> None:
        assert isinstance(self._outcome(_Unlookable).ending, Ending)
        assert self._outcome(int).ending is Ending.RETURNED

    def test_an_error_that_cannot_be_shown_is_reported(self) -> None:
        outcome = self._outcome(_raise, _UnshowableError())
        assert (outcome.error or "").startswith("_UnshowableError")

    def test_errors_are_reported_in_text_that_every_database_can_keep(self) -> None:
        outcome = self._outcome(_raise, ValueError("\ud800 naïve \0"))
        for text in (outcome.error, outcome.traceback):
            assert text is not None
            assert b"\0" not in text.encode()
            assert "naïve" in text

    def test_a_call_sees_context_variables_neither_of_the_submitter_nor_of_other_calls(self) -> None:
        token = _SEEN.set("the submitter's")
        try:
            results = [self._outcome(_see_and_set, "a call's").result for _ in range(self.workers + 2)]
        finally:
            _SEEN.reset(token)
        assert set(results) == {"nothing"}

    def test_an_outcome_that_cannot_be_delivered_does_not_end_the_executor(self) -> None:
        self.reports.refuse = True
        for number in range(self.workers + 1):
            self.executor.submit([Call(f"refused-{number}", int)])
        self.reports.wait_for(self.workers + 1)
        self.reports.refuse = False
        self.executor.submit([Call("run", int)])
        self.reports.wait_for(self.workers + 2)

    def test_a_thousand_calls_from_eight_threads_are_each_reported_once(self) -> None:
        def submit(thread: int) -> None:
            for number in range(0, 125, 5):
                self.executor.submit([Call(f"{thread}-{at}", str, (at,)) for at in range(number, number + 5)])

        threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert self.executor.stop(PATIENCE)
        reported = {outcome.run_id: outcome.result for outcome in self.reports.outcomes}
        assert reported == {f"{thread}-{number}": str(number) for thread in range(8) for number in range(125)}
        assert len(self.reports.outcomes) == 1000

    # room

    def test_an_idle_executor_has_room(self) -> None:
        assert self.executor.free_room() >= max(1, self.workers)

    def test_room_falls_while_calls_last_and_returns_when_they_are_reported(self) -> None:
        self._occupy(self.workers)
        assert self.executor.free_room() == 0
        self.gate.set()
        self.reports.wait_for(self.workers)
        assert self.executor.free_room() >= self.workers

    def test_calls_beyond_the_room_are_taken_and_made_later(self) -> None:
        self._occupy(self.workers)
        self.executor.submit([Call(f"later-{number}", int) for number in range(20)])
        self.gate.set()
        self.reports.wait_for(self.workers + 20)

    def test_nothing_to_submit_is_no_error(self) -> None:
        self.executor.submit([])
        assert self.executor.free_room() >= 1

    # cancel

    def test_a_call_that_has_not_begun_can_be_dropped_and_is_never_reported(self) -> None:
        self._occupy(self.workers)
        self.executor.submit([Call("dropped", int), Call("kept", int)])
        assert self.executor.cancel("dropped")
        assert not self.executor.cancel("dropped")
        self.gate.set()
        assert self.executor.stop(PATIENCE)
        ids = self.reports.ids()
        assert "kept" in ids
        assert "dropped" not in ids
        assert len(ids) == self.workers + 1

    def test_a_dropped_call_takes_no_room(self) -> None:
        self._occupy(self.workers - 1)
        room = self.executor.free_room()
        gates = [Call(f"dropped-{number}", self.gate.wait, (PATIENCE,)) for number in range(20)]
        self.executor.submit(gates)
        dropped = sum(self.executor.cancel(call.run_id) for call in gates)
        assert self.executor.free_room() >= room - (len(gates) - dropped)

    def test_what_is_unknown_or_done_cannot_be_dropped(self) -> None:
        self._outcome(int)
        assert not self.executor.cancel("run")
        assert not self.executor.cancel("unknown")

    def test_a_call_that_has_begun_is_not_dropped(self) -> None:
        begun = self._occupy(1)
        assert not self.executor.cancel(begun[0])
        self.gate.set()
        self.reports.wait_for(1)

    # life

    def test_before_start_and_after_stop_there_is_no_room_and_calls_are_refused(self) -> None:
        assert self.executor.stop(PATIENCE)
        for executor in (self.make_executor(), self.executor):
            assert executor.free_room() == 0
            assert not executor.cancel("run")
            _expect(ExecutorStoppedError, executor.submit, [Call("run", int)])
        assert self.reports.outcomes == []

    def test_stop_waits_for_what_was_taken(self) -> None:
        self._occupy(self.workers)
        self.executor.submit([Call("waiting", int)])
        opener = threading.Thread(target=self.gate.set)
        opener.start()
        assert self.executor.stop(PATIENCE)
        opener.join(PATIENCE)
        assert len(self.reports.outcomes) == self.workers + 1

    def test_stop_gives_up_after_its_timeout_and_the_rest_is_reported_later(self) -> None:
        self._occupy(self.workers)
        assert not self.executor.stop(0)
        assert self.executor.free_room() == 0
        _expect(ExecutorStoppedError, self.executor.submit, [Call("refused", int)])
        self.gate.set()
        self.reports.wait_for(self.workers)
        assert self.executor.stop(PATIENCE)

    def test_what_has_not_begun_when_stop_gives_up_never_begins(self) -> None:
        self._occupy(self.workers)
        self.executor.submit([Call("waiting", int)])
        assert not self.executor.stop(0)
        self.gate.set()
        assert self.executor.stop(PATIENCE)
        assert "waiting" not in self.reports.ids()

    def test_to_stop_twice_or_before_the_start_does_nothing(self) -> None:
        assert self.executor.stop(PATIENCE)
        assert self.executor.stop()
        assert self.make_executor().stop()

    def test_a_stopped_executor_can_be_started_again(self) -> None:
        self._outcome(int)
        assert self.executor.stop(PATIENCE)
        reports = _Reports()
        self.executor.start(reports.done, SystemClock())
        assert self.executor.free_room() >= 1
        self.executor.submit([Call("again", str, ("x",))])
        assert reports.first().result == "x"
        assert self.reports.ids() == ["run"]

    def test_what_an_earlier_life_left_reports_to_that_life(self) -> None:
        left = self._occupy(self.workers)
        self.executor.stop(0)
        later = _Reports()
        self.executor.start(later.done, SystemClock())
        self.executor.submit([Call("run", int)])
        later.wait_for(1)
        self.gate.set()
        self.reports.wait_for(self.workers)
        assert (sorted(self.reports.ids()), later.ids()) == (sorted(left), ["run"])

    def test_an_executor_that_runs_cannot_be_started(self) -> None:
        _expect(SchedulerAlreadyRunningError, self.executor.start, self.reports.done, SystemClock())

    # check

    def test_a_function_without_options_is_accepted(self) -> None:
        self.executor.check(int, {})

    def test_an_unknown_option_is_refused(self) -> None:
        error = _expect(UnknownOptionError, self.executor.check, int, {"no_such_option": 1})
        assert "no_such_option" in str(error)

    def test_a_coroutine_function_is_run_to_its_end(self) -> None:
        for func in (_coroutine, _AsyncCallable()):
            self.executor.check(func, {})
            assert self._outcome(func).ending is Ending.RETURNED

    # what the tests share

    def _outcome(self, func: Callable[..., Any], *args: Any) -> Outcome:
        """Make one call and return how it ended."""
        before = len(self.reports.outcomes)
        self.executor.submit([Call("run", func, args)])
        self.reports.wait_for(before + 1)
        return self.reports.outcomes[before]

    def _occupy(self, count: int) -> Sequence[str]:
        """Have so many calls run that last until the gate opens; return their ids."""
        if not self.workers:
            raise SkipTest("this executor makes its calls within submit")
        begun = threading.Semaphore(0)

        def last() -> None:
            begun.release()
            self.gate.wait(PATIENCE)

        ids = [f"lasting-{number}" for number in range(count)]
        self.executor.submit([Call(run_id, last) for run_id in ids])
        for run_id in ids:
            assert begun.acquire(timeout=PATIENCE), f"{run_id} did not begin"
        return ids


class _Reports:
    """Takes outcomes from any thread."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.refuse = False
        self._changed = threading.Condition()

    def done(self, outcome: Outcome) -> None:
        with self._changed:
            self.outcomes.append(outcome)
            self._changed.notify_all()
        if self.refuse:
            raise RuntimeError("nobody takes this outcome")

    def wait_for(self, count: int) -> None:
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.outcomes) >= count, PATIENCE)
        assert came, f"{len(self.outcomes)} of {count} outcomes came within {PATIENCE} s"

    def first(self) -> Outcome:
        self.wait_for(1)
        return self.outcomes[0]

    def ids(self) -> list[str]:
        return [outcome.run_id for outcome in self.outcomes]


class _UnshowableError(Exception):
    def __str__(self) -> str:
        raise SystemExit("not even its message")


class _Unlookable:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("this object stands for another one that is not there")


class _AsyncCallable:
    async def __call__(self) -> None: ...


async def _coroutine() -> None: ...


def _raise(error: BaseException) -> NoReturn:
    raise error


def _see_and_set(value: str) -> str:
    seen = _SEEN.get()
    _SEEN.set(value)
    return seen


def _expect(kind: type[_Error], call: Callable[..., Any], *args: Any) -> _Error:
    try:
        call(*args)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
