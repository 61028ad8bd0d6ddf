"""The classes that stored data may name: dataclasses and enumerations that the program has registered, no others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from scheduler.errors import SerializationError
from scheduler.serialization.scalars import Unstorable


@dataclass(frozen=True, slots=True)
class Registered:
    """How the instances of one class are taken apart and built again; stored as `{"$type": tag, **parts}`."""

    cls: type
    tag: str
    parts: Callable[[Any], dict[str, Any]]
    """Takes an instance, returns what makes it up, by name, not encoded yet."""
    build: Callable[..., Any]
    """Takes the parts as keywords, decoded, returns the instance."""


def register(classes: Iterable[type]) -> list[Registered]:
    """Return how each class is stored.

    Raises SerializationError for what is neither a dataclass nor an Enum class, for a dataclass that cannot be built
    from its fields alone, and for two classes of one name.
    """
    known: dict[str, Registered] = {}
    for cls in classes:
        entry = _registered(cls)
        if known.setdefault(entry.tag, entry).cls is not cls:
            raise SerializationError(f"two registered classes have the name {entry.tag!r}; rename one of them")
    return list(known.values())


def _registered(cls: type) -> Registered:
    if not isinstance(cls, type) or not (is_dataclass(cls) or issubclass(cls, Enum)):
        raise SerializationError(f"cannot register {cls!r}: only dataclasses and Enum classes can be registered")
    tag = f"{cls.__module__}:{cls.__qualname__}"
    if issubclass(cls, Enum):
        return Registered(cls, tag, _enum_parts, lambda **parts: _build_enum(cls, **parts))
    _check_buildable(cls)
    return Registered(cls, tag, _field_values, lambda **parts: _build_dataclass(cls, parts))


def _check_buildable(cls: type) -> None:
    by_init = {field.name for field in fields(cls) if field.init}
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.default is parameter.empty and parameter.name not in by_init:
            raise SerializationError(
                f"cannot register {cls!r}: its argument {parameter.name!r} is not a field, so it would not be stored"
            )


def _field_values(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value) if hasattr(value, field.name)}


def _build_dataclass(cls: type, parts: dict[str, Any]) -> Any:
    later = {field.name for field in fields(cls) if not field.init} & parts.keys()
    value = cls(**{name: part for name, part in parts.items() if name not in later})
    for name in later:
        object.__setattr__(value, name, parts[name])
    return value


def _enum_parts(value: Enum) -> dict[str, Any]:
    if value.name in type(value).__members__:
        return {"name": value.name}
    if type(value.value) is int:
        return {"value": value.value}
    raise Unstorable(f"{value!r} is not a member of its class and cannot be stored")


def _build_enum(cls: type[Enum], name: str | None = None, value: int | None = None) -> Enum:
    return cls[name] if name is not None else cls(value)
