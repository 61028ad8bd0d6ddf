"""What users can do with runs, written once; front ends add handles.

Every call works whether or not a scheduler runs: it opens the store if need be, writes, and lets the engine know.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from scheduler.clock import Clock
from scheduler.core.call import call
from scheduler.core.events import JobAdded
from scheduler.core.job import Job
from scheduler.core.run import Reason, Run
from scheduler.definitions import JobBuilder, JobDefinition
from scheduler.errors import (
    BrokenJobError,
    InvalidJobError,
    InvalidSettingError,
    InvalidTriggerError,
    JobLookupError,
    RunLookupError,
    SchedulerError,
    SchedulerNotRunningError,
    StoreUnavailableError,
    WaitTimeoutError,
)
from scheduler.lookups import Lookups
from scheduler.operations import Operations
from scheduler.runtime.bus import EventBus
from scheduler.runtime.engine import Engine
from scheduler.runtime.lifecycle import Lifecycle
from scheduler.runtime.link import Revocation
from scheduler.runtime.liveness import Liveness
from scheduler.runtime.watch import FIRST_PAUSE, Watch, is_news
from scheduler.timezones import to_utc
from scheduler.triggers import DateTrigger
from scheduler.wording import show

LONGEST = 366 * 86_400.0
"""Seconds, a year: for a run that is further away one has a date in mind, and nobody waits that long for one."""

Tell = Callable[[Run], None]
"""Takes each newer version of a run that somebody waits for."""

AsyncTell = Callable[[Run], Awaitable[object]]
InThread = Callable[[Callable[[], Run]], Awaitable[Run]]


class Placed(NamedTuple):
    """A run and where it is kept."""

    jobstore: str
    run: Run


class RunOperations:
    """Run operations on all stores of one scheduler."""

    def __init__(
        self,
        operations: Operations,
        builder: JobBuilder,
        engine: Engine,
        lifecycle: Lifecycle,
        liveness: Liveness,
        bus: EventBus,
        clock: Clock,
        poll_interval: float,
    ) -> None:
        self.lookups: Lookups = operations.lookups
        self._operations = operations
        self._builder = builder
        self._engine = engine
        self._lifecycle = lifecycle
        self._liveness = liveness
        self._bus = bus
        self._clock = clock
        self._poll_interval = poll_interval
        self._watch = Watch(bus)
        self._calls = count()

    # beginning and ending

    def check_options(self, call: str, func: Any, unknown: Iterable[str], valid: Iterable[str]) -> None:
        """Raise UnknownOptionError for options that a call of a function does not take."""
        self._builder.refuse(call, func, unknown, valid)

    def submit(self, definition: JobDefinition, countdown: Any, eta: Any) -> Placed:
        """Add a job that has ended but for one run, which waits for its time."""
        if countdown is not None and eta is not None:
            raise InvalidJobError("countdown and eta are both given, and each says when; pass one of them")
        delay = _checked_countdown(0 if countdown is None else countdown)
        time = None if eta is None else self._checked_eta(eta)
        alias = definition.jobstore
        store = self.lookups.store(alias)
        built = self._builder.build(definition, self._clock.now())
        self._operations.check_executor(built)
        with store.turn() as turn:
            at = turn.now + delay if time is None else max(time, turn.now)
            job = built.evolved(
                trigger=DateTrigger(at), next_run_time=None, misfire_grace_time=None, incarnation=self._key()
            )
            run = call(job, "once", at=at, active=0)
            turn.insert([run], [job])
        self._called(alias, job, run)
        self._bus.publish(JobAdded(job.id, alias))
        return Placed(alias, run)

    def run_job(self, job_id: str, jobstore: str | None) -> Placed:
        """Add a run of a stored job; it waits if no instance of the job is free."""
        alias, _ = self.lookups.find(job_id, jobstore)
        with self.lookups.store(alias).turn() as turn:
            found = turn.active_job(job_id)
            if found is None:
                raise JobLookupError(job_id)
            job = found.job
            if job.broken is not None:
                raise BrokenJobError(f"job {job_id!r} cannot be run, as it is broken: {job.broken}")
            run = call(job, self._key(), at=turn.now, active=found.active)
            turn.insert([run])
        self._called(alias, job, run)
        return Placed(alias, run)

    def cancel(self, run_id: str, jobstore: str | None = None) -> bool:
        """Revoke a run that has not ended. Returns whether that was so. Raises RunLookupError."""
        placed = self.find(run_id) if jobstore is None else Placed(jobstore, self.read(jobstore, run_id))
        return not placed.run.state.final and self.revoke(placed) is not None

    def revoke(self, placed: Placed) -> Run | None:
        """Revoke a run that was there. Returns it; None: it had ended."""
        self.lookups.store(placed.jobstore)
        link = self._engine.links[placed.jobstore]
        return self._engine.revoke(link, Revocation(placed.run.id, Reason.CANCELLED))

    def _called(self, alias: str, job: Job, run: Run) -> None:
        """Let the engine know of a new run: for its loop, it is a job that is due when the run may start."""
        self._engine.changed(alias, job.id, job.evolved(next_run_time=run.ready_at))

    def _key(self) -> str:
        """Return what sets a call apart, and puts those of this process that are made at one instant in order."""
        return f"{next(self._calls) % 2**16:04x}{secrets.token_hex(6)}"

    def _checked_eta(self, value: Any) -> datetime:
        if not isinstance(value, datetime):
            raise InvalidJobError(f"eta must be a datetime or None (now), not {show(value)}; countdown takes seconds")
        try:
            return to_utc(value, self._builder.zone)
        except InvalidTriggerError as error:
            raise InvalidJobError(f"eta: {error}") from error.__cause__

    # looking

    def find(self, run_id: str) -> Placed:
        """Return a run from the first store that has it. Raises RunLookupError."""
        return Placed(*self.lookups.find_run(run_id))

    def read(self, jobstore: str, run_id: str) -> Run:
        """Return a run as it is stored now. Raises RunLookupError."""
        run = self.lookups.store(jobstore).get_run(run_id)
        if run is None:
            raise RunLookupError(
                run_id, "it was there, and has been removed since, as History and keep_runs of its job say"
            )
        return run

    # waiting

    def wait(self, jobstore: str, known: Run, timeout: Any, tell: Tell) -> bool:
        """Wait until a run has ended. Returns whether it has; False when `timeout` seconds are over.

        Arguments:
            known: what the caller knows of it already.
            tell: is called, in this thread, with each newer version of it.
        """
        deadline = None if timeout is None else self._clock.monotonic() + _checked_timeout(timeout)
        news: SimpleQueue[Run] = SimpleQueue()
        with self._watch.on(known.id, news.put):
            known = _newer(self.read(jobstore, known.id), known, tell)
            pauses = self._pauses(jobstore)
            while not known.state.final:
                pause = self._pause(pauses, deadline)
                if pause <= 0:
                    return False
                self._check_waiting(jobstore, known)
                try:
                    run = news.get(timeout=pause)
                except Empty:
                    run = self._look(jobstore, known)
                known = _newer(run, known, tell)
        return True

    async def wait_in_loop(
        self, jobstore: str, known: Run, timeout: Any, tell: AsyncTell, in_thread: InThread | None = None
    ) -> bool:
        """Wait until a run has ended, without holding up the running event loop: `wait` for coroutines.

        Arguments:
            known, timeout, tell: as those of `wait`; what `tell` returns is awaited.
            in_thread: makes a call that blocks in another thread; None: asyncio.to_thread.
        """
        import asyncio

        in_thread = in_thread or asyncio.to_thread
        deadline = None if timeout is None else self._clock.monotonic() + _checked_timeout(timeout)
        loop, news = asyncio.get_running_loop(), asyncio.Queue[Run]()

        def notify(run: Run) -> None:
            with suppress(RuntimeError):  # the loop may have been closed over the head of who waited
                loop.call_soon_threadsafe(news.put_nowait, run)

        with self._watch.on(known.id, notify):
            run = await in_thread(partial(self.read, jobstore, known.id))
            pauses = self._pauses(jobstore)
            while True:
                if is_news(run, known):
                    known = run
                    await tell(run)
                if known.state.final:
                    return True
                pause = self._pause(pauses, deadline)
                if pause <= 0:
                    return False
                self._check_waiting(jobstore, known)
                try:
                    run = await asyncio.wait_for(news.get(), pause)
                except TimeoutError:
                    run = await in_thread(partial(self._look, jobstore, known))

    def overdue(self, jobstore: str, run: Run) -> WaitTimeoutError:
        """Return the error for a run for which nobody waits any longer; it says so where none would have ended it."""
        link = self._engine.links.get(jobstore)
        alone = False
        if link is not None and link.store.shared and self._lifecycle.at_rest:
            with suppress(StoreUnavailableError):
                alone = not self._liveness.anybody(link)
        rest = f"no scheduler runs on job store {jobstore!r}; start one" if alone else "it goes on"
        return WaitTimeoutError(f"run {run.id!r} of job {run.job_id!r} is {run.state} still; {rest}")

    def _pause(self, pauses: Iterator[float], deadline: float | None) -> float:
        """Return the seconds until the next look, or less than that until the deadline; 0 or less when that is over."""
        pause = next(pauses)
        return pause if deadline is None else min(pause, deadline - self._clock.monotonic())

    def _pauses(self, jobstore: str) -> Iterator[float]:
        """Of what happens in a store of this process alone, one is always told."""
        first = FIRST_PAUSE if self._shared(jobstore) else self._poll_interval
        return self._watch.pauses(first, self._poll_interval)

    def _shared(self, jobstore: str) -> bool:
        """Tell whether other processes may go on with the runs of a store, without opening it, which may take long."""
        link = self._engine.links.get(jobstore)
        return link is None or link.store.shared  # the next look says that it is gone

    def _look(self, jobstore: str, known: Run) -> Run:
        """Look at the store again; one that is away now may be back at the next look."""
        try:
            return self.read(jobstore, known.id)
        except StoreUnavailableError:
            return known

    def _check_waiting(self, jobstore: str, run: Run) -> None:
        """Raise where waiting would have no end."""
        if self._clock.virtual:
            raise SchedulerError(
                f"run {run.id!r} is {run.state}, and on this clock no time passes while one waits; "
                "let it pass first, with VirtualTime(clock, scheduler).settle() or advance()"
            )
        if self._engine.inside_a_step:
            raise SchedulerError(
                f"run {run.id!r} is {run.state}, and this is the thread that would have to go on with it (that of a "
                "listener, a trigger or an inline call); wait in another thread"
            )
        if self._lifecycle.at_rest and not self._shared(jobstore) and not self._look(jobstore, run).state.final:
            raise SchedulerNotRunningError(
                f"run {run.id!r} is {run.state}, and nobody goes on with it: job store {jobstore!r} is of this process "
                "alone, and its scheduler does not run; call start() first"
            )


def _newer(run: Run, known: Run, tell: Tell) -> Run:
    """Return the later one of two versions of a run, after telling of it if that is news."""
    if not is_news(run, known):
        return known
    tell(run)
    return run


def _checked_countdown(value: Any) -> timedelta:
    seconds = _checked_seconds(value)
    if seconds is None:
        raise InvalidJobError(
            f"countdown must be None (now), or seconds (or a timedelta) from 0 to {LONGEST:.0f}, a year, not "
            f"{show(value)}; eta takes a date"
        )
    return timedelta(seconds=seconds)


def _checked_timeout(value: Any) -> float:
    seconds = _checked_seconds(value)
    if seconds is None:
        raise InvalidSettingError(
            f"timeout must be None (no limit), or seconds (or a timedelta) from 0 to {LONGEST:.0f}, a year, not "
            f"{show(value)}"
        )
    return seconds


def _checked_seconds(value: Any) -> float | None:
    """Return a time in seconds; None for what is none, or out of bounds."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST:
        return None
    return float(seconds)
