"""Checks of the arguments of a job, one for each; every message names the argument, its value and what is allowed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from scheduler.core.job import NOTHING, OVERLAPS, Job
from scheduler.core.retry import RetryPolicy
from scheduler.core.run import Run
from scheduler.errors import (
    FunctionLookupError,
    InvalidJobError,
    InvalidSettingError,
    InvalidTriggerError,
    SchedulerError,
    suggest,
)
from scheduler.serialization.functions import resolve
from scheduler.serialization.jobs import LONGEST_GRACE, MOST_INSTANCES
from scheduler.triggers import BUILT_IN, Trigger
from scheduler.triggers.arguments import to_jitter
from scheduler.triggers.combining import Nest
from scheduler.wording import show

CALLBACKS = ("on_success", "on_failure")
"""The arguments of a job that are functions besides its own."""

LONGEST_ID = 255
"""Characters in a job id or an alias at the most: what every database can index."""


def target(func: Any) -> Callable[..., Any]:
    """Return the callable that is meant: the one given, or the one that a reference names, imported now.

    Raises InvalidJobError, or FunctionLookupError for a reference that leads nowhere.
    """
    if isinstance(func, str):
        return resolve(func)
    if not callable(func):
        raise InvalidJobError(
            f'func must be a callable or a reference "package.module:qualified.name", not {show(func)}; '
            "pass the function itself, without calling it"
        )
    return func  # type: ignore[no-any-return]


def checked_function(func: Any) -> Callable[..., Any] | str:
    """Return `func` if it is a callable, or a reference that leads to one."""
    callable_ = target(func)
    return func if isinstance(func, str) else callable_


def checked_id(value: Any) -> str:
    """Return a job id: text, not empty, at most 255 characters, without NUL."""
    return checked_text("id", value)


def checked_text(name: str, value: Any, error: type[SchedulerError] = InvalidJobError) -> str:
    """Return a text that is not empty, fits into an index, and can be stored by every database."""
    if not isinstance(value, str):
        remedy = "; pass its .id" if isinstance(value, (Job, Run)) else ""
        raise error(f"{name} must be text, not {show(value)}{remedy}")
    if not value or len(value) > LONGEST_ID:
        raise error(f"{name} must have 1 to {LONGEST_ID} characters, not {len(value)}: {value[:60]!r}")
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise error(f"{name} must not contain NUL or unpaired surrogates: {value[:60]!r}")
    return value


def checked_alias(kind: str, value: Any) -> str:
    """Return the alias of a "job store" or an "executor", which is a setting of the scheduler."""
    return checked_text(f"the alias of {'an' if kind == 'executor' else 'a'} {kind}", value, InvalidSettingError)


def checked_args(args: Any, remedy: str = "") -> tuple[Any, ...]:
    """Return positional arguments as a tuple. A `remedy` ends the error for something else."""
    if isinstance(args, (str, bytes, Mapping)) or not isinstance(args, Iterable):
        wrong = f"args must be a sequence of positional arguments such as (1, 2), not {show(args)}"
        raise InvalidJobError(f"{wrong}{remedy}")
    return tuple(args)


def checked_mapping(kwargs: Any, name: str = "kwargs") -> Mapping[str, Any]:
    """Return keyword arguments as a mapping of their own."""
    if not isinstance(kwargs, Mapping) or not all(isinstance(key, str) for key in kwargs):
        raise InvalidJobError(f"{name} must be a mapping with text keys, not {show(kwargs)}")
    return MappingProxyType(dict(kwargs)) if kwargs else NOTHING


def checked_tags(tags: Any) -> tuple[str, ...]:
    """Return tags in the order given, each once."""
    if isinstance(tags, (str, bytes)) or not isinstance(tags, Iterable):
        raise InvalidJobError(f"tags must be a collection of texts such as ['billing'], not {show(tags)}")
    return tuple(dict.fromkeys(checked_text("each tag", tag) for tag in tags))


def checked_grace(value: Any) -> float | None:
    """Return a misfire grace time in seconds, or None for any lateness."""
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= LONGEST_GRACE:
        raise InvalidJobError(
            f"misfire_grace_time must be None (any lateness) or seconds above 0 up to {LONGEST_GRACE:g}, "
            f"not {show(value)}"
        )
    return float(seconds)


def checked_flag(name: str, value: Any) -> bool:
    """Return a yes or no."""
    if not isinstance(value, bool):
        raise InvalidJobError(f"{name} must be True or False, not {show(value)}")
    return value


def checked_instances(value: Any) -> int:
    """Return `max_instances`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_INSTANCES:
        raise InvalidJobError(f"max_instances must be a whole number from 1 to {MOST_INSTANCES}, not {show(value)}")
    return value


def checked_retry(value: Any) -> RetryPolicy | None:
    """Return a retry policy; a number is short for that many retries at once."""
    if value is None or isinstance(value, RetryPolicy):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidJobError(f"retry must be a RetryPolicy, a number of retries or None, not {show(value)}")
    return RetryPolicy(max_retries=value)


