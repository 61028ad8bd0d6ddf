"""Triggers that break one promise each."""

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import ClassVar
from zoneinfo import ZoneInfo

from scheduler.triggers import IntervalTrigger, Trigger

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Hourly(Trigger):
    """Which keeps all of them; the others change one method."""

    offset: int = 0
    """In minutes, below 60."""

    def next(self, after):
        if after - EPOCH < -1000 * DAY:
            after = EPOCH - 1000 * DAY
        fire = (
            EPOCH + timedelta(minutes=self.offset) + ((after - EPOCH - timedelta(minutes=self.offset)) // HOUR) * HOUR
        )
        return None if fire.year == 9999 else fire + HOUR


class Never(Hourly):
    def next(self, after):
        return None


class Naive(Hourly):
    def next(self, after):
        fire = super().next(after)
        return fire and fire.replace(tzinfo=None)


class Elsewhere(Hourly):
    def next(self, after):
        fire = super().next(after)
        return fire and fire.astimezone(timezone(HOUR))


class Timestamps(Hourly):
    def next(self, after):
        return super().next(after).timestamp()


class Standing(Hourly):
    """Which takes the instant itself for a fire time."""

    def next(self, after):
        return super().next(after - timedelta(microseconds=1))


class Mirrored(Hourly):
    def next(self, after):
        day, part = divmod(after - EPOCH, DAY)
        return EPOCH + (day + 3) * DAY - 2 * part


@dataclass(frozen=True)
class WallClock(Trigger):
    """Which compares what the clock shows, and so takes the second 02:10 of an autumn night for the first."""

    timezone: tzinfo = ZoneInfo("Europe/Berlin")  # noqa: RUF009 - the constructor returns the same object each time

    def next(self, after):
        local = after.astimezone(self.timezone)
        fire = local.replace(hour=2, minute=30, second=0, microsecond=0)
        return (fire if fire > local else fire.replace(fold=0) + DAY).astimezone(UTC)


class Sliding(Hourly):
    """Which counts from the instant that it is given: the most natural mistake."""

    def next(self, after):
        return after + HOUR if after.year < 9999 else None


@dataclass(frozen=True)
class Counting(Hourly):
    calls: itertools.count = field(default_factory=itertools.count, compare=False, repr=False)

    def next(self, after):
        fire = super().next(after)
        return fire and fire + next(self.calls) * HOUR

    def to_json(self):
        return {}


class ByTheDateGiven(Hourly):
    """Which takes the date of the instant as it is written, in whatever zone."""

    def next(self, after):
        return datetime(after.year, after.month, after.day, tzinfo=UTC) + DAY if after.year < 9999 else None


class LocalMidnight(Hourly):
    def next(self, after):
        if not 1900 < after.year < 9999:
            return None
        local = after.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        fires = ((local + n * DAY).replace(tzinfo=None).astimezone(UTC) for n in range(3))
        return next(fire for fire in fires if fire > after)


class Rounding(Hourly):
    """Each fourth year, without an end of the calendar."""

    def next(self, after):
        return datetime(after.year // 4 * 4 + 4, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class EachMorning(Trigger):
    """Which is right for as long as there are days to come: it knows no end of the calendar."""

    timezone: tzinfo

    def next(self, after):
        today = after.astimezone(self.timezone).date()
        fires = (datetime.combine(today + n * DAY, time(9), self.timezone).astimezone(UTC) for n in range(3))
        return next(fire for fire in fires if fire > after)


@dataclass(frozen=True)
class EachJune(Trigger):
    """The same, once a year."""

    timezone: tzinfo

    def next(self, after):
        year = after.astimezone(self.timezone).year
        fires = (datetime(year + n, 6, 1, 9, tzinfo=self.timezone).astimezone(UTC) for n in range(2))
        return next(fire for fire in fires if fire > after)


class PreviousIsItself(Hourly):
    def previous(self, before):
        return super().previous(before + timedelta(microseconds=1))


class PreviousLeavesOut(Hourly):
    def previous(self, before):
        fire = super().previous(before)
        return fire and fire - HOUR


class PreviousIsNoFire(Hourly):
    def previous(self, before):
        return before - timedelta(microseconds=1) if before > EPOCH else None


class PreviousIsNaive(Hourly):
    def previous(self, before):
        fire = super().previous(before)
        return fire and fire.replace(tzinfo=None)


class NoPrevious(Hourly):
    def previous(self, before):
        return None


class FirstIsNext(Hourly):
    def first(self, at):
        return self.next(at)


class FirstIsBefore(Hourly):
    def first(self, at):
        return self.previous(at)


class FirstIsNoFire(IntervalTrigger):
    """Which has ended, and gives what never was a fire time."""

    def first(self, at):
        return super().first(at) or at - HOUR


class WithoutTheEnd(Hourly):
    def fire_times(self, start, end=None, limit=None):
        return super().fire_times(start, end and end - timedelta(microseconds=1), limit)


class TooMany(Hourly):
    def fire_times(self, start, end=None, limit=None):
        return super().fire_times(start, end, limit and limit + 1)


class Miscounting(Hourly):
    def span(self, first, until, walk):
        span = super().span(first, until, walk)
        return span._replace(count=max(span.count - 1, 1))


class BoundlessSpan(Hourly):
    def span(self, first, until, walk):
        return super().span(first, until, 1000)


class FastInName(Hourly):
    def span(self, first, until, walk):
        return super().span(first, until, walk)._replace(walked=0)


@dataclass(frozen=True)
class Forgetful(Hourly):
    def to_json(self):
        return {}


class Unequal(Hourly):
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Pickled(Hourly):
    def __reduce__(self):
        return Pickled, ()


@dataclass(frozen=True)
class LooselyEqual(Trigger):
    offset: int = field(default=0, compare=False)

    def next(self, after):
        return Hourly(self.offset).next(after)


@dataclass(unsafe_hash=True)
class Changeable(Trigger):
    offset: int = 0

    def next(self, after):
        return Hourly(self.offset).next(after)


class Plain(Trigger):
    """No dataclass, without fields."""

    def next(self, after):
        return Hourly().next(after)

    def to_json(self):
        return {}

    @classmethod
    def from_json(cls, data):
        return INSTANCE


INSTANCE = Plain()


@dataclass(frozen=True)
class Anchored(Trigger):
    anchor: datetime | None = None
    again: ClassVar[bool] = False

    def next(self, after):
        return Hourly(self.anchor.minute if self.anchor else 0).next(after)

    def anchored(self, at):
        return self if self.anchor and not self.again else replace(self, anchor=at)

    def definition(self):
        return replace(self, anchor=None)


class AnchoredAnew(Anchored):
    again = True


class AnchoredForEver(Anchored):
    def definition(self):
        return self
