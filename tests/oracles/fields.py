"""Keyword fields to compare: a fixed list of nasty ones, and generated ones, most of which fire near a turn."""

from __future__ import annotations

from random import Random

from tests.oracles.lines import field, table
from tests.oracles.zones import Turn

FIXED = table("""
    second=*                  | second=*/7                | second=30                 | second=0,30 minute=30
    second=*/20 hour=2 minute=30                          | minute=*                  | minute=*/7
    minute=*/40               | minute=0                  | minute=30                 | minute=59
    minute=0-30/10            | minute=0,15,30,45         | minute=*/15 hour=0        | minute=*/20 hour=2-3
    minute=* hour=1           | minute=* hour=2           | minute=*/5 hour=9-17      | minute=30 hour=*
    minute=30 hour=*/2        | hour=*                    | hour=*/2                  | hour=*/3 minute=15
    hour=*/6                  | hour=*/12                 | hour=*/7 minute=59        | hour=*/4 second=30
    hour=0                    | hour=1                    | hour=2                    | hour=3
    hour=23                   | hour=0 minute=30          | hour=1 minute=30          | hour=2 minute=30
    hour=3 minute=30          | hour=23 minute=59         | hour=0-23                 | hour=0-23 minute=30
    hour=0-4 minute=59        | hour=1-3 minute=0,30      | hour=2 minute=0-59        | hour=2 minute=0-59/30
    hour=0,1,2,3,23 minute=45                             | day=*                     | day=*/2
    day=1                     | day=29                    | day=30                    | day=31
    day=last                  | day=15,last               | day=1-7 hour=2            | day=8-31/7 hour=1
    day=last_sun minute=30    | day=last_sun hour=2 minute=30                         | day=1st_sun hour=2
    day=2nd_sun hour=2        | day=3rd_sun hour=0        | day=5th_fri hour=9        | day=last_fri hour=17
    day=1st_mon,last_fri hour=3                           | month=*                   | month=3
    month=*/5                 | month=mar,oct day=last_sun hour=2                     | month=2 day=29
    month=11 day=1st_sun hour=1 minute=30                 | month=jan-jun day=31 hour=23
    week=* hour=2             | week=13                   | week=1 hour=3             | week=53 day_of_week=sun
    week=*/2 day_of_week=mon hour=0                       | week=10-44 day_of_week=6 hour=1-3 minute=15
    day_of_week=6             | day_of_week=6 hour=*/6    | day_of_week=sun minute=*/30
    day_of_week=mon-fri hour=9                            | day_of_week=sat,sun hour=2 minute=30
    day_of_week=*/3 hour=1    | day=13 day_of_week=fri minute=*/10                    | month=2 day=29 day_of_week=mon
    year=*                    | year=*/4                  | year=2000-2040 month=10 day=25-31 day_of_week=sun hour=2
""")  # fmt: skip


def read(text: str) -> dict[str, str]:
    """The fields that a text such as `day=last_sun hour=2` means."""
    return {name: value.replace("_", " ") for name, value in (pair.split("=") for pair in text.split())}


def generated(turn: Turn, count: int) -> list[str]:
    """As many texts as `count`, most of which fire near a turn of the clock; the same ones each time."""
    chance = Random(f"{turn.zone} {turn.instant}")
    return [_fields(chance, turn) for _ in range(count)]


def _fields(chance: Random, turn: Turn) -> str:
    wall = chance.choice(turn.walls)
    year, week, weekday = wall.isocalendar()
    position = f"{chance.choice(('1st', '2nd', '3rd', '4th', '5th', 'last'))}_{wall:%a}".lower()
    choices = {
        "year": (0.1, f"{year - 1}-{year + 5}"),
        "month": (0.2, field(chance, 1, 12, wall.month)),
        "day": (0.4, chance.choice((field(chance, 1, 31, wall.day), "last", position))),
        "week": (0.1, field(chance, 1, 53, week)),
        "day_of_week": (0.2, field(chance, 0, 6, weekday - 1)),
        "hour": (0.8, field(chance, 0, 23, wall.hour)),
        "minute": (0.7, field(chance, 0, 59, wall.minute)),
        "second": (0.15, field(chance, 0, 59, 0)),
    }
    given = {name: text for name, (share, text) in choices.items() if chance.random() < share}
    return " ".join(f"{name}={text}" for name, text in (given or {"minute": "30"}).items())
