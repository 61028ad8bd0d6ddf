"""What front ends hand out for runs: values with the calls that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any, NoReturn, Self

from scheduler.core.run import Reason, Run, RunState
from scheduler.errors import (
    InvalidSettingError,
    RunFailedError,
    RunLostError,
    RunRevokedError,
    RunSkippedError,
    RunTimeoutError,
)
from scheduler.progress_bar import ProgressBar
from scheduler.run_operations import Placed, RunOperations
from scheduler.wording import show

_FAILURES = {
    RunState.FAILURE: RunFailedError,
    RunState.LOST: RunLostError,
    RunState.REVOKED: RunRevokedError,
    RunState.SKIPPED: RunSkippedError,
}


class BoundRun(Run):
    """A run as it was last read, with that through which its calls go: what all run handles share."""

    __slots__ = ("_jobstore", "_runs")

    _jobstore: str
    _runs: Any

    def __init__(self, placed: Placed, runs: Any) -> None:
        object.__setattr__(self, "_jobstore", placed.jobstore)
        object.__setattr__(self, "_runs", runs)
        self._take(placed.run)

    def _outcome(self) -> Any:
        """Return the result of the run, which has ended, or raise for want of one."""
        if self._last_state is RunState.SUCCESS:
            return self.result
        timed_out = self._last_state is RunState.FAILURE and self.reason == Reason.TIMEOUT
        raise (RunTimeoutError if timed_out else _FAILURES[self._last_state])(self.evolved())

    @property
    def _last_state(self) -> RunState:
        return self.__dict__["state"]  # type: ignore[no-any-return]

    def _take(self, run: Run) -> None:
        """Take over the fields of a run, all at once for other threads."""
        object.__setattr__(self, "__dict__", dict(run.__dict__))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        return self.evolved() == other.evolved()

    __hash__ = Run.__hash__

    def __copy__(self) -> Self:
        return type(self)(Placed(self._jobstore, self.evolved()), self._runs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the handle of run {self.id!r} cannot be pickled, as its calls need the scheduler of this process; "
            "pickle its id, and call get_run(id) where it is needed"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} of job {self.job_id!r}: {self._last_state}>"


class RunHandle(BoundRun):
    """A run, with the calls that belong to it. `await handle` waits for it, and gives its result, as `get` does.

    Its fields are as they were last read; `state`, `ready`, `refresh` and all that waits read them again, unless the
    run is known to have ended. It equals the Run of the same fields. It may be used from any thread, and cannot be
    pickled: keep its `id`, for `Scheduler.get_run`.
    """

    __slots__ = ()

    _runs: RunOperations

    @property
    def state(self) -> RunState:
        """Where the run stands now. Raises RunLookupError if it is on record no more, and StoreUnavailableError."""
        if not self._last_state.final:
            self.refresh()
        return self._last_state

    def ready(self) -> bool:
        """Tell whether the run has ended, well or not. Raises as `state`."""
        return self.state.final

    def refresh(self) -> Self:
        """Read the fields again, and return the handle. Raises RunLookupError, StoreUnavailableError."""
        self._take(self._runs.read(self._jobstore, self.id))
        return self

    def get(
        self,
        timeout: float | timedelta | None = None,
        propagate: bool = True,
        on_message: Callable[[Run], object] | None = None,
    ) -> Any:
        """Wait until the run has ended, and return what its function returned.

        Arguments:
            timeout: seconds (or a timedelta) to wait at the most, up to a year; 0: not at all; None: no limit.
            propagate: whether to raise where the run has no result; False: return None.
            on_message: called with the Run, in this thread, for each state and each report of progress that comes
                while one waits, and that the handle did not know; those in quick succession may be left out. What it
                raises ends the wait.

        Raises RunFailedError, whose `run` says the rest, or one of its kinds: RunTimeoutError, RunLostError,
        RunRevokedError, RunSkippedError. WaitTimeoutError when the time is over; the run goes on. RunLookupError if it
        is on record no more, StoreUnavailableError if the store is away at first. SchedulerError where it would wait
        for ever: in the thread of the scheduler's own that would have to go on with the run, and on a virtual clock;
        SchedulerNotRunningError for a run in the memory of a scheduler that does not run.
        """
        if not self._wait(timeout, on_message):
            raise self._runs.overdue(self._jobstore, self.evolved())
        return self._outcome() if propagate else self.result

    def wait(self, timeout: float | timedelta | None = None, progress: bool = False) -> bool:
        """Wait until the run has ended, well or not. Returns whether it has; False when the time is over.

        Arguments:
            timeout: as that of `get`.
            progress: whether to draw a bar of what the function reports as `done` and `total`, if standard error is a
                terminal.

        Raises what `get` raises where it cannot wait, and InvalidSettingError for a bar without the library tqdm (the
        extra `progress`).
        """
        if not progress:
            return self._wait(timeout, None)
        with ProgressBar() as bar:
            bar.show(self.evolved())
            return self._wait(timeout, bar.show)

    def cancel(self) -> bool:
        """Cancel the run; see `Scheduler.cancel_run`. Returns whether it had not ended. Raises as `state`."""
        if self.state.final:
            return False
        revoked = self._runs.revoke(Placed(self._jobstore, self.evolved()))
        if revoked is None:
            self.refresh()
            return False
        self._take(revoked)
        return True

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        if not self._last_state.final:
            await self._runs.wait_in_loop(self._jobstore, self.evolved(), None, self._take_in_loop)
        return self._outcome()

    async def _take_in_loop(self, run: Run) -> None:
        self._take(run)

    def _wait(self, timeout: float | timedelta | None, tell: Callable[[Run], object] | None) -> bool:
        check_tell(tell)

        def take(run: Run) -> None:
            self._take(run)
            if tell is not None:
                tell(run)

        return self._last_state.final or self._runs.wait(self._jobstore, self.evolved(), timeout, take)


def check_tell(tell: Any) -> None:
    """Raise InvalidSettingError for an `on_message` that cannot be called."""
    if tell is not None and not callable(tell):
        raise InvalidSettingError(f"on_message must be a function that takes a Run, or None, not {show(tell)}")
