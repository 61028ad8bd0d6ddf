"""Executors that behave as a test says."""

from scheduler.core.settle import Ending, Outcome
from scheduler.executors import Executor, InlineExecutor
from tests.flow.faulty import Crash


class HeldExecutor(Executor):
    """Takes calls and makes them only when told to."""

    def __init__(self, room=10):
        self.room = room
        self.calls = []
        self._done = None

    def start(self, done, clock):
        self._done = done

    def free_room(self):
        return max(self.room - len(self.calls), 0)

    def submit(self, calls):
        self.calls += calls

    def cancel(self, run_id):
        return False

    def stop(self, timeout=None):
        return not self.calls

    def finish(self, number=1):
        """Make the oldest calls and report them."""
        for _ in range(number):
            call = self.calls.pop(0)
            result = call.func(*call.args, **call.kwargs)
            self._done(Outcome(call.run_id, Ending.RETURNED, result=result, attempt=call.attempt))


class MuteExecutor(InlineExecutor):
    """Makes every call, and never reports how it ended: the process dies meanwhile."""

    def start(self, done, clock):
        super().start(lambda outcome: None, clock)


class CrashingExecutor(InlineExecutor):
    """The process ends before anything is called."""

    def submit(self, calls):
        raise Crash


class RefusingExecutor(InlineExecutor):
    """Takes nothing the first times, for a reason of its own."""

    def __init__(self, refusals, reason=OSError("no more threads")):  # noqa: B008
        super().__init__()
        self.refusals = refusals
        self.reason = reason

    def submit(self, calls):
        if self.refusals:
            self.refusals -= 1
            raise self.reason
        super().submit(calls)
