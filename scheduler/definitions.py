"""From the arguments of `add_job` to a job: every check of what users pass is made here, before anything is stored."""

from __future__ import annotations

import inspect
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any

from scheduler.core.job import NOTHING, Job, JobDefaults
from scheduler.core.retry import RetryPolicy
from scheduler.core.unset import UNSET, Unset
from scheduler.errors import (
    LONGEST_NAME,
    InvalidJobError,
    InvalidSettingError,
    InvalidTriggerError,
    UnknownOptionError,
)
from scheduler.options import OF_OTHERS, argument_of
from scheduler.timezones import to_utc, to_zone
from scheduler.triggers import DateTrigger, Trigger
from scheduler.triggers.arguments import to_jitter
from scheduler.triggers.named import OF_CELERY, TriggerKinds, parameters, required
from scheduler.validation import (
    CHECKS,
    check_call,
    checked_args,
    checked_callback,
    checked_flag,
    checked_id,
    checked_mapping,
    checked_tags,
    checked_text,
    checked_trigger,
    first_fire,
    target,
)
from scheduler.wording import show


class JobDefinition:
    """The arguments of one `Scheduler.add_job` call, for `Scheduler.add_jobs`; they mean what they mean there."""

    __slots__ = (
        "args",
        "coalesce",
        "executor",
        "executor_options",
        "func",
        "id",
        "jitter",
        "jobstore",
        "keep_runs",
        "kwargs",
        "max_instances",
        "misfire_grace_time",
        "name",
        "next_run_time",
        "on_failure",
        "on_success",
        "overlap",
        "replace_existing",
        "retry",
        "tags",
        "timeout",
        "trigger",
        "trigger_args",
    )

    def __init__(
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
        overlap: str | Unset = UNSET,
        retry: RetryPolicy | int | Unset | None = UNSET,
        timeout: float | timedelta | Unset | None = UNSET,
        keep_runs: int | Unset | None = UNSET,
        on_success: Callable[..., Any] | str | None = None,
        on_failure: Callable[..., Any] | str | None = None,
        jitter: float | timedelta | Unset | None = UNSET,
        tags: Iterable[str] = (),
        executor_options: Mapping[str, Any] = NOTHING,
        **trigger_args: Any,
    ) -> None:
        self.func = func
        self.trigger = trigger
        self.args = args
        self.kwargs = kwargs
        self.id = id
        self.name = name
        self.misfire_grace_time = misfire_grace_time
        self.coalesce = coalesce
        self.max_instances = max_instances
        self.next_run_time = next_run_time
        self.jobstore = jobstore
        self.executor = executor
        self.replace_existing = replace_existing
        self.overlap = overlap
        self.retry = retry
        self.timeout = timeout
        self.keep_runs = keep_runs
        self.on_success = on_success
        self.on_failure = on_failure
        self.jitter = jitter
        self.tags = tags
        self.executor_options = executor_options
        self.trigger_args = trigger_args


OPTIONS = tuple(name for name in inspect.signature(JobDefinition).parameters if name not in ("func", "trigger_args"))
"""The names of `add_job`'s arguments, without the function, which it always has, and those of triggers."""

CALLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"add_job": OPTIONS, "reschedule_job": ("job_id", "jobstore", "trigger", "jitter")}
)
"""The calls that take arguments of triggers → the names of their other ones."""


