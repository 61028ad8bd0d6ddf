"""The keyword form of cron."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger
from scheduler.triggers.cron.expressions import WEEKDAYS
from scheduler.triggers.cron.keywords import NAMES, POSITIONS

WEDNESDAY = datetime(2024, 5, 1, tzinfo=UTC)
START = WEDNESDAY - timedelta(microseconds=1)


def fires(fields: dict[str, int | str], count: int = 4) -> list[str]:
    trigger = CronTrigger(**fields, timezone="UTC")
    found, fire = [], trigger.next(START)
    while fire is not None and len(found) < count:
        found.append(f"{fire:%Y-%m-%d %H:%M:%S}")
        fire = trigger.next(fire)
    return found


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"second": "*"}, ["2024-05-01 00:00:00", "2024-05-01 00:00:01"]),
        ({"second": 30}, ["2024-05-01 00:00:30", "2024-05-01 00:01:30"]),
        ({"minute": "*/20"}, ["2024-05-01 00:00:00", "2024-05-01 00:20:00", "2024-05-01 00:40:00"]),
        ({"minute": "10/20"}, ["2024-05-01 00:10:00", "2024-05-01 00:30:00", "2024-05-01 00:50:00"]),
        ({"minute": "10-30/10,55"}, ["2024-05-01 00:10:00", "2024-05-01 00:20:00", "2024-05-01 00:30:00"]),
        ({"hour": 9}, ["2024-05-01 09:00:00", "2024-05-02 09:00:00"]),
        ({"hour": "9", "minute": " 1 , 2 "}, ["2024-05-01 09:01:00", "2024-05-01 09:02:00", "2024-05-02 09:01:00"]),
        ({"hour": 9, "second": 5}, ["2024-05-01 09:00:05", "2024-05-01 09:01:05"]),
        ({"day_of_week": "fri-sat"}, ["2024-05-03 00:00:00", "2024-05-04 00:00:00", "2024-05-10 00:00:00"]),
        ({"day_of_week": 0}, ["2024-05-06 00:00:00", "2024-05-13 00:00:00"]),
        ({"day_of_week": "6"}, ["2024-05-05 00:00:00", "2024-05-12 00:00:00"]),
        ({"day_of_week": "SUN,Mon"}, ["2024-05-05 00:00:00", "2024-05-06 00:00:00"]),
        ({"week": 20}, ["2024-05-13 00:00:00", "2024-05-14 00:00:00"]),
        ({"week": 53}, ["2026-12-28 00:00:00", "2026-12-29 00:00:00", "2026-12-30 00:00:00", "2026-12-31 00:00:00"]),
        ({"week": 1, "day_of_week": "mon"}, ["2024-12-30 00:00:00", "2025-12-29 00:00:00"]),
        ({"month": "jan"}, ["2025-01-01 00:00:00", "2026-01-01 00:00:00"]),
        ({"month": "FEB-apr/2", "day": 30}, ["2025-04-30 00:00:00", "2026-04-30 00:00:00"]),
        ({"year": 2030}, ["2030-01-01 00:00:00"]),
        ({"year": "2024-2030/3", "month": 2}, ["2027-02-01 00:00:00", "2030-02-01 00:00:00"]),
        ({"year": "1999,2025"}, ["2025-01-01 00:00:00"]),
        ({"day": "last"}, ["2024-05-31 00:00:00", "2024-06-30 00:00:00"]),
        ({"day": "last", "month": 2}, ["2025-02-28 00:00:00", "2026-02-28 00:00:00"]),
        ({"day": "last", "month": 2, "year": "*/4"}, ["2026-02-28 00:00:00", "2030-02-28 00:00:00"]),
        ({"day": "2nd fri"}, ["2024-05-10 00:00:00", "2024-06-14 00:00:00"]),
        ({"day": "1ST  Wed"}, ["2024-05-01 00:00:00", "2024-06-05 00:00:00"]),
        ({"day": "5th wed"}, ["2024-05-29 00:00:00", "2024-07-31 00:00:00"]),
        ({"day": "last fri"}, ["2024-05-31 00:00:00", "2024-06-28 00:00:00"]),
        ({"day": "last mon, 3, 1st sun"}, ["2024-05-03 00:00:00", "2024-05-05 00:00:00", "2024-05-27 00:00:00"]),
        ({"day": 13, "day_of_week": "fri"}, ["2024-09-13 00:00:00", "2024-12-13 00:00:00"]),
        ({"day": 29, "month": 2, "day_of_week": "mon"}, ["2044-02-29 00:00:00", "2072-02-29 00:00:00"]),
    ],
    ids=str,
)  # fmt: skip
def test_fields_mean_what_they_mean_in_apscheduler(fields: dict[str, int | str], first: list[str]) -> None:
    assert fires(fields)[: len(first)] == first


@pytest.mark.parametrize(
    ("fields", "count"),
    [({"year": 2024, "month": 6}, 1), ({"year": 2024, "month": 5, "day": "1-2", "hour": 3}, 2), ({"year": 2020}, 0)],
)
def test_after_the_last_year_there_is_no_fire(fields: dict[str, int | str], count: int) -> None:
    assert len(fires(fields)) == count


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"minute": 60}, "minute: '60' is out of range; allowed are 0-59"),
        ({"minute": -1}, "minute: '-1'"),
        ({"hour": 24}, "hour: '24'"),
        ({"day": 0}, "day: '0' is out of range; allowed are 1-31, last, 2nd fri"),
        ({"month": "13"}, "month: '13' .* 1-12 or jan-dec"),
        ({"month": "janu"}, "month: 'janu'"),
        ({"week": 54}, "week: '54'"),
        ({"year": 1969}, "year: '1969'"),
        ({"year": 10_000}, "year: 10000"),
        ({"year": 10**5000}, "year: <an object of the class int>"),
        ({"day_of_week": 7}, "day_of_week: '7' .* 0-6 or mon-sun"),
        ({"day_of_week": "fri-mon"}, "day_of_week: the range 'fri-mon' ends before it begins"),
        ({"day_of_week": "2nd fri"}, "day_of_week: '2nd fri' is a day of the month; pass day='2nd fri'"),
        ({"day": "LW"}, "day: 'LW' is known to crontab lines only: pass crontab= .* day='last', day='2nd fri' or"),
        ({"day": "1,l"}, "day: 'l' is known to crontab lines only"),
        ({"day": "15W"}, "day: '15W' is known to crontab lines only"),
        ({"day_of_week": "5#2"}, "day_of_week: '5#2' is known to crontab lines only: .* day='2nd fri'"),
        ({"day_of_week": "friL"}, "day_of_week: 'friL' is known to crontab lines only"),
        ({"day_of_week": "jul"}, "day_of_week: 'jul' is not understood"),
        ({"hour": "22-2"}, "hour: the range '22-2'"),
        ({"minute": "*/0"}, r"minute: the step of '\*/0' must be 1-59"),
        ({"minute": "*/60"}, r"minute: the step of '\*/60' must be 1-59"),
        ({"hour": "20/4"}, "hour: the step of '20/4' must be 1-3"),
        ({"minute": ""}, "minute: ''"),
        ({"minute": "1,,2"}, "minute: ''"),
        ({"minute": "*-5"}, r"minute: '\*-5'"),
        ({"minute": "1-"}, "minute: '1-'"),
        ({"minute": "5 6"}, "minute: '5 6'"),
        ({"minute": "١"}, "minute: '١'"),
        ({"minute": "9" * 2000}, "minute: '999.* is longer than 1000 characters"),
        ({"minute": "9" * 900}, "minute: '999.* is out of range"),
        ({"minute": 5.0}, "minute: 5.0"),
        ({"minute": True}, "minute: True"),
        ({"minute": [1, 2]}, r"minute: \[1, 2\]"),
        ({"day": "6th mon"}, "day: '6th mon'"),
        ({"day": "1st"}, "day: '1st'"),
        ({"day": "2nd 4"}, "day: '2nd 4'"),
        ({"day": 30, "month": 2}, "no date ever matches month='2', day='30'"),
        ({"day": 31, "month": "apr,jun,sep,nov"}, "no date ever matches"),
        ({"day": 29, "month": 2, "year": "2025-2027"}, "no date ever matches"),
        ({"day": "5th mon", "month": 2, "year": "2020-2030"}, "no date ever matches"),
        ({"week": 30, "month": 1}, "no date ever matches"),
        ({"start_date": "2024-05-02", "end_date": "2024-05-01"}, "end_date: '2024-05-01' is before the start_date"),
        ({"start_date": "soon"}, "start_date: 'soon'"),
        ({"timezone": "Mars"}, "timezone: 'Mars'"),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, str) else None,
)
def test_wrong_fields_are_refused_by_name_value_and_what_is_allowed(fields: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        CronTrigger(**{"timezone": "UTC", **fields})  # type: ignore[arg-type]


def test_the_start_and_the_end_may_be_fire_times() -> None:
    trigger = CronTrigger(hour=9, start_date="2024-05-02 09:00:00", end_date="2024-05-03 09:00:00", timezone="UTC")
    first, last = WEDNESDAY.replace(day=2, hour=9), WEDNESDAY.replace(day=3, hour=9)
    assert trigger.next(WEDNESDAY) == first
    assert trigger.next(first) == last
    assert trigger.next(last) is None


def test_it_is_readable_at_rest() -> None:
    trigger = CronTrigger(day_of_week="Mon-Fri", hour=9, start_date="2024-05-01", timezone="Europe/Berlin")
    assert trigger.to_json() == {
        "day_of_week": "Mon-Fri",
        "hour": "9",
        "timezone": "Europe/Berlin",
        "start_date": "2024-04-30T22:00:00+00:00",
    }
    assert str(trigger) == "cron[day_of_week='Mon-Fri', hour='9']"
    assert repr(CronTrigger(hour=9, timezone="UTC")) == "CronTrigger(hour='9', timezone='UTC')"


def test_triggers_that_fire_alike_are_equal_however_they_are_written() -> None:
    assert CronTrigger(hour=9, timezone="UTC") == CronTrigger(hour="9", minute="0", timezone="UTC")
    assert CronTrigger(hour=9, timezone="UTC") == CronTrigger.from_crontab("0 9 * * *", timezone="UTC")
    assert CronTrigger(day_of_week="sat,sun", timezone="UTC") == CronTrigger.from_crontab("0 0 * * 6-7", "UTC")
    assert CronTrigger(hour=9, timezone="UTC") != CronTrigger(hour=9, timezone="Europe/Berlin")


@pytest.mark.parametrize("build", [CronTrigger, CronTrigger.from_crontab], ids=["keywords", "crontab"])
@pytest.mark.parametrize(("jitter", "seconds"), [(5, 5.0), (0.25, 0.25), (timedelta(minutes=1), 60.0)])
def test_jitter_is_kept_and_moves_no_fire_time(
    build: Callable[..., CronTrigger], jitter: float | timedelta, seconds: float
) -> None:
    expression = "2025" if build is CronTrigger else "0 9 * * *"
    trigger, plain = build(expression, timezone="UTC", jitter=jitter), build(expression, timezone="UTC")
    assert trigger.jitter == seconds
    assert trigger == plain
    assert trigger.next(START) == plain.next(START)
    assert trigger.to_json() == {**plain.to_json(), "jitter": seconds}
    assert CronTrigger.from_json(trigger.to_json()).jitter == seconds
    assert repr(trigger).endswith(f", timezone='UTC', jitter={seconds})")
    assert str(trigger) == str(plain)


@pytest.mark.parametrize("jitter", [None, 0, timedelta(0)])
def test_no_jitter_leaves_no_trace(jitter: float | timedelta | None) -> None:
    trigger = CronTrigger(hour=9, timezone="UTC", jitter=jitter)
    assert trigger.jitter is None
    assert "jitter" not in trigger.to_json()


@pytest.mark.parametrize(
    "jitter",
    [-1, "5", True, float("nan"), float("inf"), timedelta(-1), 10**5000],
    ids=lambda value: type(value).__name__,
)
def test_a_wrong_jitter_is_refused(jitter: object) -> None:
    with pytest.raises(InvalidTriggerError, match=r"jitter: .* is not a number of seconds from 0 to"):
        CronTrigger(hour=9, timezone="UTC", jitter=jitter)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"hour": "9"}, "'timezone' is missing"),
        ({"hour": "9", "timezone": "UTC", "jitter": "5"}, "jitter: '5'"),
        ({"hour": "9", "timezone": "Mars"}, "'Mars'"),
        ({"hours": "9", "timezone": "UTC"}, "unknown key 'hours'; did you mean 'hour'"),
        ({"hour": {}, "timezone": "UTC"}, "hour: {}"),
        (
            {"crontab": "0 9 * * *", "hour": "9", "timezone": "UTC"},
            "crontab='0 9 .*' has all fields, so hour= cannot stand beside it",
        ),
        ({"crontab": None, "timezone": "UTC"}, "no field is given"),
        ({"crontab": 5, "timezone": "UTC"}, "crontab: 5 is not a text"),
    ],
)
def test_what_is_stored_wrong_is_refused(data: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        CronTrigger.from_json(data)


def test_at_the_end_of_the_calendar_the_fires_end_in_every_zone() -> None:
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        trigger = CronTrigger(month=12, day=31, hour=23, year="9998-9999", timezone=zone)
        fire, years = datetime(9998, 1, 1, tzinfo=UTC), []
        while (fire := trigger.next(fire)) is not None:  # type: ignore[assignment]
            years.append(fire.year)
        assert years in ([9998, 9999], [9999])


def test_before_1970_the_first_fire_is_in_1970_in_every_zone() -> None:
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        first = CronTrigger(hour=0, timezone=zone).next(datetime(1, 1, 1, tzinfo=UTC))
        assert first is not None
        assert first == CronTrigger(year=1970, timezone=zone).next(datetime(1960, 1, 1, tzinfo=UTC))


pieces = st.sampled_from(
    [
        "*",
        "/",
        "-",
        ",",
        " ",
        "0",
        "5",
        "12",
        "31",
        "60",
        "mon",
        "fri",
        "jan",
        "last",
        "1st",
        "L",
        "#",
        "٣",
        "ſ",
        "9" * 30,
    ]
)
texts = st.lists(pieces, max_size=6).map("".join) | st.text(max_size=8) | st.text(max_size=200)


@given(st.dictionaries(st.sampled_from(NAMES), texts))
def test_any_text_is_a_trigger_or_an_error(fields: dict[str, str]) -> None:
    try:
        trigger = CronTrigger(**fields, timezone="Europe/Berlin")  # type: ignore[arg-type]
    except InvalidTriggerError as error:
        assert str(error).partition(":")[0] in ("cron", *fields)  # noqa: PT017
        return
    assert CronTrigger.from_json(trigger.to_json()) == trigger
    fire = trigger.next(START)
    assert fire is None or fire > START


def expressions(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).filter(lambda ends: ends[0] < ends[1])
    step = st.integers(1, (high - low) // 2)
    item = (
        number.map(str)
        | span.map(lambda ends: f"{ends[0]}-{ends[1]}")
        | step.map(lambda length: f"*/{length}")
        | span.flatmap(
            lambda ends: st.integers(1, ends[1] - ends[0]).map(lambda length: f"{ends[0]}-{ends[1]}/{length}")
        )
    )
    return st.lists(item, min_size=1, max_size=3).map(",".join) | st.just("*")


weekday = st.sampled_from(WEEKDAYS)
position = st.sampled_from(list(POSITIONS))
days = expressions(1, 31) | st.just("last") | st.tuples(position, weekday).map(" ".join)
fields = st.fixed_dictionaries(
    {},
    optional={
        "month": expressions(1, 12) | st.just("jan,mar-jun"),
        "day": days,
        "day_of_week": expressions(0, 6) | weekday,
        "hour": expressions(0, 23),
        "minute": expressions(0, 59),
        "second": expressions(0, 59),
    },
)


class Hour(int, Enum):
    NINE = 9


class Weekday(StrEnum):
    FRIDAY = "fri"


def test_a_member_of_an_enumeration_counts_by_its_value() -> None:
    trigger = CronTrigger(hour=Hour.NINE, day_of_week=Weekday.FRIDAY, timezone="UTC")
    assert trigger == CronTrigger(hour=9, day_of_week="fri", timezone="UTC")
    assert trigger.to_json() == {"hour": "9", "day_of_week": "fri", "timezone": "UTC"}


@pytest.mark.parametrize("rest", [{}, {"start_date": "2024-05-01"}, {"end_date": "2024-05-01"}])
def test_a_trigger_without_any_field_is_refused(rest: dict[str, str]) -> None:
    with pytest.raises(InvalidTriggerError, match=r"no field is given; pass second='\*' to fire every second"):
        CronTrigger(timezone="UTC", **rest)


@given(fields, st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_the_fires_are_those_of_apscheduler(fields: dict[str, str], after: datetime) -> None:
    peer = pytest.importorskip("apscheduler.triggers.cron")
    try:
        ours = CronTrigger(**fields, timezone="UTC")
    except InvalidTriggerError as error:
        assert not fields or "no date ever matches" in str(error)  # noqa: PT017
        return
    theirs = peer.CronTrigger(**fields, timezone=UTC)

    def their_fires():
        fire = after
        while (fire := theirs.get_next_fire_time(None, fire + timedelta(microseconds=1))) is not None:
            yield fire

    for fire in islice(their_fires(), 3):
        after = ours.next(after)  # type: ignore[assignment]
        assert after == fire
