"""Contract of executors: how calls are made, and how each is reported."""

from __future__ import annotations

import contextvars
import threading
from datetime import UTC, datetime

from scheduler.core.retry import Again
from scheduler.core.settle import Ending, ProgressReport
from scheduler.errors import InvalidJobError
from scheduler.executors.base import Call
from scheduler.testing import executor_calls as calls
from scheduler.testing.executor_base import ExecutorTests

_TIME = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


class OutcomeTests(ExecutorTests):
    """What a call is given, what it sees, and what is reported of it."""

    def test_a_call_that_returns_is_reported_with_its_result(self) -> None:
        outcome = self.outcome(divmod, 17, 5)
        assert (outcome.ending, outcome.result, outcome.error) == (Ending.RETURNED, (3, 2), None)

    def test_a_call_is_given_its_arguments(self) -> None:
        assert self.outcome_of(self.call("run", dict, [("a", 1)], kwargs={"b": 2})).result == {"a": 1, "b": 2}

    def test_an_outcome_says_which_attempt_it_was_of(self) -> None:
        assert self.outcome_of(self.call("returns", int, attempt=2)).attempt == 2
        assert self.outcome_of(self.call("raises", calls.raise_, ValueError(), attempt=3)).attempt == 3

    def test_a_call_that_raises_is_reported_with_type_message_and_traceback(self) -> None:
        outcome = self.outcome(calls.raise_, ValueError("no such thing"))
        assert (outcome.ending, outcome.result) == (Ending.RAISED, None)
        assert outcome.error == "ValueError: no such thing"
        assert "raise_" in (outcome.traceback or "")
        assert {"ValueError", "builtins.ValueError", "Exception"} <= set(outcome.error_types)

    def test_whatever_is_raised_is_reported_and_the_executor_goes_on(self) -> None:
        # A coroutine cannot raise StopIteration: Python makes a RuntimeError of it.
        last = StopIteration() if self.plain_functions else StopAsyncIteration()
        raised = (SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException(), last)
        for error in raised * max(1, self.workers):
            outcome = self.outcome(calls.raise_, error)
            assert outcome.ending is Ending.RAISED
            assert type(error).__name__ in outcome.error_types

    def test_a_call_that_asks_to_be_made_again_is_reported_with_what_it_asks_for(self) -> None:
        outcome = self.outcome(calls.ask_again)
        assert (outcome.ending, outcome.error) == (Ending.RAISED, "Retry: not yet")
        assert outcome.again == Again(countdown=5.0, max_retries=7)
        assert self.outcome(calls.raise_, ValueError()).again is None

    def test_a_result_that_raises_when_it_is_looked_at_is_reported(self) -> None:
        assert isinstance(self.outcome(calls.Unlookable).ending, Ending)
        assert self.outcome(int).ending is Ending.RETURNED

    def test_a_result_that_cannot_be_pickled_is_a_failure_where_it_has_to_be(self) -> None:
        outcome = self.outcome(calls.make_lock)
        if self.same_process:
            assert outcome.ending is Ending.RETURNED
        else:
            assert outcome.ending is Ending.RAISED
            assert "cannot be pickled" in (outcome.error or "")
        assert self.outcome(int).ending is Ending.RETURNED

    def test_an_error_that_cannot_be_shown_is_reported(self) -> None:
        outcome = self.outcome(calls.raise_, calls.UnshowableError())
        assert (outcome.error or "").startswith("UnshowableError")

    def test_errors_are_reported_in_text_that_every_database_can_keep(self) -> None:
        outcome = self.outcome(calls.raise_, ValueError("\ud800 naïve \0"))
        for text in (outcome.error, outcome.traceback):
            assert text is not None
            assert b"\0" not in text.encode()
            assert "naïve" in text

    def test_an_outcome_that_cannot_be_delivered_does_not_end_the_executor(self) -> None:
        self.reports.refuse = True
        for number in range(self.workers + 1):
            self.executor.submit([self.call(f"refused-{number}", int)])
        self.reports.wait_for(self.workers + 1)
        self.reports.refuse = False
        self.executor.submit([self.call("run", int)])
        self.reports.wait_for(self.workers + 2)

    def test_a_thousand_calls_from_eight_threads_are_each_reported_once(self) -> None:
        def submit(thread: int) -> None:
            for number in range(0, 125, 5):
                self.executor.submit([self.call(f"{thread}-{at}", str, at) for at in range(number, number + 5)])

        threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(calls.PATIENCE)
        assert self.executor.stop(calls.PATIENCE)
        reported = {outcome.run_id: outcome.result for outcome in self.reports.outcomes}
        assert reported == {f"{thread}-{number}": str(number) for thread in range(8) for number in range(125)}
        assert len(self.reports.outcomes) == 1000

    # what a call sees and says

    def test_a_call_sees_context_variables_neither_of_the_submitter_nor_of_other_calls(self) -> None:
        def submit_and_see() -> set[str]:
            calls.set_seen("the submitter's")
            return {self.outcome(calls.see_and_set, "a call's").result for _ in range(self.workers + 2)}

        assert contextvars.copy_context().run(submit_and_see) == {"nothing"}

    def test_a_call_sees_its_run(self) -> None:
        call = self.call("the run", calls.see_run, attempt=2, job_id="the job", scheduled_time=_TIME, cause="another")
        assert self.outcome_of(call).result == ("the run", "the job", _TIME, "another", 2, False)

    def test_what_a_call_says_of_its_progress_is_reported_before_its_outcome(self) -> None:
        self.outcome_of(self.call("run", calls.say_progress, attempt=2))
        assert self.reports.all[:-1] == [
            ProgressReport("run", 2, "PROGRESS", {"done": 1, "total": 3}),
            ProgressReport("run", 2, "HALFWAY", {"note": "naïve"}),
            ProgressReport("run", 2, "PROGRESS", {"done": 3, "total": 3, "stage": "last"}),
        ]

    # coroutines

    def test_a_coroutine_function_is_run_to_its_end_or_refused_when_the_job_is_added(self) -> None:
        for func in (calls.coroutine, calls.AsyncCallable()):
            try:
                self.executor.check(func, {})
            except InvalidJobError:
                return
            outcome = self.outcome_of(Call("run", func))
            assert (outcome.ending, outcome.result) == (Ending.RETURNED, "awaited")
        outcome = self.outcome_of(Call("run", calls.coroutine_that_raises))
        assert (outcome.ending, outcome.error) == (Ending.RAISED, "ValueError: awaited")
        call = Call("run", calls.see_run_awaited, attempt=2, job_id="the job", scheduled_time=_TIME)
        assert self.outcome_of(call).result == ("run", "the job", _TIME, None, 2, False)
