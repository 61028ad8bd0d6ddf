"""Datetimes and zones of other people's making: they come in as plain ones in UTC, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Never
from zoneinfo import ZoneInfo

import pytest

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, steady_offset, to_instant, to_utc, to_zone, zone_name
from scheduler.triggers import CronTrigger, DateTrigger, IntervalTrigger, Trigger

BERLIN = ZoneInfo("Europe/Berlin")
TEN = datetime(2024, 5, 1, 10, tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
LONG = "x" * 300_000


def wrong(*args: object) -> Never:
    raise RuntimeError("this is not how a datetime reckons")


class Stubborn(datetime):
    """A datetime whose arithmetic is its own."""

    __add__ = __radd__ = __sub__ = __lt__ = __le__ = __gt__ = __ge__ = wrong
    astimezone = replace = isoformat = wrong
    __hash__ = datetime.__hash__


class NoTime(datetime):
    """What stands for no time at all, as NaT does, and is a datetime for all that."""

    @property
    def year(self) -> int:  # type: ignore[override]
        raise ValueError("no time has no year")

    def utcoffset(self) -> Never:
        raise ValueError("no time has no offset")

    def __repr__(self) -> str:
        raise ValueError("no time has no text")


class Failing(tzinfo):
    """A zone that fails, whatever it is asked."""

    @property
    def key(self) -> str:
        raise RuntimeError("no key")

    def utcoffset(self, dt: datetime | None) -> timedelta:
        raise RuntimeError("no offset")

    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Endless(tzinfo):
    """A zone that is further from UTC than any can be."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(days=2)


class NamelessMeanTime(tzinfo):
    """A zone that looks like one of pytz and has no name for its time."""

    zone = "Europe/Berlin"

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(hours=1)


READERS: dict[str, Callable[[datetime], datetime]] = {
    "in_utc": lambda value: in_utc("after", value),
    "to_utc": lambda value: to_utc(value, BERLIN),
    "to_instant": lambda value: to_instant("run_date", value, BERLIN),
    "to_instant without zone": lambda value: to_instant("run_date", value, None),
}


@pytest.mark.parametrize("zone", [UTC, BERLIN, timezone(timedelta(hours=-3)), ZoneInfo("UTC")], ids=str)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_a_datetime_of_a_subclass_comes_in_as_a_plain_one_in_utc(
    read: Callable[[datetime], datetime], zone: tzinfo
) -> None:
    for fold in (0, 1):
        value = datetime(2024, 10, 27, 2, 30, 0, 5, zone, fold=fold)
        found = read(Stubborn(2024, 10, 27, 2, 30, 0, 5, zone, fold=fold))
        assert type(found) is datetime
        assert found.tzinfo is UTC
        assert found.isoformat() == value.astimezone(UTC).isoformat()


def test_a_naive_datetime_of_a_subclass_is_a_wall_time() -> None:
    assert to_utc(Stubborn(2024, 7, 1, 12), BERLIN) == datetime(2024, 7, 1, 10, tzinfo=UTC)
    with pytest.raises(InvalidTriggerError, match=r"^after: Stubborn.*is not an aware datetime"):
        in_utc("after", Stubborn(2024, 7, 1, 12))


FIRING: list[Callable[[datetime], Trigger]] = [
    lambda at: DateTrigger(at),
    lambda at: DateTrigger().anchored(at),
    lambda at: IntervalTrigger(hours=1).anchored(at),
    lambda at: IntervalTrigger(hours=1, start_date=at),
    lambda at: CronTrigger(minute="*/5", timezone="Europe/Berlin", start_date=at),
]


@pytest.mark.parametrize("make", FIRING)
def test_what_fires_is_a_plain_datetime_whatever_the_trigger_was_made_of(make: Callable[[datetime], Trigger]) -> None:
    foreign, plain = make(Stubborn(2024, 5, 1, 10, tzinfo=UTC)), make(TEN)
    assert foreign == plain
    found = [foreign.first(Stubborn(2024, 5, 1, tzinfo=UTC)), foreign.previous(Stubborn(2024, 5, 9, tzinfo=UTC))]
    assert [type(fire) for fire in found] == [datetime, datetime]
    assert found == [plain.first(TEN.replace(hour=0)), plain.previous(TEN.replace(day=9, hour=0))]


