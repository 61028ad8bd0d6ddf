"""The keyword form of cron, `hour=9, day="last fri"`, which means what it means in APScheduler 3."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scheduler.errors import InvalidTriggerError
from scheduler.triggers.cron.dates import FIRST_YEAR, LAST, LAST_YEAR, Days, dates_of
from scheduler.triggers.cron.expressions import MONTHS, WEEKDAYS, Field, items, numbers, values
from scheduler.triggers.cron.schedule import Schedule
from scheduler.wording import show

NAMES = ("year", "month", "day", "week", "day_of_week", "hour", "minute", "second")
"""The fields, the most significant first."""

LEAST = {
    "year": "*",
    "month": "1",
    "day": "1",
    "week": "*",
    "day_of_week": "*",
    "hour": "0",
    "minute": "0",
    "second": "0",
}
"""What a field means that is left out, where it is less significant than all that are given; other fields mean `*`."""

YEAR = Field("year", FIRST_YEAR, LAST_YEAR)
MONTH = Field("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)})
DAY = Field("day", 1, 31, also="last, 2nd fri, last fri")
WEEK = Field("week", 1, 53)
DAY_OF_WEEK = Field("day_of_week", 0, 6, {name: number for number, name in enumerate(WEEKDAYS)})
HOUR = Field("hour", 0, 23)
MINUTE = Field("minute", 0, 59)
SECOND = Field("second", 0, 59)

POSITIONS = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": LAST}
POSITION = re.compile(rf"({'|'.join(POSITIONS)}) +({'|'.join(WEEKDAYS)})")
OF_CRONTAB = re.compile(rf"l|lw|[0-9]{{1,2}}w|([0-7]|{'|'.join(WEEKDAYS)})(#[0-9]|l)")
"""Days that only crontab lines know."""


def to_text(name: str, value: object) -> str:
    """Return the text of one argument. Raises InvalidTriggerError for what is neither a text nor an integer."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LAST_YEAR:
        return str(int(value))  # the text of an Enum is its name
    raise InvalidTriggerError(
        f"{name}: {show(value)} is not understood; pass an integer or a text such as '*/5' or '1-5'"
    )


def from_keywords(given: Mapping[str, str]) -> Schedule:
    """Return the schedule of the fields that are given, by name. Raises InvalidTriggerError."""
    if not given:
        raise InvalidTriggerError("cron: no field is given; pass second='*' to fire every second")
    least = max(NAMES.index(name) for name in given)
    texts = {name: given.get(name, "*" if at < least else LEAST[name]) for at, name in enumerate(NAMES)}
    return Schedule(
        seconds=numbers(SECOND, texts["second"]),
        minutes=numbers(MINUTE, texts["minute"]),
        hours=numbers(HOUR, texts["hour"]),
        dates=dates_of(
            days=_days(texts["day"]),
            weekdays=_weekdays(texts["day_of_week"]),
            months=numbers(MONTH, texts["month"]),
            weeks=numbers(WEEK, texts["week"]),
            years=numbers(YEAR, texts["year"]),
        ),
        elapsed=texts["minute"].startswith("*") or texts["hour"].startswith("*"),
    )


def _days(text: str) -> Days:
    plain, last, positions = 0, False, set()
    for item in items(DAY, text):
        lowered = item.lower()
        position = POSITION.fullmatch(lowered)
        if position:
            positions.add((POSITIONS[position[1]], WEEKDAYS.index(position[2])))
        elif lowered == "last":
            last = True
        else:
            plain |= _plain(DAY, item)
    return Days(plain, last=last, positions=frozenset(positions))


def _weekdays(text: str) -> Days:
    weekdays = 0
    for item in items(DAY_OF_WEEK, text):
        weekdays |= _plain(DAY_OF_WEEK, item)
    return Days(weekdays=weekdays)


def _plain(spec: Field, item: str) -> int:
    lowered = item.lower()
    if OF_CRONTAB.fullmatch(lowered):
        raise InvalidTriggerError(
            f"{spec.name}: {show(item)} is known to crontab lines only: pass crontab= and no field, or of the fields "
            "day='last', day='2nd fri' or day='last fri'"
        )
    if spec is DAY_OF_WEEK and POSITION.fullmatch(lowered):
        raise InvalidTriggerError(f"{spec.name}: {show(item)} is a day of the month; pass day={lowered!r}")
    return values(spec, item)
