"""The contract of triggers as tests: run it on triggers of your own to see whether schedulers can rely on them."""

from __future__ import annotations

import copy
import json
import os
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise, product
from typing import ClassVar
from unittest import SkipTest

from scheduler.errors import InvalidTriggerError, SerializationError
from scheduler.serialization import TriggerCodec
from scheduler.serialization.values import to_text
from scheduler.timezones import in_utc, to_zone, turns
from scheduler.triggers.base import EARLIEST, MOMENT, Trigger, checked_next, checked_span
from scheduler.triggers.named import TriggerKinds

__all__ = ["TriggerLaws"]

WALK = 24
"""How many fire times of a trigger are looked at one by one, and how many instants spread over the window."""

YEAR, DAY, HOUR, HALF_HOUR = timedelta(days=366), timedelta(days=1), timedelta(hours=1), timedelta(minutes=30)
FAR = (
    EARLIEST,
    datetime(1582, 10, 10, tzinfo=UTC),
    datetime(9000, 1, 1, tzinfo=UTC),
    datetime(9998, 12, 31, tzinfo=UTC),
)
"""The last leaves a year of room, so that arithmetic with wall times of the days and months after it is no error."""
ZONES: tuple[tzinfo, ...] = (timezone(timedelta(hours=14)), timezone(timedelta(hours=-12)), to_zone("Europe/Berlin"))
PROCESS_ZONES = ("UTC", "America/New_York", "Pacific/Apia")