def checked_overlap(value: Any) -> str:
    """Return what a fire does when all instances are under way."""
    if value not in OVERLAPS:
        hint = suggest(value.lower() if isinstance(value, str) else "", OVERLAPS)
        if value == "allow":
            hint = "to let runs of the job overlap, pass max_instances=2 or more"
        raise InvalidJobError(f"overlap: {show(value)} is not known; {hint}")
    return str(value)


def checked_timeout(value: Any) -> float | None:
    """Return a time-out in seconds, or None for no limit."""
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= LONGEST_GRACE:
        raise InvalidJobError(
            f"timeout must be None (no limit) or seconds above 0 up to {LONGEST_GRACE:g}, not {show(value)}"
        )
    return float(seconds)


def checked_keep_runs(value: Any) -> int | None:
    """Return how many ended runs of a job are kept."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31):
        raise InvalidJobError(
            f"keep_runs must be None (as the scheduler's History says) or a whole number from 0, not {show(value)}"
        )
    return value


def checked_callback(name: str, value: Any) -> Callable[..., Any] | str | None:
    """Return a function that takes the run that ended, or a reference that leads to one."""
    if value is None:
        return None
    with naming(name):
        func = target(value)
    try:
        check_call(func, (None,), NOTHING)
    except InvalidJobError:
        raise InvalidJobError(
            f"{name}: {show(func)} cannot be called with one argument, the Run that ended; give it one parameter"
        ) from None
    return value if isinstance(value, str) else func


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Let errors about a function name the argument of which it is the value."""
    try:
        yield
    except (InvalidJobError, FunctionLookupError) as error:
        text = str(error).removeprefix("func").removeprefix(":").strip()
        kind = FunctionLookupError if isinstance(error, FunctionLookupError) else InvalidJobError
        raise kind(f"{name}: {text}") from None


CHECKS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "func": checked_function,
        "args": checked_args,
        "kwargs": checked_mapping,
        "name": lambda value: checked_text("name", value),
        "executor": lambda value: checked_text("executor", value),
        "misfire_grace_time": checked_grace,
        "coalesce": lambda value: checked_flag("coalesce", value),
        "max_instances": checked_instances,
        "jitter": to_jitter,
        "retry": checked_retry,
        "overlap": checked_overlap,
        "timeout": checked_timeout,
        "keep_runs": checked_keep_runs,
        "on_success": lambda value: checked_callback("on_success", value),
        "on_failure": lambda value: checked_callback("on_failure", value),
        "tags": checked_tags,
        "executor_options": lambda value: checked_mapping(value, "executor_options"),
    }
)
"""Field of a job → the check that gives its value."""


def check_stored(job: Job) -> None:
    """Raise InvalidJobError for a job, read from elsewhere, that `add_job` and `pause_job` would not have made.

    Its function is not imported: another process may have the code.
    """
    checked_id(job.id)
    for name, check in CHECKS.items():
        if name not in ("func", *CALLBACKS):
            check(getattr(job, name))
    if job.ended:
        raise InvalidJobError(
            f"job {job.id!r} is not paused and has no next run time, so it would never fire; "
            "give it a next_run_time or set paused to true"
        )
    if job.follows is not None and job.next_run_time is not None:
        raise InvalidJobError(
            f"job {job.id!r} fires after job {job.follows!r} and has the next run time "
            f"{job.next_run_time.isoformat()}; set next_run_time to null"
        )
    if job.paused and job.next_run_time is not None:
        raise InvalidJobError(
            f"job {job.id!r} is paused and has the next run time {job.next_run_time.isoformat()}; "
            "set paused to false, or next_run_time to null"
        )


def check_call(func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raise InvalidJobError if `func` cannot be called with these arguments. What has no signature is not checked."""
    signature = signature_of(func)
    if signature is None:
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        name = getattr(func, "__qualname__", repr(func))
        raise InvalidJobError(f"args and kwargs do not fit {name}{signature}: {error}") from None


def signature_of(func: Callable[..., Any]) -> inspect.Signature | None:
    """Return a function's signature; None for one that has none."""
    try:
        return _signature(func)
    except TypeError:
        return _find_signature(func)


def _find_signature(func: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(func)
    except (ValueError, TypeError):
        return None


_signature = lru_cache(maxsize=256)(_find_signature)


def checked_trigger(trigger: Trigger) -> Trigger:
    """Return a trigger that is a value: one that cannot be hashed would not come back equal from a database.

    Those of this package that hold no others can be, and are not asked.
    """
    if type(trigger) in BUILT_IN.values() and not isinstance(trigger, Nest):
        return trigger
    try:
        hash(trigger)
    except TypeError as error:
        raise InvalidTriggerError(
            f"trigger: {show(trigger)} cannot be hashed ({error}); make each trigger a frozen dataclass, "
            "with tuples instead of lists and frozensets instead of sets"
        ) from None
    return trigger


def first_fire(trigger: Trigger, now: datetime) -> datetime | None:
    """Return a trigger's first fire time for a job that is added or resumed now; None: it has none.

    Raises InvalidTriggerError for a trigger of the user's own that gives something else than an instant in UTC; its
    `first` may be its own too.
    """
    first: object = trigger.first(now)
    if first is not None and not (isinstance(first, datetime) and first.tzinfo is UTC):
        raise InvalidTriggerError(f"trigger: {show(trigger)} gave {show(first)}; it must give a datetime in UTC")
    return first
