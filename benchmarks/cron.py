"""How long does the next fire of a cron expression take to find?

Workload: from 1 January 2024 each expression is walked from fire to fire, a hundred fires, again and again, in UTC and
in Europe/Berlin. Parsing is not measured; cronsim and croniter are iterated, as they are made for it. "last fri" is the
keyword form `day="last fri", hour=17` here and in APScheduler 3, and the nearest crontab form in the others.

How to read it: microseconds for one fire, smaller is better; a ratio of 0.1 means that ours takes a tenth of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from benchmarks.case import Case, Question, Ratio, Values

FIRES = 100
ZONES = {"UTC": UTC, "Berlin": ZoneInfo("Europe/Berlin")}


class Expression(NamedTuple):
    """One schedule as each peer writes it; APScheduler's keywords serve ours too where there is no crontab line."""

    crontab: str | None
    keywords: dict[str, str]
    cronsim: str
    croniter: str


def plain(crontab: str) -> Expression:
    """Five fields, without a weekday that Sunday = 0 would move in APScheduler."""
    names = ("minute", "hour", "day", "month", "day_of_week")
    keywords = dict(zip(names, crontab.split(), strict=True))
    return Expression(crontab, keywords, crontab, crontab)


WORKING_DAYS = {"minute": "0", "hour": "9", "day_of_week": "mon-fri"}
SECONDS = {"second": "*/10", "minute": "*", "hour": "*"}
LAST_FRIDAY = {"day": "last fri", "hour": "17"}

EXPRESSIONS = {
    "*/5 * * * *": plain("*/5 * * * *"),
    "0 9 * * 1-5": plain("0 9 * * 1-5")._replace(keywords=WORKING_DAYS),
    "0 0 29 2 *": plain("0 0 29 2 *"),
    "30 3 1 1 *": plain("30 3 1 1 *"),
    "*/10 * * * * *": Expression("*/10 * * * * *", SECONDS, "*/10 * * * * *", "* * * * * */10"),
    "last fri": Expression(None, LAST_FRIDAY, "0 17 * * 5L", "0 17 * * L5"),
}

Walk = Callable[[Expression, tzinfo, datetime], Iterator[datetime]]
"""All fires of an expression in a zone after an instant."""


def ours(expression: Expression, zone: tzinfo, start: datetime) -> Iterator[datetime]:
    from scheduler.triggers import CronTrigger

    if expression.crontab is None:
        trigger = CronTrigger(**expression.keywords, timezone=zone)
    else:
        trigger = CronTrigger.from_crontab(expression.crontab, zone)
    following = trigger.next
    fire = following(start)
    while fire is not None:
        yield fire
        fire = following(fire)


def apscheduler3(expression: Expression, zone: tzinfo, start: datetime) -> Iterator[datetime]:
    from apscheduler.triggers.cron import CronTrigger

    following = CronTrigger(**expression.keywords, timezone=zone).get_next_fire_time
    fire = following(None, start)
    while fire is not None:
        yield fire
        fire = following(fire, fire)


def cronsim(expression: Expression, zone: tzinfo, start: datetime) -> Iterator[datetime]:
    from cronsim import CronSim

    return CronSim(expression.cronsim, start.astimezone(zone))


def croniter(expression: Expression, zone: tzinfo, start: datetime) -> Iterator[datetime]:
    from croniter import croniter

    fires = croniter(expression.croniter, start.astimezone(zone), ret_type=datetime)
    while True:
        yield fires.get_next()


def measured(walk: Walk, expression: Expression, zone: tzinfo) -> Callable[[int], Values]:
    def measure(size: int) -> Values:
        start = datetime(2024, 1, 1, tzinfo=UTC)
        spent = 0.0
        for _ in range(max(size // FIRES, 1)):
            fires = walk(expression, zone, start)
            next(fires)
            began = time.perf_counter()
            for _ in range(FIRES):
                next(fires)
            spent += time.perf_counter() - began
        return {"time": 1e6 * spent / (max(size // FIRES, 1) * FIRES)}

    return measure


def cases() -> Iterator[Case]:
    for text, expression in EXPRESSIONS.items():
        for name, zone in ZONES.items():
            yield Case(f"{text}, {name}: ours", measured(ours, expression, zone), 20_000, 500)
            for peer, (walk, module) in PEERS.items():
                yield Case(f"{text}, {name}: {peer}", measured(walk, expression, zone), 1_000, 100, needs=module)


PEERS: dict[str, tuple[Walk, str]] = {
    "APScheduler 3": (apscheduler3, "apscheduler"),
    "cronsim": (cronsim, "cronsim"),
    "croniter": (croniter, "croniter"),
}

GOALS = {"APScheduler 3": "≤ 0.1, and ours ≤ 3 µs"}

QUESTION = Question(
    title="cron",
    text=__doc__,
    units={"time": "µs"},
    cases=tuple(cases()),
    ratios=tuple(
        Ratio(
            f"{text}, {name}: ours",
            f"{text}, {name}: {peer}",
            "time",
            goal=GOALS.get(peer, ""),
        )
        for text in EXPRESSIONS
        for name in ZONES
        for peer in PEERS
    ),
)
