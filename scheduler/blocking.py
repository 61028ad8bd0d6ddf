"""The front end for programs with threads: life cycle, and every operation as one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Self

from scheduler.assembly import Parts, checked_executor, make_store
from scheduler.clock import Clock, SystemClock
from scheduler.core.events import Event
from scheduler.core.history import History
from scheduler.core.job import NOTHING, JobDefaults
from scheduler.errors import UnknownOptionError
from scheduler.executors.base import Executor
from scheduler.job_calls import JobCalls
from scheduler.jobstores.base import JobStore
from scheduler.runtime.engine import Engine
from scheduler.runtime.health import Health
from scheduler.runtime.lifecycle import SchedulerState
from scheduler.triggers import Trigger
from scheduler.validation import checked_alias

if TYPE_CHECKING:
    import sqlalchemy


class Scheduler(JobCalls):
    """Runs jobs at their times, in this process, from job stores that other processes may share.

    Every call may come from any thread. One that was never started is a full client: it can add, change, list and
    look up jobs and runs of a shared store.

    Arguments:
        jobstore: the default job store: a database URL, an SQLAlchemy URL or Engine, a JobStore; None: memory.
        jobstores: further stores by alias, given in the same ways.
        executors: executors by alias; without a "default" one, a ThreadPoolExecutor of 10 threads is added.
        triggers: triggers of your own: name → class, so that `add_job` takes them by their names, and the stores that
            are made here can keep them. A JobStore that is passed in has a `triggers` argument of its own.
        job_defaults: the rules of jobs that do not say otherwise.
        timezone: a name or tzinfo: the zone in which naive datetimes are read and triggers count that name none; None:
            the zone of this machine.
        clock: the clock to live by; for tests.
        poll_interval: seconds between looks at a shared store for what other processes changed.
        heartbeat_interval: seconds between signs of life on a shared store.
        history: how long, and how much, of runs that have ended is kept.
        node_timeout: seconds after which a process without a sign of life is dead, and its runs are lost; longer than
            heartbeat_interval. All three are from 0.001 to 31,536,000, a year.

    Raises UnknownOptionError for any other keyword, InvalidSettingError for values that cannot be, InvalidJobError for
    rules in job_defaults that cannot be, InvalidTriggerError for an unknown time zone.
    """

    def __init__(
        self,
        /,
        jobstore: str | sqlalchemy.URL | sqlalchemy.Engine | JobStore | None = None,
        *,
        jobstores: Mapping[str, Any] = NOTHING,
        executors: Mapping[str, Executor] = NOTHING,
        triggers: Mapping[str, type[Trigger]] = NOTHING,
        job_defaults: JobDefaults | Mapping[str, Any] = NOTHING,
        timezone: str | tzinfo | None = None,
        clock: Clock | None = None,
        poll_interval: float = 1.0,
        heartbeat_interval: float = 5.0,
        node_timeout: float = 20.0,
        history: History = History(),  # noqa: B008 - it is frozen
        **unknown: Any,
    ) -> None:
        for name in unknown:
            hint = " (a rule of jobs goes into job_defaults)" if name in JobDefaults.__slots__ else ""
            raise UnknownOptionError(name, OPTIONS, f"Scheduler{hint}")
        parts = Parts(
            jobstore, jobstores, executors, triggers, job_defaults, timezone, clock or SystemClock(),
            history, poll_interval, heartbeat_interval, node_timeout,
        )  # fmt: skip
        self._clock = parts.clock
        self._zone = parts.zone
        self._kinds = parts.kinds
        self._history = parts.history
        self._bus = parts.bus
        self._engine = parts.engine
        self._lifecycle = parts.lifecycle
        self._lookups = parts.lookups
        self._operations = parts.operations
        self._runs = parts.runs

    # life cycle

    def start(self, paused: bool = False) -> None:
        """Begin to drive jobs in a background thread; with `paused`, start no run before `resume`.

        Raises SchedulerAlreadyRunningError, SchemaVersionError, and StoreUnavailableError for an unreachable database;
        then nothing stays started.
        """
        self._lifecycle.start(paused)

    def shutdown(self, wait: bool = True, timeout: float | timedelta | None = None) -> None:
        """Start nothing more, wait for what runs, record it and stop. Jobs stay in their stores; start() may follow.

        From within a job or a listener it only begins: another thread goes on with it, as a job cannot await itself.
        The stores are closed; a later call, on jobs or runs, opens them again, and `close` gives them back.

        Arguments:
            wait: whether to wait for runs to end. Those not waited for are recorded as LOST, for the reason "shutdown",
                or tried again at the next start if their job has retries left, whatever their functions do later.
                Then these are told to end; one that does not is waited for 1 s more.
            timeout: seconds from 0, or a timedelta, to wait for runs at the most, before they count as not waited for;
                None: no limit. It returns 3 s later at the latest, also where a store does not answer, or a listener
                or an import hangs.

        Raises SchedulerNotRunningError, and InvalidSettingError for a wrong wait or timeout; then the scheduler goes
        on.
        """
        self._lifecycle.shutdown(wait, timeout)

    def close(self) -> None:
        """Give back the database connections of a scheduler that does not run: never started, or used after shutdown().

        A later call opens them again. Raises SchedulerAlreadyRunningError while it runs.
        """
        self._lifecycle.close()

    def run_forever(self, timeout: float | timedelta | None = None) -> None:
        """Drive jobs until SIGINT or SIGTERM arrives or shutdown() is called, then shut down gracefully.

        Starts the scheduler if need be. A second signal does what it would have done without a scheduler. Outside the
        main thread, where signals cannot be caught, shutdown() ends it.

        Arguments:
            timeout: that of the `shutdown` which a signal brings about; None: it waits for runs without a limit.

        Raises what `start` raises, but for SchedulerAlreadyRunningError while it runs; InvalidSettingError for a wrong
        timeout; and SchedulerError on a virtual clock, which stands still.
        """
        self._lifecycle.run_forever(timeout)

    def pause(self) -> None:
        """Start no run until `resume`; runs that have started go on. Raises SchedulerNotRunningError."""
        self._lifecycle.pause()

    def resume(self) -> None:
        """Start what is due again. Raises SchedulerNotRunningError."""
        self._lifecycle.resume()

    @property
    def state(self) -> SchedulerState:
        """STOPPED, RUNNING or PAUSED."""
        return self._lifecycle.state

    @property
    def running(self) -> bool:
        """Whether it was started, was not shut down, and its loop is alive."""
        return self._lifecycle.running

    @property
    def timezone(self) -> tzinfo:
        """The zone in which naive datetimes are read."""
        return self._zone

    @property
    def clock(self) -> Clock:
        """The clock it lives by."""
        return self._clock

    @property
    def engine(self) -> Engine:
        """What takes the steps; for drivers such as `scheduler.testing.VirtualTime`."""
        return self._engine

    def health(self) -> Health:
        """Tell how the loop, the stores and the nodes fare. Raises nothing; asks each store two short questions.

        A store that is not open is opened for it, which makes a missing SQLite file, and the tables.
        """
        return self._lifecycle.health()

    def __enter__(self) -> Self:
        """Start, unless it runs."""
        if not self.running:
            self.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Shut down, waiting for what runs."""
        if self.running:
            self.shutdown()

    # listeners, stores, executors

    def add_listener(self, callback: Callable[[Any], object], *event_types: type[Event]) -> None:
        """Call `callback(event)` for events of these types and their subtypes; none given: for all.

        Events of runs come from the scheduler's own thread, which a slow callback holds up. One that raises is logged.
        """
        self._bus.add(callback, event_types)

    def remove_listener(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` no more. Raises SchedulerError if it was never added."""
        self._bus.remove(callback)

    def add_jobstore(
        self, jobstore: str | sqlalchemy.URL | sqlalchemy.Engine | JobStore, alias: str = "default"
    ) -> None:
        """Add a job store, and drive its jobs if the scheduler runs. Raises SchedulerError for an alias taken."""
        self._lifecycle.add_store(checked_alias("job store", alias), make_store(jobstore, self._kinds, self._history))

    def remove_jobstore(self, alias: str) -> None:
        """Let go of a job store, whose jobs stay in it. Raises SchedulerError while this process runs some of them."""
        self._lifecycle.remove_store(alias)

    def add_executor(self, executor: Executor, alias: str = "default") -> None:
        """Add an executor, started if the scheduler runs. Raises SchedulerError for an alias taken."""
        self._lifecycle.add_executor(checked_alias("executor", alias), checked_executor(executor))

    def remove_executor(self, alias: str) -> None:
        """Let go of an executor once its runs have ended; its jobs are kept and wait. Raises ExecutorLookupError."""
        self._lifecycle.remove_executor(alias)


OPTIONS = tuple(name for name in inspect.signature(Scheduler).parameters if name != "unknown")
"""The names of a scheduler's own arguments."""
