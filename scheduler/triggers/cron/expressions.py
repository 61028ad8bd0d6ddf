"""The text of one cron field to the set of values that it allows, as bits of an integer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduler.errors import InvalidTriggerError

LONGEST = 1000
"""Characters of a field at the most."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

ITEM = re.compile(r"(?P<first>\*|[a-z]+|[0-9]+)(?:-(?P<last>[a-z]+|[0-9]+))?(?:/(?P<step>[0-9]+))?")


@dataclass(frozen=True, slots=True)
class Field:
    """What may stand in one field."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    """Names that stand for numbers."""
    ends: Mapping[str, int] = field(default_factory=dict)
    """Names that stand for another number at the end of a range."""
    also: str = ""
    """What else may stand here, for messages."""
    long_steps: bool = False
    """Whether a step may be longer than its range, of which it leaves the first value only."""

    @property
    def allowed(self) -> str:
        """What to write, for messages."""
        names = f" or {next(iter(self.names))}-{list(self.names)[-1]}" if self.names else ""
        return f"allowed are {self.low}-{self.high}{names}, {self.also}*, a-b, */n, a-b/n and lists of these"


def items(spec: Field, text: str) -> list[str]:
    """Split a list at its commas, in lower case. Raises InvalidTriggerError where it is too long."""
    if len(text) > LONGEST:
        raise InvalidTriggerError(f"{spec.name}: {text[:40]!r}… is longer than {LONGEST} characters")
    return [item.strip() for item in text.lower().split(",")]


def numbers(spec: Field, text: str) -> int:
    """Return the numbers that a list allows; bit n stands for n. Raises InvalidTriggerError."""
    allowed = 0
    for item in items(spec, text):
        allowed |= values(spec, item)
    return allowed


def values(spec: Field, item: str) -> int:
    """Return the numbers that one item of a list allows; bit n stands for n. Raises InvalidTriggerError."""
    match = ITEM.fullmatch(item)
    if match is None or (match["first"] == "*" and match["last"]):
        raise InvalidTriggerError(f"{spec.name}: {item!r} is not understood; {spec.allowed}")
    if match["first"] == "*":
        first, last = spec.low, spec.high
    else:
        first = _number(spec, match["first"], spec.names)
        last = _last(spec, first, match)
    if last < first:
        raise InvalidTriggerError(
            f"{spec.name}: the range {item!r} ends before it begins; write two ranges with a comma instead"
        )
    step = 1 if match["step"] is None else int(match["step"])
    if step == 0 or (step > last - first and match["step"] and not spec.long_steps):
        raise InvalidTriggerError(
            f"{spec.name}: the step of {item!r} must be 1-{max(last - first, 1)} for the values {first}-{last}"
        )
    return sum(1 << value for value in range(first, last + 1, step))


def _last(spec: Field, first: int, match: re.Match[str]) -> int:
    if match["last"]:
        return _number(spec, match["last"], {**spec.names, **spec.ends})
    return first if match["step"] is None else spec.high


def _number(spec: Field, text: str, names: Mapping[str, int]) -> int:
    number = int(text) if text.isdigit() else names.get(text, -1)
    if not spec.low <= number <= spec.high:
        raise InvalidTriggerError(f"{spec.name}: {text!r} is out of range; {spec.allowed}")
    return number
