"""The text of one cron field to the set of values that it allows, as bits of an integer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduler.errors import InvalidTriggerError
from scheduler.wording import show

LONGEST = 1000
"""Characters of a field at the most."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

ITEM = re.compile(r"(?:\*|(?P<first>[A-Za-z]+|[0-9]+)(?:-(?P<last>[A-Za-z]+|[0-9]+))?)(?:/(?P<step>[0-9]+))?")


@dataclass(frozen=True, slots=True)
class Field:
    """What may stand in one field."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    """Names that stand for numbers."""
    ends: Mapping[str, int] = field(default_factory=dict)
    """Names that stand for another number at the end of a range that else would end before it begins."""
    also: str = ""
    """What else may stand here, for messages."""
    long_steps: bool = False
    """Whether a step may be longer than its range, of which it leaves the first value only."""

    @property
    def allowed(self) -> str:
        """What to write, for messages."""
        names = f" or {next(iter(self.names))}-{list(self.names)[-1]}" if self.names else ""
        also = f"{self.also}, " if self.also else ""
        return f"allowed are {self.low}-{self.high}{names}, {also}*, a-b, */n, a-b/n and lists of these"


def items(spec: Field, text: str) -> list[str]:
    """Split a list at its commas. Raises InvalidTriggerError where it is too long."""
    if len(text) > LONGEST:
        raise InvalidTriggerError(f"{spec.name}: {text[:40]!r}… is longer than {LONGEST} characters")
    return [item.strip() for item in text.split(",")]


def numbers(spec: Field, text: str) -> int:
    """Return the numbers that a list allows; bit n stands for n. Raises InvalidTriggerError."""
    allowed = 0
    for item in items(spec, text):
        allowed |= values(spec, item)
    return allowed


def values(spec: Field, item: str) -> int:
    """Return the numbers that one item of a list allows; bit n stands for n. Raises InvalidTriggerError."""
    match = ITEM.fullmatch(item)
    if match is None:
        raise InvalidTriggerError(f"{spec.name}: {show(item)} is not understood; {spec.allowed}")
    first, last = _ends(spec, match)
    if last < first:
        raise InvalidTriggerError(
            f"{spec.name}: the range {show(item)} ends before it begins; write two ranges with a comma instead"
        )
    step = 1 if match["step"] is None else int(match["step"])
    if step == 0 or (step > last - first and match["step"] and not spec.long_steps):
        wanted = "at least 1" if spec.long_steps else f"1-{max(last - first, 1)} for the values {first}-{last}"
        raise InvalidTriggerError(f"{spec.name}: the step of {show(item)} must be {wanted}")
    return _every(first, last, step)


def to_number(spec: Field, text: str) -> int:
    """Return the number that digits or a name mean. Raises InvalidTriggerError."""
    number = int(text) if text.isdigit() else spec.names.get(text.lower(), -1)
    if not spec.low <= number <= spec.high:
        reason = "out of range" if text.isdigit() else "not understood"
        raise InvalidTriggerError(f"{spec.name}: {show(text)} is {reason}; {spec.allowed}")
    return number


def _ends(spec: Field, match: re.Match[str]) -> tuple[int, int]:
    """The first and the last number of an item."""
    if match["first"] is None:
        return spec.low, spec.high
    first = to_number(spec, match["first"])
    if match["last"]:
        last = to_number(spec, match["last"])
        return first, last if first <= last else spec.ends.get(match["last"].lower(), last)
    return first, first if match["step"] is None else spec.high


def _every(first: int, last: int, step: int) -> int:
    """The bits first, first + step, … up to last: as a geometric series, since there are thousands of years."""
    step = min(step, last - first + 1)
    count = (last - first) // step + 1
    return ((1 << step * count) - 1) // ((1 << step) - 1) << first
