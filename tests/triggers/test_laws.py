"""The laws that every trigger keeps: the public suite, searches by Hypothesis, and what this package adds to them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.serialization import TriggerCodec
from scheduler.testing import TriggerLaws
from scheduler.testing.trigger_laws import joined_spans
from scheduler.triggers import BUILT_IN, Trigger
from scheduler.triggers.base import Trigger as Contract
from tests.triggers.samples import END, OWN, START, TRIGGERS

CODEC = TriggerCodec(OWN)

READ = [CODEC.decode(json.loads(json.dumps(CODEC.encode(trigger)))) for trigger in TRIGGERS]

instants = st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC))
anywhen = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-14)), timezone(timedelta(hours=14))]))
every_trigger = pytest.mark.parametrize("trigger", TRIGGERS, ids=str)


class TestSamples(TriggerLaws):
    triggers = TRIGGERS
    registered = OWN
    start = START
    end = END


@given(anywhen)
def test_the_next_fire_is_later_and_in_utc_whatever_the_instant(after: datetime) -> None:
    for trigger in TRIGGERS:
        fire = trigger.next(after)
        assert fire is None or (fire > after and fire.tzinfo is UTC), trigger


@given(instants, instants)
def test_a_later_instant_never_has_an_earlier_next_fire(one: datetime, other: datetime) -> None:
    for trigger in TRIGGERS:
        early, late = (trigger.next(instant) for instant in sorted((one, other)))
        assert late is None or (early is not None and early <= late), trigger


@given(instants, st.fractions(0, 1))
def test_no_fire_is_left_out_between_an_instant_and_its_next_fire(after: datetime, part: Fraction) -> None:
    for trigger in TRIGGERS:
        fire = trigger.next(after)
        if fire is not None:
            between = after + (fire - after) * float(part)
            assert trigger.next(between) == fire or between == fire, trigger


@settings(max_examples=30)
@given(instants)
def test_previous_is_what_a_search_by_next_finds(before: datetime) -> None:
    for trigger in TRIGGERS:
        assert trigger.previous(before) == Contract.previous(trigger, before), trigger
        fire = trigger.next(before)
        last = None if fire is None else trigger.previous(fire)
        assert last is None or last <= before, trigger


@given(instants)
def test_what_is_read_from_json_fires_alike(instant: datetime) -> None:
    for trigger, read in zip(TRIGGERS, READ, strict=True):
        assert (read.next(instant), read.previous(instant)) == (trigger.next(instant), trigger.previous(instant)), (
            trigger
        )


@settings(max_examples=30)
@given(instants, instants, st.integers(1, 50))
def test_a_span_may_begin_beside_the_fire_times(first: datetime, until: datetime, walk: int) -> None:
    """Users may move a job's next run time anywhere."""
    for trigger in TRIGGERS:
        assert joined_spans(trigger, first, until, walk) == Contract.span(trigger, first, until, 10**6)[:3], trigger


def test_different_triggers_are_not_equal() -> None:
    assert len(set(TRIGGERS)) == len(TRIGGERS)


@every_trigger
def test_the_repr_of_an_unanchored_trigger_builds_it(trigger: Trigger) -> None:
    plain = trigger.definition()
    assert eval(repr(plain), {cls.__name__: cls for cls in (*BUILT_IN.values(), *OWN.values())}) == plain
    if "crontab" not in plain.to_json():  # its text is the line itself
        assert str(trigger).startswith(f"{trigger.kind}[")


@every_trigger
@pytest.mark.parametrize("after", [datetime(2024, 3, 1), None, "2024-03-01"])
def test_an_instant_without_zone_is_refused(trigger: Trigger, after: datetime) -> None:
    with pytest.raises(InvalidTriggerError, match=r"after: .* aware"):
        trigger.next(after)


@every_trigger
@pytest.mark.parametrize("instant", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_no_trouble(trigger: Trigger, instant: datetime) -> None:
    fire, last = trigger.next(instant), trigger.previous(instant)
    assert fire is None or fire > instant
    assert last is None or last < instant
    trigger.first(instant)


@every_trigger
@pytest.mark.parametrize("data", [None, [], "x", {"somthing": 1}, {"end_dat": None}])
def test_other_json_is_refused(trigger: Trigger, data: object) -> None:
    with pytest.raises(InvalidTriggerError, match=f"{trigger.kind} trigger: "):
        type(trigger).from_json(data)  # type: ignore[arg-type]


@given(st.sampled_from(TRIGGERS), st.data())
def test_json_with_one_wrong_value_is_a_trigger_or_an_error(trigger: Trigger, data: st.DataObject) -> None:
    fields = CODEC.encode(trigger)
    name = data.draw(st.sampled_from(sorted(fields)))
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    value = data.draw(values | st.lists(values) | st.dictionaries(st.text(), values))
    try:
        built = CODEC.decode({**fields, name: value})
    except InvalidTriggerError:
        return
    assert built.next(START) is None or built.next(START) > START  # type: ignore[operator]


def test_the_zone_of_the_process_does_not_matter() -> None:
    program = (
        "from tests.triggers.samples import START, TRIGGERS\n"
        "print([[str(fire) for fire in trigger.fire_times(START, limit=20)] for trigger in TRIGGERS])\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program], env={"TZ": zone}, capture_output=True, text=True, check=True
        ).stdout
        for zone in ("UTC", "America/New_York", "Pacific/Apia")
    }
    assert len(answers) == 1
    assert answers != {""}


def test_the_built_in_triggers_go_by_their_kinds() -> None:
    assert {kind: cls.__name__ for kind, cls in BUILT_IN.items()} == {
        "date": "DateTrigger",
        "interval": "IntervalTrigger",
        "cron": "CronTrigger",
        "calendarinterval": "CalendarIntervalTrigger",
        "and": "AndTrigger",
        "or": "OrTrigger",
        "excluding": "ExcludingTrigger",
        "solar": "SolarTrigger",
        "after": "AfterTrigger",
    }
