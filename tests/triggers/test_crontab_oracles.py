"""The crontab form beside cronsim and beside answers found by looking at every day, in UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger

SATURDAY = 5
FIRES = 5

starts = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))


def number(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(str)


def span(low: int, high: int) -> st.SearchStrategy[str]:
    """Of two numbers at least: cronsim takes `5-5/2` for `5/2`, where Debian cron has the 5 only."""
    ends = st.lists(st.integers(low, high), min_size=2, max_size=2, unique=True).map(sorted)
    return ends.map(lambda ends: f"{ends[0]}-{ends[1]}")


def plain(low: int, high: int) -> st.SearchStrategy[str]:
    """One item of a list: a number, a range, all, with or without a step."""
    step = st.integers(1, high + 5).map(lambda step: f"/{step}") | st.just("")
    return number(low, high) | st.tuples(st.just("*") | span(low, high) | number(low, high), step).map("".join)


def joined(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(item, min_size=1, max_size=3).map(",".join)


weekday = number(0, 7) | st.sampled_from(["sun", "Mon", "TUE", "wed", "thu", "fri", "sat"])
positions = st.tuples(weekday, number(1, 5)).map("#".join) | number(0, 7).map(lambda day: f"{day}L")
days = st.just("*") | joined(plain(1, 31) | st.sampled_from(["L", "LW", "l", "lw"]))
weekdays = st.just("*") | joined(plain(0, 7) | weekday | positions | positions)
months = st.just("*") | joined(plain(1, 12) | st.sampled_from(["jan", "FEB", "Jul"]))
times = st.tuples(joined(plain(0, 59)), joined(plain(0, 59)), joined(plain(0, 23))).map(" ".join)
minutes = st.tuples(joined(plain(0, 59)), joined(plain(0, 23))).map(" ".join)


@given(st.tuples(times | minutes, days, months, weekdays).map(" ".join), starts)
def test_the_fires_are_those_of_cronsim(expression: str, start: datetime) -> None:
    """Where cronsim gives up, after fifty years without a fire, there is nothing to compare with."""
    try:
        trigger = CronTrigger.from_crontab(expression, timezone="UTC")
    except InvalidTriggerError as error:
        assert "no date ever matches" in str(error)  # noqa: PT017
        with pytest.raises((CronSimError, StopIteration)):
            next(CronSim(expression, start))
        return
    theirs = list(islice(CronSim(expression, start), FIRES))
    after = start.replace(microsecond=0)
    assert trigger.fire_times(after + timedelta(seconds=1), limit=len(theirs)) == theirs


def nearest_working_day(year: int, month: int, day: int) -> date | None:
    """The working day of the month that is nearest to one of its days, found by trying all."""
    dates = [date(year, month, number) for number in range(1, monthrange(year, month)[1] + 1)]
    if day > len(dates):
        return None
    working = [other for other in dates if other.weekday() < SATURDAY]
    return min(working, key=lambda other: abs(other - dates[day - 1]))


@given(st.sets(st.integers(1, 31), min_size=1, max_size=4), st.sets(st.integers(1, 12), min_size=1), starts)
def test_the_nearest_working_days_are_those_found_by_trying_all(
    numbers: set[int], months: set[int], start: datetime
) -> None:
    near = ",".join(f"{number}W" for number in sorted(numbers))
    line = f"0 0 {near} {','.join(map(str, sorted(months)))} *"
    end = start + timedelta(days=800)
    found = {
        nearest_working_day(year, month, number)
        for year in range(start.year, end.year + 1)
        for month in months
        for number in numbers
    }
    expected = sorted(day for day in found if day is not None and start <= midnight(day) <= end)
    if not any(nearest_working_day(2024, month, number) for month in months for number in numbers):
        with pytest.raises(InvalidTriggerError, match="no date ever matches"):
            CronTrigger.from_crontab(line, timezone="UTC")
        return
    fires = CronTrigger.from_crontab(line, timezone="UTC").fire_times(start, end)
    assert [fire.date() for fire in fires] == expected


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@pytest.mark.parametrize("day", range(1, 32))
def test_one_nearest_working_day_in_each_month_that_has_the_day(day: int) -> None:
    """Twenty-eight years have every kind of month."""
    start, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
    fires = CronTrigger.from_crontab(f"0 0 {day}W * *", timezone="UTC").fire_times(start, end)
    expected = [nearest_working_day(year, month, day) for year in range(2000, 2028) for month in range(1, 13)]
    assert [fire.date() for fire in fires] == [day for day in expected if day is not None]


def test_the_last_working_day_is_the_last_one_that_is_neither_saturday_nor_sunday() -> None:
    start, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
    fires = CronTrigger.from_crontab("0 0 LW * *", timezone="UTC").fire_times(start, end)
    assert [fire.date() for fire in fires] == [
        nearest_working_day(year, month, monthrange(year, month)[1])
        for year in range(2000, 2028)
        for month in range(1, 13)
    ]
