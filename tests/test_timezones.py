"""Zones by name, and wall times to instants."""

from __future__ import annotations

import pickle
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytz
import tzlocal
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import (
    _named,
    _zone_info,
    first_instant,
    in_utc,
    local_zone,
    offsets,
    steady_offset,
    to_instant,
    to_utc,
    to_zone,
    turn_between,
    turns,
    zone_name,
)
from scheduler.triggers import CronTrigger

BERLIN = ZoneInfo("Europe/Berlin")
INDIA = timezone(timedelta(hours=5, minutes=30))


class Unnamed(tzinfo):
    """A zone of somebody else's making that cannot be stored."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        assert dt is not None
        return timedelta(hours=dt.month)


class Constant(tzinfo):
    """A zone of somebody else's making with one offset."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(hours=-3)


def without_key() -> ZoneInfo:
    with pytz.open_resource("Europe/Berlin") as file:
        return ZoneInfo.from_file(file)


REMOTE = "Arctic/Longyearbyen"
"""A zone that no other test uses: zones compare by identity, so what others hold must stay in the cache."""


@pytest.fixture
def host_without_zone_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """zoneinfo finds nothing, neither in the files of the host nor in the package tzdata."""
    for module in [name for name in sys.modules if name.startswith("tzdata.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    ZoneInfo.clear_cache(only_keys=[REMOTE])
    _named.cache_clear()
    _zone_info.cache_clear()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache(only_keys=[REMOTE])
    _named.cache_clear()
    _zone_info.cache_clear()


@pytest.mark.parametrize(
    ("value", "zone", "name"),
    [
        ("Europe/Berlin", BERLIN, "Europe/Berlin"),
        ("UTC", UTC, "UTC"),
        ("utc", UTC, "UTC"),
        ("Etc/GMT+5", ZoneInfo("Etc/GMT+5"), "Etc/GMT+5"),
        ("+05:30", INDIA, "+05:30"),
        ("UTC+05:30", INDIA, "+05:30"),
        ("-0330", timezone(-timedelta(hours=3, minutes=30)), "-03:30"),
        ("+00:00", UTC, "UTC"),
        ("+00:00:01.000001", timezone(timedelta(seconds=1, microseconds=1)), "+00:00:01.000001"),
        (BERLIN, BERLIN, "Europe/Berlin"),
        (ZoneInfo.no_cache("Europe/Berlin"), BERLIN, "Europe/Berlin"),
        (ZoneInfo("UTC"), UTC, "UTC"),
        (UTC, UTC, "UTC"),
        (timezone(timedelta(hours=5, minutes=30), "IST"), INDIA, "+05:30"),
        (pytz.timezone("Europe/Berlin"), BERLIN, "Europe/Berlin"),
        (pytz.utc, UTC, "UTC"),
        (pytz.FixedOffset(330), INDIA, "+05:30"),
        (Constant(), timezone(timedelta(hours=-3)), "-03:00"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_zone_is_told_from_its_name_or_from_the_objects_of_other_libraries(
    value: object, zone: tzinfo, name: str
) -> None:
    found = to_zone(value)
    assert found == zone
    assert isinstance(found, ZoneInfo | timezone)
    assert zone_name(found) == name
    assert to_zone(zone_name(found)) == found


def test_a_localized_pytz_zone_is_the_zone_and_not_the_offset_of_that_day() -> None:
    assert to_zone(pytz.timezone("Europe/Berlin").localize(datetime(2024, 7, 1)).tzinfo) is BERLIN


def test_zones_of_dateutil_count_by_their_name() -> None:
    tz = pytest.importorskip("dateutil.tz")
    assert to_zone(tz.gettz("Europe/Berlin")) is BERLIN
    assert to_zone(tz.tzutc()) is UTC
    assert to_zone(tz.tzoffset(None, 19800)) == INDIA


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Europe/Berln", "'Europe/Berln'.*'Europe/Berlin'"),
        ("Berlin", "'Berlin'.*'Europe/Berlin'"),
        ("europe/berlin", "'Europe/Berlin'"),
        ("", "''.*'Europe/Berlin'"),
        ("Europe", "'Europe'"),
        ("zone.tab", "'zone.tab'"),
        ("zone1970.tab", "'zone1970.tab'"),
        ("/usr/share/zoneinfo/Europe/Berlin", "zoneinfo"),
        ("../zoneinfo/Europe/Berlin", "zoneinfo"),
        ("Europe/Berlin\0", "Berlin"),
        ("\ud800", "ud800"),
        ("x" * 10_000, "x"),
        ("+25:00", r"'\+25:00'.*'\+05:30'"),
        ("+5", r"'\+5'"),
        (None, "None"),
        (3600, "3600"),
        (Unnamed(), "Unnamed"),
        (without_key(), "no name"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_not_a_zone_is_refused_with_the_nearest_name(value: object, words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=f"timezone: .*{words}"):
        to_zone(value)


@given(st.text(max_size=20) | st.from_regex(r"[A-Z][a-z]+/[A-Z][a-z]+|(UTC)?[+-][0-9:.]*", fullmatch=True))
def test_any_text_is_a_zone_that_reads_back_or_an_error(text: str) -> None:
    try:
        zone = to_zone(text)
    except InvalidTriggerError:
        return
    assert to_zone(zone_name(zone)) == zone


@pytest.mark.usefixtures("host_without_zone_files")
def test_a_host_without_zone_files_uses_those_of_pytz() -> None:
    with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
        ZoneInfo(REMOTE)
    zone = to_zone(REMOTE)
    assert isinstance(zone, ZoneInfo)
    assert zone_name(zone) == REMOTE
    assert to_utc(datetime(2024, 7, 1, 12), zone) == datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert to_zone(REMOTE) is zone
    with pytest.raises(InvalidTriggerError, match="'Mars/Olympus'"):
        to_zone("Mars/Olympus")


@pytest.mark.usefixtures("host_without_zone_files")
def test_a_trigger_can_be_pickled_without_zone_files() -> None:
    """A zone that was read from a file cannot; the trigger travels by the zone's name."""
    trigger = CronTrigger(hour=9, timezone=REMOTE)
    assert pickle.loads(pickle.dumps(trigger)) == trigger


AROUND_TURNS = {"start": datetime(2024, 3, 25, tzinfo=UTC), "end": datetime(2024, 11, 3, tzinfo=UTC)}


@pytest.mark.usefixtures("host_without_zone_files")
@pytest.mark.parametrize("line", ["30 2 * * *", "*/30 * * * *"])
def test_a_trigger_fires_alike_without_zone_files(line: str) -> None:
    """The clocks of Longyearbyen are those of Berlin."""
    fires = CronTrigger.from_crontab(line, REMOTE).fire_times(**AROUND_TURNS)
    assert fires == CronTrigger.from_crontab(line, BERLIN).fire_times(**AROUND_TURNS)


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Lets a test set TZ, of which tzlocal keeps the first value it sees."""
    monkeypatch.setattr(tzlocal.unix, "_cache_tz", None)
    monkeypatch.setattr(tzlocal.unix, "_cache_tz_name", None)
    return monkeypatch


@pytest.mark.parametrize("text", ["Asia/Kathmandu", ":Asia/Kathmandu", "/usr/share/zoneinfo/Asia/Kathmandu"])
def test_the_local_zone_is_that_of_the_variable_tz(local: pytest.MonkeyPatch, text: str) -> None:
    if text.startswith("/") and not Path(text).exists():
        pytest.skip("the host keeps its zones elsewhere")
    local.setenv("TZ", text)
    assert zone_name(local_zone()) == "Asia/Kathmandu"


def test_a_trigger_without_zone_fires_by_the_local_clock(local: pytest.MonkeyPatch) -> None:
    local.setenv("TZ", "Europe/Berlin")
    fires = CronTrigger(hour=2, minute=30).fire_times(**AROUND_TURNS)
    assert fires == CronTrigger(hour=2, minute=30, timezone=BERLIN).fire_times(**AROUND_TURNS)


@pytest.mark.usefixtures("host_without_zone_files")
def test_the_local_zone_is_known_without_zone_files(local: pytest.MonkeyPatch) -> None:
    local.setenv("TZ", REMOTE)
    assert zone_name(local_zone()) == REMOTE


@pytest.mark.parametrize("text", ["CET-1CEST", "Mars/Olympus"])
def test_a_local_zone_without_name_is_an_error_that_says_what_to_do(local: pytest.MonkeyPatch, text: str) -> None:
    local.setenv("TZ", text)
    with pytest.raises(InvalidTriggerError, match=f"{text}.*pass timezone= or set TZ"):
        local_zone()


@pytest.mark.parametrize(
    ("wall", "instant"),
    [
        (datetime(2024, 7, 1, 12), datetime(2024, 7, 1, 10, tzinfo=UTC)),
        (datetime(2024, 3, 31, 2, 30), datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),  # skipped: as 03:30
        (datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),  # twice: the first
        (datetime(2024, 10, 27, 2, 30, fold=1), datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        (datetime(2024, 7, 1, 12, tzinfo=INDIA), datetime(2024, 7, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_wall_time_is_read_in_the_zone(wall: datetime, instant: datetime) -> None:
    assert to_utc(wall, BERLIN) == instant
    assert to_utc(wall, BERLIN).tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2024-05-01", datetime(2024, 4, 30, 22, tzinfo=UTC)),
        ("2024-05-01 10:00:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2024-05-01 10:00:00.25", datetime(2024, 5, 1, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00+05:30", datetime(2024, 5, 1, 4, 30, tzinfo=UTC)),
        ("2024-5-1", datetime(2024, 4, 30, 22, tzinfo=UTC)),
        ("2024-5-1 9:05:00.5", datetime(2024, 5, 1, 7, 5, 0, 500_000, tzinfo=UTC)),
        (date(2024, 5, 1), datetime(2024, 4, 30, 22, tzinfo=UTC)),
        (datetime(2024, 5, 1, 10), datetime(2024, 5, 1, 8, tzinfo=UTC)),
        (datetime(2024, 5, 1, 10, tzinfo=INDIA), datetime(2024, 5, 1, 4, 30, tzinfo=UTC)),
    ],
    ids=str,
)
def test_a_time_is_a_datetime_a_date_or_the_text_of_one(value: object, instant: datetime) -> None:
    assert to_instant("run_date", value, BERLIN) == instant


@pytest.mark.parametrize(
    "value",
    ["", "now", "2024-02-30", "2024-05-01 25:00", "2024-13-01", "\ud800", 0, 1.5, [], datetime.max, datetime.min],
)
def test_what_is_not_a_time_is_refused_by_the_name_of_its_argument(value: object) -> None:
    zone = timezone(timedelta(hours=-1 if value is datetime.max else 1))
    with pytest.raises(InvalidTriggerError, match=r"^run_date: "):
        to_instant("run_date", value, zone)


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9:.+]*)?", fullmatch=True))
def test_any_text_is_an_instant_or_an_error(text: str) -> None:
    try:
        instant = to_instant("start_date", text, BERLIN)
    except InvalidTriggerError:
        return
    assert instant.tzinfo is UTC


def test_a_naive_time_without_zone_is_read_in_the_local_one(local: pytest.MonkeyPatch) -> None:
    local.setenv("TZ", "Asia/Kathmandu")
    assert to_instant("run_date", "2024-05-01", None) == datetime(2024, 4, 30, 18, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        (datetime(2024, 7, 1, 12, tzinfo=BERLIN), datetime(2024, 7, 1, 10, tzinfo=UTC)),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), datetime.max.replace(tzinfo=UTC)),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_aware_times_come_to_utc_at_the_ends_of_the_calendar_too(value: datetime, instant: datetime) -> None:
    assert in_utc("after", value) == instant


@pytest.mark.parametrize("value", [datetime(2024, 1, 1), date(2024, 1, 1), "2024-01-01", None])
def test_only_aware_times_are_instants(value: datetime) -> None:
    with pytest.raises(InvalidTriggerError, match=r"after: .*aware"):
        in_utc("after", value)


@pytest.mark.parametrize(
    ("name", "wall", "turn"),
    [
        ("Europe/Berlin", datetime(2024, 3, 31, 2, 30), datetime(2024, 3, 31, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2024, 10, 27, 2, 0), datetime(2024, 10, 27, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2024, 10, 6, 2, 15), datetime(2024, 10, 5, 15, 30, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 30, 12), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Africa/Monrovia", datetime(1972, 1, 7, 0, 20), datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC)),
    ],
)
def test_the_turn_of_the_clock_is_found_to_the_second(name: str, wall: datetime, turn: datetime) -> None:
    zone = to_zone(name)
    before, after = offsets(wall.replace(tzinfo=zone))
    assert before != after
    both = sorted((wall.replace(tzinfo=UTC) - before, wall.replace(tzinfo=UTC) - after))
    assert turn_between(both[0], both[1], zone) == turn


@pytest.mark.parametrize(
    ("name", "wall", "instant"),
    [
        ("Europe/Berlin", datetime(2024, 3, 31, 1, 59, 59), datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2024, 3, 31, 2, 30), datetime(2024, 3, 31, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2024, 3, 31, 3, 0), datetime(2024, 3, 31, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 30, 9), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(1986, 1, 1, 0, 5), datetime(1985, 12, 31, 18, 30, tzinfo=UTC)),
        ("+05:30", datetime(2024, 5, 1, 9), datetime(2024, 5, 1, 3, 30, tzinfo=UTC)),
    ],
)
def test_a_wall_time_first_shows_at_the_end_of_the_gap_or_the_first_time(
    name: str, wall: datetime, instant: datetime
) -> None:
    assert first_instant(wall.replace(tzinfo=to_zone(name))) == instant


@pytest.mark.parametrize(
    "name",
    [
        "UTC",
        "+05:30",
        "Europe/Berlin",
        "Africa/Casablanca",
        "Asia/Gaza",
        "America/Recife",
        "Africa/Cairo",
        "Pacific/Apia",
    ],
)
def test_a_month_is_steady_exactly_if_no_day_of_it_and_none_before_it_has_another_offset(name: str) -> None:
    zone = to_zone(name)
    for month in range(12 * 1971, 12 * 2040):
        first = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        days = [first + timedelta(days=days) for days in range(-1, 32)]
        offsets_of_days = {day.astimezone(zone).utcoffset() for day in days}
        expected = offsets_of_days.pop() if len(offsets_of_days) == 1 else None
        assert steady_offset(zone, first.year, first.month) == expected


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [
        ("Europe/Berlin", 2024, [("2024-03-31T01:00", 1, 2), ("2024-10-27T01:00", 2, 1)]),
        ("Africa/Casablanca", 2024, [("2024-03-10T02:00", 1, 0), ("2024-04-14T02:00", 0, 1)]),
        (
            "Pacific/Apia",
            2011,
            [("2011-04-02T14:00", -10, -11), ("2011-09-24T14:00", -11, -10), ("2011-12-30T10:00", -10, 14)],
        ),
        ("Asia/Kolkata", 2024, []),
        ("-03:00", 2024, []),
    ],
)
def test_the_turns_of_a_year_are_found(name: str, year: int, expected: list[tuple[str, int, int]]) -> None:
    found = turns(to_zone(name), datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    hour = timedelta(hours=1)
    assert [(f"{turn:%Y-%m-%dT%H:%M}", before / hour, after / hour) for turn, before, after in found] == expected


def test_a_turn_counts_at_the_end_of_a_stretch_and_not_at_its_beginning() -> None:
    zone, turn = to_zone("Europe/Berlin"), datetime(2024, 3, 31, 1, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    assert [found for found, _, _ in turns(zone, turn - moment, turn)] == [turn]
    assert list(turns(zone, turn, turn + timedelta(days=9))) == []
    assert list(turns(zone, turn - timedelta(days=9), turn - moment)) == []
