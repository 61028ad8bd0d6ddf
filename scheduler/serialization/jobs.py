"""Jobs ⇄ documents: a job as JSON that a person can read, whole for export or part by part for columns.

Reading a job imports nothing: its function stays a reference until it is needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from scheduler.core.job import NOTHING, OVERLAPS, Job
from scheduler.core.retry import RetryPolicy
from scheduler.errors import FunctionLookupError, InvalidJobError, InvalidTriggerError, SerializationError, suggest
from scheduler.serialization.functions import reference, split
from scheduler.serialization.triggers import TriggerCodec
from scheduler.serialization.values import ValueCodec, to_text
from scheduler.triggers.arguments import to_jitter
from scheduler.triggers.base import Trigger
from scheduler.wording import describe, show

FORMAT: Final = 1
"""The version of the form below; a document of a newer one is left alone."""

PARTS: Final = ("args", "kwargs", "trigger", "rules", "tags", "executor_options")
"""The keys whose values are JSON within the document, and which a database keeps as JSON text."""

LONGEST_GRACE: Final = 100 * 366 * 86_400.0
"""Seconds; about a hundred years."""

MOST_INSTANCES: Final = 1_000_000

MOST_KEPT: Final = 2**31 - 1

_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "format": int,
    "id": str,
    "name": str,
    "func": str,
    "args": list,
    "kwargs": dict,
    "trigger": dict,
    "executor": str,
    "next_run_time": (str, type(None)),
    "paused": bool,
    "tags": list,
    "rules": dict,
    "executor_options": dict,
    "incarnation": str,
    "version": int,
}
_RULES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "misfire_grace_time": (int, float, type(None)),
    "coalesce": bool,
    "max_instances": int,
    "retry": (dict, type(None)),
    "jitter": (int, float, type(None)),
    "overlap": str,
    "timeout": (int, float, type(None)),
    "keep_runs": (int, type(None)),
    "on_success": (str, type(None)),
    "on_failure": (str, type(None)),
}
_MAY_BE_ABSENT: Final[Mapping[str, Any]] = {
    "jitter": None,
    "overlap": OVERLAPS[0],
    "timeout": None,
    "keep_runs": None,
    "on_success": None,
    "on_failure": None,
}
"""Rules that are written only where they are set, and what they are otherwise."""

_RETRY: Final[Mapping[str, type | tuple[type, ...]]] = {
    "max_retries": int,
    "delay": (int, float),
    "backoff": (int, float),
    "max_delay": (int, float),
    "jitter": (int, float),
    "on": (list, type(None)),
}

_CACHED: Final = 4096
"""How many texts of triggers, rules and tags are remembered; most jobs of a program share theirs with others."""

Parts = dict[str, Any]
"""Keyword arguments of Job: args, kwargs, trigger, tags, executor_options, and one for each rule."""


class JobCodec:
    """Writes jobs as JSON and reads them back: everything but the alias of the store they are in, and `broken`.

    `encode` and `decode` take the whole job. A store with columns writes id, name, func (by `func_text`), executor,
    next_run_time, paused, incarnation, version and FORMAT as it likes, and the rest by `dump_parts` and `load_parts`:

        row = {"id": job.id, "func": codec.func_text(job), …, **codec.dump_parts(job)}
        check_format(row["format"])
        job = Job(id=row["id"], func=row["func"], …, **codec.load_parts(row))
    """

    def __init__(self, values: ValueCodec, triggers: TriggerCodec) -> None:
        self._values = values
        self._triggers = triggers
        # Frozen values can be shared, and reading each is many times as dear as looking it up.
        self._load_trigger = lru_cache(_CACHED)(self._read_trigger)
        self._load_rules = lru_cache(_CACHED)(_read_rules)
        self._load_tags = lru_cache(_CACHED)(_read_tags)
        self._dump_rules = lru_cache(_CACHED)(_write_rules)

    def encode(self, job: Job) -> dict[str, Any]:
        """Return the job as a JSON document.

        Raises SerializationError, naming the argument, or FunctionLookupError for what a document cannot hold.
        """
        return {
            "format": FORMAT,
            "id": job.id,
            "name": job.name,
            "func": self.func_text(job),
            "args": self._values.encode(list(job.args), "args"),
            "kwargs": self._object(job.kwargs, "kwargs"),
            "trigger": self._triggers.encode(job.trigger),
            "executor": job.executor,
            "next_run_time": None if job.next_run_time is None else job.next_run_time.isoformat(),
            "paused": job.paused,
            "tags": list(job.tags),
            "rules": _rules_object(*_rules_of(job)),
            "executor_options": self._object(job.executor_options, "executor_options"),
            "incarnation": job.incarnation,
            "version": job.version,
        }

    def decode(self, document: Mapping[str, Any], jobstore: str = "default") -> Job:
        """Return the job of a document that `encode` made.

        Raises SerializationError or InvalidTriggerError, naming the key, for a document of a newer format and for keys
        that are missing, unknown or of the wrong type.
        """
        if isinstance(document, Mapping) and type(document.get("format")) is int:
            check_format(document["format"])
        _check_fields(document, _FIELDS, "")
        split(document["func"])
        return Job(
            id=document["id"],
            name=document["name"],
            func=document["func"],
            executor=document["executor"],
            jobstore=jobstore,
            next_run_time=_read_instant(document["next_run_time"], "next_run_time"),
            paused=document["paused"],
            incarnation=document["incarnation"],
            version=document["version"],
            **self.load_parts({name: _text(document[name], name) for name in PARTS}),
        )

    def func_text(self, job: Job) -> str:
        """Return the reference of the job's function. Raises FunctionLookupError if it has none."""
        return job.func if isinstance(job.func, str) else reference(job.func)

    def dump_parts(self, job: Job) -> dict[str, str]:
        """Return what the job holds under each of PARTS as JSON text. Raises SerializationError as `encode` does."""
        return {
            "args": self._values.dumps(list(job.args), "args") if job.args else "[]",
            "kwargs": self._dump_object(job.kwargs, "kwargs"),
            "trigger": _text(self._triggers.encode(job.trigger), "trigger"),
            "rules": self._dump_rules(*_rules_of(job)),
            "tags": to_text(list(job.tags)) if job.tags else "[]",
            "executor_options": self._dump_object(job.executor_options, "executor_options"),
        }

    def load_parts(self, texts: Mapping[str, Any]) -> Parts:
        """Return the keyword arguments of Job that the texts of PARTS stand for; other keys are not looked at.

        Raises SerializationError or InvalidTriggerError, naming the part.
        """
        return {
            "args": self._load_args(texts["args"]),
            "kwargs": self._load_object(texts["kwargs"], "kwargs"),
            "trigger": self._load_trigger(texts["trigger"]),
            **self._load_rules(texts["rules"]),
            "tags": self._load_tags(texts["tags"]),
            "executor_options": self._load_object(texts["executor_options"], "executor_options"),
        }

    def _object(self, value: Mapping[str, Any], where: str) -> Any:
        return self._values.encode(dict(value), where)

    def _dump_object(self, value: Mapping[str, Any], where: str) -> str:
        return self._values.dumps(dict(value), where) if value else "{}"

    def _load_args(self, text: str) -> tuple[Any, ...]:
        if text == "[]":
            return ()
        args = self._values.loads(text, "args")
        if not isinstance(args, list):
            raise SerializationError(f"args: expected a list, not {show(args)}")
        return tuple(args)

    def _load_object(self, text: str, where: str) -> Mapping[str, Any]:
        if text == "{}":
            return NOTHING
        value = self._values.loads(text, where)
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise SerializationError(f"{where}: expected an object, not {show(value)}")
        return value

    def _read_trigger(self, text: str) -> Trigger:
        return self._triggers.decode(_parse(text, "trigger"))


