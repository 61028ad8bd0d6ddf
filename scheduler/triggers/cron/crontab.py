"""The crontab form of cron, "0 9 * * 1-5", which means what it means in crontab(5) of POSIX and Debian."""

from __future__ import annotations

from scheduler.errors import InvalidTriggerError
from scheduler.triggers.cron.expressions import MONTHS, Field, numbers
from scheduler.triggers.cron.schedule import ALL_WEEKDAYS, Days, Schedule

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

MINUTE = Field("minute", 0, 59, long_steps=True)
HOUR = Field("hour", 0, 23, long_steps=True)
DAY = Field("day of month", 1, 31, long_steps=True)
MONTH = Field("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}, long_steps=True)
WEEKDAY = Field(
    "day of week", 0, 7, {name: number for number, name in enumerate(WEEKDAYS)}, {"sun": 7}, long_steps=True
)


def from_crontab(expression: str) -> Schedule:
    """Return the schedule of five fields: minute, hour, day of month, month, day of week.

    0 and 7 are Sunday. Where both day fields are restricted, a day has to match one of them; where one begins with
    `*`, both (crontab(5) of Debian). Raises InvalidTriggerError.
    """
    fields = expression.split()
    if expression.startswith("@"):
        raise InvalidTriggerError(
            f"crontab: {expression[:100]!r}: macros such as @daily are not known yet; "
            "write five fields: minute, hour, day of month, month, day of week"
        )
    if len(fields) != 5:
        raise InvalidTriggerError(
            f"crontab: {expression[:100]!r} has {len(fields)} fields; "
            "five are needed: minute, hour, day of month, month, day of week"
        )
    minute, hour, day, month, weekday = fields
    return Schedule(
        seconds=1,
        minutes=numbers(MINUTE, minute),
        hours=numbers(HOUR, hour),
        days=Days(numbers(DAY, day)),
        weekdays=Days(weekdays=_from_monday(numbers(WEEKDAY, weekday))),
        months=numbers(MONTH, month),
        either=not (day.startswith("*") or weekday.startswith("*")),
        elapsed=minute.startswith("*") or hour.startswith("*"),
    )


def _from_monday(weekdays: int) -> int:
    """Weekdays as bits from Monday = 0, from bits where 0 and 7 are Sunday."""
    return (weekdays >> 1 | weekdays << 6) & ALL_WEEKDAYS
