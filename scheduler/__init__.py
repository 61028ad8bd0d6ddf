"""A job scheduler that lives inside your program, on the database you already have.

from scheduler import Scheduler

scheduler = Scheduler("sqlite:///jobs.db")
scheduler.add_job(send_report, "cron", day_of_week="mon-fri", hour=9, id="daily-report")
scheduler.start()
"""

from typing import TYPE_CHECKING, Any

from scheduler.blocking import Scheduler
from scheduler.core.events import (
    Event,
    JobAdded,
    JobBroken,
    JobEvent,
    JobModified,
    JobRemoved,
    RunEvent,
    RunFailed,
    RunLost,
    RunProgress,
    RunRetrying,
    RunRevoked,
    RunSkipped,
    RunStarted,
    RunSucceeded,
    SchedulerPaused,
    SchedulerResumed,
    SchedulerShutdown,
    SchedulerStarted,
    StoreRecovered,
    StoreUnavailable,
)
from scheduler.core.history import History
from scheduler.core.job import Job, JobDefaults
from scheduler.core.retry import Retry, RetryPolicy
from scheduler.core.run import Attempt, Progress, Run, RunState
from scheduler.definitions import JobDefinition
from scheduler.errors import (
    BrokenJobError,
    ConflictingIdError,
    ExecutorLookupError,
    ExecutorStoppedError,
    FunctionLookupError,
    InvalidJobError,
    InvalidMoveError,
    InvalidSettingError,
    InvalidTriggerError,
    JobLookupError,
    JobStoreError,
    JobStoreLookupError,
    NotInARunError,
    RunFailedError,
    RunLookupError,
    RunLostError,
    RunRevokedError,
    RunSkippedError,
    RunTimeoutError,
    SchedulerAlreadyRunningError,
    SchedulerError,
    SchedulerNotRunningError,
    SchemaVersionError,
    SerializationError,
    StaleJobError,
    StoreUnavailableError,
    UnknownOptionError,
    WaitTimeoutError,
    WrongLoopError,
)
from scheduler.executors.current import CurrentRun, current_run
from scheduler.handles import JobHandle
from scheduler.run_handles import RunHandle
from scheduler.runtime.health import Health, StoreHealth, StuckRun
from scheduler.runtime.lifecycle import SchedulerState

if TYPE_CHECKING:
    from scheduler.async_handles import AsyncJobHandle, AsyncRunHandle
    from scheduler.asynchronous import AsyncScheduler

__all__ = [
    "AsyncJobHandle",
    "AsyncRunHandle",
    "AsyncScheduler",
    "Attempt",
    "BrokenJobError",
    "ConflictingIdError",
    "CurrentRun",
    "Event",
    "ExecutorLookupError",
    "ExecutorStoppedError",
    "FunctionLookupError",
    "Health",
    "History",
    "InvalidJobError",
    "InvalidMoveError",
    "InvalidSettingError",
    "InvalidTriggerError",
    "Job",
    "JobAdded",
    "JobBroken",
    "JobDefaults",
    "JobDefinition",
    "JobEvent",
    "JobHandle",
    "JobLookupError",
    "JobModified",
    "JobRemoved",
    "JobStoreError",
    "JobStoreLookupError",
    "NotInARunError",
    "Progress",
    "Retry",
    "RetryPolicy",
    "Run",
    "RunEvent",
    "RunFailed",
    "RunFailedError",
    "RunHandle",
    "RunLookupError",
    "RunLost",
    "RunLostError",
    "RunProgress",
    "RunRetrying",
    "RunRevoked",
    "RunRevokedError",
    "RunSkipped",
    "RunSkippedError",
    "RunStarted",
    "RunState",
    "RunSucceeded",
    "RunTimeoutError",
    "Scheduler",
    "SchedulerAlreadyRunningError",
    "SchedulerError",
    "SchedulerNotRunningError",
    "SchedulerPaused",
    "SchedulerResumed",
    "SchedulerShutdown",
    "SchedulerStarted",
    "SchedulerState",
    "SchemaVersionError",
    "SerializationError",
    "StaleJobError",
    "StoreHealth",
    "StoreRecovered",
    "StoreUnavailable",
    "StoreUnavailableError",
    "StuckRun",
    "UnknownOptionError",
    "WaitTimeoutError",
    "WrongLoopError",
    "current_run",
]


def __getattr__(name: str) -> Any:
    """Return what is looked up only when it is asked for, so that importing the package stays quick."""
    if name == "__version__":
        return _version()
    if name in ("AsyncScheduler", "AsyncJobHandle", "AsyncRunHandle"):
        import scheduler.asynchronous as asynchronous  # and with it asyncio

        return getattr(asynchronous, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version("embedded-scheduler")
    except importlib.metadata.PackageNotFoundError as error:
        raise AttributeError(f"module {__name__!r} has no version, as the package is not installed") from error
