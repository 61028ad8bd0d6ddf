"""A job scheduler that lives inside your program, on the database you already have.

from scheduler import Scheduler

scheduler = Scheduler("sqlite:///jobs.db")
scheduler.add_job(send_report, "cron", day_of_week="mon-fri", hour=9, id="daily-report")
scheduler.start()
"""

from typing import Any

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
from scheduler.core.job import Job, JobDefaults
from scheduler.core.retry import RetryPolicy
from scheduler.core.run import Run, RunState
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
    RunLookupError,
    SchedulerAlreadyRunningError,
    SchedulerError,
    SchedulerNotRunningError,
    SchemaVersionError,
    SerializationError,
    StaleJobError,
    StoreUnavailableError,
    UnknownOptionError,
)
from scheduler.handles import JobHandle
from scheduler.runtime.health import Health, StoreHealth
from scheduler.runtime.lifecycle import SchedulerState

__all__ = [
    "BrokenJobError",
    "ConflictingIdError",
    "Event",
    "ExecutorLookupError",
    "ExecutorStoppedError",
    "FunctionLookupError",
    "Health",
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
    "RetryPolicy",
    "Run",
    "RunEvent",
    "RunFailed",
    "RunLookupError",
    "RunLost",
    "RunRetrying",
    "RunRevoked",
    "RunSkipped",
    "RunStarted",
    "RunState",
    "RunSucceeded",
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
    "UnknownOptionError",
]


def __getattr__(name: str) -> Any:
    """Return `__version__`, looked up when it is asked for, so that importing the package stays quick."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib.metadata

    try:
        return importlib.metadata.version("embedded-scheduler")
    except importlib.metadata.PackageNotFoundError as error:
        raise AttributeError(f"module {__name__!r} has no version, as the package is not installed") from error
