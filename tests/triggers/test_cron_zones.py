"""A cron trigger fires alike in whatever form its zone is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
import pytz

from scheduler.triggers import CronTrigger

tz = pytest.importorskip("dateutil.tz")

START, END = datetime(2024, 3, 25, tzinfo=UTC), datetime(2024, 11, 3, tzinfo=UTC)
"""Both turns of the year lie between."""

FORMS: dict[tzinfo, list[str | tzinfo]] = {
    ZoneInfo("Europe/Berlin"): [
        "Europe/Berlin",
        ZoneInfo.no_cache("Europe/Berlin"),
        pytz.timezone("Europe/Berlin"),
        pytz.timezone("Europe/Berlin").localize(datetime(2024, 7, 1)).tzinfo,  # type: ignore[list-item]
        tz.gettz("Europe/Berlin"),
    ],
    ZoneInfo("Australia/Lord_Howe"): [
        "Australia/Lord_Howe",
        pytz.timezone("Australia/Lord_Howe"),
        tz.gettz("Australia/Lord_Howe"),
    ],
    UTC: ["UTC", "utc", "Etc/UTC", "Zulu", "+00:00", ZoneInfo("UTC"), pytz.utc, pytz.FixedOffset(0), tz.tzutc()],
    timezone(timedelta(hours=5, minutes=30)): [
        "+05:30",
        "UTC+05:30",
        "Asia/Kolkata",
        pytz.FixedOffset(330),
        pytz.timezone("Asia/Kolkata"),
        timezone(timedelta(hours=5, minutes=30), "IST"),
        tz.tzoffset("IST", 19_800),
        tz.gettz("Asia/Kolkata"),
    ],
}
"""Zones, and other ways to give them."""


@pytest.mark.parametrize("line", ["30 2 * * *", "*/20 * * * *", "0 9 * * 1-5"])
@pytest.mark.parametrize(
    ("zone", "form"),
    [(zone, form) for zone, forms in FORMS.items() for form in forms],
    ids=lambda value: f"{type(value).__module__}:{value}",
)
def test_the_fire_times_do_not_depend_on_the_form_of_the_zone(zone: tzinfo, form: str | tzinfo, line: str) -> None:
    expected = CronTrigger.from_crontab(line, zone).fire_times(START, END)
    trigger = CronTrigger.from_crontab(line, form)
    assert trigger.fire_times(START, END) == expected
    assert CronTrigger.from_json(trigger.to_json()).fire_times(START, END) == expected


@pytest.mark.parametrize("form", ["Europe/Berlin", pytz.timezone("Europe/Berlin"), tz.gettz("Europe/Berlin")], ids=str)
def test_a_start_without_zone_is_read_in_the_zone_of_the_trigger(form: str | tzinfo) -> None:
    trigger = CronTrigger(hour="*", start_date="2024-07-01 12:00:00", timezone=form)
    assert trigger.next(datetime(2024, 1, 1, tzinfo=UTC)) == datetime(2024, 7, 1, 10, tzinfo=UTC)
