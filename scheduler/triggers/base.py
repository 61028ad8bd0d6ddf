"""The contract of a trigger: a pure, frozen, strictly increasing function of time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc
from scheduler.wording import show

MOMENT = timedelta(microseconds=1)
"""The least difference between two instants."""

MOST = 2**62
"""Fire times that a span may count: each database has room for that."""

BEGINNING = datetime.min.replace(tzinfo=UTC)
EARLIEST = BEGINNING + timedelta(days=365)
"""How far back `previous` is searched for: where zones of all offsets and steps of months stay within the calendar."""


class Span(NamedTuple):
    """Consecutive fire times: the last of them, how many there are, and the fire time that follows (None: no more)."""

    last: datetime
    count: int  # type: ignore[assignment]
    following: datetime | None
    walked: int = 0
    """In how many steps they were found; 0: by arithmetic."""


class Trigger(ABC):
    """A pure function from an instant to the next fire time.

    Subclasses are frozen values: hashable, equal only if they fire alike, without clock or chance inside. Every
    datetime they take is aware; every datetime they return is aware and in UTC. Only `next` has to be written: frozen
    dataclasses can be stored as they are, if their fields are what a job's arguments may be, or other triggers.
    `scheduler.testing.TriggerLaws` is this contract as tests.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """The name under which a trigger of this package is stored and added (`add_job(f, "interval", …)`)."""
    version: ClassVar[int] = 1
    """Of the stored form; a class that changes its form adds one, and reads older forms by `upgrade`. A program with
    an older class leaves a newer form alone: there the job is broken."""
    jitter: float | None = None
    """Seconds by which runs are delayed at the most, for jobs that do not say themselves; None: not at all."""

    follows: str | None = None
    """The id of the job whose ends make it fire, for a trigger that has no fire times of its own; None for others."""

    def __init_subclass__(cls) -> None:
        """Refuse a class that overrides `next` of a trigger of this package, which counts and searches without it."""
        for base in cls.__mro__[1:]:
            if base is not Trigger and {"next"} <= vars(cls).keys() & vars(base).keys() and _is_ours(base):
                raise TypeError(
                    f"{cls.__name__} overrides next() of {base.__name__}, which counts fire times without asking it; "
                    f"write a Trigger of your own that holds a {base.__name__}, and asks that"
                )

    @abstractmethod
    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time strictly after `after`, in UTC, or None when there is none."""

    def previous(self, before: datetime) -> datetime | None:
        """Return the last fire time strictly before `before`, in UTC, or None when there is none from the year 2 on.

        `next` is asked for it by halves, some fifty times; subclasses that know better override it.
        Raises InvalidTriggerError where `next` does not keep its promise.
        """
        before = in_utc("before", before)
        reach = timedelta(seconds=1)
        while (fire := checked_next(self, _back(before, reach, EARLIEST))) is None or fire >= before:
            if before - EARLIEST <= reach:
                return None
            reach *= 2
        end = before  # no fire time lies between `end` and `before`
        while (later := checked_next(self, fire)) is not None and later < before:
            fire = later
            middle = fire + (end - fire) / 2
            later = checked_next(self, middle)
            if later is None or later >= before:
                end = middle
            else:
                fire = later
        return fire

    def fire_times(self, start: datetime, end: datetime | None = None, limit: int | None = None) -> list[datetime]:
        """Return the fire times from `start` to `end`, both included, in UTC, `limit` of them at the most.

        They are those of a job that is added at `start`, where the trigger counts from there.
        Raises InvalidTriggerError for naive datetimes, where neither an end nor a limit is given, and where `next` does
        not keep its promise.
        """
        start = in_utc("start", start)
        end = None if end is None else in_utc("end", end)
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise InvalidTriggerError(f"limit: {limit!r} is not a number of fire times")
        if end is None and limit is None:
            raise InvalidTriggerError("fire_times needs an end or a limit, such as limit=10")
        trigger = self.anchored(start)
        found: list[datetime] = []
        after = _back(start, MOMENT)
        while limit is None or len(found) < limit:
            fire = checked_next(trigger, after)
            if fire is None or (end is not None and fire > end):
                break
            found.append(fire)
            after = fire
        return found

    def span(self, first: datetime, until: datetime, walk: int) -> Span:
        """Count the fire times from `first` to `until`, both included, in about `walk` steps.

        `first` counts even where it is none, as a job's next run time can be set, and where it lies after `until`.
        Where the steps end the count, `following` is not after `until`, and the caller goes on from there. Subclasses
        that can tell by arithmetic override it: they need no steps, and always come to the end.
        Raises InvalidTriggerError where `next` does not keep its promise.
        """
        last, count = first, 1
        later = checked_next(self, first)
        while later is not None and later <= until and count < walk:
            last, count = later, count + 1
            later = checked_next(self, later)
        return Span(last, count, later, count)

    def first(self, at: datetime) -> datetime | None:
        """Return the first fire time of a job that is added or resumed at the instant `at`: not before it.

        A trigger for one given time returns that although it is past: such a job is late, not never.
        Raises InvalidTriggerError where `next` does not keep its promise.
        """
        at = in_utc("at", at)
        return checked_next(self.anchored(at), _back(at, MOMENT))

    def anchored(self, at: datetime) -> Self:
        """Return the trigger as it is once added at the instant `at`: the same unless it counts from there."""
        return self

    def definition(self) -> Self:
        """Return the trigger as its author wrote it, without what `anchored` added; equal definitions keep timing."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the fields that a person can read and `from_json` takes, without kind and version.

        Those of a dataclass are its fields. The store writes triggers among them, and values that JSON does not know.
        Raises InvalidTriggerError for a class that is no dataclass and does not override it.
        """
        if not is_dataclass(self):
            raise InvalidTriggerError(
                f"{type(self).__name__} is no dataclass: it needs to_json and from_json to be stored or pickled"
            )
        return {field.name: getattr(self, field.name) for field in fields(self) if field.init}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Build the trigger from what `to_json` returned; lists, as JSON has no tuples, become tuples.

        Raises InvalidTriggerError for anything else, and what the class itself raises.
        """
        if not isinstance(data, Mapping):
            raise InvalidTriggerError(f"{cls.__name__}: {show(data)} is not a JSON object")
        try:
            return cls(**{name: _frozen(value) for name, value in data.items()})
        except TypeError as error:
            raise InvalidTriggerError(f"{cls.__name__}: {error}") from error

    @classmethod
    def upgrade(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """Return in its present form what was stored in an older `version`; as it is, unless a subclass says how."""
        return data

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a trigger as its JSON form, so that zones travel by name and old pickles outlive changes inside."""
        return type(self).from_json, (self.to_json(),)


def checked_next(trigger: Trigger, after: datetime) -> datetime | None:
    """Return the first fire time after an instant, checked, so that a trigger of the user's own cannot hold anybody up.

    Raises InvalidTriggerError where `next` gives anything else than a later instant in UTC, or None.
    """
    fire: object = trigger.next(after)
    if fire is None or (isinstance(fire, datetime) and fire.tzinfo is UTC and fire > after):
        return fire
    raise InvalidTriggerError(
        f"trigger: next({after.isoformat()}) of {show(trigger)} gave {show(fire)}; it must give a later datetime in UTC"
    )


def checked_span(trigger: Trigger, first: datetime, until: datetime, walk: int) -> Span:
    """Return the span of a trigger, checked, as it goes into records.

    Raises InvalidTriggerError where a trigger of the user's own gives what cannot be.
    """
    found: object = trigger.span(first, until, walk)
    if not (isinstance(found, Span) and _is_sound(found, first, until)):
        raise InvalidTriggerError(
            f"trigger: span({first.isoformat()}, {until.isoformat()}, {walk}) of {show(trigger)} gave {show(found)}; "
            "it must give a Span: a last fire time within, a count of at least 1, and what follows, which is later"
        )
    return found


def _is_sound(span: Span, first: datetime, until: datetime) -> bool:
    last, count, then, walked = span
    return (
        isinstance(last, datetime)
        and last.tzinfo is UTC
        and first <= last
        and (last <= until or last == first)
        and type(count) is int
        and 1 <= count <= MOST
        and type(walked) is int
        and walked >= 0
        and (then is None or (isinstance(then, datetime) and then.tzinfo is UTC and then > last))
    )


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("scheduler.triggers.")


def _back(moment: datetime, reach: timedelta, earliest: datetime = BEGINNING) -> datetime:
    return moment - reach if moment - earliest > reach else earliest


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
