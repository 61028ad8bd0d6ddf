"""A job: what to call, when, by which rules. A frozen value without behaviour beyond questions about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from scheduler.core.retry import RetryPolicy
from scheduler.triggers.base import Trigger

Callback = Callable[..., Any] | str
"""A function that is called with the Run that ended, or its reference."""

OVERLAPS = ("skip", "queue", "cancel_running")
"""What a fire does when all instances of its job are under way: it is skipped, waits for one to end, or ends the
oldest of them and takes its place."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to call, when (trigger), by which rules. All datetimes are aware and in UTC."""

    id: str
    func: Callable[..., Any] | str
    """The callable, or its reference `"package.module:qualified.name"` where the job comes from a database."""
    trigger: Trigger | None
    """When to fire; None only for a broken job whose trigger cannot be read."""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=lambda: NOTHING, hash=False)
    name: str = ""
    executor: str = "default"
    jobstore: str = "default"
    next_run_time: datetime | None = None
    """The earliest fire time that is not accounted for yet; None while paused, and after the last one."""
    paused: bool = False
    misfire_grace_time: float | None = None
    """Seconds by which a fire may be late and still run; None: any."""
    coalesce: bool = True
    max_instances: int = 1
    overlap: str = "skip"
    """What a fire does when `max_instances` runs are under way; one of OVERLAPS."""
    timeout: float | None = None
    """Seconds after which an attempt is ended and has failed; None: never."""
    keep_runs: int | None = None
    """How many of its ended runs are kept, the latest ones; None: as many as the scheduler's History says."""
    on_success: Callback | None = None
    """What is called, as a run of its own, when a run has succeeded."""
    on_failure: Callback | None = None
    """What is called, as a run of its own, when a run has failed for good or is lost."""
    jitter: float | None = None
    """Seconds below which each run is delayed, by a time derived from job id and fire time; None: not at all."""
    retry: RetryPolicy | None = None
    tags: tuple[str, ...] = ()
    executor_options: Mapping[str, Any] = field(default_factory=lambda: NOTHING, hash=False)
    incarnation: str = ""
    """Which life of the job id this is; drawn when the job is added."""
    version: int = 1
    """Grows with each change of the stored job; the store compares it before it swaps."""
    broken: str | None = None
    """Why the job cannot be loaded here; None for a sound one."""

    def evolved(self, **changes: Any) -> Job:
        """Return a copy with some fields changed: what `dataclasses.replace` does, in half the time, once a fire.

        The copy is a Job also where this is a subclass. Raises KeyError for a field that is none.
        """
        copy = object.__new__(Job)
        for write, part in zip(_WRITE.values(), _READ(self), strict=False):
            write(copy, part)
        for name, part in changes.items():
            _WRITE[name](copy, part)
        return copy

    @property
    def pending(self) -> bool:
        """Always False: a job is stored as soon as it is added. Kept because APScheduler has it."""
        return False

    @property
    def ended(self) -> bool:
        """Whether no fire time is left. An ended job is removed when its last run has ended."""
        return self.next_run_time is None and not self.paused and self.broken is None and self.follows is None

    @property
    def follows(self) -> str | None:
        """The id of the job whose ends make this one fire; None for one that fires by time."""
        return None if self.trigger is None else self.trigger.follows

    @property
    def func_ref(self) -> str:
        """The function as text: its reference, or what names it best."""
        if isinstance(self.func, str):
            return self.func
        module, qualname = getattr(self.func, "__module__", None), getattr(self.func, "__qualname__", None)
        return f"{module}:{qualname}" if module and qualname else repr(self.func)


_READ = attrgetter(*(field.name for field in fields(Job)))
_WRITE = {field.name: Job.__dict__[field.name].__set__ for field in fields(Job)}
"""Field → its slot's own descriptor, which writes where the frozen class refuses to."""


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """The rules of jobs that do not say otherwise; the fields mean what they mean in `Scheduler.add_job`."""

    misfire_grace_time: float | None = None
    coalesce: bool = True
    max_instances: int = 1
    retry: RetryPolicy | int | None = None
    overlap: str = "skip"
    timeout: float | timedelta | None = None
    keep_runs: int | None = None
