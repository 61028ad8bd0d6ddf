"""The crontab form of cron, "0 9 * * 1-5", which means what it means in crontab(5) of POSIX and Debian."""

from __future__ import annotations

import re

from scheduler.errors import InvalidTriggerError
from scheduler.triggers.cron.dates import ALL_WEEKDAYS, LAST, Days, dates_of
from scheduler.triggers.cron.expressions import MONTHS, Field, items, numbers, to_number, values
from scheduler.triggers.cron.schedule import Schedule
from scheduler.wording import show

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Those of Debian cron that stand for times."""
OTHER_MACROS = {
    "@reboot": "to run a job when your program starts, add it without a trigger",
    "@every": "for every so often, use IntervalTrigger",
}
"""What to write instead of macros that stand for no times of the day."""

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

SECOND = Field("second", 0, 59, long_steps=True)
MINUTE = Field("minute", 0, 59, long_steps=True)
HOUR = Field("hour", 0, 23, long_steps=True)
DAY = Field("day of month", 1, 31, also="L, LW, 15W", long_steps=True)
MONTH = Field("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}, long_steps=True)
WEEKDAY = Field(
    "day of week",
    0,
    7,
    {name: number for number, name in enumerate(WEEKDAYS)},
    {"sun": 7},
    also="5#2, 5L",
    long_steps=True,
)

NEAREST = re.compile(r"([0-9]+)[Ww]")
POSITION = re.compile(r"([0-9]+|[A-Za-z]+)#([0-9]+)")
LAST_WEEKDAY = re.compile(r"([0-9]+|[A-Za-z]{3})[Ll]")

VARIABLE = re.compile(r"([A-Za-z_]+)=(.*)")
COMMAND = re.compile(r"[a-z]{2,}|[./~$][a-z]", re.IGNORECASE)
"""What commands have, and fields have not once the names of weekdays are taken away."""
WEEKDAY_NAMES = re.compile(rf"\b({'|'.join(WEEKDAYS)})([a-z]*day)?L?\b|\bLW\b", re.IGNORECASE)

WANTED = "minute, hour, day of month, month, day of week"
QUARTZ = "in Quartz 1 is Sunday, here 0 and 7 are: give weekdays by name when you take over such a line"


def from_crontab(expression: str) -> Schedule:
    """Return the schedule of a crontab line, with macros, seconds, and `L`, `W` and `#` for days.

    0 and 7 are Sunday. Where both day fields are restricted, a day has to match one of them; where one begins with
    `*`, both (crontab(5) of Debian). Seconds come first, as Quartz and cronsim have them. Raises InvalidTriggerError.
    """
    second, minute, hour, day, month, weekday = _fields(expression)
    return Schedule(
        seconds=numbers(SECOND, second),
        minutes=numbers(MINUTE, minute),
        hours=numbers(HOUR, hour),
        dates=dates_of(
            days=_days(day),
            weekdays=_weekdays(weekday),
            months=numbers(MONTH, month),
            either=not (day.startswith("*") or weekday.startswith("*")),
        ),
        elapsed=minute.startswith("*") or hour.startswith("*"),
    )


def _fields(expression: str) -> list[str]:
    """The texts of the six fields."""
    _check_line(expression)
    if expression.startswith("@"):
        expression = _macro(expression)
    fields = expression.split()
    if "?" in expression:
        raise InvalidTriggerError(f"crontab: {show(expression)}: '?' is not known to cron, write '*'; {QUARTZ}")
    if len(fields) == 5:
        return ["0", *fields]
    if len(fields) == 6:
        return fields
    hint = ""
    if len(fields) == 7:
        hint = f"; for years pass start_date and end_date, or keywords such as CronTrigger(year=2030); {QUARTZ}"
    raise InvalidTriggerError(
        f"crontab: {show(expression)} has {len(fields)} fields; "
        f"five are needed: {WANTED}; or six, with seconds before them{hint}"
    )


def _check_line(expression: str) -> None:
    """Raise InvalidTriggerError for what stands beside the times in the file of a cron."""
    first, *words = expression.split() or [""]
    rest = words if first.startswith("@") else words[4:]
    variable = VARIABLE.fullmatch(first)
    reason = ""
    if variable:
        remedy = (
            f"pass timezone={show(variable[2])} beside it" if variable[1].upper().endswith("TZ") else "leave it out"
        )
        reason = f"{show(first)} sets a variable, which is no part of a line; {remedy}"
    elif first.startswith("#"):
        reason = "the whole line is a comment; leave out its '#'"
    elif any(word.startswith("#") for word in rest):
        reason = "it ends with a comment; leave out the '#' and what follows"
    elif _is_command(rest) or (rest and first.lower() in MACROS):
        reason = f"after the times comes {show(' '.join(rest))}; leave that out, as what to run is the job's function"
    if reason:
        raise InvalidTriggerError(f"crontab: {show(expression)}: {reason}")


def _is_command(rest: list[str]) -> bool:
    """Whether the words after five fields are a user and a command, and not a field for weekdays or years."""
    if len(rest) == 1 and len(rest[0]) == 3 and rest[0].isalpha():
        return False  # rather the misspelt name of a weekday
    return bool(COMMAND.search(WEEKDAY_NAMES.sub("", " ".join(rest))))


def _macro(expression: str) -> str:
    """The five fields that a macro stands for."""
    name = expression.split()[0].lower()
    if name in MACROS and name == expression.lower():
        return MACROS[name]
    hint = f"; {OTHER_MACROS[name]}" if name in OTHER_MACROS else ""
    raise InvalidTriggerError(f"crontab: {show(expression)} is not known; macros are {', '.join(MACROS)}{hint}")


def _days(text: str) -> Days:
    plain, nearest, last, last_working = 0, 0, False, False
    for item in items(DAY, text):
        near = NEAREST.fullmatch(item)
        if near:
            nearest |= 1 << to_number(DAY, near[1])
        elif item.upper() == "L":
            last = True
        elif item.upper() == "LW":
            last_working = True
        else:
            plain |= _plain(DAY, item, "LW#")
    return Days(plain, last=last, nearest=nearest, last_working=last_working)


def _weekdays(text: str) -> Days:
    plain, positions = 0, set()
    for item in items(WEEKDAY, text):
        position, last = POSITION.fullmatch(item), LAST_WEEKDAY.fullmatch(item)
        if position:
            positions.add((_position(item, position[2]), _weekday(position[1])))
        elif last:
            positions.add((LAST, _weekday(last[1])))
        else:
            plain |= _plain(WEEKDAY, item, "L#")
    return Days(weekdays=_from_monday(plain), positions=frozenset(positions))


def _plain(spec: Field, item: str, marks: str) -> int:
    """The numbers of an item without `L`, `W` and `#`."""
    if set(item.upper()) & set(marks) and set(item) & set("-/"):
        raise InvalidTriggerError(
            f"{spec.name}: {show(item)} is not understood: {spec.also} take neither range nor step; {spec.allowed}"
        )
    return values(spec, item)


def _position(item: str, text: str) -> int:
    if not 1 <= int(text) <= 5:
        raise InvalidTriggerError(
            f"{WEEKDAY.name}: {show(item)}: a month has up to five of each weekday; allowed are #1 to #5"
        )
    return int(text)


def _weekday(text: str) -> int:
    """The weekday that a number or a name means, from Monday = 0."""
    return (to_number(WEEKDAY, text) - 1) % 7


def _from_monday(weekdays: int) -> int:
    """Weekdays as bits from Monday = 0, from bits where 0 and 7 are Sunday."""
    return (weekdays >> 1 | weekdays << 6) & ALL_WEEKDAYS
