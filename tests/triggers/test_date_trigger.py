"""The date trigger: one instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import DateTrigger

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("run_date", "zone", "instant"),
    [
        (NOON, None, NOON),
        (datetime(2024, 5, 1, 14), "Europe/Berlin", NOON),
        ("2024-05-01 14:00:00", "Europe/Berlin", NOON),
        ("2024-05-01T12:00:00+00:00", "Europe/Berlin", NOON),
        (date(2024, 5, 1), "+02:00", NOON - timedelta(hours=14)),
        ("2024-03-31 02:30:00", "Europe/Berlin", datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
        ("2024-10-27 02:30:00", "Europe/Berlin", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
    ],
    ids=str,
)
def test_it_fires_once_at_its_date(run_date: datetime | str, zone: str | None, instant: datetime) -> None:
    trigger = DateTrigger(run_date, timezone=zone)
    assert trigger.next(instant - SECOND) == instant
    assert trigger.next(instant) is None


def test_the_fire_before_an_instant_is_the_date_once_it_has_passed() -> None:
    for trigger in (DateTrigger(NOON), DateTrigger().anchored(NOON)):
        assert trigger.previous(NOON) is None
        assert trigger.previous(NOON + SECOND) == NOON
    assert DateTrigger().previous(NOON) is None


def test_a_date_that_has_passed_is_still_the_first_fire_of_a_job() -> None:
    assert DateTrigger(NOON).first(NOON + timedelta(days=1)) == NOON


def test_without_a_date_it_fires_when_it_is_added() -> None:
    trigger = DateTrigger()
    assert [trigger.first(NOON.astimezone(timezone(timedelta(hours=3))))] == trigger.fire_times(NOON, limit=2) == [NOON]
    assert trigger.next(NOON) is None
    assert trigger.anchored(NOON).first(NOON) == NOON
    assert trigger.anchored(NOON).next(NOON) is None
    assert trigger.anchored(NOON.astimezone(timezone(timedelta(hours=3)))).to_json() == {
        "anchor": "2024-05-01T12:00:00+00:00"
    }
    assert trigger.anchored(NOON).definition() == trigger


def test_it_is_readable_at_rest() -> None:
    assert DateTrigger(NOON).to_json() == {"run_date": "2024-05-01T12:00:00+00:00"}
    assert str(DateTrigger(NOON)) == "date[2024-05-01 12:00:00+00:00]"
    assert str(DateTrigger()) == "date[when added]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"run_date": "tomorrow"}, "run_date: 'tomorrow'"),
        ({"run_date": 1_700_000_000}, "run_date: 1700000000"),
        ({"run_date": NOON, "timezone": "Mars"}, "timezone: 'Mars'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        DateTrigger(**arguments)  # type: ignore[arg-type]