class TriggerLaws:
    """Every sentence of `scheduler.triggers.Trigger`, as tests for pytest.

    A subclass lists samples, which are looked at as jobs would use them that are added at `start`:

        from scheduler.testing import TriggerLaws

        class TestLeapDay(TriggerLaws):
            triggers = [LeapDay(), LeapDay(hour=12)]

    What fires seldom needs a window in which it fires. A test that fails names the law, the trigger and the instant.
    Classes are to stand at the top of a module, as pickling finds them by name.
    """

    triggers: ClassVar[Sequence[Trigger]]
    """The samples."""
    registered: ClassVar[Mapping[str, type[Trigger]]] = {}
    """Names under which classes are stored; those that samples are of need none, those inside other triggers do."""
    start: ClassVar[datetime] = datetime(2024, 1, 1, tzinfo=UTC)
    """Where the window begins in which the laws are tried, aware."""
    end: ClassVar[datetime | None] = None
    """Where it ends; None: a year later."""

    def setup_method(self) -> None:
        """Check the subclass; called by pytest before each test."""
        name = type(self).__name__
        samples = getattr(self, "triggers", ())
        assert samples, f"{name}.triggers must list samples of the trigger"
        strangers = [sample for sample in samples if not isinstance(sample, Trigger)]
        assert not strangers, f"{name}.triggers must hold triggers, not {strangers[0]!r}"
        self._start = in_utc("start", self.start)
        self._end = self._start + YEAR if self.end is None else in_utc("end", self.end)
        assert self._start < self._end, f"{name}.end must be later than its start"

    # next

    def test_each_sample_fires_within_the_window(self) -> None:
        for trigger in self._added():
            assert trigger.fire_times(self._start, self._end, limit=1), (
                f"{trigger!r} does not fire from {self._start} to {self._end}, so that nothing about it would be "
                "tested; choose another start and end"
            )

    def test_next_is_later_and_in_utc(self) -> None:
        for trigger in self._added():
            for instant in self._instants(trigger):
                _after(trigger, instant)

    def test_next_never_goes_back_as_time_goes_on(self) -> None:
        for trigger in self._added():
            for instant, later in pairwise(self._instants(trigger)):
                fire, then = trigger.next(instant), trigger.next(later)
                assert then is None or (fire is not None and fire <= then), (
                    f"{_next(trigger, instant, fire)}, but from the later {later} it is {then}"
                )

    def test_next_leaves_out_no_fire_time(self) -> None:
        for trigger, instant, fire in self._answers():
            if fire is None:
                continue
            for between in (instant + (fire - instant) / 3, instant + (fire - instant) / 2, fire - MOMENT):
                if instant < between < fire:
                    other = trigger.next(between)
                    assert other == fire, f"{_next(trigger, instant, fire)}, but from {between}, between them, {other}"

    def test_next_gives_the_same_whenever_it_is_asked(self) -> None:
        for trigger in self._added():
            instants = self._instants(trigger)
            answers = {instant: trigger.next(instant) for instant in instants}
            for instant in reversed(instants):
                again = trigger.next(instant)
                assert again == answers[instant], (
                    f"{_next(trigger, instant, answers[instant])} the first time and {again} the second; "
                    "it must depend on nothing but the instant and the fields"
                )

    def test_next_gives_the_same_for_an_instant_in_any_zone(self) -> None:
        for trigger, instant, fire in self._answers():
            for other in (*(instant.astimezone(zone) for zone in ZONES), instant.replace(fold=1)):
                answer = trigger.next(other)
                assert answer == fire, (
                    f"{_next(trigger, instant, fire)}, but for the same instant written {other!r} {answer}; "
                    "convert it first, by after.astimezone(…)"
                )

    def test_next_does_not_depend_on_the_zone_of_the_process(self) -> None:
        if not hasattr(time, "tzset"):
            raise SkipTest("this system cannot change the zone of a process")
        for trigger in self._added():
            instants = self._instants(trigger)
            answers = []
            for name in PROCESS_ZONES:
                with _process_in(name):
                    answers.append([trigger.next(instant) for instant in instants])
            for name, found in zip(PROCESS_ZONES, answers, strict=True):
                assert found == answers[0], (
                    f"{trigger!r} fires otherwise in a process with TZ={name} than with TZ={PROCESS_ZONES[0]}; "
                    "convert by an explicit zone, as the machine's differs from node to node"
                )

    def test_far_years_raise_nothing(self) -> None:
        for trigger in self._added():
            for instant in FAR:
                try:
                    fire, _ = trigger.next(instant), trigger.first(instant)
                    trigger.previous(instant)
                except Exception as error:
                    raise AssertionError(f"{trigger!r}, asked at {instant}, raises {error!r}") from error
                assert fire is None or fire > instant, f"{_next(trigger, instant, fire)}, which is not later"

    # what follows from next

    def test_previous_is_the_last_fire_time_before(self) -> None:
        for trigger in self._added():
            instants = self._instants(trigger)[::4]
            fires = self._fires(trigger)
            for instant in (*instants, *fires):
                fire = trigger.previous(instant)
                asked = f"{trigger!r}: previous({instant}) is {fire}"
                if fire is None:
                    assert not fires or fires[0] >= instant, f"{asked}, but it fires at {fires[0]}"
                    continue
                assert isinstance(fire, datetime), f"{asked}, which is no datetime"
                assert fire.tzinfo is UTC, f"{asked}, which is not in UTC"
                assert fire < instant, f"{asked}, which is not before"
                assert trigger.next(fire - MOMENT) == fire, f"{asked}, which is no fire time as next() tells them"
                then = trigger.next(fire)
                assert then is None or then >= instant, f"{asked}, but it fires again at {then}"

    def test_first_is_the_instant_itself_or_later_or_a_date_that_has_passed(self) -> None:
        for trigger in self._added():
            for instant in self._instants(trigger):
                fire, expected = trigger.first(instant), trigger.next(instant - MOMENT)
                asked = f"{trigger!r}: first({instant}) is {fire}"
                if expected is not None or fire is None:
                    assert fire == expected, f"{asked}, but the first fire time that is not before is {expected}"
                else:
                    assert trigger.next(fire - MOMENT) == fire, f"{asked}, which is no fire time"

    def test_fire_times_are_those_that_next_gives(self) -> None:
        for trigger in self._added():
            fires = self._fires(trigger)
            found = trigger.fire_times(self._start, limit=WALK)
            assert found == fires, (
                f"{trigger!r}: fire_times({self._start}, limit={WALK}) is {found}, next gives {fires}"
            )
            for count, last in enumerate(fires, 1):
                found = trigger.fire_times(self._start, last)
                assert found == fires[:count], f"{trigger!r}: fire_times({self._start}, {last}) is {found}"

    def test_a_span_counts_what_walking_by_next_finds(self) -> None:
        for trigger in self._added():
            fires = self._fires(trigger)
            for first in (*fires[:3], *self._instants(trigger)[1::20]):
                last = max([first, *fires])
                for until, walk in product((first - MOMENT, first, first + (last - first) / 2, last), (1, 2, 7, 100)):
                    found = joined_spans(trigger, first, until, walk)
                    expected = Trigger.span(trigger, first, until, 100)[:3]
                    assert found == expected, (
                        f"{trigger!r}: spans from {first} to {until}, in {walk} steps each, give last fire time, count "
                        f"and following as {found}, walking by next gives {expected}"
                    )

    # a frozen value

    def test_what_is_stored_comes_back_equal_and_fires_alike(self) -> None:
        codec = TriggerCodec(self._names())
        for trigger in (*self.triggers, *self._added()):
            try:
                text = to_text(codec.encode(trigger))
            except SerializationError as error:
                raise AssertionError(
                    f"{trigger!r} cannot be stored: {error}. Here a class that stands inside another trigger "
                    f"is given its name by {type(self).__name__}.registered"
                ) from error
            read = codec.decode(json.loads(text))
            self._check_alike(trigger, read, f"stored as {text} and read again")
            again = to_text(codec.encode(read))
            assert again == text, f"{trigger!r} is stored as {text}, and once it was read as {again}"

    def test_copies_and_pickles_are_equal_and_fire_alike(self) -> None:
        for trigger in (*self.triggers, *self._added()):
            self._check_alike(trigger, pickle.loads(pickle.dumps(trigger)), "pickled")
            self._check_alike(trigger, copy.copy(trigger), "copied")
            self._check_alike(trigger, copy.deepcopy(trigger), "copied deeply")

    def test_equal_triggers_fire_alike(self) -> None:
        samples = self._added()
        for place, one in enumerate(samples):
            for other in samples[:place]:
                if one == other:
                    self._check_alike(one, other, "compared with another sample")

    def test_a_trigger_cannot_be_changed(self) -> None:
        for trigger in self.triggers:
            names = (
                [field.name for field in fields(trigger)]
                if is_dataclass(trigger)
                else list(getattr(trigger, "__dict__", ()))
            )
            for name in (*names, "a_new_attribute"):
                try:
                    setattr(trigger, name, getattr(trigger, name, None))
                except (AttributeError, TypeError):
                    continue
                raise AssertionError(f"{trigger!r}: its {name} can be set; make it a frozen dataclass")

    def test_the_definition_stays_when_the_trigger_is_added(self) -> None:
        for trigger in self.triggers:
            added = trigger.anchored(self._start)
            assert added.anchored(self._end) == added, f"{added!r}, added already, counts anew when it is added again"
            assert added.definition() == trigger.definition(), (
                f"{trigger!r} is another definition once it was added: {added.definition()!r}; "
                "a job that is added again would not keep its timing"
            )

    # what the tests share

    def _added(self) -> list[Trigger]:
        return [trigger.anchored(self._start) for trigger in self.triggers]

    def _names(self) -> dict[str, type[Trigger]]:
        """The names under which classes are stored: those given, and others for samples whose class has none."""
        known = TriggerKinds(self.registered)
        unnamed = {type(trigger) for trigger in self.triggers if known.name_of(type(trigger)) is None}
        return {**self.registered, **{f"sample-{number}": cls for number, cls in enumerate(unnamed)}}

    def _fires(self, trigger: Trigger) -> list[datetime]:
        """Return the first fire times of the window, and beyond it."""
        return _walk(trigger, self._start - MOMENT, WALK)

    def _instants(self, trigger: Trigger) -> list[datetime]:
        """Return instants at, right beside and between fire times, and all over the window, in order.

        Where the trigger has a `timezone`, some are where its clock is turned: there most mistakes are made.
        """
        spread = [self._start + (self._end - self._start) * part / WALK for part in range(WALK + 1)]
        zone = getattr(trigger, "timezone", None)
        turned = [turn for turn, _, _ in turns(zone, self._start, self._end)] if isinstance(zone, tzinfo) else []
        night = [turn + part * HALF_HOUR for turn in turned for part in range(-6, 7)]
        walks = [self._fires(trigger), *(_walk(trigger, turn - before, 4) for turn in turned for before in (DAY, HOUR))]
        beside = {near for fires in walks for fire in fires for near in (fire - MOMENT, fire, fire + MOMENT)}
        between = {one + (other - one) / 2 for fires in walks for one, other in pairwise(fires)}
        return sorted(beside | between | {*spread, *night})

    def _answers(self) -> Iterator[tuple[Trigger, datetime, datetime | None]]:
        for trigger in self._added():
            for instant in self._instants(trigger):
                yield trigger, instant, trigger.next(instant)

    def _check_alike(self, trigger: Trigger, other: Trigger, how: str) -> None:
        assert type(other) is type(trigger), f"{trigger!r}, {how}, is of another class: {other!r}"
        assert other == trigger, f"{trigger!r}, {how}, is not equal: {other!r}"
        assert hash(other) == hash(trigger), f"{trigger!r}, {how}, is equal and has another hash"
        mine, its = (self._fires(one.anchored(self._start)) for one in (trigger, other))
        assert its == mine, f"{trigger!r}, {how}, fires at {its} and not at {mine}"


