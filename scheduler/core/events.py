"""What listeners are told: frozen values, one type for each thing that happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from scheduler.core.run import Run, RunState


@dataclass(frozen=True, slots=True)
class Event:
    """The root of all events; a listener of this type hears everything."""


@dataclass(frozen=True, slots=True)
class SchedulerStarted(Event):
    """The scheduler began to drive its jobs."""


@dataclass(frozen=True, slots=True)
class SchedulerPaused(Event):
    """No new fires until it is resumed."""


@dataclass(frozen=True, slots=True)
class SchedulerResumed(Event):
    """Fires go on after a pause."""


@dataclass(frozen=True, slots=True)
class SchedulerShutdown(Event):
    """The scheduler stopped driving its jobs."""


@dataclass(frozen=True, slots=True)
class JobEvent(Event):
    """Something happened to a job."""

    job_id: str
    jobstore: str


@dataclass(frozen=True, slots=True)
class JobAdded(JobEvent):
    """A job was added by this scheduler object."""


@dataclass(frozen=True, slots=True)
class JobModified(JobEvent):
    """A job was changed, paused or resumed by this scheduler object."""


@dataclass(frozen=True, slots=True)
class JobRemoved(JobEvent):
    """A job was removed by this scheduler object, or has ended."""


@dataclass(frozen=True, slots=True)
class JobBroken(JobEvent):
    """A due job cannot be loaded here; it is kept and resumes when it can be."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunEvent(Event):
    """Something happened to a run; `run` is as it is afterwards, and recorded."""

    run: Run


@dataclass(frozen=True, slots=True)
class RunStarted(RunEvent):
    """An attempt was recorded and is handed to its executor."""


@dataclass(frozen=True, slots=True)
class RunProgress(RunEvent):
    """The function said how far it is, in `run.progress`; of what it says in quick succession, the last is told."""


@dataclass(frozen=True, slots=True)
class RunSucceeded(RunEvent):
    """The function returned."""


@dataclass(frozen=True, slots=True)
class RunFailed(RunEvent):
    """The function raised, and no attempt is left."""


@dataclass(frozen=True, slots=True)
class RunRetrying(RunEvent):
    """The attempt failed or was lost, and another one follows at `run.ready_at`."""


@dataclass(frozen=True, slots=True)
class RunSkipped(RunEvent):
    """`run.count` fire times did not run, for `run.reason`."""


@dataclass(frozen=True, slots=True)
class RunRevoked(RunEvent):
    """The run was cancelled."""


@dataclass(frozen=True, slots=True)
class RunLost(RunEvent):
    """The process that ran it died, and no attempt is left."""


@dataclass(frozen=True, slots=True)
class StoreUnavailable(Event):
    """A job store stopped answering; its fires wait."""

    jobstore: str
    error: str
    since: datetime


@dataclass(frozen=True, slots=True)
class StoreRecovered(Event):
    """A job store answers again."""

    jobstore: str
    since: datetime
    """When it had stopped answering."""


RUN_EVENTS: Mapping[RunState, type[RunEvent]] = MappingProxyType(
    {
        RunState.STARTED: RunStarted,
        RunState.SUCCESS: RunSucceeded,
        RunState.FAILURE: RunFailed,
        RunState.RETRY: RunRetrying,
        RunState.SKIPPED: RunSkipped,
        RunState.REVOKED: RunRevoked,
        RunState.LOST: RunLost,
    }
)
"""What listeners are told when a run comes to a state."""
