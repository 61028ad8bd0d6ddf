"""The zones of the system's database, and where their clocks are turned: read from the clocks alone."""

from __future__ import annotations

import random
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.timezones import OWN_OF_HOSTS

FIRST_YEAR, LAST_YEAR = 2000, 2037
"""The years whose turns of the clock are tried."""
BEFORE, AFTERWARDS = 1970, 2090
"""Between which all searches lie."""
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
NOTHING = timedelta(0)
MIDNIGHT = time()

ODD = (
    ("Australia/Lord_Howe", 2024),  # by half an hour
    ("Pacific/Apia", 2011),  # over a whole day
    ("Africa/Casablanca", 2024),  # back before Ramadan and forward after it
    ("Antarctica/Troll", 2024),  # by two hours
    ("Antarctica/Casey", 2023),  # by two and a half hours, at one minute past
    ("America/Goose_Bay", 2005),  # at one minute past midnight
    ("America/Havana", 2024),  # at midnight
    ("America/Caracas", 2016),  # by half an hour, once
    ("Asia/Pyongyang", 2015),  # back by half an hour, once
    ("Asia/Colombo", 2006),  # back by half an hour, at half past
    ("Asia/Bishkek", 2004),  # back by an hour, at half past
    ("Asia/Almaty", 2024),  # back by an hour, once
    ("Europe/Istanbul", 2016),  # forward for the last time
)
"""Zones and a year in which their clocks are turned in an unusual way."""

STARTS = (
    *((-2890, 0), (-1441, 59), (-181, 0), (-121, 30), (-61, 0), (-31, 1), (-1, 0), (0, -1), (0, 0), (0, 1), (1, 0)),
    *((14, 30), (29, 59), (30, 0), (45, 0), (59, 59), (60, 0), (75, 0), (121, 0), (181, 7), (1441, 0)),
)
"""Minutes and seconds from a turn of the clock to the instants from which fire times are searched."""
FIRES = 3
"""Fire times that are compared from each of them, at the most."""


@dataclass(frozen=True)
class Turn:
    """A turn of the clock: the first instant of a new offset from UTC."""

    zone: str
    instant: datetime
    before: timedelta
    after: timedelta

    @property
    def walls(self) -> tuple[datetime, datetime]:
        """The wall times, without zone, between which the clock skips all or shows all twice; the end is excluded."""
        naive = self.instant.replace(tzinfo=None)
        return naive + min(self.before, self.after), naive + max(self.before, self.after)

    @property
    def skips_midnight(self) -> bool:
        """Whether the clock skips the beginning of a day."""
        low, high = self.walls
        return self.after > self.before and (low.time() == MIDNIGHT or low.date() < (high - MOMENT).date())

    @property
    def repeats_midnight(self) -> bool:
        """Whether the clock goes back over the beginning of a day into the day before."""
        low, high = self.walls
        return self.after < self.before and low.date() < (high - MOMENT).date()

    @property
    def at_or_by_a_fraction(self) -> bool:
        """Whether the clock is turned at, or by, a fraction of an hour."""
        low, high = self.walls
        return (high - low) % HOUR != NOTHING or (low - datetime.min) % HOUR != NOTHING


@dataclass(frozen=True)
class Group:
    """Zones whose clocks show the same from 2000 to 2037."""

    names: tuple[str, ...]
    turns: tuple[Turn, ...]


@lru_cache(maxsize=8)
def all_turns(name: str) -> tuple[Turn, ...]:
    """The turns of the clock of a zone that a search may meet."""
    return tuple(turns_of(name, BEFORE, AFTERWARDS))


def turns_of(name: str, first: int = FIRST_YEAR, last: int = LAST_YEAR) -> list[Turn]:
    """The turns of the clock of a zone, in the years from `first` to `last`."""
    zone = ZoneInfo(name)
    moment, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    found, before = [], offset(moment, zone)
    while moment < end:
        after = offset(moment + DAY, zone)
        if after != before:
            found.append(Turn(name, _turn(moment, before, zone), before, after))
        moment, before = moment + DAY, after
    return found


def groups(names: Iterable[str]) -> list[Group]:
    """The zones in groups, those with the most turns first, each group under the first of its names."""
    found: dict[object, tuple[list[str], tuple[Turn, ...]]] = {}
    for name in sorted(names):
        turns = tuple(turns_of(name))
        start = offset(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), ZoneInfo(name))
        key = start, tuple((turn.instant, turn.after) for turn in turns)
        found.setdefault(key, ([], turns))[0].append(name)
    return sorted((Group(tuple(names), turns) for names, turns in found.values()), key=lambda group: -len(group.turns))


def zone_names() -> list[str]:
    """The names of all zones, without those under which each machine keeps another one."""
    return sorted(zoneinfo.available_timezones() - set(OWN_OF_HOSTS))


def new_years(name: str) -> list[Turn]:
    """Instants to look at in a zone whose clock is not turned: the beginning of each year, as turns by nothing."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    instants = [datetime.combine(date(year, 1, 1), MIDNIGHT, ZoneInfo(name)).astimezone(UTC) for year in years]
    still = offset(instants[0], ZoneInfo(name))
    return [Turn(name, instant, still, still) for instant in instants]


def sample(count: int, seed: int = 0) -> list[Turn]:
    """The odd turns, some new years in UTC, and `count` turns drawn from those of one year of each zone."""
    odd = [turn for name, year in ODD for turn in turns_of(name, year, year)]
    chance = random.Random(seed)
    drawn = ((name, chance.randint(FIRST_YEAR, LAST_YEAR)) for name in zone_names())
    others = [turn for name, year in drawn for turn in turns_of(name, year, year)]
    return [*odd, *chance.sample(new_years("UTC"), 4), *chance.sample(others, count)]


def start(turn: Turn, number: int) -> datetime:
    """One of the instants around a turn from which fire times are searched."""
    minutes, seconds = STARTS[number % len(STARTS)]
    return turn.instant + timedelta(minutes=minutes, seconds=seconds)


def offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or NOTHING


def _turn(moment: datetime, before: timedelta, zone: ZoneInfo) -> datetime:
    """The instant within a day at which the offset from UTC is no longer the one before."""
    low, high = 0, 86_400
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(moment + timedelta(seconds=middle), zone) == before else (low, middle)
    return moment + timedelta(seconds=high)