def _after(trigger: Trigger, instant: datetime) -> datetime | None:
    """Return the next fire time, which the caller relies on to be later and in UTC."""
    try:
        return checked_next(trigger, instant)
    except InvalidTriggerError as error:
        raise AssertionError(str(error)) from error


def _walk(trigger: Trigger, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    fire = _after(trigger, after)
    while fire is not None and len(found) < count:
        found.append(fire)
        fire = _after(trigger, fire)
    return found


def joined_spans(trigger: Trigger, first: datetime, until: datetime, walk: int) -> tuple[object, ...]:
    """Return last fire time, count and following of the spans that lead from one instant to another."""
    count, start = 0, first
    while True:
        span = checked_span(trigger, start, until, walk)
        asked = f"{trigger!r}: span({start}, {until}, {walk}) is {span}"
        assert not span.walked or span.count <= walk, f"{asked}, which is more than it was allowed to walk"
        count += span.count
        if span.following is None or span.following > until:
            return span.last, count, span.following
        assert span.walked, f"{asked}, which needed no steps, and yet does not come to the end"
        start = span.following


def _next(trigger: Trigger, instant: datetime, fire: object) -> str:
    return f"{trigger!r}: next({instant}) is {fire}"


@contextmanager
def _process_in(zone: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = zone
        time.tzset()
        yield
    finally:
        if before is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = before
        time.tzset()
