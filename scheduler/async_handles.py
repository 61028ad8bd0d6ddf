"""What the front end for event loops hands out: jobs and runs with the calls that belong to them, as coroutines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from scheduler.async_calls import LoopCalls
from scheduler.core.run import Run
from scheduler.handles import BoundJob
from scheduler.progress_bar import ProgressBar
from scheduler.run_handles import BoundRun, RunHandle, check_tell
from scheduler.run_operations import Placed, RunOperations
from scheduler.triggers import Trigger

R = TypeVar("R")


class AsyncJobOperations(Protocol):
    """The calls of a scheduler that a job handle makes."""

    async def modify_job(self, job_id: str, jobstore: str | None = None, **changes: Any) -> AsyncJobHandle: ...
    async def reschedule_job(
        self, job_id: str, jobstore: str | None = None, trigger: Trigger | str | None = None, **trigger_args: Any
    ) -> AsyncJobHandle: ...
    async def pause_job(self, job_id: str, jobstore: str | None = None) -> AsyncJobHandle: ...
    async def resume_job(self, job_id: str, jobstore: str | None = None) -> AsyncJobHandle: ...
    async def remove_job(self, job_id: str, jobstore: str | None = None) -> None: ...
    async def run_job(self, job_id: str, jobstore: str | None = None) -> AsyncRunHandle: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AsyncJobHandle(BoundJob):
    """A job as it was when it was read, with the calls that change it: coroutines that return it as it is then."""

    _scheduler: AsyncJobOperations

    async def modify(self, **changes: Any) -> AsyncJobHandle:
        """Change fields; see `Scheduler.modify_job`."""
        return await self._scheduler.modify_job(self.id, self.jobstore, **changes)

    async def reschedule(self, trigger: Trigger | str | None = None, **trigger_args: Any) -> AsyncJobHandle:
        """Give it another trigger; see `Scheduler.reschedule_job`."""
        return await self._scheduler.reschedule_job(self.id, self.jobstore, trigger, **trigger_args)

    async def pause(self) -> AsyncJobHandle:
        """Let it fire no more until it is resumed; see `Scheduler.pause_job`."""
        return await self._scheduler.pause_job(self.id, self.jobstore)

    async def resume(self) -> AsyncJobHandle:
        """Let it go on; see `Scheduler.resume_job`."""
        return await self._scheduler.resume_job(self.id, self.jobstore)

    async def remove(self) -> None:
        """Remove it; see `Scheduler.remove_job`."""
        await self._scheduler.remove_job(self.id, self.jobstore)

    async def run(self) -> AsyncRunHandle:
        """Run it now, beside its schedule, and return a handle on the run; see `Scheduler.run_job`."""
        return await self._scheduler.run_job(self.id, self.jobstore)


class LoopRuns(NamedTuple):
    """That through which the calls of a run handle go."""

    runs: RunOperations
    calls: LoopCalls


class AsyncRunHandle(BoundRun):
    """A run, with the calls that belong to it as coroutines. `await handle` waits for it, and gives its result.

    Its fields, `state` among them, are as they were last read: when the handle was made, and by each of its calls. It
    equals the Run of the same fields, and cannot be pickled: keep its `id`, for `AsyncScheduler.get_run`.
    """

    __slots__ = ()

    _runs: LoopRuns

    async def ready(self) -> bool:
        """Tell whether the run has ended, well or not. Raises as `refresh`."""
        if not self.state.final:
            await self.refresh()
        return self.state.final

    async def refresh(self) -> Self:
        """Read the fields again, and return the handle. Raises RunLookupError, StoreUnavailableError."""
        self._take(await self._call(partial(self._runs.runs.read, self._jobstore, self.id)))
        return self

    async def get(
        self,
        timeout: float | timedelta | None = None,
        propagate: bool = True,
        on_message: Callable[[Run], object] | None = None,
    ) -> Any:
        """Wait until the run has ended, and return what its function returned.

        Who stops waiting, by a time-out or as its task is cancelled, does not stop the run; `cancel` does.

        Arguments:
            timeout: seconds (or a timedelta) to wait at the most, up to a year; 0: not at all; None: no limit.
            propagate: whether to raise where the run has no result; False: return None.
            on_message: called with the Run, on the event loop, for each state and each report of progress that comes
                while one waits, and that the handle did not know; those in quick succession may be left out. A
                coroutine function is awaited. What it raises ends the wait.

        Raises what `RunHandle.get` raises.
        """
        if not await self._wait(timeout, on_message):
            raise await self._call(partial(self._runs.runs.overdue, self._jobstore, self.evolved()))
        return self._outcome() if propagate else self.result

    async def wait(self, timeout: float | timedelta | None = None, progress: bool = False) -> bool:
        """Wait until the run has ended, well or not. Returns whether it has; False when the time is over.

        Arguments:
            timeout: as that of `get`.
            progress: whether to draw a bar of what the function reports as `done` and `total`, if standard error is a
                terminal.

        Raises what `get` raises where it cannot wait, and InvalidSettingError for a bar without the library tqdm (the
        extra `progress`).
        """
        if not progress:
            return await self._wait(timeout, None)
        with ProgressBar() as bar:
            bar.show(self)
            return await self._wait(timeout, bar.show)

    async def cancel(self) -> bool:
        """Cancel the run; see `Scheduler.cancel_run`."""
        cancelled = await self._call(partial(self._runs.runs.cancel, self.id, self._jobstore))
        await self.refresh()
        return cancelled

    def __await__(self) -> Generator[Any, None, Any]:
        return self.get().__await__()

    async def _wait(self, timeout: float | timedelta | None, tell: Callable[[Run], object] | None) -> bool:
        check_tell(tell)

        async def take(run: Run) -> None:
            self._take(run)
            if tell is not None:
                answer = tell(run)
                if inspect.isawaitable(answer):
                    await answer

        if self.state.final:
            return True
        runs, calls = self._runs
        with calls.entered():
            return await runs.wait_in_loop(self._jobstore, self.evolved(), timeout, take, self._call)

    async def _call(self, call: Callable[[], R]) -> R:
        return await self._runs.calls.call(call, "a call of a run handle")


def handle_on(run: RunHandle, calls: LoopCalls) -> AsyncRunHandle:
    """Return a handle on the run of one whose calls block."""
    return AsyncRunHandle(Placed(run._jobstore, run.evolved()), LoopRuns(run._runs, calls))
