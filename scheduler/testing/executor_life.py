"""Contract of executors: start, stop, forks, and what is refused when a job is added."""

from __future__ import annotations

import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable

from scheduler.core.settle import Ending
from scheduler.errors import ExecutorStoppedError, SchedulerAlreadyRunningError, UnknownOptionError
from scheduler.testing.executor_base import ExecutorTests, Reports, expect
from scheduler.testing.executor_calls import PATIENCE, until_told


class LifeTests(ExecutorTests):
    """How it starts and stops, as often as one likes."""

    def test_before_start_and_after_stop_there_is_no_room_and_calls_are_refused(self) -> None:
        assert self.executor.stop(PATIENCE)
        for executor in (self.make_executor(), self.executor):
            assert executor.free_room() == 0
            assert not executor.cancel("run")
            assert list(executor.stuck()) == []
            expect(ExecutorStoppedError, executor.submit, [self.call("run", int)])
        assert self.reports.outcomes == []

    def test_stop_waits_for_what_was_taken(self) -> None:
        self.occupy(self.workers)
        self.executor.submit([self.call("waiting", int)])
        opener = threading.Thread(target=self.open_gate)
        opener.start()
        assert self.executor.stop(PATIENCE)
        opener.join(PATIENCE)
        assert len(self.reports.outcomes) == self.workers + 1

    def test_stop_gives_up_after_its_timeout_and_each_call_is_reported_once_all_the_same(self) -> None:
        ids = self.occupy(self.workers)
        assert not self.executor.stop(0)
        assert self.executor.free_room() == 0
        expect(ExecutorStoppedError, self.executor.submit, [self.call("refused", int)])
        if not self.ends_calls:
            assert {stuck.run_id for stuck in self.executor.stuck()} == set(ids)
            self.open_gate()
        self.reports.wait_for(self.workers)
        assert self.executor.stop(PATIENCE)
        assert list(self.executor.stuck()) == []
        assert sorted(self.reports.ids()) == sorted(ids)

    def test_what_still_runs_when_stop_gives_up_is_told_to_end(self) -> None:
        self.occupy(self.workers, until_told)
        assert not self.executor.stop(0)
        self.reports.wait_for(self.workers)
        endings = {(outcome.ending, outcome.result) for outcome in self.reports.outcomes}
        assert endings == {(Ending.LOST, None) if self.ends_calls else (Ending.RETURNED, "told")}

    def test_what_has_not_begun_when_stop_gives_up_never_begins(self) -> None:
        self.occupy(self.workers)
        self.executor.submit([self.call("waiting", int)])
        assert not self.executor.stop(0)
        self.open_gate()
        assert self.executor.stop(PATIENCE)
        assert "waiting" not in self.reports.ids()

    def test_while_stop_waits_calls_are_ended_and_looked_at_as_before(self) -> None:
        ids = self.occupy(self.workers)
        self.executor.submit([self.call("waiting", int), self.call("dropped", int)])
        stopping = threading.Thread(target=self.executor.stop)
        stopping.start()
        self.wait_until(self._takes_no_more, "a stopped executor takes calls")
        self.wait_until(lambda: self.executor.began(ids[0], 1) is not None, "nobody knows when a call began")
        assert self.executor.began("waiting", 1) in (None, 0.0)
        assert self.executor.cancel("dropped")
        assert not self.executor.cancel(ids[0])
        if self.ends_calls:
            assert (self.reports.first().run_id, self.reports.first().ending) == (ids[0], Ending.LOST)
        else:
            assert [stuck.run_id for stuck in self.executor.stuck()] == [ids[0]]
        self.open_gate()
        stopping.join(PATIENCE)
        assert not stopping.is_alive()
        assert sorted(self.reports.ids()) == sorted([*ids, "waiting"])

    def _takes_no_more(self) -> bool:
        try:
            self.executor.submit([self.call("one too many", int)])  # each takes the place of the one before
        except ExecutorStoppedError:
            self.executor.cancel("one too many")
            return True
        return False

    def test_to_stop_twice_or_before_the_start_does_nothing(self) -> None:
        assert self.executor.stop(PATIENCE)
        assert self.executor.stop()
        assert self.make_executor().stop()

    def test_a_stopped_executor_can_be_started_again(self) -> None:
        self.outcome(int)
        assert self.executor.stop(PATIENCE)
        reports = Reports()
        self.executor.start(reports.done, self.clock)
        assert self.executor.free_room() >= 1
        self.executor.submit([self.call("again", str, "x")])
        assert reports.first().result == "x"
        assert self.reports.ids() == ["run"]

    def test_what_an_earlier_life_left_reports_to_that_life(self) -> None:
        left = self.occupy(self.workers)
        self.executor.stop(0)
        later = Reports()
        self.executor.start(later.done, self.clock)
        self.executor.submit([self.call("run", int)])
        later.wait_for(1)
        self.open_gate()
        self.reports.wait_for(self.workers)
        assert (sorted(self.reports.ids()), later.ids()) == (sorted(left), ["run"])

    def test_an_executor_that_runs_cannot_be_started(self) -> None:
        expect(SchedulerAlreadyRunningError, self.executor.start, self.reports.done, self.clock)


class ForkTests(ExecutorTests):
    """What it is in the child of a fork."""

    def test_in_the_child_of_a_fork_it_is_as_one_that_was_stopped(self) -> None:
        if self.workers:
            self.occupy(self.workers)
        self._fork(self._be_stopped)
        assert self.reports.outcomes == [], "the child's own"
        self.open_gate()
        self.executor.submit([self.call("run", int)])
        self.reports.wait_for(self.workers + 1)

    def _be_stopped(self) -> None:
        self.executor.after_fork()
        assert self.executor.free_room() == 0
        assert list(self.executor.stuck()) == []
        expect(ExecutorStoppedError, self.executor.submit, [self.call("run", int)])
        reports = Reports()
        self.executor.start(reports.done, self.clock)
        self.executor.submit([self.call("run", str, "x")])
        assert reports.first().result == "x"
        assert self.executor.stop(PATIENCE)

    def _fork(self, in_child: Callable[[], None]) -> None:
        """Call something in a forked process, and fail as it does. Where there are no forks, nothing is done."""
        if not hasattr(os, "fork"):
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, which are the question here
            pid = os.fork()
        if not pid:
            try:
                in_child()
            except BaseException:
                (self.folder / "failure").write_text(traceback.format_exc())
            finally:
                os._exit(0)
        try:
            self.wait_until(lambda: os.waitpid(pid, os.WNOHANG) != (0, 0), "the child of the fork hangs")
        except AssertionError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        failure = self.folder / "failure"
        assert not failure.exists(), failure.read_text()


class CheckTests(ExecutorTests):
    """What is refused when a job is added."""

    def test_a_function_without_options_is_accepted(self) -> None:
        self.executor.check(self.call("run", int).func, {})

    def test_an_unknown_option_is_refused(self) -> None:
        error = expect(UnknownOptionError, self.executor.check, self.call("run", int).func, {"no_such_option": 1})
        assert "no_such_option" in str(error)
