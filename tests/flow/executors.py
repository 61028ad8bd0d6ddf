"""Executors that behave as a test says."""

from contextvars import Context

from scheduler.executors import Executor, InlineExecutor
from scheduler.executors.current import CurrentRun, attempt


class HeldExecutor(Executor):
    """Takes calls and makes them only when told to, as if they had been under way since.

    With `pooled`, they wait until `begin` is called.
    """

    def __init__(self, room=10, pooled=False):
        self.room = room
        self.pooled = pooled
        self.calls = []
        self.told = []
        """Ids of the runs that were to be ended, each time."""
        self._began = {}
        self._done = self._clock = None

    def start(self, done, clock):
        self._done, self._clock = done, clock

    def free_room(self):
        return max(self.room - len(self.calls), 0)

    def submit(self, calls):
        self.calls += calls
        if not self.pooled:
            self.begin(len(self.calls))

    def cancel(self, run_id):
        self.told.append(run_id)
        waiting = [call for call in self.calls if call.run_id == run_id and self.began(run_id, call.attempt) is None]
        self.calls = [call for call in self.calls if call not in waiting]
        return bool(waiting)

    def began(self, run_id, attempt):
        return self._began.get((run_id, attempt))

    def stop(self, timeout=None):
        return not self.calls

    def begin(self, number=1):
        """Begin the oldest calls that wait."""
        waiting = [call for call in self.calls if self.began(call.run_id, call.attempt) is None]
        for call in waiting[:number]:
            self._began[call.run_id, call.attempt] = self._clock.monotonic()

    def finish(self, number=1, at=0):
        """Make the oldest calls, or those from a place on, and report them."""
        for _ in range(number):
            call = self.calls.pop(at)
            self._done(Context().run(attempt, call, CurrentRun(call, self._done)))

    def current(self, at=0):
        """What the function of a call would see as `current_run()`."""
        return CurrentRun(self.calls[at], self._done)


class MuteExecutor(InlineExecutor):
    """Makes every call, and never reports how it ended: the process dies meanwhile."""

    def start(self, done, clock):
        super().start(lambda outcome: None, clock)


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
