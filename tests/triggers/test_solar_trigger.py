"""The sun's events, against Celery's `solar` schedule, against the sun's altitude, and where Celery cannot tell."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import ephem
import pytest
from celery import Celery
from celery.schedules import solar

from scheduler import InvalidTriggerError, Scheduler
from scheduler.triggers import SolarTrigger
from scheduler.triggers.base import Trigger as Contract
from scheduler.triggers.solar import EVENTS, _events

YEAR = datetime(2024, 1, 1, tzinfo=UTC)
NEXT_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
LATITUDES = (0, 40, 52.5, 60, 66, 67.5, 70, 80, -78)
"""Up to where Celery finds every event: nearer to a pole its search ends too soon, or turns back."""
LONGITUDES = (-180, -75, 0, 13.4, 179.9)
ALIKE = timedelta(seconds=2)
"""Fire times here are whole seconds, rounded up; Celery's are off by a second where the sun only just gets there."""

celery_app = Celery(set_as_current=False)


def celery_next(event: str, latitude: float, longitude: float, after: datetime) -> datetime:
    schedule = solar(event, latitude, longitude, nowfun=lambda: after, app=celery_app)
    return after + schedule.remaining_estimate(after)


def test_the_events_are_those_of_celery() -> None:
    assert set(EVENTS) == solar._all_events


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("latitude", LATITUDES)
def test_an_event_comes_when_celery_says(event: str, latitude: float) -> None:
    for turn in range(13):  # up to the year 2198
        longitude = LONGITUDES[turn % len(LONGITUDES)]
        after = datetime(1901, 1, 1, tzinfo=UTC) + turn * timedelta(days=8345, hours=7)
        fire = SolarTrigger(event, latitude, longitude).next(after)
        assert fire is not None
        assert abs(fire - celery_next(event, latitude, longitude, after)) < ALIKE


@pytest.mark.parametrize(
    ("event", "latitude", "longitude"),
    [
        *((EVENTS[at], latitude, LONGITUDES[at % 5]) for at, latitude in enumerate(LATITUDES)),
        *((EVENTS[-at - 4], latitude, LONGITUDES[-at % 5]) for at, latitude in enumerate(LATITUDES[3:])),
    ],
)
def test_no_event_of_a_year_is_lost_or_doubled(event: str, latitude: float, longitude: float) -> None:
    """Celery is asked again from each of its events, so it does not know where solar days end."""
    expected = []
    fire = celery_next(event, latitude, longitude, YEAR)
    while fire < NEXT_YEAR:
        expected.append(fire)
        fire = celery_next(event, latitude, longitude, fire + timedelta(minutes=1))
    fires = SolarTrigger(event, latitude, longitude).fire_times(YEAR, NEXT_YEAR)
    assert len(fires) == len(expected)
    assert [pair for pair in zip(fires, expected, strict=True) if abs(pair[0] - pair[1]) >= ALIKE] == []


def is_up(latitude: float, longitude: float, at: datetime) -> bool:
    observer, sun = ephem.Observer(), ephem.Sun()
    observer.lat, observer.lon, observer.pressure = str(latitude), str(longitude), 0
    observer.date = at
    sun.compute(observer)
    return bool(sun.alt + sun.radius >= math.radians(-34 / 60))


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(-90, -180), (-89.97, 13.4), (67.4, 0), (68.5, -75), (89, 13.4), (89.9, 179.9), (90, 2)]
)
def test_sunrise_is_where_the_sun_comes_up_also_near_the_poles(latitude: float, longitude: float) -> None:
    """Looked up every ten minutes around the equinox, and around the end of the polar night at the polar circle."""
    for start in (
        datetime(2024, 3, 15, tzinfo=UTC),
        datetime(2024, 9, 18, tzinfo=UTC),
        datetime(2024, 12, 30, tzinfo=UTC),
    ):
        times = [start + timedelta(minutes=10 * at) for at in range(1 + 12 * 144)]
        up = [is_up(latitude, longitude, time) for time in times]
        rises = SolarTrigger("sunrise", latitude, longitude).fire_times(times[0], times[-1])
        sets = SolarTrigger("sunset", latitude, longitude).fire_times(times[0], times[-1])
        for fires, comes_up in ((rises, True), (sets, False)):
            expected = [at for at in range(1, len(times)) if up[at] is comes_up and up[at - 1] is not comes_up]
            assert [math.ceil((fire - start) / timedelta(minutes=10)) for fire in fires] == expected


@pytest.mark.parametrize("latitude", [-90, 90])
@pytest.mark.parametrize("event", [event for event in EVENTS if event != "solar_noon"])
def test_at_a_pole_an_event_comes_once_a_year_and_at_all_longitudes_at_once(event: str, latitude: float) -> None:
    fires = SolarTrigger(event, latitude, 0).fire_times(YEAR, YEAR.replace(year=2034))
    assert [fire.year for fire in fires] == list(range(2024, 2034))
    for longitude in (-180, -75.2, 179.9):
        assert SolarTrigger(event, latitude, longitude).next(YEAR) == fires[0]


