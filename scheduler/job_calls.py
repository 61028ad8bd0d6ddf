"""The calls for jobs of the front end that blocks, apart from its life cycle."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, TextIO, TypeVar

from scheduler.core.job import NOTHING
from scheduler.core.retry import RetryPolicy
from scheduler.core.unset import UNSET, Unset
from scheduler.definitions import JobDefinition
from scheduler.handles import JobHandle
from scheduler.lookups import Lookups
from scheduler.operations import Operations
from scheduler.run_calls import RunCalls
from scheduler.transfer import File, export_jobs, import_jobs, print_jobs
from scheduler.triggers import Trigger

F = TypeVar("F", bound=Callable[..., Any])


class JobCalls(RunCalls):
    """Adds, changes, lists and moves jobs, beside the calls for runs. Every call works whether or not it runs."""

    _lookups: Lookups
    _operations: Operations
    _zone: tzinfo

    def add_job(
        self, /, func: Callable[..., Any] | str, trigger: Trigger | str | None = None,
        args: Iterable[Any] = (), kwargs: Mapping[str, Any] = NOTHING,
        id: str | None = None, name: str | None = None,
        misfire_grace_time: float | timedelta | Unset | None = UNSET, coalesce: bool | Unset = UNSET,
        max_instances: int | Unset = UNSET, next_run_time: datetime | Unset | None = UNSET,
        jobstore: str = "default", executor: str = "default", replace_existing: bool = False, *,
        overlap: str | Unset = UNSET, retry: RetryPolicy | int | Unset | None = UNSET,
        timeout: float | timedelta | Unset | None = UNSET, keep_runs: int | Unset | None = UNSET,
        on_success: Callable[..., Any] | str | None = None, on_failure: Callable[..., Any] | str | None = None,
        jitter: float | timedelta | Unset | None = UNSET, tags: Iterable[str] = (),
        executor_options: Mapping[str, Any] = NOTHING, **trigger_args: Any,
    ) -> JobHandle:  # fmt: skip
        """Add a job; it is stored when this returns.

        Arguments:
            func: a callable, or its reference `"package.module:qualified.name"`; a database takes only what has one.
            trigger: a Trigger; or a name (`"cron"`, `"after"`, … or of the scheduler's `triggers`); None: once, now.
            args, kwargs: what to call it with; checked against the function's signature.
            id, name: 1 to 255 characters, the id unique in its store; None: a random id, and the function's name.
            misfire_grace_time: seconds (or a timedelta) by which a fire may be late and still run; None: any.
            coalesce: whether fires that are late together become one run (with a record of how many), or all run.
            max_instances: how many runs may be under way at once, those that wait included.
            next_run_time: a first fire time of its own (naive: in the scheduler's zone); None: add the job paused.
            jobstore, executor: the aliases of those that keep it and call it; both must be known here.
            replace_existing: whether to replace a job of this id; it keeps its timing while its trigger is unchanged.
            overlap: what a fire does when `max_instances` runs are under way: "skip" (recorded), "queue" (wait for one
                to end), or "cancel_running" (revoke the oldest one, and take its place).
            retry: a RetryPolicy, or a number of retries at once; None: at most one attempt.
            timeout: seconds (or a timedelta) after which an attempt is ended and has failed; None: never.
            keep_runs: how many of its ended runs are kept; None: as many as the scheduler's History says.
            on_success, on_failure: functions that are called with the Run, as runs of their own, when one has
                succeeded, or has failed for good or is lost.
            jitter: seconds (or a timedelta) below which each run is delayed; None: not at all. Default: the trigger's.
            tags: texts of 1 to 255 characters, by which `get_jobs` finds it.
            executor_options: what only its executor knows; it refuses what it does not know.
            trigger_args: the arguments of a trigger given by its name, such as minutes=5; with any other trigger, none.

        Raises InvalidJobError, InvalidTriggerError, UnknownOptionError, FunctionLookupError, SerializationError,
        ConflictingIdError, JobStoreLookupError, ExecutorLookupError, and JobLookupError for one that is to follow a job
        that is not there; then nothing is stored. And StoreUnavailableError, as every call does when the database is
        away; if it went while it was committing, the job may be stored.
        """
        return self.add_jobs([JobDefinition(
            func, trigger, args, kwargs, id, name, misfire_grace_time, coalesce, max_instances, next_run_time, jobstore,
            executor, replace_existing,
            overlap=overlap, retry=retry, timeout=timeout, keep_runs=keep_runs, on_success=on_success,
            on_failure=on_failure, jitter=jitter, tags=tags, executor_options=executor_options, **trigger_args,
        )])[0]  # fmt: skip

    def add_jobs(self, jobs: Iterable[JobDefinition]) -> list[JobHandle]:
        """Add many jobs, those of one store in one transaction: all of them, or none. Raises what `add_job` raises."""
        return [JobHandle.of(job, self) for job in self._operations.add_jobs(jobs)]

    def scheduled_job(self, trigger: Trigger | str | None = None, **options: Any) -> Callable[[F], F]:
        """Decorate a function to add it as a job; the options are those of `add_job`.

        The id defaults to the function's name. A job of that id is replaced, and keeps its timing while its trigger is
        unchanged, so that each start of the program finds the job it left.

        Raises InvalidTriggerError at once for what is no trigger, such as the function itself where the parentheses
        are left out; and what `add_job` raises, when it decorates.
        """
        self._operations.check_trigger(trigger)

        def decorate(func: F) -> F:
            self._operations.add_decorated(func, trigger, options)
            return func

        return decorate

    def modify_job(self, /, job_id: str, jobstore: str | None = None, **changes: Any) -> JobHandle:
        """Change fields of a job; the names are those of `add_job`, but for id, jobstore and replace_existing.

        `next_run_time` in the past means now; None pauses. A new `trigger` (a Trigger) counts from now, and brings its
        jitter unless one is given. `on_success=None` takes a callback away, as None does elsewhere. Attempts that are
        under way go on as they began: a new `timeout` does not touch them.
        Raises JobLookupError, BrokenJobError, StaleJobError, and what `add_job` raises.
        """
        return JobHandle.of(self._operations.modify_job(job_id, jobstore, changes), self)

    def reschedule_job(
        self,
        /,
        job_id: str,
        jobstore: str | None = None,
        trigger: Trigger | str | None = None,
        *,
        jitter: float | timedelta | Unset | None = UNSET,
        **trigger_args: Any,
    ) -> JobHandle:
        """Give a job another trigger, which counts from now, and its jitter; a paused job stays paused.

        The arguments are those of `add_job`, but that `job_id` here is the job's own: to let it follow another one,
        pass `AfterTrigger(…)`. Raises as `modify_job`.
        """
        return JobHandle.of(self._operations.reschedule_job(job_id, jobstore, trigger, jitter, trigger_args), self)

    def pause_job(self, job_id: str, jobstore: str | None = None) -> JobHandle:
        """Let a job fire no more until it is resumed. Raises as `modify_job`."""
        return JobHandle.of(self._operations.pause_job(job_id, jobstore), self)

    def resume_job(self, job_id: str, jobstore: str | None = None) -> JobHandle:
        """Let a paused job go on with its next fire time from now. Raises as `modify_job`."""
        return JobHandle.of(self._operations.resume_job(job_id, jobstore), self)

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        """Remove a job. Its runs stay recorded; waiting ones are revoked, which RunRevoked tells, and others go on.

        Jobs that follow it stay. They wait for a job of its id; runs of it that go on let them fire when they end.
        Raises JobLookupError.
        """
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
        """Write the jobs of one store, or (None) of all, as JSON to a path or an open text file.

        A file at that path is replaced as a whole, or stays as it was. Jobs that have ended, and only wait for their
        last run to end, are left out.
        Raises SerializationError or FunctionLookupError, and writes nothing, if a job cannot be written as JSON;
        OSError for a path that cannot be written; JobStoreLookupError.
        """
        export_jobs(self._lookups, outfile, jobstore)

    def import_jobs(self, infile: File, jobstore: str = "default") -> list[JobHandle]:
        """Add the jobs that `export_jobs` wrote, with their timing and pause, to one store: all of them, or none.

        Functions are not imported, nor executors looked for: a job that cannot run here is listed as broken.
        Raises SerializationError for anything else, InvalidJobError for a job that `add_job` would refuse or that would
        never fire, JobLookupError for one that follows a job neither there nor imported with it, ConflictingIdError
        where an id is taken, JobStoreLookupError, and OSError for a path that cannot be read.
        """
        return [JobHandle.of(job, self) for job in import_jobs(self._operations, infile, jobstore)]