class JobBuilder:
    """Builds and changes jobs by the scheduler's defaults.

    Arguments:
        defaults: rules of jobs that do not say otherwise; a JobDefaults or a mapping of its fields.
        zone: in which naive datetimes are read, and triggers count that name no zone.
        kinds: the triggers that go by a name.

    Raises InvalidSettingError, UnknownOptionError or InvalidJobError for wrong defaults.
    """

    def __init__(self, defaults: JobDefaults | Mapping[str, Any], zone: tzinfo, kinds: TriggerKinds) -> None:
        if not isinstance(defaults, (JobDefaults, Mapping)):
            raise InvalidSettingError(
                f"job_defaults must be a JobDefaults or a mapping of its fields, not {show(defaults)}"
            )
        self.zone = zone
        self.kinds = kinds
        self._defaults = _rules(defaults)

    def build(self, definition: JobDefinition, now: datetime) -> Job:
        """Return the job of a definition that is added at the instant `now`. Raises what `add_job` raises."""
        func = target(definition.func)
        checked_flag("replace_existing", definition.replace_existing)
        args, kwargs = checked_args(definition.args, _meant_to_follow(definition)), checked_mapping(definition.kwargs)
        trigger = self.trigger(definition.trigger, definition.trigger_args, now, func=func)
        check_call(func, args, kwargs)
        next_run_time = self._first_run_time(definition.next_run_time, trigger, now)
        rules = {
            name: default if (value := getattr(definition, name)) is UNSET else CHECKS[name](value)
            for name, default in self._defaults.items()
        }
        return Job(
            id=uuid.uuid4().hex if definition.id is None else checked_id(definition.id),
            func=definition.func,
            trigger=trigger,
            args=args,
            kwargs=kwargs,
            name=_name_of(func) if definition.name is None else checked_text("name", definition.name),
            executor=checked_text("executor", definition.executor),
            jobstore=checked_text("jobstore", definition.jobstore),
            next_run_time=next_run_time,
            paused=next_run_time is None and (trigger.follows is None or definition.next_run_time is None),
            jitter=jitter_of(trigger, definition.jitter),
            on_success=checked_callback("on_success", definition.on_success),
            on_failure=checked_callback("on_failure", definition.on_failure),
            tags=checked_tags(definition.tags),
            executor_options=checked_mapping(definition.executor_options, "executor_options"),
            incarnation=secrets.token_hex(8),
            **rules,
        )

    def trigger(
        self,
        trigger: Trigger | str | None,
        trigger_args: Mapping[str, Any],
        now: datetime,
        call: str = "add_job",
        func: Callable[..., Any] | None = None,
    ) -> Trigger:
        """Return the trigger that a call means, counting from `now` where it has no start of its own."""
        if isinstance(trigger, str):
            return checked_trigger(self._named(trigger, trigger_args, call, func)).anchored(now)
        if trigger is not None and not isinstance(trigger, Trigger):
            self.kinds.named(trigger)
        for name in trigger_args:
            given = "without a trigger" if trigger is None else f"with {type(trigger).__name__}(…)"
            hint = self._none_is_named(name) if trigger is None else ""
            hint = hint or _elsewhere(name, call, func)
            raise UnknownOptionError(name, _others(call, trigger), f"{call} {given}", hint)
        return DateTrigger(run_date=now) if trigger is None else checked_trigger(trigger).anchored(now)

    def change(self, job: Job, changes: Mapping[str, Any], now: datetime) -> Job:
        """Return `job` with these fields changed. Raises UnknownOptionError and what `add_job` raises."""
        values: dict[str, Any] = {}
        for name, value in changes.items():
            if name == "next_run_time":
                values |= self._moved(value, now)
            elif name == "trigger":
                values[name] = self._built(value).anchored(now)
                values["jitter"] = jitter_of(value, changes.get("jitter", UNSET))
            elif name in CHECKS:
                values[name] = CHECKS[name](value)
            else:
                valid = (*CHECKS, "next_run_time", "trigger")
                raise UnknownOptionError(name, valid, "modify_job", self._rescheduling(name) or OF_OTHERS.get(name, ""))
        changed = replace(job, **values)
        if changed.follows is not None and values.get("next_run_time") is not None:
            raise _timeless(changed.follows, changes["next_run_time"])
        if {"func", "args", "kwargs"} & values.keys():
            check_call(target(changed.func), changed.args, changed.kwargs)
        return changed

    def _first_run_time(self, given: datetime | Unset | None, trigger: Trigger, now: datetime) -> datetime | None:
        if trigger.follows is not None:
            if given is not UNSET and given is not None:
                raise _timeless(trigger.follows, given)
            return None
        if given is UNSET:
            first = first_fire(trigger, now)
            if first is None:
                raise InvalidTriggerError(f"trigger: {trigger} has no fire time from {now.isoformat()} on")
            return first
        return None if given is None else self._instant(given)

    def _moved(self, value: datetime | None, now: datetime) -> dict[str, Any]:
        """A next run time in the past means now, so that no fire time that is accounted for comes again."""
        if value is None:
            return {"next_run_time": None, "paused": True}
        return {"next_run_time": max(self._instant(value), now), "paused": False}

    def _instant(self, value: Any) -> datetime:
        if not isinstance(value, datetime):
            raise InvalidJobError(f"next_run_time must be a datetime or None, not {show(value)}")
        try:
            return to_utc(value, self.zone)
        except InvalidTriggerError as error:
            raise InvalidJobError(f"next_run_time: {error}") from error.__cause__

    def _built(self, trigger: Any) -> Trigger:
        """Return the new trigger of a job that is modified, which has no room for the arguments of a named one."""
        if isinstance(trigger, Trigger):
            return checked_trigger(trigger)
        if isinstance(trigger, str):
            self.kinds.named(trigger)
        raise InvalidTriggerError(
            f"modify_job: trigger must be a Trigger, not {show(trigger)}; to name one and its arguments, "
            f"use reschedule_job(job_id, trigger={trigger if isinstance(trigger, str) else 'interval'!r}, …)"
        )

    def refuse(self, call: str, func: Callable[..., Any] | str, unknown: Iterable[str], valid: Iterable[str]) -> None:
        """Raise UnknownOptionError for options that a call of a function does not take, with what is meant by them."""
        for name in unknown:
            hint = argument_of(func, name) or OF_OTHERS.get(name, "")
            if not hint and name in OPTIONS:
                hint = f"{name}= belongs to add_job; add a job with it, and run_job runs that at once"
            elif not hint and self.kinds.takers(name):
                hint = f"{name}= belongs to a trigger, and {call} calls once; pass countdown= or eta=, or use add_job"
            raise UnknownOptionError(name, valid, call, hint)

    def _named(self, kind: str, trigger_args: Mapping[str, Any], call: str, func: Callable[..., Any] | None) -> Trigger:
        cls = self.kinds.named(kind)
        for name in required(cls):
            if name in CALLS[call]:
                raise InvalidTriggerError(
                    f"{call}: the trigger {kind!r} needs {name}=, which cannot be passed beside its name, "
                    f"as it would be that of {call}; build it and pass it: {cls.__name__}(…)"
                )
        valid = parameters(cls)
        for name in trigger_args:
            if name not in valid:
                here = OF_CELERY.get(name)
                hint = f"did you mean {here!r}?" if here in valid else _elsewhere(name, call, func)
                where = f"{call} with the trigger {kind!r}"
                raise UnknownOptionError(name, (*valid, *_others(call, kind)), where, hint)
        args = dict(trigger_args)
        if "timezone" in valid:  # a trigger of the user's own need not read names and zones of other libraries
            given = trigger_args.get("timezone")
            zone = self.zone if given is None else given
            args["timezone"] = to_zone(zone) if isinstance(zone, str | tzinfo) else zone
        return self.kinds.build(kind, args)

    def _none_is_named(self, name: str) -> str:
        """Return the hint for an argument of a trigger where there is none; empty for other names."""
        kinds = " or ".join(map(repr, self.kinds.takers(name)))
        return f"{name}= belongs to a trigger, and none is named; pass trigger={kinds}" if kinds else ""

    def _rescheduling(self, name: str) -> str:
        """Return the hint for an argument of a trigger in a change of a job; empty for other names."""
        kinds = self.kinds.takers(name)
        if not kinds:
            return ""
        cls = self.kinds.named(kinds[0])
        collides = set(required(cls)) & set(CALLS["reschedule_job"])
        call = f"trigger={cls.__name__}(…)" if collides else f"trigger={kinds[0]!r}, {name}=…"
        return f"{name}= belongs to a trigger; to change that, use reschedule_job(job_id, {call})"


