"""What the triggers of this package share: fields that are set once, copies with some changed, and their text."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self

from scheduler.triggers.base import Trigger


class BuiltIn(Trigger):
    """A frozen dataclass whose constructor takes other arguments than its fields."""

    __slots__ = ()

    def _set(self, **values: Any) -> None:
        """Give fields their values: in a constructor, as nothing else may."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _with(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        other = object.__new__(type(self))
        other._set(**{each.name: getattr(self, each.name) for each in fields(self)} | changes)  # type: ignore[arg-type]
        return other

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.to_json().items())
        return f"{type(self).__name__}({values})"