@pytest.mark.parametrize(
    ("twilight", "latitude"),
    [
        (("sunrise", "sunset"), -89.95),
        (("sunrise", "sunset"), -66.6),
        (("sunrise", "sunset"), 89.93),
        (("dawn_civil", "dusk_civil"), 60.7),
        (("dawn_civil", "dusk_civil"), 89.5),
        (("dawn_nautical", "dusk_nautical"), -54.6),
        (("dawn_astronomical", "dusk_astronomical"), 83.9),
    ],
)
def test_mornings_and_evenings_take_turns(twilight: tuple[str, str], latitude: float) -> None:
    mornings, evenings = (SolarTrigger(event, latitude, -101.7).fire_times(YEAR, NEXT_YEAR) for event in twilight)
    assert mornings
    assert all((one in mornings) is not (other in mornings) for one, other in pairwise(sorted(mornings + evenings)))
    assert set(mornings).isdisjoint(evenings)


@pytest.mark.parametrize(
    ("latitude", "least", "most"), [(67.375, 1200, 1400), (67.39609, 180, 300), (67.39681, 2, 60), (67.3969, 0, 0)]
)
def test_the_sun_may_be_up_for_seconds_only(latitude: float, least: float, most: float) -> None:
    """At the winter solstice just north of where the polar night begins, at noon."""
    day = datetime(2024, 12, 21, tzinfo=UTC)
    night = timedelta(days=1)
    rises = SolarTrigger("sunrise", latitude, 0).fire_times(day, day + night)
    sets = SolarTrigger("sunset", latitude, 0).fire_times(day, day + night)
    assert len(rises) == len(sets) == (1 if most else 0)
    assert all(least <= (end - start).total_seconds() <= most for start, end in zip(rises, sets, strict=True))


