"""In which zone an excluding trigger reads days and times: its own or that of its trigger, never the machine's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduler import InvalidTriggerError
from scheduler.triggers import (
    AndTrigger,
    CronTrigger,
    DateTrigger,
    ExcludingTrigger,
    IntervalTrigger,
    OrTrigger,
    Trigger,
)

START = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

BERLIN = ZoneInfo("Europe/Berlin")
HOURLY = IntervalTrigger(hours=1, start_date=START)
NINE = CronTrigger(hour=9, timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("trigger", "zone"),
    [(NINE, BERLIN), (AndTrigger([HOURLY, NINE]), BERLIN), (ExcludingTrigger(NINE, dates=["2024-05-01"]), BERLIN)],
    ids=str,
)
def test_its_zone_is_that_of_its_trigger(trigger: Trigger, zone: ZoneInfo) -> None:
    assert ExcludingTrigger(trigger, dates=["2024-05-02"]).timezone == zone
    assert ExcludingTrigger(trigger, dates=["2024-05-02"], timezone="UTC").timezone is UTC


ZONELESS = [
    HOURLY,
    DateTrigger("2024-05-01", timezone="Europe/Berlin"),
    IntervalTrigger(hours=1, start_date="2024-05-01", timezone="Europe/Berlin"),
    OrTrigger([NINE, CronTrigger(hour=9, timezone="Asia/Tokyo")]),
]
"""They fire at instants, or by several clocks."""


@pytest.mark.parametrize("trigger", ZONELESS, ids=str)
@pytest.mark.parametrize(
    ("excluded", "words"),
    [
        (
            {"dates": ["2024-05-02"]},
            "^dates: the time zone of '2024-05-02' is not known, .* or several; pass timezone=",
        ),
        ({"ranges": [("2024-05-02", START + 99 * DAY)]}, "^ranges: the time zone of '2024-05-02' is not known"),
        ({"ranges": [(START, date(2024, 5, 2))]}, "^ranges: the time zone of datetime.date"),
        ({"ranges": [(START, "2024-05-02T10:00")]}, "^ranges: the time zone of '2024-05-02T10:00' is not known"),
        ({"ranges": [(datetime(2024, 5, 2), "2024-05-03T10:00Z")]}, "^ranges: the time zone of datetime.datetime"),
    ],
    ids=str,
)
def test_the_zone_of_the_machine_is_never_taken(trigger: Trigger, excluded: dict[str, Any], words: str) -> None:
    """It may be another one on each node."""
    with pytest.raises(InvalidTriggerError, match=words):
        ExcludingTrigger(trigger, **excluded)
    assert ExcludingTrigger(trigger, **excluded, timezone="Asia/Tokyo").timezone == ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize("trigger", ZONELESS, ids=str)
@pytest.mark.parametrize(
    "excluded",
    [{"triggers": [NINE]}, {"ranges": [(START, "2024-05-01T10:00:00+02:00")]}, {"ranges": [(NINE, HOUR)]}],
    ids=str,
)
def test_no_zone_is_needed_nor_stored_for_instants(trigger: Trigger, excluded: dict[str, Any]) -> None:
    instants = ExcludingTrigger(trigger, **excluded)
    assert instants.timezone is None
    assert "timezone" not in instants.to_json()
    assert ExcludingTrigger.from_json(instants.to_json()) == instants
    assert ExcludingTrigger.from_json(instants.to_json() | {"timezone": "Europe/Berlin"}) == instants
