"""When the sun rises, sets or stands highest, and when twilight begins or ends, at a place: computed by ephem."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

from scheduler.errors import InvalidTriggerError, suggest
from scheduler.timezones import in_utc, to_zone
from scheduler.triggers.arguments import bounds_to_json, check_keys, to_bounds, to_jitter
from scheduler.triggers.base import MOMENT
from scheduler.triggers.built_in import BuiltIn
from scheduler.wording import show


class _Passage(NamedTuple):
    """The sun passing an altitude upwards or downwards."""

    degrees: float
    upwards: bool
    upper_edge: bool = False
    """Whether it is the altitude of the sun's upper edge; otherwise it is that of its centre."""


REFRACTION = -34 / 60
"""Degrees. What seems to stand on the horizon stands this far below: the air bends its light (Nautical Almanac)."""
SOLAR_NOON = "solar_noon"
_PASSAGES: Mapping[str, _Passage] = MappingProxyType(
    {
        "dawn_astronomical": _Passage(-18, upwards=True),
        "dawn_nautical": _Passage(-12, upwards=True),
        "dawn_civil": _Passage(-6, upwards=True),
        "sunrise": _Passage(REFRACTION, upwards=True, upper_edge=True),
        "sunset": _Passage(REFRACTION, upwards=False, upper_edge=True),
        "dusk_civil": _Passage(-6, upwards=False),
        "dusk_nautical": _Passage(-12, upwards=False),
        "dusk_astronomical": _Passage(-18, upwards=False),
    }
)
EVENTS = (*_PASSAGES, SOLAR_NOON)
LONGEST_NAME = max(map(len, EVENTS))

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_OF_EPHEM = 25_567.5
"""What ephem calls the date of EPOCH: days since noon of 31 December 1899."""
SECOND = timedelta(seconds=1)
DAY = 86_400
STEP = DAY // 8
"""Seconds. The sun turns from rising to sinking, or back, once between two marks of this distance at the most."""
BEGINNING = (datetime(1900, 1, 1, tzinfo=UTC) - EPOCH) // SECOND
END = (datetime(2201, 1, 1, tzinfo=UTC) - EPOCH) // SECOND
"""Seconds. Further away nobody knows to the second how far the Earth, which slows down unevenly, will have turned."""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class SolarTrigger(BuiltIn):
    """Fires at an event of the sun at a place: the first whole second at which the event has come.

    Events are those of Celery's `solar` schedule. The sun rises and sets as its upper edge passes the horizon of the
    sea, twilight begins and ends as its centre passes 6, 12 or 18 degrees below. What does not come on some days, as
    sunrise in a polar night, fires when it comes again: at the poles once a year. There are fire times from 1900 to
    2200, for outside of these nobody knows to the second how far the Earth has turned.

    Arguments:
        event: dawn_astronomical, dawn_nautical, dawn_civil, sunrise, solar_noon, sunset, dusk_civil, dusk_nautical or
            dusk_astronomical.
        latitude: degrees, north of the equator positive.
        longitude: degrees, east of Greenwich positive.
        start_date, end_date: the first and last instant that may be a fire time; datetimes, dates or ISO 8601 texts.
        timezone: in which a start or end without zone is read; None: the local one.
        jitter: seconds by which runs are delayed at the most; None: not at all.

    Raises InvalidTriggerError for anything else, and where the library ephem is not installed (the extra `solar`).
    """

    kind: ClassVar[str] = "solar"

    event: str
    latitude: float
    longitude: float
    start_date: datetime | None
    end_date: datetime | None
    jitter: float | None = field(compare=False)

    def __init__(
        self,
        event: str,
        latitude: float,
        longitude: float,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: str | tzinfo | None = None,
        jitter: float | timedelta | None = None,
    ) -> None:
        if not isinstance(event, str) or event not in EVENTS:
            near = event[:LONGEST_NAME] if isinstance(event, str) else ""
            raise InvalidTriggerError(f"event: {show(event)} is no event of the sun; {suggest(near, EVENTS)}")
        zone = None if timezone is None else to_zone(timezone)
        start, end = to_bounds(start_date, end_date, zone)
        self._set(
            event=event,
            latitude=_degrees("latitude", latitude, 90),
            longitude=_degrees("longitude", longitude, 180),
            start_date=start,
            end_date=end,
            jitter=to_jitter(jitter),
        )
        _ephem()

    def next(self, after: datetime) -> datetime | None:
        return self._search((in_utc("after", after) - EPOCH) // SECOND + 1, END, 1)

    def previous(self, before: datetime) -> datetime | None:
        return self._search(BEGINNING, (in_utc("before", before) - EPOCH - MOMENT) // SECOND, -1)

    def to_json(self) -> dict[str, Any]:
        place = {"event": self.event, "latitude": self.latitude, "longitude": self.longitude}
        jitter = {} if self.jitter is None else {"jitter": self.jitter}
        return place | bounds_to_json(self.start_date, self.end_date) | jitter

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        required = ("event", "latitude", "longitude")
        fields = check_keys(cls.kind, data, (*required, "start_date", "end_date", "jitter"))
        for name in required:
            if name not in fields:
                raise InvalidTriggerError(f"solar trigger: the key {name!r} is missing")
        return cls(**fields, timezone="UTC")

    def _search(self, earliest: int, latest: int, direction: int) -> datetime | None:
        """The first event, or in the direction -1 the last one, from one second to another, both included.

        It looks at a year at the most: there is no place where the sun passes any of these altitudes less often.
        """
        start = BEGINNING if self.start_date is None else -((EPOCH - self.start_date) // SECOND)
        end = END if self.end_date is None else (self.end_date - EPOCH) // SECOND
        seconds = range(max(earliest, start, BEGINNING), min(latest, end, END) + 1)
        if not seconds:
            return None
        days = range(_day(seconds[0] - 1, self.longitude), _day(seconds[-1], self.longitude) + 1)
        for day in days[::direction]:
            for second in _events(self.event, self.latitude, self.longitude, day)[::direction]:
                if second in seconds:
                    return EPOCH + second * SECOND
        return None

    def __str__(self) -> str:
        return f"solar[{self.event} at {self.latitude:g}, {self.longitude:g}]"


def _degrees(name: str, value: object, limit: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise InvalidTriggerError(f"{name}: {show(value)} is not a number of degrees from -{limit} to {limit}")
    return float(value) + 0.0  # no negative zero


def _ephem() -> Any:
    try:
        import ephem  # type: ignore[import-untyped]
    except ImportError:
        raise InvalidTriggerError(
            'solar trigger: it needs the library ephem, which is not installed: pip install "embedded-scheduler[solar]"'
        ) from None
    return ephem


def _midnight(day: int, longitude: float) -> int:
    """When a solar day begins: by the mean time of the place, so that noon lies in the middle of it."""
    return day * DAY - round(longitude * DAY / 360)


def _day(second: int, longitude: float) -> int:
    return (second - _midnight(0, longitude)) // DAY


@lru_cache(maxsize=4096)
def _events(event: str, latitude: float, longitude: float, day: int) -> tuple[int, ...]:
    """The seconds since 1970 at which an event comes after the midnight that begins a solar day, up to the next one.

    Days share the marks at which the sun is looked up, so that no event is lost or doubled between two of them. None
    comes on many days of a polar season, two where sunrise moves back over midnight or the sun is up for a moment.
    """
    sun = _sun(latitude, longitude)
    begin = _midnight(day, longitude)
    if event in _PASSAGES and _stays_away(_PASSAGES[event].degrees, latitude, sun(begin + DAY // 2).dec):
        return ()
    height = _height(event, sun)
    heights = {mark: height(mark) for mark in range(begin - STEP, begin + DAY + STEP + 1, STEP)}
    marks = sorted(heights)
    for before, mark, after in zip(marks, marks[1:], marks[2:], strict=False):
        if _turns(heights[before], heights[mark], heights[after]):
            turn = _turn(height, before, after, heights[mark] < 0)
            heights[turn] = height(turn)
    marks = [mark for mark in sorted(heights) if begin <= mark <= begin + DAY]
    return tuple(
        _first(low + 1, high, lambda second: height(second) >= 0)
        for low, high in pairwise(marks)
        if heights[low] < 0 <= heights[high]
    )


def _sun(latitude: float, longitude: float) -> Callable[[int], Any]:
    """Return a function from seconds since 1970 to the sun as a place at the sea sees it, without refraction."""
    ephem = _ephem()
    observer, sun = ephem.Observer(), ephem.Sun()
    observer.lat, observer.lon = math.radians(latitude), math.radians(longitude)
    observer.elevation = observer.pressure = 0

    def at(second: int) -> Any:
        observer.date = EPOCH_OF_EPHEM + second / DAY
        sun.compute(observer)
        return sun

    return at


def _height(event: str, sun: Callable[[int], Any]) -> Callable[[int], float]:
    """Return how far the sun has come, in radians: negative before the event, from 0 on after it."""
    if event == SOLAR_NOON:
        return lambda second: (sun(second).ha + math.pi) % math.tau - math.pi
    passage = _PASSAGES[event]
    altitude, sign = math.radians(passage.degrees), 1 if passage.upwards else -1

    def height(second: int) -> float:
        body = sun(second)
        return float(sign * (body.alt + (body.radius if passage.upper_edge else 0.0) - altitude))

    return height


def _stays_away(altitude: float, latitude: float, declination: float) -> bool:
    """Tell whether the sun passes an altitude neither upwards nor downwards in the half day around; a quick look.

    One degree is left for the declination, in radians, which changes by less than half a degree a day.
    """
    north = math.degrees(declination)
    highest, lowest = 90 - abs(latitude - north), abs(latitude + north) - 90
    return highest < altitude - 1 or lowest > altitude + 1


def _turns(before: float, mark: float, after: float) -> bool:
    """Tell whether between three heights the sun turns so near to the event that it may come and go between them."""
    is_turn = before <= mark >= after if mark < 0 else before >= mark <= after
    return is_turn and abs(mark) <= max(abs(mark - before), abs(mark - after))


def _turn(height: Callable[[int], float], low: int, high: int, is_top: bool) -> int:
    """Return the second between two others at which the height is greatest (`is_top`) or least: by its slope."""
    slope = 60  # seconds over which it is taken, as the heights are not exact enough for less
    return slope // 2 + _first(low, high - slope, lambda second: (height(second + slope) < height(second)) == is_top)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first second from which on a condition holds, by halves; `high` if that is not below it."""
    return low + bisect_left(range(low, high), True, key=holds)
