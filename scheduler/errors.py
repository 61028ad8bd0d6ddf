"""Every error this package raises, in one tree.

SchedulerError
├── InvalidJobError (ValueError)               an argument of a job is wrong
│   └── UnknownOptionError (TypeError)         a keyword nobody knows
├── InvalidSettingError (ValueError)           an argument of a scheduler, job store or executor is wrong
├── InvalidTriggerError (ValueError)           a trigger that cannot be built
├── SerializationError (ValueError)            a value the store cannot keep
├── FunctionLookupError (LookupError)          a function that cannot be imported
├── ConflictingIdError (ValueError)            the job id is taken
├── StaleJobError                              the job was changed by somebody else meanwhile
├── JobLookupError (LookupError)               no such job
├── RunLookupError (LookupError)               no such run
├── JobStoreLookupError (LookupError)          no job store of that alias
├── ExecutorLookupError (LookupError)          no executor of that alias
├── BrokenJobError                             the stored job cannot be loaded here
├── NotInARunError (RuntimeError)              current_run() outside the function of a run
├── WaitTimeoutError (TimeoutError)            a run did not end within the time one wanted to wait
├── RunFailedError (RuntimeError)              RunHandle.get(): the run failed
│   ├── RunTimeoutError (TimeoutError)         its last attempt took longer than the job's timeout
│   ├── RunLostError                           its process died
│   ├── RunRevokedError                        it was cancelled
│   └── RunSkippedError                        it did not run
├── InvalidMoveError (ValueError)              a change of state that the table of moves forbids
├── SchedulerAlreadyRunningError (RuntimeError)
├── SchedulerNotRunningError (RuntimeError)
├── WrongLoopError (RuntimeError)              an AsyncScheduler is used in another event loop than it was started in
├── ExecutorStoppedError (RuntimeError)        work was handed to an executor that has stopped
└── JobStoreError
    ├── StoreUnavailableError (ConnectionError)    the database cannot be reached or refuses to work
    └── SchemaVersionError (RuntimeError)          the tables were made by a newer version
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scheduler.core.run import Run

LONGEST_NAME = 64
"""Characters of an unknown name at which the nearest is looked for: what nobody would write is not compared."""


class SchedulerError(Exception):
    """The root of all errors of this package."""


class InvalidJobError(SchedulerError, ValueError):
    """An argument of a job is wrong; the message names it."""


class UnknownOptionError(InvalidJobError, TypeError):
    """A keyword that nothing accepts here; the message says where it belongs, or suggests the nearest valid one."""

    def __init__(self, name: str, valid: Iterable[str], where: str, hint: str = "") -> None:
        super().__init__(f"{where}: unknown option {name!r}; {hint or suggest(name, valid)}")


class InvalidSettingError(SchedulerError, ValueError):
    """An argument of a scheduler, job store or executor, or of a question to one, is wrong; the message names it."""


class InvalidTriggerError(SchedulerError, ValueError):
    """A trigger that cannot be built; the message names the field, the value and what is allowed."""


class SerializationError(SchedulerError, ValueError):
    """A value that the job store cannot keep; the message names the argument."""


class FunctionLookupError(SchedulerError, LookupError):
    """A function that cannot be imported by its reference, or has none."""


class ConflictingIdError(SchedulerError, ValueError):
    """The job store already has a job of this id."""

    def __init__(self, job_id: str, remedy: str = "choose another id or pass replace_existing=True") -> None:
        super().__init__(f"there is a job {job_id!r} already; {remedy}")
        self.job_id = job_id


class StaleJobError(SchedulerError):
    """The job changed between reading and writing it; read it again and repeat the change."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id!r} was changed by somebody else meanwhile; read it again and repeat the change")
        self.job_id = job_id


class JobLookupError(SchedulerError, LookupError):
    """No job has this id."""

    def __init__(
        self, job_id: str, jobstore: str | None = None, remedy: str = "it may have ended or been removed"
    ) -> None:
        where = "" if jobstore is None else f" in job store {jobstore!r}"
        super().__init__(f"no job{where} has the id {job_id!r}; {remedy}")
        self.job_id = job_id


class RunLookupError(SchedulerError, LookupError):
    """No run has this id."""

    def __init__(self, run_id: str, remedy: str = "") -> None:
        super().__init__(f"no run has the id {run_id!r}{remedy and '; '}{remedy}")
        self.run_id = run_id


class JobStoreLookupError(SchedulerError, LookupError):
    """No job store has this alias."""

    def __init__(self, alias: str, valid: Iterable[str]) -> None:
        super().__init__(f"no job store has the alias {alias!r}; {suggest(alias, valid)}")


class ExecutorLookupError(SchedulerError, LookupError):
    """No executor has this alias."""

    def __init__(self, alias: str, valid: Iterable[str]) -> None:
        super().__init__(f"no executor has the alias {alias!r}; {suggest(alias, valid)}")


class BrokenJobError(SchedulerError):
    """The stored job cannot be loaded here, so it can be listed or removed but not changed."""


class NotInARunError(SchedulerError, RuntimeError):
    """current_run() was called outside the function of a run, or in a thread that the function has started."""


class WaitTimeoutError(SchedulerError, TimeoutError):
    """A run did not end within the time for which somebody wanted to wait. The run goes on."""


class RunFailedError(SchedulerError, RuntimeError):
    """A run has no result, as it failed; `run` is how it ended, and its `error` and `traceback` say why."""

    def __init__(self, run: Run) -> None:
        why = run.error or run.reason or "for no recorded reason"
        super().__init__(f"run {run.id!r} of job {run.job_id!r} ended as {run.state}: {why}")
        self.run = run

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.run,)


class RunTimeoutError(RunFailedError, TimeoutError):
    """The last attempt took longer than the job's `timeout`."""


class RunLostError(RunFailedError):
    """The process that ran it died or was shut down."""


class RunRevokedError(RunFailedError):
    """The run was cancelled, or its job was removed before it began."""


class RunSkippedError(RunFailedError):
    """The run did not run; its `reason` says why."""


class InvalidMoveError(SchedulerError, ValueError):
    """A run was asked to change to a state that cannot follow its own."""


class SchedulerAlreadyRunningError(SchedulerError, RuntimeError):
    """start() on a scheduler that runs."""


class SchedulerNotRunningError(SchedulerError, RuntimeError):
    """A call that needs a running scheduler."""


class WrongLoopError(SchedulerError, RuntimeError):
    """A call of an AsyncScheduler in another event loop than the one in which it was started."""


class ExecutorStoppedError(SchedulerError, RuntimeError):
    """Work was handed to an executor that was not started or has stopped."""


class JobStoreError(SchedulerError):
    """The root of what goes wrong in a job store."""


class StoreUnavailableError(JobStoreError, ConnectionError):
    """The database cannot be reached, or refuses to work; the call may be repeated later."""


class SchemaVersionError(JobStoreError, RuntimeError):
    """The tables were made by a newer version of this package, which this one must not touch."""


def suggest(name: str, valid: Iterable[str]) -> str:
    """Return the hint that ends a message about an unknown `name`."""
    names = sorted(set(valid))
    near = get_close_matches(name[:LONGEST_NAME], names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"valid are {', '.join(map(repr, names))}" if names else "there are none"
