"""The laws that every trigger keeps."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.serialization import TriggerCodec
from scheduler.triggers import BUILT_IN, Trigger
from scheduler.triggers.base import Trigger as Contract
from tests.triggers.samples import END, OWN, START, TRIGGERS

CODEC = TriggerCodec(OWN)

triggers = st.sampled_from(TRIGGERS)
instants = st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC))
anywhen = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-14)), timezone(timedelta(hours=14))]))
every_trigger = pytest.mark.parametrize("trigger", TRIGGERS, ids=str)


def fires(trigger: Trigger, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    fire = trigger.next(after)
    while fire is not None and len(found) < count:
        found.append(fire)
        fire = trigger.next(fire)
    return found


@given(triggers, anywhen)
def test_the_next_fire_is_later_and_in_utc_whatever_the_instant(trigger: Trigger, after: datetime) -> None:
    fire = trigger.next(after)
    assert fire is None or (fire > after and fire.tzinfo is UTC)


@given(triggers, instants, instants)
def test_a_later_instant_never_has_an_earlier_next_fire(trigger: Trigger, one: datetime, other: datetime) -> None:
    early, late = (trigger.next(instant) for instant in sorted((one, other)))
    assert late is None or (early is not None and early <= late)


@given(triggers, instants)
def test_no_fire_is_left_out_between_an_instant_and_its_next_fire(trigger: Trigger, after: datetime) -> None:
    fire = trigger.next(after)
    if fire is not None:
        between = after + (fire - after) / 2
        assert trigger.next(between) == fire or between == fire
        assert trigger.next(fire - timedelta(microseconds=1)) == fire or fire - timedelta(microseconds=1) < after


@every_trigger
def test_a_fold_in_utc_means_nothing(trigger: Trigger) -> None:
    for fire in fires(trigger, START, 5):
        assert trigger.next(fire.replace(fold=1)) == trigger.next(fire)


@given(triggers, instants, st.sampled_from(["Europe/Berlin", "Pacific/Apia", "America/New_York"]))
def test_the_zone_of_the_instant_does_not_matter(trigger: Trigger, after: datetime, name: str) -> None:
    assert trigger.next(after.astimezone(ZoneInfo(name))) == trigger.next(after)


@every_trigger
@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
@pytest.mark.parametrize("days", [-1, 0, 1, 3, 20, 60])
def test_a_span_counts_what_walking_by_next_finds(trigger: Trigger, days: int, limit: int) -> None:
    first = trigger.next(START)
    assert first is not None
    until = first + timedelta(days=days)
    assert trigger.span(first, until, limit) == Contract.span(trigger, first, until, limit)


@given(triggers, instants, instants, st.integers(1, 50))
def test_a_span_may_begin_beside_the_fire_times(trigger: Trigger, first: datetime, until: datetime, limit: int) -> None:
    """Users may move a job's next run time anywhere."""
    assert trigger.span(first, until, limit) == Contract.span(trigger, first, until, limit)


@every_trigger
def test_the_first_fire_may_be_the_very_instant(trigger: Trigger) -> None:
    for fire in fires(trigger, START, 5):
        assert trigger.first(fire) == fire


@every_trigger
@pytest.mark.parametrize(
    "copied",
    [
        lambda trigger: CODEC.decode(json.loads(json.dumps(CODEC.encode(trigger)))),
        lambda trigger: pickle.loads(pickle.dumps(trigger)),
        copy.copy,
        copy.deepcopy,
    ],
    ids=["json", "pickle", "copy", "deepcopy"],
)
def test_a_copy_is_equal_and_fires_alike(trigger: Trigger, copied) -> None:
    other = copied(trigger)
    assert other == trigger
    assert hash(other) == hash(trigger)
    assert CODEC.encode(other) == CODEC.encode(trigger)
    assert fires(other, START, 50) == fires(trigger, START, 50)


def test_different_triggers_are_not_equal() -> None:
    assert len(set(TRIGGERS)) == len(TRIGGERS)


@every_trigger
def test_a_trigger_cannot_be_changed(trigger: Trigger) -> None:
    for name in ("kind", "anchor", "end_date", "something"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(trigger, name, None)


@every_trigger
def test_the_repr_of_an_unanchored_trigger_builds_it(trigger: Trigger) -> None:
    plain = trigger.definition()
    assert eval(repr(plain), {cls.__name__: cls for cls in (*BUILT_IN.values(), *OWN.values())}) == plain
    if "crontab" not in plain.to_json():  # its text is the line itself
        assert str(trigger).startswith(f"{trigger.kind}[")


@every_trigger
def test_an_anchor_stays_and_is_no_part_of_the_definition(trigger: Trigger) -> None:
    later = START + timedelta(days=1)
    assert trigger.anchored(later) == trigger
    assert trigger.definition() == trigger.anchored(later).definition()
    assert "anchor" not in trigger.definition().to_json()


@every_trigger
@pytest.mark.parametrize("after", [datetime(2024, 3, 1), None, "2024-03-01"])
def test_an_instant_without_zone_is_refused(trigger: Trigger, after: datetime) -> None:
    with pytest.raises(InvalidTriggerError, match=r"after: .* aware"):
        trigger.next(after)


@every_trigger
@pytest.mark.parametrize("instant", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_no_trouble(trigger: Trigger, instant: datetime) -> None:
    fire = trigger.next(instant)
    assert fire is None or fire > instant


@every_trigger
@pytest.mark.parametrize("data", [None, [], "x", {"somthing": 1}, {"end_dat": None}])
def test_other_json_is_refused(trigger: Trigger, data: object) -> None:
    with pytest.raises(InvalidTriggerError, match=f"{trigger.kind} trigger: "):
        type(trigger).from_json(data)  # type: ignore[arg-type]


@given(triggers, st.data())
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
        "from tests.triggers.test_laws import fires\n"
        "print([[str(fire) for fire in fires(trigger, START, 20)] for trigger in TRIGGERS])\n"
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
    }
