"""Triggers ⇄ JSON: each is stored as its kind, the version of its form and its own fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduler.errors import InvalidTriggerError, SerializationError, suggest
from scheduler.triggers import BUILT_IN
from scheduler.triggers.base import Trigger
from scheduler.wording import show

RESERVED = ("kind", "version")


class TriggerCodec:
    """Writes triggers as JSON objects, `{"kind": "interval", "version": 1, …}`, and reads them back.

    Triggers that a trigger holds are written in the same way.

    Arguments:
        extra: the program's own triggers: the kind under which each is stored → its class.

    Raises InvalidTriggerError for a kind that is taken, and for what is not a trigger class.
    """

    def __init__(self, extra: Mapping[str, type[Trigger]] | None = None) -> None:
        self._classes: dict[str, type[Trigger]] = dict(BUILT_IN)
        for kind, cls in (extra or {}).items():
            if not (isinstance(cls, type) and issubclass(cls, Trigger)):
                raise InvalidTriggerError(f"trigger kind {kind!r}: {cls!r} is not a subclass of Trigger")
            if self._classes.setdefault(kind, cls) is not cls:
                raise InvalidTriggerError(f"the trigger kind {kind!r} is taken; choose another name for {cls.__name__}")
        self._kinds = {cls: kind for kind, cls in self._classes.items()}

    def encode(self, trigger: Trigger | None) -> dict[str, Any]:
        """Return the trigger as a JSON object. Raises SerializationError for one of a class that is not known here."""
        kind = self._kinds.get(type(trigger))  # type: ignore[arg-type]
        if kind is None or trigger is None:
            raise SerializationError(
                f"trigger: {show(trigger)} is of a class that is not known to the job store; "
                "register it there, or keep the job in a memory store"
            )
        fields = trigger.to_json()
        for name in RESERVED:
            if name in fields:
                raise SerializationError(
                    f"trigger: {type(trigger).__qualname__}.to_json() must not return the key {name!r}"
                )
        return {"kind": kind, "version": trigger.version, **{name: self._write(fields[name]) for name in fields}}

    def decode(self, data: Mapping[str, Any]) -> Trigger:
        """Build the trigger from what `encode` wrote. Raises InvalidTriggerError for anything else."""
        if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
            raise InvalidTriggerError(f"trigger: {show(data)} is not a JSON object with a kind")
        fields = {name: self._read(value) for name, value in data.items() if name not in RESERVED}
        kind, version = data["kind"], data.get("version", 1)
        cls = self._classes.get(kind)
        if cls is None:
            raise InvalidTriggerError(f"trigger: nothing is known of the kind {kind!r}; {suggest(kind, self._classes)}")
        if type(version) is not int or not 1 <= version <= cls.version:
            raise InvalidTriggerError(
                f"trigger: {kind!r} is stored in version {show(version)}, and this program reads up to {cls.version}"
            )
        return cls.from_json(fields if version == cls.version else cls.upgrade(fields, version))

    def _write(self, value: Any) -> Any:
        if isinstance(value, Trigger):
            return self.encode(value)
        if isinstance(value, (list, tuple)):
            return [self._write(item) for item in value]
        return value

    def _read(self, value: Any) -> Any:
        if isinstance(value, Mapping) and "kind" in value:
            return self.decode(value)
        if isinstance(value, list):
            return [self._read(item) for item in value]
        return value