@pytest.mark.parametrize(
    ("event", "latitude", "longitude", "after", "expected"),
    [
        ("sunrise", 69.65, 18.96, "2024-11-29", "2025-01-15"),  # Tromsø, polar night
        ("sunset", 69.65, 18.96, "2024-05-20", "2024-07-25"),  # midnight sun
        ("sunset", 78.22, 15.65, "2024-04-21", "2024-08-24"),  # Longyearbyen
        ("sunrise", -77.85, 166.67, "2024-04-26", "2024-08-19"),  # McMurdo
    ],
)
def test_after_a_polar_season_the_event_comes_again(
    event: str, latitude: float, longitude: float, after: str, expected: str
) -> None:
    fire = SolarTrigger(event, latitude, longitude).next(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert fire is not None
    assert fire.date().isoformat() == expected


def test_the_almanac_of_berlin_is_met_to_the_minute() -> None:
    day = datetime(2024, 6, 21, tzinfo=UTC)
    minutes = [SolarTrigger(event, 52.52, 13.405).next(day) for event in ("sunrise", "solar_noon", "sunset")]
    assert [f"{fire:%H:%M}" for fire in minutes if fire] == ["02:43", "11:08", "19:33"]


def test_the_order_in_which_one_asks_does_not_matter() -> None:
    trigger = SolarTrigger("dusk_astronomical", 59.9, 10.75)
    forwards = trigger.fire_times(YEAR, limit=20)
    _events.cache_clear()
    for earlier, later in reversed(list(pairwise(forwards))):
        assert trigger.previous(later) == earlier
    assert trigger.next(forwards[3]) == forwards[4]


def test_an_event_at_the_very_midnight_that_divides_solar_days_is_found_once() -> None:
    midnight = datetime(2024, 7, 11, tzinfo=UTC)
    noons = midnight - timedelta(hours=12), midnight + timedelta(hours=12)
    latitudes = [67.1033 + step * 0.00001 for step in range(30)]  # each moves the sunset by about a second
    assert any(SolarTrigger("sunset", latitude, 0).next(noons[0]) == midnight for latitude in latitudes)
    for latitude in latitudes:
        trigger = SolarTrigger("sunset", latitude, 0)
        [fire] = trigger.fire_times(*noons)
        assert trigger.next(fire - timedelta(microseconds=1)) == trigger.next(fire - timedelta(seconds=1)) == fire
        assert trigger.previous(fire + timedelta(microseconds=1)) == trigger.previous(noons[1]) == fire


@pytest.mark.parametrize("latitude", [0, 52.5, 70, 90])
@pytest.mark.parametrize("event", ["dawn_nautical", "solar_noon", "sunset"])
def test_previous_finds_what_the_search_by_halves_finds(event: str, latitude: float) -> None:
    trigger = SolarTrigger(event, latitude, 170.5, start_date="2023-12-01", timezone="UTC")
    for before in (YEAR, YEAR + timedelta(days=100, seconds=0.5), trigger.next(YEAR), trigger.next(NEXT_YEAR)):
        assert before is not None
        assert trigger.previous(before) == Contract.previous(trigger, before)


def test_start_and_end_may_be_fire_times_and_all_fire_times_are_whole_seconds() -> None:
    fires = SolarTrigger("sunset", 52.5, 13.4).fire_times(YEAR, limit=5)
    assert all(fire.microsecond == 0 and fire.tzinfo is UTC for fire in fires)
    exact = SolarTrigger("sunset", 52.5, 13.4, fires[1], fires[3])
    assert exact.fire_times(YEAR, NEXT_YEAR) == fires[1:4]
    assert exact.previous(NEXT_YEAR) == fires[3]
    assert exact.previous(fires[1]) is None
    moment = timedelta(microseconds=1)
    less = SolarTrigger("sunset", 52.5, 13.4, fires[1] + moment, fires[3] - moment)
    assert less.fire_times(YEAR, NEXT_YEAR) == fires[2:3]
    assert SolarTrigger("sunset", 52.5, 13.4, fires[1] + moment, fires[2] - moment).next(YEAR) is None


@pytest.mark.parametrize("event", EVENTS)
def test_there_are_fire_times_from_1900_to_2200(event: str) -> None:
    trigger = SolarTrigger(event, 52.5, 13.4)
    first, last = trigger.next(datetime.min.replace(tzinfo=UTC)), trigger.previous(datetime.max.replace(tzinfo=UTC))
    assert first is not None
    assert last is not None
    assert f"{first:%Y-%m-%d}" == "1900-01-01"
    assert f"{last:%Y-%m-%d}" == "2200-12-31"
    assert trigger.next(last) is None
    assert trigger.previous(first) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sunrize", 0, 0), r"event: 'sunrize' is no event of the sun; did you mean 'sunrise'\?"),
        (("solarnoon", 0, 0), r"did you mean 'solar_noon'\?"),
        (("x" * 100_000, 0, 0), r"event: 'x+… is no event of the sun; valid are 'dawn_astronomical', "),
        ((None, 0, 0), r"event: None is no event of the sun; valid are "),
        ((["sunrise"], 0, 0), r"event: \['sunrise'\] is no event"),
        (("sunset", 90.01, 0), r"latitude: 90.01 is not a number of degrees from -90 to 90"),
        (("sunset", "52.5", 0), r"latitude: '52.5' is not a number of degrees"),
        (("sunset", True, 0), r"latitude: True is not"),
        (("sunset", math.nan, 0), r"latitude: nan is not"),
        (("sunset", 10**400, 0), r"latitude: 1000.* is not"),
        (("sunset", 0, -180.5), r"longitude: -180.5 is not a number of degrees from -180 to 180"),
        (("sunset", 0, None), r"longitude: None is not"),
        (("sunset", 0, math.inf), r"longitude: inf is not"),
        (("sunset", 0, 0, "2024-05-02", "2024-05-01"), r"end_date: '2024-05-01' is before the start_date"),
        (("sunset", 0, 0, None, None, None, -1), r"jitter: -1 is not"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(InvalidTriggerError, match=message):
        SolarTrigger(*arguments)  # type: ignore[arg-type]


def test_the_stored_form_can_be_read_by_a_person() -> None:
    trigger = SolarTrigger(
        "sunset", 52.5, 13, end_date="2024-05-01", timezone="Europe/Berlin", jitter=timedelta(minutes=1)
    )
    assert trigger.to_json() == {
        "event": "sunset",
        "latitude": 52.5,
        "longitude": 13.0,
        "end_date": "2024-04-30T22:00:00+00:00",
        "jitter": 60.0,
    }
    assert str(trigger) == "solar[sunset at 52.5, 13]"
    assert repr(SolarTrigger("sunset", -0.0, 13)) == "SolarTrigger(event='sunset', latitude=0.0, longitude=13.0)"


@pytest.mark.parametrize("name", ["event", "latitude", "longitude"])
def test_a_stored_form_without_event_or_place_is_refused(name: str) -> None:
    stored = {"event": "sunset", "latitude": 52.5, "longitude": 13.4}
    del stored[name]
    with pytest.raises(InvalidTriggerError, match=f"solar trigger: the key '{name}' is missing"):
        SolarTrigger.from_json(stored)


def test_without_its_library_it_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ephem", None)
    with pytest.raises(InvalidTriggerError, match=r'ephem, .* pip install "embedded-scheduler\[solar\]"'):
        SolarTrigger("sunrise", 52.5, 13.4)


def test_a_stored_job_is_broken_and_kept_where_the_library_is_missing(tmp_path, monkeypatch) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    Scheduler(url).add_job("math:sqrt", "solar", args=[4], event="sunrise", latitude=52.5, longitude=13.4, id="lights")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "ephem", None)
        [broken] = Scheduler(url).get_jobs(broken=True)
        assert broken.id == "lights"
        assert "embedded-scheduler[solar]" in broken.broken
    assert Scheduler(url).get_job("lights").trigger == SolarTrigger("sunrise", 52.5, 13.4)
