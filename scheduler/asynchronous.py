"""The front end for programs with an event loop: the calls of Scheduler as coroutines, which never hold up the loop."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from datetime import timedelta, tzinfo
from functools import partial
from typing import Any, Self, TypeVar

from scheduler.assembly import checked_executor
from scheduler.async_calls import LoopCalls, awaited, handed_out, taking_arguments_of
from scheduler.async_handles import AsyncJobHandle, AsyncRunHandle, handle_on
from scheduler.async_life import Life
from scheduler.blocking import Scheduler
from scheduler.clock import Clock
from scheduler.core.events import Event
from scheduler.errors import InvalidSettingError
from scheduler.executors.base import Executor
from scheduler.handles import JobHandle
from scheduler.run_handles import RunHandle
from scheduler.runtime.engine import Engine
from scheduler.runtime.lifecycle import SchedulerState
from scheduler.triggers import Trigger
from scheduler.wording import show

F = TypeVar("F", bound=Callable[..., Any])


def _job(scheduler: AsyncScheduler, job: JobHandle) -> AsyncJobHandle:
    return AsyncJobHandle.of(job, scheduler)


def _job_if_any(scheduler: AsyncScheduler, job: JobHandle | None) -> AsyncJobHandle | None:
    return None if job is None else AsyncJobHandle.of(job, scheduler)


def _jobs(scheduler: AsyncScheduler, jobs: list[JobHandle]) -> list[AsyncJobHandle]:
    return [AsyncJobHandle.of(job, scheduler) for job in jobs]


def _run(scheduler: AsyncScheduler, run: RunHandle) -> AsyncRunHandle:
    return handle_on(run, scheduler._calls)


class AsyncScheduler:
    """A Scheduler for programs with an event loop: each call that may block is a coroutine, of the same arguments.

    The calls are made in threads, so that no store ever holds up the loop. Coroutine functions that are jobs run on
    the loop in which it was started, plain functions in threads. One that was never started is a full client, in any
    loop. From `start` to the end of `shutdown`, all calls must come from that loop.

    Who stops waiting for a call, by a time-out or as its task is cancelled, does not stop a call that has begun: it may
    still be done. `asyncio.run` shuts down, without waiting for runs, what its program has forgotten.

    Arguments: those of `Scheduler`, which raises for wrong ones.
    """

    @taking_arguments_of(Scheduler.__init__)
    def __init__(self, /, *args: Any, **kwargs: Any) -> None:
        self._blocking = Scheduler(*args, **kwargs)
        self._calls = LoopCalls(self._blocking)
        self._life = Life(self._calls)
        self._decorated: list[tuple[Callable[..., Any], Callable[[Any], Any]]] = []
        """Functions that were decorated and not added yet, with what adds each."""
        weakref.finalize(self, self._calls.threads.end).atexit = False

    # life cycle

    async def start(self, paused: bool = False) -> None:
        """Begin to drive jobs on this event loop; with `paused`, start no run before `resume`.

        Functions that `scheduled_job` has decorated are added first. If the wait is cancelled, it does not stay
        started.

        Raises SchedulerAlreadyRunningError, SchemaVersionError, StoreUnavailableError for an unreachable database, and
        what `add_job` raises for decorated functions; then nothing stays started.
        """
        await self._life.start(partial(self._start, paused))

    async def shutdown(self, wait: bool = True, timeout: float | timedelta | None = None) -> None:
        """Start nothing more, wait for what runs, record it and stop. Jobs stay in their stores; start() may follow.

        Listeners have heard SchedulerShutdown when it returns, but for those that are slow: with a timeout, they have
        1 s more than the runs, and the last events are not heard. From within a job or a listener it only begins, as
        neither can await itself. If the wait is cancelled, it goes on by itself.

        Arguments:
            wait, timeout: those of `Scheduler.shutdown`. Coroutines that are not waited for are cancelled.

        Raises SchedulerNotRunningError, and InvalidSettingError for a wrong wait or timeout; then the scheduler goes
        on.
        """
        await self._life.shutdown(wait, timeout)

    async def run_forever(self, timeout: float | timedelta | None = None) -> None:
        """Drive jobs until SIGINT or SIGTERM arrives or shutdown() is called, then shut down gracefully.

        Starts the scheduler if need be; shuts it down gracefully also when the wait is cancelled. A second signal does
        what it would have done without a scheduler. Outside the main thread signals cannot be caught.

        Arguments:
            timeout: that of the `shutdown` which a signal brings about; None: it waits for runs without a limit.

        Raises what `start` raises, but for SchedulerAlreadyRunningError while it runs; InvalidSettingError for a wrong
        timeout; and SchedulerError on a virtual clock, which stands still.
        """
        if self.clock.virtual:
            raise InvalidSettingError("a scheduler on a virtual clock cannot run forever; drive it with VirtualTime")
        await self._life.run_forever(self.start, timeout)

    async def close(self) -> None:
        """Give back the database connections, and the threads, of a scheduler that does not run.

        A later call opens them again. Raises SchedulerAlreadyRunningError while it runs.
        """
        await self._calls.call(self._blocking.close, "close")
        self._calls.threads.end()

    pause = awaited(Scheduler.pause)
    resume = awaited(Scheduler.resume)

    @property
    def state(self) -> SchedulerState:
        """STOPPED, RUNNING or PAUSED."""
        return self._blocking.state

    @property
    def running(self) -> bool:
        """Whether it was started, was not shut down, and its engine is alive."""
        return self._blocking.running

    @property
    def timezone(self) -> tzinfo:
        """The zone in which naive datetimes are read."""
        return self._blocking.timezone

    @property
    def clock(self) -> Clock:
        """The clock it lives by."""
        return self._blocking.clock

    @property
    def engine(self) -> Engine:
        """What takes the steps; for drivers such as `scheduler.testing.VirtualTime`."""
        return self._blocking.engine

    health = awaited(Scheduler.health)

    async def __aenter__(self) -> Self:
        """Start, unless it runs."""
        if not self.running:
            await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Shut down, waiting for what runs."""
        if self.running:
            await self.shutdown()

    # jobs

    add_job = handed_out(Scheduler.add_job, _job)
    add_jobs = handed_out(Scheduler.add_jobs, _jobs)
    modify_job = handed_out(Scheduler.modify_job, _job)
    reschedule_job = handed_out(Scheduler.reschedule_job, _job)
    pause_job = handed_out(Scheduler.pause_job, _job)
    resume_job = handed_out(Scheduler.resume_job, _job)
    remove_job = awaited(Scheduler.remove_job)
    remove_all_jobs = awaited(Scheduler.remove_all_jobs)
    get_job = handed_out(Scheduler.get_job, _job_if_any)
    get_jobs = handed_out(Scheduler.get_jobs, _jobs)
    print_jobs = awaited(Scheduler.print_jobs)
    export_jobs = awaited(Scheduler.export_jobs)
    import_jobs = handed_out(Scheduler.import_jobs, _jobs)

    def scheduled_job(self, trigger: Trigger | str | None = None, **options: Any) -> Callable[[F], F]:
        """Decorate a function to be added as a job by `start`; see `Scheduler.scheduled_job`.

        Raises InvalidTriggerError at once for what is no trigger, and SchedulerAlreadyRunningError while it runs, as a
        decorator cannot wait; `start` raises what `add_job` raises.
        """
        self._life.check_not_started("scheduled_job, which cannot wait, unlike add_job")
        decorate = self._blocking.scheduled_job(trigger, **options)

        def remember(func: F) -> F:
            self._decorated.append((func, decorate))
            return func

        return remember

    # runs

    submit = handed_out(Scheduler.submit, _run)
    run_job = handed_out(Scheduler.run_job, _run)
    cancel_run = awaited(Scheduler.cancel_run)
    get_run = handed_out(Scheduler.get_run, _run)
    get_runs = awaited(Scheduler.get_runs)

    # listeners, stores, executors

    def add_listener(self, callback: Callable[[Any], object], *event_types: type[Event]) -> None:
        """Call `callback(event)` on the event loop for events of these types and their subtypes; none given: for all.

        A coroutine function is awaited. Listeners are called one after the other, in the order of the events, soon
        after they happened; one that is slow holds up later events only, up to 10,000 of them, and then the scheduler.
        One that raises is logged.
        """
        if not callable(callback):
            raise InvalidSettingError(f"add_listener: the callback must be callable, not {show(callback)}")
        self._blocking.add_listener(self._calls.listeners.relay(callback), *event_types)

    def remove_listener(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` no more. Raises SchedulerError if it was never added."""
        self._blocking.remove_listener(self._calls.listeners.forget(callback))

    add_jobstore = awaited(Scheduler.add_jobstore)
    remove_jobstore = awaited(Scheduler.remove_jobstore, apart=True)
    remove_executor = awaited(Scheduler.remove_executor, apart=True)

    async def add_executor(self, executor: Executor, alias: str = "default") -> None:
        """Add an executor, started if the scheduler runs. Raises SchedulerError for an alias taken."""
        checked_executor(executor).use_loop(self._calls.loop)
        await self._calls.call(partial(self._blocking.add_executor, executor, alias), "add_executor")

    def _start(self, paused: bool) -> None:
        while self._decorated:
            func, decorate = self._decorated[0]
            try:
                decorate(func)
            except Exception as error:
                error.add_note(f"when adding {show(func)}, which scheduled_job has decorated")
                raise
            del self._decorated[0]
        self._blocking.start(paused)
