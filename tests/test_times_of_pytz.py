"""Times and zones as pytz, dateutil and people give them, which say something else than what is meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import pytz

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, to_instant, to_utc, to_zone
from scheduler.triggers import DateTrigger

BERLIN, NEW_YORK = pytz.timezone("Europe/Berlin"), pytz.timezone("America/New_York")


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        (datetime(2024, 7, 1, 12, tzinfo=BERLIN), datetime(2024, 7, 1, 10, tzinfo=UTC)),
        (datetime(2024, 1, 1, 12, tzinfo=BERLIN), datetime(2024, 1, 1, 11, tzinfo=UTC)),
        (datetime(2024, 7, 1, 12, tzinfo=NEW_YORK), datetime(2024, 7, 1, 16, tzinfo=UTC)),
        (datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1), datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        (BERLIN.localize(datetime(2024, 7, 1, 12)), datetime(2024, 7, 1, 10, tzinfo=UTC)),
        (BERLIN.localize(datetime(2024, 10, 27, 2, 30), is_dst=True), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        (BERLIN.localize(datetime(2024, 10, 27, 2, 30), is_dst=False), datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        (datetime(2024, 7, 1, 12, tzinfo=pytz.utc), datetime(2024, 7, 1, 12, tzinfo=UTC)),
        (datetime(2024, 7, 1, 12, tzinfo=pytz.FixedOffset(330)), datetime(2024, 7, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_zone_of_pytz_that_was_not_localized_is_read_as_the_zone_of_its_name(
    value: datetime, instant: datetime
) -> None:
    assert to_utc(value, UTC) == instant
    assert to_instant("run_date", value, None) == instant
    assert in_utc("after", value) == instant
    assert DateTrigger(value, timezone="UTC").next(instant - timedelta(days=1)) == instant


def test_a_localized_time_of_long_ago_keeps_its_local_mean_time() -> None:
    value = BERLIN.localize(datetime(1880, 1, 1, 12))
    assert value.tzname() == "LMT"
    assert to_utc(value, UTC) == value.astimezone(UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("UTC+1", r"^timezone: 'UTC\+1' is not an offset from UTC; write '\+01:00'$"),
        ("utc-10:3", r"is not an offset from UTC; pass a name such as"),
        ("+5", r"; write '\+05:00'$"),
        ("-9:30", r"; write '-09:30'$"),
        ("GMT+2", r"'GMT\+2' is not a known time zone; write '\+02:00'$"),
        ("+25:00", "; pass a name such as"),
    ],
)
def test_an_offset_in_another_form_is_refused_with_the_form_to_write(value: str, words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        to_zone(value)


def test_a_zone_that_has_a_path_for_a_name_has_none() -> None:
    tz = pytest.importorskip("dateutil.tz")
    with pytz.open_resource("Europe/Berlin") as file:
        zone = tz.tzfile(file, filename="/etc/localtime")  # what tz.gettz() gives without the variable TZ
    words = r"tzfile\('/etc/localtime'\) has no name by which it could be stored; pass a name such as 'Europe/Berlin'"
    with pytest.raises(InvalidTriggerError, match=words):
        to_zone(zone)


def test_no_hint_leads_to_the_zone_of_whatever_machine_reads_it() -> None:
    with pytest.raises(InvalidTriggerError) as error:
        to_zone("/etc/localtime")
    assert "did you mean 'localtime'" not in str(error.value)
