"""What every trigger has from the contract alone, and what becomes of one that breaks it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CalendarIntervalTrigger, CronTrigger, DateTrigger, IntervalTrigger, OrTrigger, Trigger
from scheduler.triggers.base import Span, checked_span
from tests.contracts import wrong_triggers as wrong
from tests.contracts.wrong_triggers import Hourly

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)


@dataclass(frozen=True)
class Listed(Trigger):
    """Fires at given instants, and counts how often it is asked."""

    fires: tuple[datetime, ...]
    asked: list[datetime] = field(default_factory=list, compare=False)

    def next(self, after):
        self.asked.append(after)
        return next((fire for fire in self.fires if fire > after), None)


def at(hours):
    return START + hours * HOUR


UNEVEN = (at(-90_000), at(0), at(0) + MOMENT, at(1), at(1.5), at(4_000), at(4_000) + 3 * MOMENT)


@pytest.mark.parametrize(
    "before", [at(-100_000), *UNEVEN, *(fire + MOMENT for fire in UNEVEN), at(0.5), at(3_999), at(9_000), at(10**7)]
)
def test_previous_is_found_by_next_alone_however_uneven_the_fires_are(before):
    trigger = Listed(UNEVEN)
    assert trigger.previous(before) == max((fire for fire in UNEVEN if fire < before), default=None)
    assert len(trigger.asked) <= 100


@pytest.mark.parametrize("seconds", [0.000001, 0.1, 1, 7, 86_400, 40 * 365 * 86_400])
def test_previous_costs_some_fifty_questions(seconds):
    step, asked = timedelta(seconds=seconds), []

    class Grid(Trigger):
        def next(self, after):
            asked.append(after)
            return START + ((after - START) // step + 1) * step

    assert Grid().previous(START + 50 * step) == START + 49 * step
    assert len(asked) <= 60


@pytest.mark.parametrize("year", [2, 3, 1000])
def test_previous_goes_back_to_the_year_2(year):
    fire = datetime(year, 1, 1, 1, tzinfo=UTC)
    assert Listed((fire,)).previous(START) == fire
    assert Listed((fire.replace(year=1),)).previous(START) is None
    assert Listed((fire.replace(year=1),)).previous(fire.replace(year=1, month=2)) is None


def test_previous_takes_an_instant_in_any_zone():
    trigger = Listed((at(0), at(1)))
    assert trigger.previous(at(1).astimezone(timezone(timedelta(hours=-9)))) == at(0)
    for naive in (datetime(2024, 1, 1), None, "2024-01-01"):
        with pytest.raises(InvalidTriggerError, match=r"before: .* aware"):
            trigger.previous(naive)


@pytest.mark.parametrize(
    ("arguments", "hours"),
    [
        ({"limit": 3}, [0, 1, 2]),
        ({"limit": 0}, []),
        ({"end": at(2)}, [0, 1, 2]),
        ({"end": at(2) - MOMENT}, [0, 1]),
        ({"end": at(5), "limit": 2}, [0, 1]),
        ({"end": at(1), "limit": 20}, [0, 1]),
        ({"end": at(-1)}, []),
        ({"limit": 99}, list(range(10))),
        ({"end": at(1).astimezone(timezone(timedelta(hours=14)))}, [0, 1]),
    ],
)
def test_fire_times_go_from_the_start_to_the_end_both_included(arguments, hours):
    trigger = Listed(tuple(at(hour) for hour in range(10)))
    assert trigger.fire_times(START, **arguments) == [at(hour) for hour in hours]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"fire_times needs an end or a limit, such as limit=10"),
        ({"limit": -1}, "limit: -1 is not a number of fire times"),
        ({"limit": True}, "limit: True is not a number"),
        ({"limit": 1.5}, r"limit: 1\.5 is not a number"),
        ({"end": datetime(2024, 2, 1)}, "end: .* is not an aware datetime"),
        ({"start": datetime(2024, 2, 1), "limit": 1}, "start: .* is not an aware datetime"),
        ({"start": "2024-02-01", "limit": 1}, "start: '2024-02-01' is not an aware datetime"),
    ],
)
def test_fire_times_refuse_what_they_cannot_mean(arguments, message):
    with pytest.raises(InvalidTriggerError, match=message):
        Hourly().fire_times(**{"start": START, **arguments})


@pytest.mark.parametrize(
    ("trigger", "hours"),
    [
        (IntervalTrigger(hours=2), [2, 4, 6]),
        (IntervalTrigger(hours=2, start="now"), [0, 2, 4]),
        (CalendarIntervalTrigger(days=1, hour=START.hour, timezone="UTC"), [0, 24, 48]),
        (OrTrigger([IntervalTrigger(hours=2), IntervalTrigger(hours=3)]), [2, 3, 4]),
    ],
    ids=str,
)
def test_fire_times_are_those_of_a_job_that_is_added_at_the_start(trigger, hours):
    assert trigger.fire_times(START, limit=3) == [at(hour) for hour in hours]


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        (at(1), 1, None),
        Span(at(1), 0, None),
        Span(at(1), 10**30, None),
        Span(at(1), True, None),
        Span(at(-1), 1, None),
        Span(at(9), 1, None),
        Span(at(1).replace(tzinfo=None), 1, None),
        Span(at(1).astimezone(timezone(HOUR)), 1, None),
        Span("soon", 1, None),
        Span(at(1), 1, at(1)),
        Span(at(1), 1, at(2).replace(tzinfo=None)),
        Span(at(1), 1, "soon"),
        Span(at(1), 1, None, -1),
        Span(at(1), 1, None, 1.5),
    ],
    ids=str,
)
def test_a_span_that_cannot_be_is_refused(wrong):
    class Spanning(Hourly):
        def span(self, first, until, walk):
            return wrong

    with pytest.raises(InvalidTriggerError, match=r"^trigger: span\(.* of .*Spanning.* gave .*; it must give a Span"):
        checked_span(Spanning(), at(0), at(3), 5)


@pytest.mark.parametrize("base", [IntervalTrigger, CalendarIntervalTrigger, CronTrigger, DateTrigger, OrTrigger])
def test_a_subclass_of_a_trigger_of_the_package_may_not_override_next(base):
    """As its span and previous would still be those of the base."""
    with pytest.raises(
        TypeError, match=rf"^WithoutSundays overrides next\(\) of (Nest|{base.__name__}), .* of your own"
    ):
        type("WithoutSundays", (base,), {"next": lambda self, after: None})
    assert issubclass(type("Named", (base,), {"__slots__": ()}), base)


def test_fire_times_begin_with_the_calendar():
    beginning = datetime.min.replace(tzinfo=UTC)
    assert Listed((at(0),)).fire_times(beginning, limit=5) == [at(0)]
    assert DateTrigger(at(0)).fire_times(at(0) + MOMENT, limit=5) == []


USES = {
    "previous": lambda trigger: trigger.previous(at(100)),
    "fire_times": lambda trigger: trigger.fire_times(START, at(1_000_000)),
    "span": lambda trigger: trigger.span(START, at(1_000_000), 10_000),
    "first": lambda trigger: trigger.first(at(10) + MOMENT),
}


class Stuck(Hourly):
    """Which always gives the same time."""

    def next(self, after):
        return at(3)


class Backwards(Hourly):
    def next(self, after):
        return after - HOUR


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(
    "trigger", [wrong.Naive(), wrong.Elsewhere(), wrong.Timestamps(), wrong.Standing(), Stuck(), Backwards()]
)
def test_a_next_that_breaks_its_promise_is_named_and_never_walked_for_ever(trigger, use):
    with pytest.raises(InvalidTriggerError, match=r"next\(.*\) of .* gave .*; it must give a later datetime in UTC"):
        use(trigger)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_next_raises_goes_through(use):
    class Raising(Trigger):
        def next(self, after):
            raise ZeroDivisionError("not today")

    with pytest.raises(ZeroDivisionError, match="not today"):
        use(Raising())


def test_first_counts_from_the_instant_of_adding():
    assert IntervalTrigger(hours=2).first(at(1)) == at(3)
    assert Hourly().first(at(1)) == at(1)
    assert Hourly().first(at(1) + MOMENT) == at(2)
    assert Hourly().first(datetime.min.replace(tzinfo=UTC)) is not None
    with pytest.raises(InvalidTriggerError, match=r"at: .* aware"):
        Hourly().first(datetime(2024, 1, 1))