def check_format(version: int) -> None:
    """Raise SerializationError for a job that a newer version of this package has written, or that has no format."""
    if version > FORMAT:
        raise SerializationError(
            f"format: the job is stored in format {version}, which a newer version of embedded-scheduler writes; "
            f"this one reads up to {FORMAT}, upgrade it to run the job"
        )
    if version != FORMAT:
        raise SerializationError(f"format: there is no format {version!r}")


_rules: Final[Callable[[Job], tuple[Any, ...]]] = attrgetter(*_RULES)


def _rules_of(job: Job) -> tuple[Any, ...]:
    """Return what of a job is written as its rules, in the order of _RULES, functions by their references."""
    if job.on_success is None and job.on_failure is None:
        return _rules(job)
    texts = [_callback_text(name, getattr(job, name)) for name in _CALLBACKS]
    return (*_rules(job)[: -len(texts)], *texts)


_CALLBACKS: Final = ("on_success", "on_failure")


def _callback_text(name: str, func: Callable[..., Any] | str | None) -> str | None:
    if func is None or isinstance(func, str):
        return func
    try:
        return reference(func)
    except FunctionLookupError as error:
        raise FunctionLookupError(str(error).replace("func", name, 1)) from None


def _rules_object(*rules: Any) -> dict[str, Any]:
    data = dict(zip(_RULES, rules, strict=True))
    retry = data["retry"]
    data["retry"] = None if retry is None else _retry(retry)
    absent = [name for name, default in _MAY_BE_ABSENT.items() if data[name] == default]
    for name in absent:
        del data[name]
    return data


