"""Contract of executors: room, and how calls are dropped, told to end, and looked at meanwhile."""

from __future__ import annotations

from functools import partial

from scheduler.core.settle import Ending
from scheduler.testing.executor_base import ExecutorTests
from scheduler.testing.executor_calls import PATIENCE, last, until_told


class RoomTests(ExecutorTests):
    """How many calls it takes."""

    def test_an_idle_executor_has_room(self) -> None:
        assert self.executor.free_room() >= max(1, self.workers)

    def test_room_falls_while_calls_last_and_returns_when_they_are_reported(self) -> None:
        self.occupy(self.workers)
        assert self.executor.free_room() == 0
        self.open_gate()
        self.reports.wait_for(self.workers)
        assert self.executor.free_room() >= self.workers

    def test_calls_beyond_the_room_are_taken_and_made_later(self) -> None:
        self.occupy(self.workers)
        self.executor.submit([self.call(f"later-{number}", int) for number in range(20)])
        self.open_gate()
        self.reports.wait_for(self.workers + 20)

    def test_nothing_to_submit_is_no_error(self) -> None:
        self.executor.submit([])
        assert self.executor.free_room() >= 1

    def test_a_call_takes_the_place_of_one_of_its_run_that_still_waits(self) -> None:
        self.occupy(self.workers)
        self.executor.submit([self.call("same", str, "first", attempt=1)])
        self.executor.submit([self.call("same", str, "second", attempt=2)])
        self.open_gate()
        assert self.executor.stop(PATIENCE)
        made = [(outcome.attempt, outcome.result) for outcome in self.reports.outcomes if outcome.run_id == "same"]
        assert made == [(2, "second")]


class CancelTests(ExecutorTests):
    """How calls are ended, before they begin and later, by a user or because their time is over."""

    def test_a_call_that_has_not_begun_can_be_dropped_and_is_never_reported(self) -> None:
        self.occupy(self.workers)
        self.executor.submit([self.call("dropped", int), self.call("kept", int)])
        assert self.executor.cancel("dropped")
        assert not self.executor.cancel("dropped")
        self.open_gate()
        assert self.executor.stop(PATIENCE)
        ids = self.reports.ids()
        assert "kept" in ids
        assert "dropped" not in ids
        assert len(ids) == self.workers + 1

    def test_a_dropped_call_takes_no_room(self) -> None:
        self.occupy(self.workers)
        waiting = [self.call(f"waiting-{number}", int) for number in range(20)]
        self.executor.submit(waiting)
        assert all(self.executor.cancel(call.run_id) for call in waiting)
        self.open_gate()
        self.reports.wait_for(self.workers)
        assert self.executor.free_room() >= self.workers

    def test_what_is_unknown_or_done_cannot_be_dropped(self) -> None:
        self.outcome(int)
        assert not self.executor.cancel("run")
        assert not self.executor.cancel("unknown")

    def test_a_call_that_has_begun_is_told_to_end(self) -> None:
        (run_id,) = self.occupy(1, until_told)
        assert not self.executor.cancel(run_id)
        outcome = self.reports.first()
        expected = (Ending.LOST, None) if self.ends_calls else (Ending.RETURNED, "told")
        assert (outcome.run_id, outcome.ending, outcome.result) == (run_id, *expected)

    def test_others_are_not_told(self) -> None:
        told, *others = self.occupy(self.workers)
        self.executor.cancel(told)
        self.open_gate()
        self.reports.wait_for(self.workers)
        results = {outcome.run_id: outcome.result for outcome in self.reports.outcomes}
        assert {run_id: results[run_id] for run_id in others} == {run_id: run_id for run_id in others}

    def test_a_call_that_was_told_keeps_its_place_until_it_ends_and_is_listed_meanwhile(self) -> None:
        began = self.clock.monotonic()
        ids = self.occupy(self.workers)
        assert not self.executor.cancel(ids[0])
        if not self.ends_calls:
            assert self.executor.free_room() == 0
            (stuck,) = self.executor.stuck()
            assert (stuck.run_id, stuck.attempt) == (ids[0], 1)
            assert stuck.thread
            assert began <= stuck.told_at <= self.clock.monotonic()
            assert last.__name__ in stuck.stack
        self.open_gate()
        self.reports.wait_for(self.workers)
        assert sorted(self.reports.ids()) == sorted(ids), "each once"
        assert list(self.executor.stuck()) == []
        assert self.executor.free_room() >= self.workers

    def test_a_place_that_a_cancelled_call_leaves_is_taken_by_the_next(self) -> None:
        ids = self.occupy(self.workers, until_told)
        self.executor.submit([self.call("next", str, "x")])
        self.executor.cancel(ids[0])
        self.reports.wait_for(2)
        assert [outcome.result for outcome in self.reports.outcomes if outcome.run_id == "next"] == ["x"]
        for run_id in ids:
            self.executor.cancel(run_id)

    def test_what_ends_is_not_stuck(self) -> None:
        self.outcome(int)
        assert list(self.executor.stuck()) == []

    # when it began

    def test_a_call_has_begun_when_it_runs_and_not_while_it_waits(self) -> None:
        before = self.clock.monotonic()
        ids = self.occupy(self.workers)
        self.executor.submit([self.call("waiting", int)])
        for run_id in ids:
            # One that makes its calls elsewhere may hear of it a little later than this test.
            self.wait_until(partial(self._has_begun, run_id), f"{run_id} did not begin")
            began = self.executor.began(run_id, 1) or 0.0
            assert began == 0.0 or before <= began <= self.clock.monotonic(), "0.0: this executor does not say"
        assert self.executor.began("waiting", 1) in (None, 0.0)

    def _has_begun(self, run_id: str) -> bool:
        return self.executor.began(run_id, 1) is not None