@pytest.mark.parametrize("value", [NoTime(2024, 5, 1), *(TEN.replace(tzinfo=zone) for zone in (Failing(), Endless()))])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS.keys())
def test_a_datetime_that_cannot_be_read_is_refused(read: Callable[[datetime], datetime], value: datetime) -> None:
    with pytest.raises(InvalidTriggerError, match=r"cannot be read as a datetime: (ValueError|RuntimeError)"):
        read(value)


def test_a_zone_without_a_name_for_its_time_still_has_an_offset() -> None:
    assert in_utc("after", TEN.replace(tzinfo=NamelessMeanTime())) == TEN - timedelta(hours=1)


@pytest.mark.parametrize("zone", [Failing(), Endless()], ids=["failing", "endless"])
def test_a_zone_that_fails_is_refused(zone: tzinfo) -> None:
    with pytest.raises(InvalidTriggerError, match=r"^timezone: .* has no name by which it could be stored"):
        to_zone(zone)


@pytest.mark.parametrize("name", ["localtime", "posixrules", "LocalTime"])
def test_a_zone_that_each_machine_chooses_for_itself_is_refused(name: str) -> None:
    with pytest.raises(InvalidTriggerError, match=f"'{name}' is another zone on each machine; .*leave timezone= out"):
        to_zone(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("+05", "+05:00"),
        ("-0530", "-05:30"),
        ("+05:30", "+05:30"),
        ("+05:30:15", "+05:30:15"),
        ("utc-05:30:15.000001", "-05:30:15.000001"),
    ],
)
def test_an_offset_is_hours_with_minutes_and_seconds_if_need_be(text: str, name: str) -> None:
    assert zone_name(to_zone(text)) == name


@pytest.mark.parametrize(
    "text",
    [
        "+05.5",
        "+05:30:00:00",
        "+05:30.5",
        "+053015",
        "+05:3",
        "+5.30",
        "+05:30:15.5",
        "+05:",
        "+1:2:3",
        "+99",
        "+24:00",
    ],
)
def test_what_only_resembles_an_offset_is_refused(text: str) -> None:
    with pytest.raises(InvalidTriggerError, match=r"is not an offset from UTC; pass .* such as '\+05:30'$"):
        to_zone(text)


TOO_LONG: dict[str, Callable[[], Any]] = {
    "the name of a zone": lambda: to_zone(LONG),
    "an offset": lambda: to_zone("+" + "1" * 300_000),
    "a zone of no kind": lambda: to_zone([LONG]),
    "a date": lambda: to_instant("run_date", LONG, UTC),
    "a date of no kind": lambda: to_instant("run_date", [LONG], UTC),
    "an instant": lambda: in_utc("after", LONG),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_the_message_about_a_huge_value_is_short(call: Callable[[], Any]) -> None:
    with pytest.raises(InvalidTriggerError) as caught:
        call()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("zone", ["Europe/Berlin", "+05:30", "-11:00", "America/New_York", "UTC"])
def test_in_the_last_month_of_the_calendar_a_trigger_still_fires(zone: str) -> None:
    trigger, noon = CronTrigger(minute="*/5", timezone=zone), datetime(9999, 12, 15, 12, tzinfo=UTC)
    assert trigger.next(noon) == noon + timedelta(minutes=5)
    assert trigger.previous(noon) == noon - timedelta(minutes=5)
    last = trigger.previous(END)
    assert last is not None
    ends = END - max(timedelta(0), datetime(9999, 12, 1, tzinfo=to_zone(zone)).utcoffset() or timedelta(0))
    assert last == ends.replace(minute=55 if ends.minute > 30 else 25, second=0, microsecond=0)


@pytest.mark.parametrize(("year", "month"), [(9999, 12), (1, 1)])
def test_no_month_is_steady_beyond_which_there_is_no_calendar(year: int, month: int) -> None:
    assert steady_offset(BERLIN, year, month) is None
