"""The contract of a trigger: a pure, frozen, strictly increasing function of time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Self


class Span(NamedTuple):
    """Consecutive fire times: the last of them, how many there are, and the fire time that follows (None: no more)."""

    last: datetime
    count: int  # type: ignore[assignment]
    following: datetime | None


class Trigger(ABC):
    """A pure function from an instant to the next fire time.

    Subclasses are frozen values: hashable, equal when they fire alike, without clock or chance inside. Every datetime
    they take is aware; every datetime they return is aware and in UTC.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """The name under which the trigger is stored and added (`add_job(f, "interval", …)`)."""
    counts_at_once: ClassVar[bool] = False
    """Whether `span` counts by arithmetic, so that millions of fire times cost no more than a few."""

    @abstractmethod
    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time strictly after `after`, in UTC, or None when there is none."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the trigger as JSON values that a person can read, without its kind."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Build the trigger from what `to_json` returned. Raises InvalidTriggerError for anything else."""

    def span(self, first: datetime, until: datetime, limit: int) -> Span:
        """Count the fire times from `first` (one of them, in UTC) to `until`, both included, `limit` at the most.

        `first` counts even where it lies after `until`. Where `limit` ends the count, `following` is not after
        `until`, and the caller goes on from there. Subclasses that can tell by arithmetic override it.
        """
        last, count = first, 1
        following = self.next(first)
        while following is not None and following <= until and count < limit:
            last, count = following, count + 1
            following = self.next(following)
        return Span(last, count, following)

    def first(self, at: datetime) -> datetime | None:
        """Return the first fire time of a job that is added or resumed at the instant `at`: not before it.

        A trigger for one given time returns that although it is past: such a job is late, not never.
        """
        return self.next(at - timedelta(microseconds=1))

    def anchored(self, at: datetime) -> Self:
        """Return the trigger as it is once added at the instant `at`: the same unless it counts from there."""
        return self

    def definition(self) -> Self:
        """Return the trigger as its author wrote it, without what `anchored` added; equal definitions keep timing."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a trigger as its JSON form, so that zones travel by name and old pickles outlive changes inside."""
        return type(self).from_json, (self.to_json(),)