def _others(call: str, trigger: Trigger | str | None) -> tuple[str, ...]:
    """The arguments of a call that are none of a trigger, but for the trigger where it is given."""
    return tuple(name for name in CALLS[call] if trigger is None or name != "trigger")


def _elsewhere(name: str, call: str, func: Callable[..., Any] | None) -> str:
    """The hint for what belongs to another call, to the function or to another library; empty for other names."""
    if call != "add_job" and (name in CHECKS or name == "next_run_time"):
        return f"{name}= belongs to modify_job"
    if call != "add_job" and name in OPTIONS:
        return f"{name}= belongs to add_job"
    return (argument_of(func, name) if func is not None else "") or OF_OTHERS.get(name, "")


def _meant_to_follow(definition: JobDefinition) -> str:
    """The rest of the error where the id of a job stands in the place of the arguments; empty elsewhere."""
    if not (definition.trigger == "after" and isinstance(definition.args, str)):
        return ""
    return f"; to follow a job, pass job_id={definition.args[:LONGEST_NAME]!r}"


def _timeless(followed: str, given: object) -> InvalidJobError:
    return InvalidJobError(
        f"next_run_time: {show(given)} is given for a job that fires after job {followed!r}, at no time of its own; "
        "leave it out, or pass None to pause the job; run_job runs it at once"
    )


def jitter_of(trigger: Trigger, given: float | timedelta | Unset | None = UNSET) -> float | None:
    """Return the jitter of a job that gets this trigger: the one given with it, or else its own."""
    return to_jitter(trigger.jitter if given is UNSET else given)


def replacing(job: Job, existing: Job, *, timing_given: bool) -> Job:
    """Return `job` as the successor of `existing` under the same id.

    It is the same incarnation, and keeps the timing and the pause while the trigger is as it was defined, whatever its
    jitter, unless the caller gave a next run time. Of two triggers that fire alike it takes the new one, as that has
    the jitter and the words of now, but for an old one that counts from when it was added.
    """
    kept: dict[str, Any] = {}
    if (
        not timing_given
        and job.trigger is not None
        and existing.trigger is not None
        and job.trigger.definition() == existing.trigger.definition()
    ):
        kept = {"next_run_time": existing.next_run_time, "paused": existing.paused}
        if existing.trigger != existing.trigger.definition():
            kept["trigger"] = existing.trigger
    return replace(job, incarnation=existing.incarnation, version=existing.version, **kept)


def _rules(defaults: JobDefaults | Mapping[str, Any]) -> dict[str, Any]:
    """Return every rule of `defaults`, checked."""
    rules = {field.name: field.default for field in fields(JobDefaults)}
    given = defaults if isinstance(defaults, Mapping) else {name: getattr(defaults, name) for name in rules}
    for name in given:
        if name not in rules:
            raise UnknownOptionError(str(name), rules, "job_defaults", OF_OTHERS.get(str(name), ""))
    return {name: CHECKS[name](value) for name, value in (rules | dict(given)).items()}


def _name_of(func: Callable[..., Any]) -> str:
    return getattr(func, "__qualname__", None) or type(func).__qualname__
