"""Keyword fields beside APScheduler 3, and where the two differ, beside the minutes looked at one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger as Peer

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger
from tests.oracles.differences import Case, Difference, judge
from tests.oracles.fields import FIXED, generated, read
from tests.oracles.tally import Tally
from tests.oracles.zones import FIRES, Turn, all_turns, start

MOMENT = timedelta(microseconds=1)
END = datetime(2070, 1, 1, tzinfo=UTC)
"""Of all searches: APScheduler takes its time where nothing matches."""
DATES = ("year", "month", "day", "week", "day_of_week")


class Matching:
    """What fields allow, by APScheduler's reading of them."""

    def __init__(self, peer: Peer) -> None:
        self._fields = {field.name: field for field in peer.fields}
        self.seconds = [second for second in range(60) if self._allows("second", datetime(2000, 1, 1, 0, 0, second))]
        self.by_elapsed_time = any(str(self._fields[name]).startswith("*") for name in ("minute", "hour"))

    def matches(self, wall: datetime) -> bool:
        return self._allows("minute", wall) and self._allows("hour", wall) and self.on(wall.date())

    def on(self, day: date) -> bool:
        wall = datetime.combine(day, time())
        return all(self._allows(name, wall) for name in DATES)

    def _allows(self, name: str, wall: datetime) -> bool:
        field = self._fields[name]
        return bool(field.get_next_value(wall) == field.get_value(wall))


DIFFERENCES = (
    Difference(
        "a time that is skipped",
        "APScheduler fires as much later as the clock is put forward. Here a fixed time fires at the end of the gap, "
        "and one by elapsed time does not fire.",
        lambda case: case.never_shown,
    ),
    Difference(
        "a fixed time that comes twice",
        "APScheduler fires both times.",
        lambda case: case.shown_again and not case.rule.by_elapsed_time,
    ),
    Difference(
        "a turn on the way",
        "APScheduler takes the difference of two wall times for elapsed time. Where the clock is turned in between, it "
        "arrives too early or too late: it misses a fire (of `hour=0` the midnight after the clock was put forward, of "
        "`month='*'` a whole month) or the second round of an hour, or fires at a time that does not match.",
        lambda case: case.turned_on_the_way,
    ),
)
"""What APScheduler does otherwise; the first that applies is the reason."""


def compare(turn: Turn, number: int, *, thorough: bool) -> Tally:
    """Compare fields around one turn of the clock; `number` chooses which, and their starts."""
    tally, share = Tally(), 2 if thorough else 10
    texts = (*FIXED[number % share :: share], *generated(turn, 60 // share))
    for at, text in enumerate(texts):
        search(text, ZoneInfo(turn.zone), start(turn, at + number), tally)
    return tally


def search(text: str, zone: ZoneInfo, after: datetime, tally: Tally) -> None:
    """Compare the first fire times after an instant, up to the first that differs."""
    tally.searches += 1
    ours, theirs = _ours(text, zone), _theirs(text, zone)
    if ours is None or theirs is None:
        if ours is not None or (theirs is not None and theirs.get_next_fire_time(None, after) is not None):
            tally.unexplained.append(f"{text!r} is refused by one of the two")
        return
    for _ in range(FIRES):
        tally.fires += 1
        our_fire, their_fire = ours.next(after), theirs.get_next_fire_time(None, (after + MOMENT).astimezone(zone))
        if our_fire != (their_fire and their_fire.astimezone(UTC)):
            case = Case(text, Matching(theirs), zone, all_turns(zone.key), after, our_fire, their_fire)
            judge(case, DIFFERENCES, tally)
            return
        if our_fire is None:
            return
        after = our_fire


def _ours(text: str, zone: ZoneInfo) -> CronTrigger | None:
    try:
        return CronTrigger(**read(text), timezone=zone, end_date=END)  # type: ignore[arg-type]
    except InvalidTriggerError:
        return None


def _theirs(text: str, zone: ZoneInfo) -> Peer | None:
    try:
        return Peer(**read(text), timezone=zone, end_date=END)
    except ValueError:
        return None
