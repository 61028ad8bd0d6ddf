"""Triggers made of others: the instants common to all of them, and those of any."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, ClassVar, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, to_zone
from scheduler.triggers.arguments import check_keys, to_jitter
from scheduler.triggers.base import MOMENT, Span, Trigger, checked_next
from scheduler.triggers.built_in import BuiltIn
from scheduler.wording import shorten, show

STEPS = 20_000
"""How many steps a search for one fire time takes at the most; each is a question to a trigger."""

DEEPEST = 20
"""How many triggers may be nested in one another."""

SHORT = 60
"""How many characters of each trigger are shown that does not meet the others."""

HINT = "pass a list of triggers, such as [CronTrigger(hour=9), IntervalTrigger(hours=2)]"


class Search:
    """The bound of one search for a fire time, which all triggers share that are nested in one.

    Arguments:
        trigger: that is asked.
        start: the instant from which it is.
        steps: how many it may take.
    """

    __slots__ = ("_start", "_trigger", "left")

    def __init__(self, trigger: Trigger, start: datetime, steps: int = STEPS) -> None:
        self._trigger, self._start = trigger, start
        self.left = steps
        """How many steps are left; below 0 the search ends with an `error`."""

    def error(self, trigger: Nest, reached: datetime, advice: str) -> InvalidTriggerError:
        """Return the error of a search without end: the remedy comes first, as broken jobs show the beginning.

        Arguments:
            trigger: the one that was searching: that which is asked, or one in it.
            reached: how far it got.
            advice: what to do about it.
        """
        return InvalidTriggerError(
            f"{trigger.kind} trigger: no fire time in {STEPS:,} steps; {advice}; "
            f"searched from {self._start} to {reached}, for {shorten(str(self._trigger))}"
        )


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Nest(BuiltIn):
    """A trigger that asks others, for an instant at a time."""

    jitter: float | None = field(compare=False)
    """Seconds by which runs are delayed at the most: its own, else the longest of the triggers that fire in it."""
    own_jitter: float | None = field(compare=False)
    """The jitter that was given; 0: none, whatever the triggers in it say."""
    depth: int = field(compare=False)
    """How many triggers are nested in one another, this one included."""

    def next(self, after: datetime) -> datetime | None:
        after = in_utc("after", after)
        return self.anchored(after).find(after, Search(self, after))

    def anchored(self, at: datetime) -> Self:
        return self._changed(lambda trigger: trigger.anchored(at))

    def definition(self) -> Self:
        return self._changed(lambda trigger: trigger.definition())

    def span(self, first: datetime, until: datetime, walk: int) -> Span:
        """Walk as any trigger does, in one search for all fire times but the next one, which has a search of its own.

        So a span is as bounded as a search, and still comes on by one fire time at least.
        """
        trigger = self.anchored(first)
        search = Search(self, first)
        last, count, later = first, 1, trigger.find(first, search)
        walked = STEPS - search.left
        search = Search(self, first, walk)
        while later is not None and later <= until and count < walk:
            try:
                beyond = trigger.find(later, search)
            except InvalidTriggerError:
                if search.left >= 0:
                    raise
                break  # with `later` as what follows, from which the caller goes on
            last, count, later = later, count + 1, beyond
        return Span(last, count, later, walked + walk - search.left)

    @abstractmethod
    def find(self, after: datetime, search: Search) -> datetime | None:
        """Return what `next` does, in a search that has begun; all triggers in it are anchored."""

    @abstractmethod
    def _changed(self, change: Callable[[Trigger], Trigger]) -> Self:
        """The trigger with each of those in it changed; itself where none is."""

    def _nest(self, jitter: object, firing: Sequence[Trigger], others: Sequence[Trigger] = ()) -> None:
        """Set what all nests have, from the triggers that fire in it and others that it asks."""
        own = None if jitter is None else to_jitter(jitter) or 0.0
        longest = max(to_jitter(trigger.jitter) or 0.0 for trigger in firing)
        depth = 1 + max(trigger.depth if isinstance(trigger, Nest) else 1 for trigger in (*firing, *others))
        if depth > DEEPEST:
            raise InvalidTriggerError(
                f"{self.kind} trigger: more than {DEEPEST} triggers are nested in one another; "
                "one 'and' or 'or' takes any number of triggers side by side"
            )
        self._set(jitter=(longest if own is None else own) or None, own_jitter=own, depth=depth)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Combination(Nest):
    """A trigger of several others that count alike."""

    triggers: tuple[Trigger, ...]

    def __init__(self, triggers: Sequence[Trigger], jitter: float | timedelta | None = None) -> None:
        checked = to_triggers("triggers", triggers)
        if not checked:
            raise InvalidTriggerError(f"triggers: at least one is needed; {HINT}")
        self._set(triggers=checked)
        self._nest(jitter, checked)

    @property
    def timezone(self) -> tzinfo | None:
        """The zone of the triggers in it that have one; None: they have none, or several."""
        zones = {zone for trigger in self.triggers if (zone := zone_of(trigger)) is not None}
        return zones.pop() if len(zones) == 1 else None

    def to_json(self) -> dict[str, Any]:
        jitter = {} if self.own_jitter is None else {"jitter": self.own_jitter}
        return {"triggers": list(self.triggers)} | jitter

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        values = check_keys(cls.kind, data, ("triggers", "jitter"))
        if "triggers" not in values:
            raise InvalidTriggerError(f"{cls.kind} trigger: the key 'triggers' is missing")
        return cls(**values)

    def _changed(self, change: Callable[[Trigger], Trigger]) -> Self:
        triggers = tuple(map(change, self.triggers))
        same = all(new is old for new, old in zip(triggers, self.triggers, strict=True))
        return self if same else self._with(triggers=triggers)

    def __repr__(self) -> str:
        jitter = "" if self.own_jitter is None else f", jitter={self.own_jitter!r}"
        return f"{type(self).__name__}({list(self.triggers)!r}{jitter})"

    def __str__(self) -> str:
        return f"{self.kind}[{', '.join(map(str, self.triggers))}]"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class AndTrigger(Combination):
    """Fires at the instants at which all of its triggers fire; ends when one of them ends.

    The search goes from trigger to trigger, each time to the latest fire time found, and ends after 20,000 steps.

    Arguments:
        triggers: a list of at least one. Those that count from the adding of the job do so in here as well.
        jitter: seconds by which runs are delayed at the most; None: the longest jitter of its triggers.

    Raises InvalidTriggerError for no triggers and for what is none; `next` raises it where triggers meet too seldom.
    """

    kind: ClassVar[str] = "and"

    def find(self, after: datetime, search: Search) -> datetime | None:
        triggers = self.triggers
        fire = ask(triggers[0], after, search)
        answers = [fire] * len(triggers)
        at, agreed = 0, 1
        while fire is not None and agreed < len(triggers):
            if search.left < 0:
                raise search.error(self, fire, self._apart(answers))
            at = (at + 1) % len(triggers)
            latest = answers[at] = ask(triggers[at], fire - MOMENT, search)
            agreed = agreed + 1 if latest == fire else 1
            fire = latest
        return fire

    def _apart(self, answers: Sequence[datetime | None]) -> str:
        """What to do where triggers do not meet, and when each was last found to fire."""
        fires = ", ".join(
            f"{shorten(str(trigger), SHORT)} at {None if fire is None else fire.replace(tzinfo=None)}"
            for trigger, fire in zip(self.triggers, answers, strict=True)
        )
        return f"give an interval a start_date, a cron minute='*' or second='*'; next: {shorten(fires)} UTC"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class OrTrigger(Combination):
    """Fires at each instant at which any of its triggers fires, once where several do; ends when all have ended.

    Arguments:
        triggers: a list of at least one. Those that count from the adding of the job do so in here as well.
        jitter: seconds by which runs are delayed at the most; None: the longest jitter of its triggers.

    A date that has passed when the job is added does not fire in here.

    Raises InvalidTriggerError for no triggers and for what is none.
    """

    kind: ClassVar[str] = "or"

    def find(self, after: datetime, search: Search) -> datetime | None:
        if search.left < 0:
            raise search.error(self, after, "combine fewer triggers, or nest them less")
        fires = [ask(trigger, after, search) for trigger in self.triggers]
        return min((fire for fire in fires if fire is not None), default=None)

    def previous(self, before: datetime) -> datetime | None:
        fires = [trigger.previous(before) for trigger in self.triggers]
        return max((fire for fire in fires if fire is not None), default=None)


def ask(trigger: Trigger, after: datetime, search: Search) -> datetime | None:
    """Return the first fire time of a trigger after an instant, as a step of a search."""
    search.left -= 1
    return trigger.find(after, search) if isinstance(trigger, Nest) else checked_next(trigger, after)


def to_triggers(argument: str, value: object) -> tuple[Trigger, ...]:
    """Return the triggers of a list. Raises InvalidTriggerError that names the argument for anything else."""
    if isinstance(value, Trigger):
        raise InvalidTriggerError(f"{argument}: {show(value)} is one trigger, not a list; pass {argument}=[…]")
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidTriggerError(f"{argument}: {show(value)} is not a list; {HINT}")
    for item in value:
        to_trigger(argument, item)
    return tuple(value)


def to_trigger(argument: str, value: object) -> Trigger:
    """Return a value that is a trigger. Raises InvalidTriggerError that names the argument for anything else."""
    if not isinstance(value, Trigger):
        raise InvalidTriggerError(f"{argument}: {show(value)} is not a Trigger; build one, such as CronTrigger(hour=9)")
    if value.follows is not None:
        raise InvalidTriggerError(
            f"{argument}: {show(value)} fires when another job ends and has no times that could be combined; "
            "add a job for each trigger"
        )
    return value


def zone_of(trigger: Trigger) -> tzinfo | None:
    """Return the zone by whose clock a trigger fires; None: it has none."""
    zone = getattr(trigger, "timezone", None)
    return None if zone is None else to_zone(zone)
