"""Crontab lines beside cronsim, and where the two differ, beside the minutes looked at one by one."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger
from tests.oracles.differences import Case, Difference, judge
from tests.oracles.lines import FIXED, generated
from tests.oracles.tally import Tally
from tests.oracles.zones import FIRES, Turn, all_turns, start

MOST_STEPS = 2000
"""Of cronsim for one fire time; it takes more than some hundred only where it goes round in a circle."""
FAR = timedelta(days=49 * 365)
"""cronsim gives up after fifty years."""
ONE_VALUE_AND_STEP = re.compile(r"\b(\d+)-\1/\d+")


class Endless(Exception):
    """cronsim goes round in a circle."""


class Peer(CronSim):
    """cronsim, except that a search without end is an error."""

    steps = 0

    def tick(self, seconds: int = 1) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Endless
        super().tick(seconds)

    def following(self) -> datetime | None:
        self.steps = 0
        return next(self, None)


class Line:
    """What a crontab line allows, by cronsim's reading of its fields."""

    def __init__(self, expression: str) -> None:
        self._fields = CronSim(ONE_VALUE_AND_STEP.sub(r"\1", expression), datetime(2000, 1, 1))
        self.seconds = sorted(self._fields.seconds)
        minute, hour = self._fields.parts[1:3]
        self.by_elapsed_time = minute.startswith("*") or hour.startswith("*")

    def matches(self, wall: datetime) -> bool:
        fields = self._fields
        return wall.minute in fields.minutes and wall.hour in fields.hours and self.on(wall.date())

    def on(self, day: date) -> bool:
        return day.month in self._fields.months and self._fields.match_day(day)


def _with_seconds(case: Case) -> bool:
    return len(case.expression.split()) == 6


DIFFERENCES = (
    Difference(
        "a line with seconds",
        "cronsim lets all lines of six fields follow elapsed time. Here minute and hour decide: `0 30 2 * * *` is the "
        "`30 2 * * *` that it looks like.",
        lambda case: _with_seconds(case) and not case.rule.by_elapsed_time and bool(case.near),
    ),
    Difference(
        "asked within the second round",
        "Asked for the next fire of a fixed time from within an hour that comes for the second time, cronsim forgets "
        "that it is the second time, and gives a fire time that is past.",
        lambda case: not case.rule.by_elapsed_time and case.backwards and case.agreed.astimezone(case.zone).fold == 1,
    ),
    Difference(
        "a search without end",
        "Where the clock is put back at, or by, a fraction of an hour, cronsim can step back to the full hour before "
        "the turn, again and again, and never comes back.",
        lambda case: case.endless and any(turn.at_or_by_a_fraction for turn in case.near),
    ),
    Difference(
        "a day without its midnight",
        "By elapsed time, cronsim begins a matching day at midnight, also where the clock skips midnight or all of the "
        "day: it fires at a time that does not exist, or misses the first hour after the gap.",
        lambda case: case.rule.by_elapsed_time and any(turn.skips_midnight for turn in case.near),
    ),
    Difference(
        "a day that begins twice",
        "By elapsed time, cronsim goes from day to day. Where the clock is put back over midnight it misses what is "
        "left of the day before, or begins the day at its first midnight, which is past.",
        lambda case: case.rule.by_elapsed_time and any(turn.repeats_midnight for turn in case.near),
    ),
    Difference(
        "a turn at, or by, a fraction of an hour",
        "By elapsed time, cronsim steps by hours, which after such a turn no longer meet the full hours: it misses the "
        "beginning of a matching hour, or gives a fire time that is past.",
        lambda case: case.rule.by_elapsed_time and any(turn.at_or_by_a_fraction for turn in case.near),
    ),
    Difference(
        "a range of one value with a step",
        "cronsim reads `5-5/2` as `5/2`; a range from 5 to 5 has the 5 only, as in Debian's cron.",
        lambda case: ONE_VALUE_AND_STEP.search(case.expression) is not None,
    ),
)
"""What cronsim does otherwise; the first that applies is the reason."""


def compare(turn: Turn, number: int, *, thorough: bool) -> Tally:
    """Compare lines around one turn of the clock; `number` chooses which lines, unless `thorough`, and their starts."""
    tally = Tally()
    lines = (*FIXED, *generated(turn, 100)) if thorough else (*FIXED[number % 6 :: 6], *generated(turn, 20))
    for at, expression in enumerate(lines):
        search(expression, ZoneInfo(turn.zone), start(turn, at + number), tally)
    return tally


def search(expression: str, zone: ZoneInfo, after: datetime, tally: Tally) -> None:
    """Compare the first fire times after an instant, up to the first that differs."""
    tally.searches += 1
    ours, theirs = _ours(expression, zone), _theirs(expression, after.astimezone(zone))
    if ours is None or theirs is None:
        if ours is not None or (theirs is not None and theirs.following() is not None):
            tally.unexplained.append(f"{expression!r} is refused by one of the two")
        return
    agreed, end = after, after + FAR
    for _ in range(FIRES):
        tally.fires += 1
        our_fire, their_fire, endless = ours.next(agreed), None, False
        try:
            their_fire = theirs.following()
        except Endless:
            endless = True
        if their_fire is None and not endless and (our_fire is None or our_fire > end):
            return
        if endless or their_fire is None or our_fire != their_fire.astimezone(UTC):
            turns = all_turns(zone.key)
            case = Case(expression, Line(expression), zone, turns, agreed, our_fire, their_fire, endless)
            judge(case, DIFFERENCES, tally)
            return
        agreed = our_fire


def _ours(expression: str, zone: ZoneInfo) -> CronTrigger | None:
    try:
        return CronTrigger.from_crontab(expression, timezone=zone)
    except InvalidTriggerError:
        return None


def _theirs(expression: str, after: datetime) -> Peer | None:
    try:
        return Peer(expression, after)
    except CronSimError:
        return None
