"""The crontab form of cron."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import InvalidTriggerError
from scheduler.triggers import CronTrigger

WEDNESDAY = datetime(2024, 5, 1, tzinfo=UTC)


def days(expression: str, count: int) -> list[str]:
    trigger = CronTrigger.from_crontab(expression, timezone="UTC")
    return [f"{fire:%a %m-%d %H:%M}" for fire in trigger.fire_times(WEDNESDAY, limit=count)]


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
        ("*/" + "9" * 190 + " * * * *", ["Wed 05-01 00:00", "Wed 05-01 01:00"]),
        ("0 */24 * * *", ["Wed 05-01 00:00", "Thu 05-02 00:00"]),
        ("0 0 * * 0", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * 7", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * 1", ["Mon 05-06 00:00"]),
        ("0 0 * * SUN", ["Sun 05-05 00:00"]),
        ("0 0 * * mon-Fri", ["Wed 05-01 00:00", "Thu 05-02 00:00", "Fri 05-03 00:00", "Mon 05-06 00:00"]),
        ("0 0 * * sat-sun", ["Sat 05-04 00:00", "Sun 05-05 00:00", "Sat 05-11 00:00"]),
        ("0 0 * * mon-sun/6", ["Sun 05-05 00:00", "Mon 05-06 00:00"]),
        ("0 0 * * Sun-SUN", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * sun-sun/2", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * 0-sun", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * 7-sun", ["Sun 05-05 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * sun-7", ["Wed 05-01 00:00", "Thu 05-02 00:00", "Fri 05-03 00:00"]),
        ("0 0 * * 5-7", ["Fri 05-03 00:00", "Sat 05-04 00:00", "Sun 05-05 00:00", "Fri 05-10 00:00"]),
        ("0 0 * * 0-1", ["Sun 05-05 00:00", "Mon 05-06 00:00", "Sun 05-12 00:00"]),
        ("0 0 * * */2", ["Thu 05-02 00:00", "Sat 05-04 00:00", "Sun 05-05 00:00", "Tue 05-07 00:00"]),
        ("0 0 1 JAN,jul *", ["Mon 07-01 00:00", "Wed 01-01 00:00"]),
        ("0 0 29 2 *", ["Tue 02-29 00:00", "Sun 02-29 00:00"]),
        ("0 0 L * *", ["Fri 05-31 00:00", "Sun 06-30 00:00", "Wed 07-31 00:00"]),
        ("0 0 l 2 *", ["Fri 02-28 00:00"]),
        ("0 0 LW * *", ["Fri 05-31 00:00", "Fri 06-28 00:00", "Wed 07-31 00:00"]),
        ("0 0 15W * *", ["Wed 05-15 00:00", "Fri 06-14 00:00", "Mon 07-15 00:00"]),
        ("0 0 1w * *", ["Wed 05-01 00:00", "Mon 06-03 00:00", "Mon 07-01 00:00"]),
        ("0 0 30W * *", ["Thu 05-30 00:00", "Fri 06-28 00:00", "Tue 07-30 00:00"]),
        ("0 0 31W * *", ["Fri 05-31 00:00", "Wed 07-31 00:00", "Fri 08-30 00:00"]),
        ("0 0 15W,L,3-4 5-6 *", ["Fri 05-03 00:00", "Sat 05-04 00:00", "Wed 05-15 00:00", "Fri 05-31 00:00"]),
        ("0 0 * * 5#2", ["Fri 05-10 00:00", "Fri 06-14 00:00"]),
        ("0 0 * * fri#2", ["Fri 05-10 00:00", "Fri 06-14 00:00"]),
        ("0 0 * * wed#5", ["Wed 05-29 00:00", "Wed 07-31 00:00"]),
        ("0 0 * * 0#1", ["Sun 05-05 00:00", "Sun 06-02 00:00"]),
        ("0 0 * * 7#1", ["Sun 05-05 00:00", "Sun 06-02 00:00"]),
        ("0 0 * * 5L", ["Fri 05-31 00:00", "Fri 06-28 00:00"]),
        ("0 0 * * FriL", ["Fri 05-31 00:00", "Fri 06-28 00:00"]),
        ("0 0 * * 7l", ["Sun 05-26 00:00", "Sun 06-30 00:00"]),
        ("0 0 * * 1#1,5L", ["Mon 05-06 00:00", "Fri 05-31 00:00", "Mon 06-03 00:00"]),
        ("0 0 * * sat-sun,fri#1", ["Fri 05-03 00:00", "Sat 05-04 00:00", "Sun 05-05 00:00", "Sat 05-11 00:00"]),
        ("0 0 * 2 1#5", ["Mon 02-29 00:00"]),
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
        ("0 0 L * 5", ["Fri 05-03 00:00", "Fri 05-10 00:00"]),
        ("0 0 L * */5", ["Fri 05-31 00:00", "Sun 06-30 00:00"]),
        ("0 0 1W * 5L", ["Wed 05-01 00:00", "Fri 05-31 00:00", "Mon 06-03 00:00"]),
        ("0 0 */2 * 5#1", ["Fri 05-03 00:00", "Fri 06-07 00:00"]),
        ("0 0 L,*/10 * 5", ["Wed 05-01 00:00", "Fri 05-03 00:00"]),
        ("0 0 */10,L * 5", ["Fri 05-31 00:00", "Fri 06-21 00:00"]),
        ("30 0 0 13 * 5", ["Fri 05-03 00:00", "Fri 05-10 00:00", "Mon 05-13 00:00"]),
    ],
)
def test_both_day_fields_are_joined_by_or_unless_one_begins_with_a_star(expression: str, first: list[str]) -> None:
    assert days(expression, len(first)) == first


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "crontab: '' has 0 fields; five are needed: minute, hour, .* or six, with seconds before them$"),
        ("0 9 * *", "crontab: '0 9 [*] [*]' has 4 fields"),
        ("0 0 9 * * 1 2030", "has 7 fields.* start_date and end_date.* in Quartz 1 is Sunday, here 0 and 7 are"),
        ("0 0 9 * * 1 2030 8", "has 8 fields"),
        ("0 0 9 ? * 2-6", "crontab: '0 0 9 [?] .*': '[?]' is not known to cron, write '[*]'; in Quartz 1 is Sunday"),
        ("0 9 ? * mon", "'[?]' is not known"),
        ("0 0 9 ? * 2-6 *", "'[?]' is not known"),
        ("@fortnightly", "'@fortnightly' is not known; macros are @yearly, @annually, @monthly, @weekly, @daily, "),
        ("@daily @daily", "'@daily @daily': after the times comes '@daily'; leave that out"),
        ("@daily root backup", "after the times comes 'root backup'; leave that out, as what to run is the job's func"),
        ("0 9 * * 1 root cmd", "'0 9 [*] [*] 1 root cmd': after the times comes 'root cmd'; leave that out"),
        ("0 9 * * 1 /usr/bin/x", "after the times comes '/usr/bin/x'"),
        ("0 9 * * 1 curl http://x?y", "after the times comes 'curl http://x[?]y'"),
        ("0 9 * * 1 # nightly", "it ends with a comment; leave out the '#' and what follows$"),
        ("@daily #nightly", "it ends with a comment"),
        ("# 0 9 * * 1", "the whole line is a comment; leave out its '#'$"),
        ("CRON_TZ=UTC 0 9 * * 1", "'CRON_TZ=UTC' sets a variable, which is no part of a line; pass timezone='UTC' be"),
        ("TZ=Asia/Tokyo @daily", "pass timezone='Asia/Tokyo' beside it"),
        ("MAILTO=root", "'MAILTO=root' sets a variable, which is no part of a line; leave it out$"),
        ("0 0 9 * * monday", "day of week: 'monday' is not understood"),
        ("0 0 9 * * mom", "day of week: 'mom' is not understood"),
        ("0 0 9 * * friL 2030", "has 7 fields.* start_date and end_date"),
        ("0 0 @daily * *", "day of month: '@daily'"),
        ("@", "'@' is not known; macros are"),
        ("@Reboot", "'@Reboot' is not known; macros are .*; to run a job when your program starts, add it without"),
        ("@every 5m", "'@every 5m' is not known; macros are .*; for every so often, use IntervalTrigger"),
        ("60 * * * * *", "second: '60' is out of range; allowed are 0-59"),
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
        ("٣ * * * *", "minute: '٣' is not understood"),
        ("* * * * ſun", "day of week: 'ſun' is not understood"),
        ("* * * * frİ", "day of week: 'frİ'"),
        ("* * 15Ｗ * *", "day of month: '15Ｗ'"),
        ("* * ² * *", "day of month: '²'"),
        ("0\0 * * * *", r"minute: '0\\x00'"),
        ("9" * 190 + " * * * *", "minute: '999.*' is out of range"),
        ("* * * * 1#" + "9" * 190, "day of week: '1#999.* a month has up to five"),
        ("," * 200 + " * * * *", "minute: '' is not understood"),
        ("* * * * JUN", "day of week: 'JUN' is not understood"),
        ("* * 0W * *", "day of month: '0' is out of range; allowed are 1-31, L, LW, 15W"),
        ("* * 32W * *", "day of month: '32' is out of range"),
        ("* * W * *", "day of month: 'W' is not understood; allowed are 1-31, L, LW, 15W"),
        ("* * WL * *", "day of month: 'WL'"),
        ("* * 5L * *", "day of month: '5L'"),
        ("* * L/2 * *", "day of month: 'L/2' is not understood: L, LW, 15W take neither range nor step"),
        ("* * 1-L * *", "day of month: '1-L' is not understood: L, LW, 15W take neither range nor step"),
        ("* * L-3 * *", "day of month: 'L-3'"),
        ("* * 1-5W * *", "day of month: '1-5W' .* neither range nor step"),
        ("* * 5W/2 * *", "day of month: '5W/2' .* neither range nor step"),
        ("* * *L * *", r"day of month: '\*L'"),
        ("* * mon#1 * *", "day of month: 'mon#1'"),
        ("* * * L *", "month: 'L'"),
        ("L * * * *", "minute: 'L'"),
        ("* * * * L", "day of week: 'L' is not understood; allowed are 0-7 or sun-sat, 5#2, 5L, "),
        ("* * * * 1W", "day of week: '1W'"),
        ("* * * * 8L", "day of week: '8' is out of range"),
        ("* * * * momL", "day of week: 'mom' is not understood"),
        ("* * * * 5L/2", "day of week: '5L/2' is not understood: 5#2, 5L take neither range nor step"),
        ("* * * * mon-friL", "day of week: 'mon-friL' .* neither range nor step"),
        ("* * * * 1-5#2", "day of week: '1-5#2' .* neither range nor step"),
        ("* * * * 1#0", "day of week: '1#0': a month has up to five of each weekday; allowed are #1 to #5"),
        ("0 0 * * 1#6", "day of week: '1#6'"),
        ("* * * * 8#1", "day of week: '8' is out of range"),
        ("* * * * #1", "day of week: '#1'"),
        ("* * * * 1#", "day of week: '1#'"),
        ("* * * * 1#-1", "day of week: '1#-1'"),
        ("* * * * 1#1#1", "day of week: '1#1#1'"),
        ("0 0 30 2 *", "no date ever matches crontab='0 0 30 2"),
        ("0 0 30W 2 *", "no date ever matches"),
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
    assert repr(CronTrigger.from_crontab("0 9 * * *", "UTC")) == "CronTrigger(crontab='0 9 * * *', timezone='UTC')"


def test_the_constructor_takes_a_line_instead_of_fields() -> None:
    given = {"timezone": "Europe/Berlin", "start_date": "2024-05-01", "end_date": "2024-06-01", "jitter": 5}
    trigger = CronTrigger(crontab=" 0 9 * * 1-5", **given)  # type: ignore[arg-type]
    made = CronTrigger.from_crontab("0 9 * * 1-5", **given)  # type: ignore[arg-type]
    assert (trigger, trigger.to_json(), str(trigger)) == (made, made.to_json(), "0 9 * * 1-5")
    with pytest.raises(TypeError):
        CronTrigger(*[None] * 12, "0 9 * * *")  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"crontab": "0 9 * * *", "hour": 9}, "^cron: crontab='0 9 .*' has all fields, so hour= cannot stand beside"),
        ({"crontab": "", "second": 0}, "second= cannot stand beside it; pass one or the other"),
        ({"crontab": ""}, "^crontab: '' has 0 fields"),
        ({"crontab": ["0 9 * * *"]}, r"^crontab: \['0 9 .*'\] is not a text of five fields"),
        ({"crontab": None}, "no field is given"),
    ],
)
def test_a_line_beside_fields_and_what_is_no_line_are_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidTriggerError, match=words):
        CronTrigger(timezone="UTC", **arguments)  # type: ignore[arg-type]


MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@pytest.mark.parametrize("written", [str.lower, str.upper, str.title, " {}\n".format])
@pytest.mark.parametrize(("macro", "fields"), MACROS.items())
def test_a_macro_stands_for_five_fields(macro: str, fields: str, written: Callable[[str], str]) -> None:
    assert CronTrigger.from_crontab(written(macro), "UTC") == CronTrigger.from_crontab(fields, "UTC")


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("* * * * * *", ["00:00:00", "00:00:01", "00:00:02"]),
        ("*/25 * * * * *", ["00:00:00", "00:00:25", "00:00:50", "00:01:00"]),
        ("5,10-12/2 0 9 * * *", ["09:00:05", "09:00:10", "09:00:12", "09:00:05"]),
        ("0 0 9 * * *", ["09:00:00", "09:00:00"]),
        ("0 9 * * *", ["09:00:00", "09:00:00"]),
        ("59 59 23 * * 0", ["23:59:59", "23:59:59"]),
    ],
)
def test_of_six_fields_the_first_is_the_second(expression: str, first: list[str]) -> None:
    trigger = CronTrigger.from_crontab(expression, timezone="UTC")
    assert [f"{fire:%H:%M:%S}" for fire in trigger.fire_times(WEDNESDAY, limit=len(first))] == first


@pytest.mark.parametrize(
    ("expression", "elapsed"),
    [
        ("30 2 * * *", False),
        ("0 30 2 * * *", False),
        ("* 30 2 * * *", False),
        ("*/10 30 2 * * *", False),
        ("0 */30 2 * * *", True),
        ("0 30 * * * *", True),
        ("5 * 2 * * *", True),
        ("@daily", False),
        ("@hourly", True),
    ],
)
def test_the_second_does_not_tell_whether_a_line_follows_wall_time(expression: str, elapsed: bool) -> None:
    """The clock in Berlin goes from 02:00 to 03:00 on 31 March: wall time fires at the end, elapsed time does not."""
    trigger = CronTrigger.from_crontab(expression, timezone="Europe/Berlin")
    assert trigger.schedule.elapsed == elapsed
    gap = datetime(2024, 3, 31, 1, tzinfo=UTC)
    if " 2 " in expression:
        fires = trigger.fire_times(gap, gap + timedelta(minutes=1))
        assert fires == ([] if elapsed else [gap])


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("0 9 * * 1-5", "0 9 * * 1-5"),
        ("  0\t09 *  *\n MON-fri ", "0 09 * * MON-fri"),
        ("*/10 0 0 15W,L * *", "*/10 0 0 15W,L * *"),
        ("0 0 * * Fri#2,5l", "0 0 * * Fri#2,5l"),
        (" @Daily ", "@Daily"),
    ],
)
def test_the_text_of_a_trigger_is_its_line(written: str, text: str) -> None:
    trigger = CronTrigger.from_crontab(written, timezone="Europe/Berlin")
    assert str(trigger) == text
    assert CronTrigger.from_crontab(str(trigger), trigger.timezone) == trigger


PIECES = "* / - , # ? 0 1 5 7 09 31 60 999999999999999999999 fri SUN jan L W LW 15W 5L 1#2 friL @daily @ ٣ ſ ² K \0 \n"
pieces = st.sampled_from([*PIECES.split(" "), " "])
fields = st.lists(pieces, min_size=1, max_size=3).map("".join)
lines = (
    st.lists(fields, min_size=5, max_size=6).map(" ".join)
    | st.lists(pieces, max_size=60).map("".join)
    | st.text(max_size=200)
)


@settings(max_examples=300)
@given(lines)
def test_any_text_is_a_trigger_or_an_error(expression: str) -> None:
    try:
        trigger = CronTrigger.from_crontab(expression, timezone="Europe/Berlin")
    except InvalidTriggerError as error:
        names = ("second", "minute", "hour", "day of month", "month", "day of week", "crontab", "cron")
        assert str(error).partition(":")[0] in names  # noqa: PT017
        return
    assert CronTrigger.from_json(trigger.to_json()) == trigger
    assert CronTrigger.from_crontab(str(trigger), trigger.timezone) == trigger
    fire = trigger.next(WEDNESDAY)
    assert fire is not None
    assert fire > WEDNESDAY
