"""What front ends hand out: values with the calls that belong to them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, NoReturn, Protocol, Self

from scheduler.core.job import Job
from scheduler.errors import InvalidTriggerError
from scheduler.run_handles import RunHandle
from scheduler.triggers import Trigger


class JobOperations(Protocol):
    """The calls of a scheduler that a job handle makes."""

    def modify_job(self, job_id: str, jobstore: str | None = None, **changes: Any) -> JobHandle: ...
    def reschedule_job(
        self, job_id: str, jobstore: str | None = None, trigger: Trigger | str | None = None, **trigger_args: Any
    ) -> JobHandle: ...
    def pause_job(self, job_id: str, jobstore: str | None = None) -> JobHandle: ...
    def resume_job(self, job_id: str, jobstore: str | None = None) -> JobHandle: ...
    def remove_job(self, job_id: str, jobstore: str | None = None) -> None: ...
    def run_job(self, job_id: str, jobstore: str | None = None) -> RunHandle: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BoundJob(Job):
    """A job as it was when it was read, with the scheduler through which its calls go: what all job handles share.

    Copies, also those of `dataclasses.replace`, work through the same scheduler. A handle cannot be pickled.
    """

    _scheduler: Any
    """A field like those of the job, so that copies have it; handles are compared and shown without it."""

    @classmethod
    def of(cls, job: Job, scheduler: Any) -> Self:
        """Return a handle on `job` that works through `scheduler`."""
        handle = object.__new__(cls)
        for name in _FIELDS:
            object.__setattr__(handle, name, getattr(job, name))
        object.__setattr__(handle, "_scheduler", scheduler)
        return handle

    def __copy__(self) -> Self:
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        kwargs, options = deepcopy((dict(self.kwargs), dict(self.executor_options)), memo)
        return replace(self, args=deepcopy(self.args, memo), kwargs=kwargs, executor_options=options)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the handle of job {self.id!r} cannot be pickled, as its calls need the scheduler of this process; "
            "pickle its id, and call get_job(id) where it is needed"
        )

    def __str__(self) -> str:
        """One line for people: name, trigger, and when it runs next."""
        return describe_job(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class JobHandle(BoundJob):
    """A job as it was when it was read, with the calls that change it. Each returns the job as it is then."""

    _scheduler: JobOperations

    def modify(self, **changes: Any) -> JobHandle:
        """Change fields; see `Scheduler.modify_job`."""
        return self._scheduler.modify_job(self.id, self.jobstore, **changes)

    def reschedule(self, trigger: Trigger | str | None = None, **trigger_args: Any) -> JobHandle:
        """Give it another trigger; see `Scheduler.reschedule_job`."""
        if "job_id" in trigger_args:
            raise InvalidTriggerError(
                "reschedule: job_id= cannot be passed beside the name of a trigger, as it would be that of "
                "reschedule_job; build the trigger and pass it: reschedule(AfterTrigger(…))"
            )
        return self._scheduler.reschedule_job(self.id, self.jobstore, trigger, **trigger_args)

    def pause(self) -> JobHandle:
        """Let it fire no more until it is resumed; see `Scheduler.pause_job`."""
        return self._scheduler.pause_job(self.id, self.jobstore)

    def resume(self) -> JobHandle:
        """Let it go on; see `Scheduler.resume_job`."""
        return self._scheduler.resume_job(self.id, self.jobstore)

    def remove(self) -> None:
        """Remove it; see `Scheduler.remove_job`."""
        self._scheduler.remove_job(self.id, self.jobstore)

    def run(self) -> RunHandle:
        """Run it now, beside its schedule, and return a handle on the run; see `Scheduler.run_job`."""
        return self._scheduler.run_job(self.id, self.jobstore)


_FIELDS = tuple(field.name for field in fields(Job))


def describe_job(job: Job, when: datetime | None = None) -> str:
    """Return one line about a job; `when` is its next run time in the zone to show."""
    time = when or job.next_run_time
    if job.broken is not None:
        state = f"broken: {job.broken}"
    elif job.paused:
        state = "paused"
    elif job.follows is not None:
        state = f"waits for job {job.follows}"
    else:
        state = f"next run at: {time.isoformat(sep=' ', timespec='seconds')}" if time else "ended"
    jitter = "" if job.jitter is None else f", jitter: {job.jitter:g} s"
    return f"{job.name} (id: {job.id}, trigger: {job.trigger}{jitter}, {state})"
