"""The crontab form of cron."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger

WEDNESDAY = datetime(2024, 5, 1, tzinfo=UTC)


def days(expression: str, count: int) -> list[str]:
    trigger = CronTrigger.from_crontab(expression, timezone="UTC")
    found, fire = [], trigger.next(WEDNESDAY - timedelta(seconds=1))
    while fire is not None and len(found) < count:
        found.append(f"{fire:%a %m-%d %H:%M}")
        fire = trigger.next(fire)
    return found


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("* * * * *", ["Wed 05-01 00:00", "Wed 05-01 00:01"]),
        ("0 9 * * *", ["Wed 05-01 09:00", "Thu 05-02 09:00"]),
        ("  0\t9 *  * * ", ["Wed 05-01 09:00"]),
        ("*/20,5 * * * *", ["Wed 05-01 00:00", "Wed 05-01 00:05", "Wed 05-01 00:20"]),
        ("10/20 * * * *", ["Wed 05-01 00:10", "Wed 05-01 00:30", "Wed 05-01 00:50"]),
        ("10-30/10 0 * * *", ["Wed 05-01 00:10", "Wed 05-01 00:20", "Wed 05-01 00:30", "Thu 05-02 00:10"]),
        ("*/60 * * * *", ["Wed 05-01 00:00", "Wed 05-01 01:00"]),
        ("0 */24 * * *", ["Wed 05-01 00:00", "Thu 05-02 00:00"]),
        ("0 0 * * 0", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * 7", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * 1", ["Mon 05-06 00:00"]),
        ("0 0 * * SUN", ["Sun 05-05 00:00"]),
        ("0 0 * * mon-Fri", ["Wed 05-01 00:00", "Thu 05-02 00:00", "Fri 05-03 00:00", "Mon 05-06 00:00"]),
        ("0 0 * * sat-sun", ["Sat 05-04 00:00", "Sun 05-05 00:00", "Sat 05-11 00:00"]),
        ("0 0 * * 5-7", ["Fri 05-03 00:00", "Sat 05-04 00:00", "Sun 05-05 00:00", "Fri 05-10 00:00"]),
        ("0 0 * * 0-1", ["Sun 05-05 00:00", "Mon 05-06 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * */2", ["Thu 05-02 00:00", "Sat 05-04 00:00", "Sun 05-05 00:00", "Tue 05-07 00:00"]),
        ("0 0 1 JAN,jul *", ["Mon 07-01 00:00", "Wed 01-01 00:00"]),
        ("0 0 29 2 *", ["Tue 02-29 00:00", "Sun 02-29 00:00"]),
    ],
)
def test_fields_mean_what_they_mean_in_cron(expression: str, first: list[str]) -> None:
    assert days(expression, len(first)) == first


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("0 0 13 * 5", ["Fri 05-03 00:00", "Fri 05-10 00:00", "Mon 05-13 00:00", "Fri 05-17 00:00"]),
        ("0 0 1-31 * 5", ["Wed 05-01 00:00", "Thu 05-02 00:00"]),
        ("0 0 30 2 5", ["Fri 02-07 00:00", "Fri 02-14 00:00"]),
        ("0 0 * * 5", ["Fri 05-03 00:00", "Fri 05-10 00:00"]),
        ("0 0 13 * *", ["Mon 05-13 00:00", "Thu 06-13 00:00"]),
        ("0 0 */2 * 5", ["Fri 05-03 00:00", "Fri 05-17 00:00"]),
        ("0 0 13 * */5", ["Fri 09-13 00:00", "Sun 10-13 00:00"]),
    ],
)
def test_both_day_fields_are_joined_by_or_unless_one_begins_with_a_star(expression: str, first: list[str]) -> None:
    assert days(expression, len(first)) == first


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "crontab: '' has 0 fields; five are needed"),
        ("0 9 * *", "has 4 fields"),
        ("0 0 9 * * *", "has 6 fields"),
        ("@fortnightly", "macros such as @daily are not known"),
        ("60 * * * *", "minute: '60' is out of range; allowed are 0-59"),
        ("* 24 * * *", "hour: '24'"),
        ("* * 0 * *", "day of month: '0'"),
        ("* * * 13 *", "month: '13' is out of range; allowed are 1-12 or jan-dec"),
        ("* * * * 8", "day of week: '8' is out of range; allowed are 0-7 or sun-sat"),
        ("* * * * mom", "day of week: 'mom'"),
        ("* * mon * *", "day of month: 'mon'"),
        ("5-1 * * * *", "minute: the range '5-1' ends before it begins"),
        ("* * * * fri-mon", "day of week: the range 'fri-mon'"),
        ("*/0 * * * *", r"minute: the step of '\*/0'"),
        ("*-5 * * * *", r"minute: '\*-5'"),
        ("1,,2 * * * *", "minute: ''"),
        ("-1 * * * *", "minute: '-1'"),
        ("1.5 * * * *", "minute: '1.5'"),
        ("0 0 30 2 *", "no date ever matches crontab='0 0 30 2"),
        ("0 0 31 4,6,9,11 *", "no date ever matches"),
        (None, "crontab: None is not a text"),
        (5, "crontab: 5 is not a text"),
    ],
)
def test_wrong_fields_are_refused_by_name_value_and_what_is_allowed(expression: str, words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        CronTrigger.from_crontab(expression, timezone="UTC")


def test_the_form_survives_storing() -> None:
    trigger = CronTrigger.from_crontab("0 9 * * 1-5", "Europe/Berlin", start_date="2024-05-01", end_date="2024-06-01")
    stored = trigger.to_json()
    assert stored == {
        "crontab": "0 9 * * 1-5",
        "timezone": "Europe/Berlin",
        "start_date": "2024-04-30T22:00:00+00:00",
        "end_date": "2024-05-31T22:00:00+00:00",
    }
    assert CronTrigger.from_json(stored).to_json() == stored
    assert repr(CronTrigger.from_crontab("0 9 * * *", "UTC")) == "CronTrigger.from_crontab('0 9 * * *', timezone='UTC')"
    assert str(trigger) == "cron[crontab='0 9 * * 1-5']"


pieces = st.sampled_from(["*", "/", "-", ",", " ", " ", "0", "5", "31", "60", "fri", "SUN", "jan", "L", "#", "@daily"])


@given(st.lists(pieces, max_size=16).map("".join) | st.text())
def test_any_text_is_a_trigger_or_an_error(expression: str) -> None:
    try:
        trigger = CronTrigger.from_crontab(expression, timezone="Europe/Berlin")
    except InvalidTriggerError:
        return
    assert CronTrigger.from_json(trigger.to_json()) == trigger
    fire = trigger.next(WEDNESDAY)
    assert fire is not None
    assert fire > WEDNESDAY


@pytest.mark.parametrize("macro", ["@daily", "@reboot", " @Hourly "])
def test_a_macro_is_refused_with_the_fields_to_write_instead(macro: str) -> None:
    with pytest.raises(InvalidTriggerError, match=r"macros such as @daily are not known yet; write five fields"):
        CronTrigger.from_crontab(macro, timezone="UTC")