def _retry(policy: RetryPolicy) -> dict[str, Any]:
    fields = {name: getattr(policy, name) for name in _RETRY}
    return {**fields, "on": None if policy.on is None else list(policy.on)}


def _write_rules(*rules: Any) -> str:
    return to_text(_rules_object(*rules))


def _read_rules(text: str) -> Mapping[str, Any]:
    data = _parse(text, "rules")
    if isinstance(data, dict):
        data = {**_MAY_BE_ABSENT, **data}
    _check_fields(data, _RULES, "rules.")
    _check_ranges(data)
    for name in _CALLBACKS:
        _check_reference(data[name], f"rules.{name}")
    retry = None if data["retry"] is None else _read_retry(data["retry"])
    timeout = None if data["timeout"] is None else float(data["timeout"])
    return {**data, "retry": retry, "jitter": _read_jitter(data["jitter"]), "timeout": timeout}


def _check_ranges(data: Mapping[str, Any]) -> None:
    for name, none in (("misfire_grace_time", "any lateness"), ("timeout", "no limit")):
        if data[name] is not None and not 0 < data[name] <= LONGEST_GRACE:
            raise SerializationError(
                f"rules.{name} must be None ({none}) or seconds above 0 up to {LONGEST_GRACE:g}, not {show(data[name])}"
            )
    if not 1 <= data["max_instances"] <= MOST_INSTANCES:
        raise SerializationError(
            f"rules.max_instances must be a whole number from 1 to {MOST_INSTANCES}, not {show(data['max_instances'])}"
        )
    if data["keep_runs"] is not None and not 0 <= data["keep_runs"] <= MOST_KEPT:
        raise SerializationError(
            f"rules.keep_runs must be None (as the scheduler's History says) or a whole number from 0 to {MOST_KEPT}, "
            f"not {show(data['keep_runs'])}"
        )
    if data["overlap"] not in OVERLAPS:
        raise SerializationError(
            f"rules.overlap: {show(data['overlap'])} is not known; {suggest(data['overlap'], OVERLAPS)}"
        )


def _check_reference(text: str | None, where: str) -> None:
    try:
        if text is not None:
            split(text)
    except FunctionLookupError as error:
        raise SerializationError(f"{where}{str(error).removeprefix('func')}") from None


def _read_jitter(value: Any) -> float | None:
    try:
        return to_jitter(value)
    except InvalidTriggerError as error:
        raise SerializationError(f"rules.{error}") from None


def _read_retry(data: dict[str, Any]) -> RetryPolicy:
    _check_fields(data, _RETRY, "rules.retry.")
    try:
        return RetryPolicy(**{**data, "on": None if data["on"] is None else tuple(data["on"])})
    except InvalidJobError as error:
        raise SerializationError(f"rules.retry: {error}") from error


def _read_tags(text: str) -> tuple[str, ...]:
    tags = _parse(text, "tags")
    if type(tags) is not list or not all(type(tag) is str for tag in tags):
        raise SerializationError(f"tags: expected a list of texts, not {show(tags)}")
    return tuple(tags)


def _read_instant(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise SerializationError(f"{where}: {text!r} is not an ISO 8601 date and time") from error
    if instant.tzinfo is None:
        raise SerializationError(f"{where}: {text!r} has no offset from UTC; write {text}+00:00 if it is UTC")
    return instant.astimezone(UTC)


def _check_fields(data: Any, fields: Mapping[str, type | tuple[type, ...]], prefix: str) -> None:
    """Refuse what is not a JSON object with exactly these keys, each of one of its types."""
    if not isinstance(data, Mapping):
        raise SerializationError(f"{prefix.rstrip('.') or 'job'}: expected an object, not {show(data)}")
    for name in data:
        if name not in fields:
            raise SerializationError(f"{prefix}{name}: this key is not known; {suggest(str(name), fields)}")
    for name, kinds in fields.items():
        if name not in data:
            raise SerializationError(f"{prefix}{name}: this key is missing")
        allowed = kinds if isinstance(kinds, tuple) else (kinds,)
        if type(data[name]) not in allowed:  # by exact type, as bool is an int
            expected = " or ".join(map(_name, allowed))
            raise SerializationError(f"{prefix}{name}: expected {expected}, not {show(data[name])}")


_NAMES: Final[Mapping[type, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _name(kind: type) -> str:
    return _NAMES[kind]


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise SerializationError(f"{where}: the stored text is not JSON ({describe(error)}): {show(text)}") from error


def _text(data: Any, where: str) -> str:
    try:
        return to_text(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise SerializationError(f"{where}: this is not JSON ({describe(error)}): {show(data)}") from error
