"""The contract of a trigger: a pure, frozen, strictly increasing function of time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc

MOMENT = timedelta(microseconds=1)
"""The least difference between two instants."""

BEGINNING = datetime.min.replace(tzinfo=UTC)


class Span(NamedTuple):
    """Consecutive fire times: the last of them, how many there are, and the fire time that follows (None: no more)."""

    last: datetime
    count: int  # type: ignore[assignment]
    following: datetime | None


class Trigger(ABC):
    """A pure function from an instant to the next fire time.

    Subclasses are frozen values: hashable, equal when they fire alike, without clock or chance inside. Every datetime
    they take is aware; every datetime they return is aware and in UTC. Only `next` has to be written; dataclasses whose
    fields are JSON values or other triggers can be stored as they are.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """The name under which a trigger of this package is stored and added (`add_job(f, "interval", …)`)."""
    version: ClassVar[int] = 1
    """Of the stored form; a class that changes its form adds one, and reads older forms by `upgrade`."""
    jitter: float | None = None
    """Seconds by which runs are delayed at the most, for jobs that do not say themselves; None: not at all."""

    @abstractmethod
    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time strictly after `after`, in UTC, or None when there is none."""

    def previous(self, before: datetime) -> datetime | None:
        """Return the last fire time strictly before `before`, in UTC, or None when there is none.

        `next` is searched for it by halves, in some fifty calls; subclasses that know better override it.
        """
        before = in_utc("before", before)
        reach = timedelta(seconds=1)
        while (fire := self.next(_back(before, reach))) is None or fire >= before:
            if before - BEGINNING <= reach:
                return None
            reach *= 2
        end = before
        while (following := self.next(fire)) is not None and following < before:
            fire = following
            middle = fire + (end - fire) / 2
            later = self.next(middle)
            if later is None or later >= before:
                end = middle
            else:
                fire = later
        return fire

    def fire_times(self, start: datetime, end: datetime | None = None, limit: int | None = None) -> list[datetime]:
        """Return the fire times from `start` to `end`, both included, in UTC, `limit` of them at the most.

        Raises InvalidTriggerError for naive datetimes, and where neither an end nor a limit is given.
        """
        start = in_utc("start", start)
        end = None if end is None else in_utc("end", end)
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise InvalidTriggerError(f"limit: {limit!r} is not a number of fire times")
        if end is None and limit is None:
            raise InvalidTriggerError("fire_times needs an end or a limit, such as limit=10")
        found: list[datetime] = []
        fire = self.next(start - MOMENT) if start > BEGINNING else self.next(start)
        while fire is not None and (end is None or fire <= end) and (limit is None or len(found) < limit):
            found.append(fire)
            fire = self.next(fire)
        return found

    @property
    def counts_at_once(self) -> bool:
        """Whether `span` counts by arithmetic, so that millions of fire times cost no more than a few."""
        return False

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
        return self.next(at - MOMENT)

    def anchored(self, at: datetime) -> Self:
        """Return the trigger as it is once added at the instant `at`: the same unless it counts from there."""
        return self

    def definition(self) -> Self:
        """Return the trigger as its author wrote it, without what `anchored` added; equal definitions keep timing."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the trigger as JSON values that a person can read, without its kind; other triggers stay triggers."""
        if not is_dataclass(self):
            raise InvalidTriggerError(
                f"{type(self).__name__} is no dataclass: it needs to_json and from_json to be stored"
            )
        return {field.name: getattr(self, field.name) for field in fields(self) if field.init}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Build the trigger from what `to_json` returned. Raises InvalidTriggerError for anything else."""
        try:
            return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})
        except TypeError as error:
            raise InvalidTriggerError(f"{cls.__name__}: {error}") from None

    @classmethod
    def upgrade(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """Return the present JSON form of one that was stored in an older version of this class."""
        return data

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a trigger as its JSON form, so that zones travel by name and old pickles outlive changes inside."""
        return type(self).from_json, (self.to_json(),)


def _back(moment: datetime, reach: timedelta) -> datetime:
    return moment - reach if moment - BEGINNING > reach else BEGINNING
