"""What the parts of the executor contract share: an executor that was started, and calls that last."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar
from unittest import SkipTest

from scheduler.clock import SystemClock
from scheduler.core.settle import Outcome, ProgressReport
from scheduler.executors.base import Call, Executor
from scheduler.testing.executor_calls import GATE, PATIENCE, TICK, as_coroutine_function, last

_Error = TypeVar("_Error", bound=Exception)


class ExecutorTests(ABC):
    """What a subclass says of its executor, and what the tests do with it."""

    workers: ClassVar[int]
    """How many calls the executor makes at a time beside the thread that submits; 0: it makes them within `submit`."""

    plain_functions: ClassVar[bool] = True
    """Whether it calls plain functions. If it takes coroutine functions only, the suite hands over such."""

    same_process: ClassVar[bool] = True
    """Whether it makes its calls in this process, so that results need not be pickled."""

    ends_calls: ClassVar[bool] = False
    """Whether calls that it tells to end do, whatever they do: as coroutines and processes, but no threads."""

    @abstractmethod
    def make_executor(self) -> Executor:
        """Return a new executor, not started."""

    def setup_method(self) -> None:
        """Start an executor; called by pytest before each test."""
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self.clock = SystemClock()
        self.reports = Reports()
        self.executor = self.make_executor()
        self.executor.start(self.reports.done, self.clock)

    def teardown_method(self) -> None:
        """Stop it; called by pytest after each test."""
        self.open_gate()
        self.executor.stop(PATIENCE)
        self._folder.cleanup()

    def call(self, run_id: str, func: Callable[..., Any], *args: Any, **fields: Any) -> Call:
        """Return a call as this executor takes it."""
        return Call(run_id, func if self.plain_functions else as_coroutine_function(func), args, **fields)

    def outcome(self, func: Callable[..., Any], *args: Any) -> Outcome:
        """Make one call and return how it ended."""
        return self.outcome_of(self.call("run", func, *args))

    def outcome_of(self, call: Call) -> Outcome:
        before = len(self.reports.outcomes)
        self.executor.submit([call])
        self.reports.wait_for(before + 1)
        return self.reports.outcomes[before]

    def occupy(self, count: int, func: Callable[..., Any] = last) -> Sequence[str]:
        """Have so many calls run that last, if nobody tells them to end, until the gate opens; return their ids."""
        if not self.workers:
            raise SkipTest("this executor makes its calls within submit")
        ids = [f"{func.__name__}-{number}" for number in range(count)]
        self.executor.submit([self.call(run_id, func, str(self.folder), run_id) for run_id in ids])
        for run_id in ids:
            self.wait_for_file(run_id)
        return ids

    def wait_for_file(self, name: str) -> None:
        """Wait until a call has made this file."""
        self.wait_until((self.folder / name).exists, f"{name} did not begin")

    def wait_until(self, holds: Callable[[], bool], otherwise: str) -> None:
        """Wait until something holds that nobody tells of."""
        never = threading.Event()
        for _ in range(int(PATIENCE / TICK)):
            if holds():
                return
            never.wait(TICK)
        raise AssertionError(otherwise)

    def open_gate(self) -> None:
        """Let the calls end that last."""
        (self.folder / GATE).touch()


class Reports:
    """Takes what an executor reports, from any thread."""

    def __init__(self) -> None:
        self.all: list[Outcome | ProgressReport] = []
        """Everything, in the order in which it came."""
        self.refuse = False
        self._changed = threading.Condition()

    @property
    def outcomes(self) -> list[Outcome]:
        """How calls ended."""
        return [report for report in self.all if isinstance(report, Outcome)]

    def done(self, report: Outcome | ProgressReport) -> None:
        """Take what an executor reports."""
        with self._changed:
            self.all.append(report)
            self._changed.notify_all()
        if self.refuse:
            raise RuntimeError("nobody takes this outcome")

    def wait_for(self, count: int) -> None:
        """Wait until so many calls have ended."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.outcomes) >= count, PATIENCE)
        assert came, f"{len(self.outcomes)} of {count} outcomes came within {PATIENCE} s"

    def first(self) -> Outcome:
        """Wait for the first outcome."""
        self.wait_for(1)
        return self.outcomes[0]

    def ids(self) -> list[str]:
        """The runs whose calls have ended, in that order."""
        return [outcome.run_id for outcome in self.outcomes]


def expect(kind: type[_Error], call: Callable[..., Any], *args: Any) -> _Error:
    """Return the error of this kind that the call raises."""
    try:
        call(*args)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
