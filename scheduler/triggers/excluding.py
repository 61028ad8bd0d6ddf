"""A trigger without some of its fire times: holidays, maintenance windows, what another trigger does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, ClassVar, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, to_zone, zone_name
from scheduler.triggers.arguments import check_keys
from scheduler.triggers.base import MOMENT, Span, Trigger
from scheduler.triggers.combining import Nest, Search, ask, to_trigger, to_triggers, zone_of
from scheduler.triggers.windows import LATEST, Range, Recurring, Window, around, to_dates, to_ranges, to_windows

ADVICE = (
    "all are excluded; exclude many in a row by one range "
    "(CronTrigger(day_of_week='sun', hour='*'), timedelta(hours=1))"
)

Time = date | datetime | str
Pair = tuple[Time, Time] | tuple[Trigger, timedelta | float] | Sequence[Time]


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ExcludingTrigger(Nest):
    """Fires when `trigger` does, except on given days, within ranges of time, and when other triggers fire.

    Arguments:
        trigger: whose fire times remain.
        dates: days on which it does not fire, from midnight to midnight: dates or ISO 8601 texts of them.
        ranges: pairs (start, end) within which it does not fire: datetimes, dates or ISO 8601 texts. A date is the
            whole day, at both ends; a datetime at the end does not belong to the range. Ranges that recur are pairs
            (trigger, timedelta), or seconds: they begin whenever that trigger fires, and last for so long.
        triggers: at whose fire times it does not fire.
        timezone: whose days these are, and in which ranges without zone are read; None: the zone of `trigger`.
        jitter: seconds by which runs are delayed at the most; None: that of `trigger`.

    It ends when `trigger` ends. Each range is passed over at once; a search over more than 20,000 ranges that recur and
    fire times of `triggers` ends in an error.

    Raises InvalidTriggerError where nothing is excluded, for what cannot be read, for a range that ends before it
    begins, and for days and times without zone where `trigger` has none; `next` raises it where the search is too long.
    """

    kind: ClassVar[str] = "excluding"

    trigger: Trigger
    triggers: tuple[Trigger, ...]
    windows: tuple[Window, ...]
    """What dates and ranges cover."""
    dates: tuple[date, ...] = field(compare=False)
    ranges: tuple[Range, ...] = field(compare=False)
    recurring: tuple[Recurring, ...]
    timezone: tzinfo | None = field(compare=False)
    """Its own, or that of its trigger; None: neither has one, and none is needed."""

    def __init__(
        self,
        trigger: Trigger,
        *,
        dates: Iterable[date | str] = (),
        ranges: Iterable[Pair] = (),
        triggers: Sequence[Trigger] = (),
        timezone: str | tzinfo | None = None,
        jitter: float | timedelta | None = None,
    ) -> None:
        inner = to_trigger("trigger", trigger)
        zone = zone_of(inner) if timezone is None else to_zone(timezone)
        fixed, recurring = to_ranges("ranges", ranges, zone)
        values = {
            "trigger": inner,
            "triggers": to_triggers("triggers", triggers),
            "dates": to_dates("dates", dates, zone),
            "ranges": fixed,
            "recurring": recurring,
        }
        if not any(values[name] for name in ("dates", "ranges", "recurring", "triggers")):
            raise InvalidTriggerError("excluding trigger: nothing is excluded; pass dates, ranges or triggers")
        self._set(**values, timezone=zone)
        self._set(windows=to_windows(self.dates, fixed, zone or UTC))  # the zone is that of days
        self._nest(jitter, [inner], [*self.triggers, *(each.trigger for each in recurring)])

    def find(self, after: datetime, search: Search) -> datetime | None:
        fire = ask(self.trigger, after, search)
        while fire is not None and (excluded := self._excluded(fire, search)) is not None:
            if search.left < 0:
                raise search.error(self, fire, ADVICE)
            fire = ask(self.trigger, excluded.last, search)
        return fire

    def previous(self, before: datetime) -> datetime | None:
        before = in_utc("before", before)
        search = Search(self, before)
        fire = self.trigger.previous(before)
        while fire is not None and (excluded := self._excluded(fire, search)) is not None:
            search.left -= 1
            if search.left < 0:
                raise search.error(self, fire, ADVICE)
            fire = self.trigger.previous(excluded.first)
        return fire

    def span(self, first: datetime, until: datetime, walk: int) -> Span:
        second = self.next(first)
        if second is None or second > until:
            return Span(first, 1, second)
        more = None if self.triggers or self.recurring else self._count_from(second, until)
        if more is None:
            return Nest.span(self, first, until, walk)
        following = self.next(until)
        end = min(until, LATEST - MOMENT) + MOMENT if following is None else following
        return Span(self.previous(end) or second, 1 + more, following)

    def to_json(self) -> dict[str, Any]:
        fixed = [[start.isoformat(), end.isoformat()] for start, end in self.ranges]
        recurring = [[trigger, length.total_seconds()] for trigger, length in self.recurring]
        excluded = {
            "dates": [day.isoformat() for day in self.dates],
            "ranges": [*fixed, *recurring],
            "triggers": list(self.triggers),
        }
        fields = {"trigger": self.trigger, **{name: value for name, value in excluded.items() if value}}
        zone = {} if self.timezone is None else {"timezone": zone_name(self.timezone)}
        jitter = {} if self.own_jitter is None else {"jitter": self.own_jitter}
        return fields | zone | jitter

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        values = check_keys(cls.kind, data, ("trigger", "dates", "ranges", "triggers", "timezone", "jitter"))
        if "trigger" not in values:
            raise InvalidTriggerError(f"{cls.kind} trigger: the key 'trigger' is missing")
        return cls(values.pop("trigger"), **values)

    def _excluded(self, fire: datetime, search: Search) -> Window | None:
        """The excluded instants around one; None: it is not excluded."""
        window = around(self.windows, fire)
        if window is not None:
            return window
        for recurring in self.recurring:
            window = recurring.around(fire, search)
            if window is not None:
                return window
        if any(ask(trigger, fire - MOMENT, search) == fire for trigger in self.triggers):
            return Window(fire, fire)
        return None

    def _count_from(self, first: datetime, until: datetime) -> int | None:
        """How many fire times there are from one instant to another, both included, where windows alone exclude.

        None: the trigger cannot tell by arithmetic.
        """
        total = 0
        windows = [window for window in self.windows if window.last >= first and window.first <= until]
        for start, end, sign in [(first, until, 1), *((max(one.first, first), one.last, -1) for one in windows)]:
            count = _count(self.trigger, start, min(end, until))
            if count is None:
                return None
            total += sign * count
        return total

    def _changed(self, change: Callable[[Trigger], Trigger]) -> Self:
        trigger, triggers = change(self.trigger), tuple(map(change, self.triggers))
        recurring = tuple(each.changed(change) for each in self.recurring)
        before, after = (*self.triggers, *self.recurring), (*triggers, *recurring)
        if trigger is self.trigger and all(new is old for new, old in zip(after, before, strict=True)):
            return self
        return self._with(trigger=trigger, triggers=triggers, recurring=recurring)

    def __repr__(self) -> str:
        values = self.to_json()
        trigger = values.pop("trigger")
        return f"{type(self).__name__}({trigger!r}, {', '.join(f'{name}={value!r}' for name, value in values.items())})"

    def __str__(self) -> str:
        counts = {"dates": len(self.dates), "ranges": len(self.ranges)}
        parts = [str(self.trigger), *(f"{name}={count}" for name, count in counts.items() if count)]
        recurring = [f"{trigger} for {length}" for trigger, length in self.recurring]
        return f"{self.kind}[{', '.join([*parts, *recurring, *map(str, self.triggers)])}]"


def _count(trigger: Trigger, first: datetime, until: datetime) -> int | None:
    """How many fire times a trigger has from one instant to another, both included; None: it would have to walk."""
    fire = trigger.next(first - MOMENT)
    if fire is None or fire > until:
        return 0
    span = trigger.span(fire, until, 1)
    return None if span.walked else span.count
