"""The front end for programs with threads: life cycle, and every operation as one call."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeVar

from scheduler.assembly import Parts, checked_executor, make_store
from scheduler.clock import Clock, SystemClock
from scheduler.core.events import Event
from scheduler.core.job import NOTHING, JobDefaults
from scheduler.core.retry import RetryPolicy
from scheduler.core.run import Run, RunState
from scheduler.core.unset import UNSET, Unset
from scheduler.definitions import JobDefinition
from scheduler.errors import UnknownOptionError
from scheduler.executors.base import Executor
from scheduler.handles import JobHandle
from scheduler.jobstores.base import JobStore
from scheduler.runtime.engine import Engine
from scheduler.runtime.health import Health
from scheduler.runtime.lifecycle import SchedulerState
from scheduler.transfer import File, export_jobs, import_jobs, print_jobs
from scheduler.triggers import Trigger
from scheduler.validation import checked_text

if TYPE_CHECKING:
    import sqlalchemy

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    "jobstore",
    "jobstores",
    "executors",
    "job_defaults",
    "timezone",
    "clock",
    "poll_interval",
    "heartbeat_interval",
    "node_timeout",
)


class Scheduler:
    """Runs jobs at their times, in this process, from job stores that other processes may share.

    Every call may come from any thread. One that was never started is a full client: it can add, change, list and
    look up jobs and runs of a shared store.

    Arguments:
        jobstore: the default job store: a database URL, an SQLAlchemy URL or Engine, a JobStore; None: memory.
        jobstores: further stores by alias, given in the same ways.
        executors: executors by alias; without a "default" one, a ThreadPoolExecutor of 10 threads is added.
        job_defaults: the rules of jobs that do not say otherwise.
        timezone: a name or tzinfo: the zone in which naive datetimes are read and triggers count that name none; None:
            the zone of this machine.
        clock: the clock to live by; for tests.
        poll_interval: seconds between looks at a shared store for what other processes changed.
        heartbeat_interval: seconds between signs of life on a shared store.
        node_timeout: seconds after which a process without a sign of life is dead, and its runs are lost.

    Raises UnknownOptionError for any other keyword, and SchedulerError for values that cannot be.
    """

    def __init__(
        self,
        jobstore: str | sqlalchemy.URL | sqlalchemy.Engine | JobStore | None = None,
        *,
        jobstores: Mapping[str, Any] = NOTHING,
        executors: Mapping[str, Executor] = NOTHING,
        job_defaults: JobDefaults | Mapping[str, Any] = NOTHING,
        timezone: str | tzinfo | None = None,
        clock: Clock | None = None,
        poll_interval: float = 1.0,
        heartbeat_interval: float = 5.0,
        node_timeout: float = 20.0,
        **unknown: Any,
    ) -> None:
        for name in unknown:
            hint = " (a rule of jobs goes into job_defaults)" if name in JobDefaults.__slots__ else ""
            raise UnknownOptionError(name, _OPTIONS, f"Scheduler{hint}")
        parts = Parts(
            jobstore,
            jobstores,
            executors,
            job_defaults,
            timezone,
            clock or SystemClock(),
            poll_interval,
            heartbeat_interval,
            node_timeout,
        )
        self._zone = parts.zone
        self._bus = parts.bus
        self._engine = parts.engine
        self._lifecycle = parts.lifecycle
        self._lookups = parts.lookups
        self._operations = parts.operations

    # life cycle

    def start(self, paused: bool = False) -> None:
        """Begin to drive jobs in a background thread; with `paused`, only after `resume`.

        Raises SchedulerAlreadyRunningError, SchemaVersionError, and StoreUnavailableError for an unreachable database.
        """
        self._lifecycle.start(paused)

    def shutdown(self, wait: bool = True, timeout: float | None = None) -> None:
        """Start nothing more, wait for what runs, record it and stop. Jobs stay in their stores; start() may follow.

        From within a job or a listener it only begins: another thread goes on with it, as a job cannot await itself.

        Arguments:
            wait: whether to wait for runs to end; those not waited for are recorded as lost.
            timeout: seconds to wait at the most; None: no limit.

        Raises SchedulerNotRunningError.
        """
        self._lifecycle.shutdown(wait, timeout)

    def run_forever(self) -> None:
        """Drive jobs until SIGINT or SIGTERM arrives or shutdown() is called, then shut down gracefully.

        Starts the scheduler if need be. Outside the main thread, where signals cannot be caught, shutdown() ends it.
        """
        self._lifecycle.run_forever()

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
    def engine(self) -> Engine:
        """What takes the steps; for drivers such as `scheduler.testing.VirtualTime`."""
        return self._engine

    def health(self) -> Health:
        """Tell how the loop, the stores and the nodes fare. Raises nothing; asks each store two short questions."""
        return self._lifecycle.health()

    def __enter__(self) -> Self:
        """Start, unless it runs."""
        if not self.running:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut down, waiting for what runs."""
        if self.running:
            self.shutdown()

    # jobs

    def add_job(
        self,
        func: Callable[..., Any] | str,
        trigger: Trigger | str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = NOTHING,
        id: str | None = None,
        name: str | None = None,
        misfire_grace_time: float | timedelta | Unset | None = UNSET,
        coalesce: bool | Unset = UNSET,
        max_instances: int | Unset = UNSET,
        next_run_time: datetime | Unset | None = UNSET,
        jobstore: str = "default",
        executor: str = "default",
        replace_existing: bool = False,
        *,
        retry: RetryPolicy | int | Unset | None = UNSET,
        tags: Iterable[str] = (),
        executor_options: Mapping[str, Any] = NOTHING,
        **trigger_args: Any,
    ) -> JobHandle:
        """Add a job; it is stored when this returns.

        Arguments:
            func: a callable, or its reference `"package.module:qualified.name"`; a database takes only what has one.
            trigger: a Trigger; or `"date"`, `"interval"`, `"cron"` with its arguments as keywords; None: once, now.
            args, kwargs: what to call it with.
            id: 1 to 255 characters, unique in its store; None: a random one.
            misfire_grace_time: seconds (or a timedelta) by which a fire may be late and still run; None: any.
            coalesce: whether fires that are late together become one run (with a record of how many), or all run.
            max_instances: how many runs may be under way at once, those that wait for a retry included.
            next_run_time: a first fire time of its own (naive: in the scheduler's zone); None: add the job paused.
            replace_existing: whether to replace a job of this id; it keeps its timing while its trigger is unchanged.
            retry: a RetryPolicy, or a number of retries at once; None: at most one attempt.
            executor_options: what only its executor knows.

        Raises InvalidJobError, InvalidTriggerError, UnknownOptionError, FunctionLookupError, SerializationError,
        ConflictingIdError, JobStoreLookupError, ExecutorLookupError; then nothing is stored.
        """
        definition = JobDefinition(
            func, trigger, args, kwargs, id, name, misfire_grace_time, coalesce, max_instances, next_run_time, jobstore,
            executor, replace_existing, retry=retry, tags=tags, executor_options=executor_options, **trigger_args,
        )  # fmt: skip
        return self.add_jobs([definition])[0]

    def add_jobs(self, jobs: Iterable[JobDefinition]) -> list[JobHandle]:
        """Add many jobs, those of one store in one transaction: all of them, or none. Raises what `add_job` raises."""
        return [JobHandle.of(job, self) for job in self._operations.add_jobs(jobs)]

    def scheduled_job(self, trigger: Trigger | str | None = None, **options: Any) -> Callable[[F], F]:
        """Decorate a function to add it as a job; the options are those of `add_job`.

        The id defaults to the function's name. A job of that id is replaced, and keeps its timing while its trigger is
        unchanged, so that each start of the program finds the job it left.
        """

        def decorate(func: F) -> F:
            self._operations.add_decorated(func, trigger, options)
            return func

        return decorate

    def modify_job(self, job_id: str, jobstore: str | None = None, **changes: Any) -> JobHandle:
        """Change fields of a job; the names are those of `add_job`, but for id, jobstore and replace_existing.

        `next_run_time` in the past means now; None pauses. A new `trigger` (a Trigger) counts from now.
        Raises JobLookupError, BrokenJobError, StaleJobError, and what `add_job` raises.
        """
        return JobHandle.of(self._operations.modify_job(job_id, jobstore, changes), self)

    def reschedule_job(
        self, job_id: str, jobstore: str | None = None, trigger: Trigger | str | None = None, **trigger_args: Any
    ) -> JobHandle:
        """Give a job another trigger, which counts from now; a paused job stays paused. Raises as `modify_job`."""
        return JobHandle.of(self._operations.reschedule_job(job_id, jobstore, trigger, trigger_args), self)

    def pause_job(self, job_id: str, jobstore: str | None = None) -> JobHandle:
        """Let a job fire no more until it is resumed. Raises as `modify_job`."""
        return JobHandle.of(self._operations.pause_job(job_id, jobstore), self)

    def resume_job(self, job_id: str, jobstore: str | None = None) -> JobHandle:
        """Let a paused job go on with its next fire time from now. Raises as `modify_job`."""
        return JobHandle.of(self._operations.resume_job(job_id, jobstore), self)

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        """Remove a job; its runs stay recorded, waiting ones are revoked, others go on. Raises JobLookupError."""
        self._operations.remove_job(job_id, jobstore)

    def remove_all_jobs(self, jobstore: str | None = None) -> None:
        """Remove all jobs of one store, or (None) of all stores, as `remove_job` does."""
        self._operations.remove_all_jobs(jobstore)

    def get_job(self, job_id: str, jobstore: str | None = None) -> JobHandle | None:
        """Return the job of this id, in one store or (None) the first that has one; None if there is none."""
        job = self._lookups.get_job(job_id, jobstore)
        return None if job is None else JobHandle.of(job, self)

    def get_jobs(
        self, jobstore: str | None = None, *, tag: str | None = None, broken: bool | None = None
    ) -> list[JobHandle]:
        """Return jobs by next run time, paused ones last.

        Arguments:
            jobstore: one store's alias; None: all.
            tag: only jobs that have it.
            broken: True: only jobs that cannot be loaded here, whose `broken` says why; False: only others.
        """
        return [JobHandle.of(job, self) for job in self._lookups.get_jobs(jobstore, tag, broken)]

    def print_jobs(self, jobstore: str | None = None, out: TextIO | None = None) -> None:
        """Write a line for each job to `out` (None: standard output), times in the scheduler's zone."""
        print_jobs(self._lookups, jobstore, out or sys.stdout, self._zone)

    def export_jobs(self, outfile: File, jobstore: str | None = None) -> None:
        """Write the jobs of one store, or (None) of all, as JSON to a path or text file.

        Raises SerializationError or FunctionLookupError, and writes nothing, if a job cannot be written as JSON.
        """
        export_jobs(self._lookups, outfile, jobstore)

    def import_jobs(self, infile: File, jobstore: str = "default") -> list[JobHandle]:
        """Add the jobs that `export_jobs` wrote, with their timing and pause, to one store: all of them, or none.

        Raises SerializationError for anything else, ConflictingIdError where an id is taken.
        """
        return [JobHandle.of(job, self) for job in import_jobs(self._operations, infile, jobstore)]

    # runs

    def get_run(self, run_id: str) -> Run:
        """Return a run. Raises RunLookupError."""
        return self._lookups.get_run(run_id)

    def get_runs(
        self,
        job_id: str | None = None,
        *,
        state: RunState | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[Run]:
        """Return runs by scheduled time.

        Arguments:
            job_id: only those of this job, also after it was removed.
            state: only those in this state.
            since, until: scheduled times, the first included, the second not; naive ones in the scheduler's zone.
            limit: how many at the most.
            newest_first: the order, and so which ones the limit leaves.
        """
        return self._lookups.get_runs(
            job_id, state=state, since=since, until=until, limit=limit, newest_first=newest_first
        )

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
        self._lifecycle.add_store(checked_text("the alias of a job store", alias), make_store(jobstore))

    def remove_jobstore(self, alias: str) -> None:
        """Let go of a job store, whose jobs stay in it. Raises SchedulerError while this process runs some of them."""
        self._lifecycle.remove_store(alias)

    def add_executor(self, executor: Executor, alias: str = "default") -> None:
        """Add an executor, started if the scheduler runs. Raises SchedulerError for an alias taken."""
        self._lifecycle.add_executor(checked_text("the alias of an executor", alias), checked_executor(executor))

    def remove_executor(self, alias: str) -> None:
        """Let go of an executor once its runs have ended; its jobs are kept and wait. Raises ExecutorLookupError."""
        self._lifecycle.remove_executor(alias)
