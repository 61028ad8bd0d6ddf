"""The texts that the keyword form takes are those of APScheduler 3, but for listed differences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger
from scheduler.triggers.cron.keywords import NAMES

peer = pytest.importorskip("apscheduler.triggers.cron")

START = datetime(2024, 5, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)

RANGES = {
    "year": (1970, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "week": (1, 53),
    "day_of_week": (0, 6),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}

MONTH_TEXTS = "JAN|Jan-mar|mar-jan|jan-mar/2|jan/2|jan-3|1-mar|january|sept|jan foo|jan,mar-may|jan-jan|jan-|ſep"
WEEKDAY_TEXTS = (
    "mon|FRI|mon-fri|fri-mon|sat-sun|sun-mon|mon-fri/2|mon/2|mon-4|0-fri|monday|mon foo|mon,wed-fri|mon-|ſun"
    "|2nd fri|last fri|last|7|fri#2|friL|-1"
)
DAY_TEXTS = (
    "last|LAST|lastly|last day|last,15|last-5|last/2|5-last|last fri|1st mon|1ST  MON|last mon, 3, 1st sun|5th sun"
    "|2nd ſun"
    "|6th mon|0th mon|1st|1st monday|1st mon tue|1st mon/2|last mon-fri|2nd 4|1st\tmon|1stmon|first mon|fri|15W|LW|0|32"
)
NAMED = {"month": MONTH_TEXTS, "day_of_week": WEEKDAY_TEXTS, "day": DAY_TEXTS}

IGNORED = "they ignore what follows a name: here a step counts, and what is not understood is refused"
MIXED = "names and numbers may be mixed in a range here"
DIFFERENCES = {
    "digits of other scripts are refused here": {
        *(("year", "١٩٧٢"), ("month", "٣"), ("day", "٣"), ("week", "٣")),
        *((name, "٢") for name in ("day_of_week", "hour", "minute", "second")),
    },
    "tabs may surround commas here, as spaces may": {
        *(("year", "1972\t,1973"), ("month", "3\t,4"), ("day", "3\t,4"), ("week", "3\t,4")),
        *((name, "2\t,3") for name in ("day_of_week", "hour", "minute", "second")),
    },
    "they let a step of 1 pass for the single value 0, though not for others": {
        (name, "0-0/1") for name in ("day_of_week", "hour", "minute", "second")
    },
    IGNORED: {
        *(("month", text) for text in ("jan-mar/2", "jan/2", "jan foo", "jan-")),
        *(("day", text) for text in ("lastly", "last-5", "last/2", "1st mon tue", "1st mon/2", "last mon-fri")),
        *(("day_of_week", text) for text in ("mon-fri/2", "mon/2", "mon foo", "mon-", "fri#2")),
    },
    f"{IGNORED}; {MIXED}": {("month", "jan-3"), ("day_of_week", "mon-4")},
    MIXED: {("month", "1-mar"), ("day_of_week", "0-fri")},
}
"""Each reason with the fields and texts that it explains."""

EXPLAINED = set().union(*DIFFERENCES.values())


def texts_of(name: str) -> Iterator[str]:
    """Texts for one field: those that every field has, then those of its names."""
    low, high = RANGES[name]
    some, span = low + 2, high - low
    yield from ("*", "*/1", "*/2", f"*/{span}", f"*/{span + 1}", "*/0", "* /2", "**", f"*,{some}", f"*-{some}")
    yield from (f"{low}", f"{high}", f"{low - 1}", f"{high + 1}", f"{some:05}", f"+{some}", f"{some}.0", f"{some}x")
    yield from (f"{low}-{high}", f"{high}-{low}", f"{low}-{high + 1}", f"{some}-", f"{some}-*", f"{some} - {some + 1}")
    yield from (f"{some}-{some}", f"{some}-{some}/1", f"{low}-{low}/1", f"{low}-{low + 3}/3", f"{low}-{low + 3}/4")
    yield from (f"{low}/1", f"{high}/1", f"{high - 1}/1", f"{high - 1}/2", f"{some}/{high - some}", f"{some}/0")
    yield from (f" {some} ", f"{some}\n", f"{some} ,{some + 1}", f"{some}\t,{some + 1}", f"{some}\n,{some + 1}")
    yield from ("", ",", f"{some},", f",{some}", f"{some},,{some + 1}", f"{some};{some + 1}", "?", "L", "W", "@daily")
    yield f"{some}".translate({ord("0") + digit: ord("٠") + digit for digit in range(10)})
    yield from NAMED.get(name, "last|mon|jan").split("|")


def ours(name: str, text: str) -> list[datetime] | None:
    """The first fire times, or None where the text is refused."""
    try:
        return CronTrigger(**{name: text}, timezone="UTC").fire_times(START, limit=3)  # type: ignore[arg-type]
    except InvalidTriggerError:
        return None


def theirs(name: str, text: str) -> list[datetime] | None:
    try:
        trigger = peer.CronTrigger(**{name: text}, timezone=UTC)
    except ValueError:
        return None
    found: list[datetime] = []
    fire = trigger.get_next_fire_time(None, START)
    while fire is not None and len(found) < 3:
        found.append(fire)
        fire = trigger.get_next_fire_time(None, fire + MOMENT)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_texts_of_a_field_mean_what_they_mean_in_apscheduler(name: str) -> None:
    different = {text for text in texts_of(name) if ours(name, text) != theirs(name, text)}
    assert different == {text for field, text in EXPLAINED if field == name}


@pytest.mark.parametrize("value", [5, 0, 7, -1, 60, True, 5.0, "", b"5", [5], (5,), {5}], ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_the_values_of_a_field_are_taken_and_refused_as_in_apscheduler(name: str, value: object) -> None:
    assert ours(name, value) == theirs(name, value)  # type: ignore[arg-type]
