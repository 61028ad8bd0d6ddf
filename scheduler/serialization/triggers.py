"""Triggers ⇄ JSON: each is stored as its name, the version of its form and its own fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduler.errors import InvalidTriggerError, SerializationError, suggest
from scheduler.serialization.scalars import TAG
from scheduler.serialization.values import ValueCodec
from scheduler.triggers.base import Trigger
from scheduler.triggers.named import TriggerKinds
from scheduler.wording import describe, show

RESERVED = ("kind", "version")


class TriggerCodec:
    """Writes triggers as JSON objects, `{"kind": "interval", "version": 1, …}`, and reads them back.

    What `to_json` gives may hold other triggers, which are written in the same way, and single values that JSON does
    not know, such as datetimes, which are written as `ValueCodec` writes them. Tuples come back as lists.

    Arguments:
        own: the program's own triggers: the kind under which each is stored → its class.

    Raises InvalidSettingError for a kind that is taken, and for what is not a trigger class.
    """

    def __init__(self, own: Mapping[str, type[Trigger]] | None = None) -> None:
        self._kinds = TriggerKinds(own)
        self._values = ValueCodec()

    def encode(self, trigger: Trigger | None) -> dict[str, Any]:
        """Return the trigger as a JSON object.

        Raises SerializationError for one of a class that is not known here, and for fields that cannot be stored.
        """
        if not isinstance(trigger, Trigger):
            raise SerializationError(f"trigger: {show(trigger)} is not a Trigger")
        try:
            return self._encode(trigger)
        except RecursionError:
            raise SerializationError(f"trigger: a {type(trigger).__name__} is nested too deeply to be stored") from None

    def decode(self, data: Mapping[str, Any]) -> Trigger:
        """Build the trigger from what `encode` wrote. Raises InvalidTriggerError for anything else."""
        try:
            return self._decode(data)
        except RecursionError:
            raise InvalidTriggerError("trigger: the stored form is nested too deeply to be read") from None

    def _encode(self, trigger: Trigger) -> dict[str, Any]:
        cls = type(trigger)
        kind = self._kinds.name_of(cls)
        if kind is None:
            raise SerializationError(
                f"trigger: {show(trigger)} is of a class that is not known to the job store; register it by a name, "
                f'with Scheduler(…, triggers={{"some-name": {cls.__name__}}}), or for a store that you make yourself '
                f'with MemoryJobStore(triggers={{"some-name": {cls.__name__}}}) '
                f'or SQLAlchemyJobStore(…, triggers={{"some-name": {cls.__name__}}})'
            )
        fields = trigger.to_json()
        if not isinstance(fields, Mapping):
            raise SerializationError(f"trigger: {cls.__name__}.to_json() must return a dict, not {show(fields)}")
        return {"kind": kind, "version": cls.version, **self._write_object(fields, cls.__name__)}

    def _write_object(self, fields: Mapping[str, Any], where: str) -> dict[str, Any]:
        for name in fields:
            if not isinstance(name, str) or name in (*RESERVED, TAG):
                raise SerializationError(
                    f"trigger: {where} cannot be stored with the key {show(name)}; rename that field"
                )
        return {name: self._write(value, f"{where}.{name}") for name, value in fields.items()}

    def _write(self, value: Any, where: str) -> Any:
        if isinstance(value, Trigger):
            return self._encode(value)
        if isinstance(value, list | tuple):
            return [self._write(item, where) for item in value]
        if isinstance(value, Mapping):
            return self._write_object(value, where)
        try:
            return self._values.encode(value, where)
        except SerializationError as error:
            raise SerializationError(f"trigger: {error}; or write to_json and from_json for it") from error

    def _decode(self, data: Any) -> Trigger:
        if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
            raise InvalidTriggerError(f"trigger: {show(data)} is not a JSON object with a kind")
        kind, version = data["kind"], data.get("version", 1)
        cls = self._kinds.classes.get(kind)
        if cls is None:
            raise InvalidTriggerError(
                f"trigger: nothing is known of the kind {show(kind)}; {suggest(kind, self._kinds.classes)}; "
                "one of your own has to be registered by triggers={…} of the Scheduler or the job store"
            )
        if type(version) is not int or not 1 <= version <= cls.version:
            raise InvalidTriggerError(
                f"trigger: {kind!r} is stored in version {show(version)}, and this program reads up to {cls.version}"
            )
        fields = {name: self._read(value) for name, value in data.items() if name not in RESERVED}
        try:
            trigger = cls.from_json(fields if version == cls.version else cls.upgrade(fields, version))
        except Exception as error:  # other people's code may raise anything
            hint = ""
            if version < cls.version:
                hint = f"; it was stored in version {version}: {cls.__name__}.upgrade(data, version) has to change that"
            elif isinstance(error, InvalidTriggerError):
                raise
            raise InvalidTriggerError(
                f"trigger: {cls.__name__} cannot be built from {show(fields)}: {describe(error)}{hint}"
            ) from error
        if not isinstance(trigger, Trigger):
            raise InvalidTriggerError(f"trigger: {cls.__name__}.from_json() must return a Trigger, not {show(trigger)}")
        return trigger

    def _read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._read(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if "kind" in value:
            return self._decode(value)
        if TAG in value:
            return self._read_value(value)
        return {name: self._read(item) for name, item in value.items()}

    def _read_value(self, value: Mapping[str, Any]) -> Any:
        try:
            return self._values.decode(dict(value))
        except SerializationError as error:
            raise InvalidTriggerError(f"trigger: {error}") from error
