"""Cron fires when independent programs say it does, around turns of the clock; where not, for a reason that is listed.

A sample of the turns in all zones; `python -m tests.oracles cron --all` tries every one of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from scheduler.triggers import CronTrigger
from tests.oracles import cron, keywords, runs
from tests.oracles.__main__ import table
from tests.oracles.differences import Case, judge
from tests.oracles.tally import Tally
from tests.oracles.zones import Turn, all_turns, groups, turns_of, zone_names

ORACLES = pytest.mark.parametrize("oracle", [cron, keywords], ids=["cronsim", "apscheduler"])


@ORACLES
def test_fire_times_around_turns_of_the_clock_are_those_of_the_peer_or_differ_for_a_reason(oracle: ModuleType) -> None:
    report = runs.over_a_sample(oracle.compare, 20)
    assert report.tally.unexplained == []
    assert report.tally.fires > 1000
    assert sum(report.tally.differences.values()) < report.tally.fires / 20


@pytest.mark.parametrize(
    ("oracle", "expression", "zone", "after", "reason"),
    [
        (cron, "0 30 2 * * *", "Europe/Berlin", "2024-03-31 00:00", "a line with seconds"),
        (cron, "30 2 * * *", "Europe/Berlin", "2024-10-27 01:15+00:00", "asked within the second round"),
        (cron, "30 */2 * * *", "Asia/Bishkek", "2004-10-31 01:00", "a search without end"),
        (cron, "*/15 0 * * 0", "America/Havana", "2024-03-09 12:00", "a day without its midnight"),
        (cron, "*/30 * 30 12 *", "Pacific/Apia", "2011-12-29 12:00", "a day without its midnight"),
        (cron, "30 * * * 5", "Antarctica/Casey", "2010-03-04 23:00+08:00", "a day that begins twice"),
        (cron, "*/15 * 4 * *", "Antarctica/Casey", "2010-03-05 01:30+11:00", "a day that begins twice"),
        (cron, "0 */6 * * *", "Australia/Lord_Howe", "2024-10-06 00:00", "a turn at, or by, a fraction of an hour"),
        (cron, "5-5/2 * * * *", "UTC", "2024-01-01 00:00", "a range of one value with a step"),
        (keywords, "hour=2 minute=30", "Europe/Berlin", "2024-03-31 00:00", "a time that is skipped"),
        (keywords, "minute=* hour=2", "Europe/Berlin", "2024-03-31 00:00", "a time that is skipped"),
        (keywords, "hour=2 minute=30", "Europe/Berlin", "2024-10-27 02:30", "a fixed time that comes twice"),
        (keywords, "hour=0", "Europe/Berlin", "2024-03-31 00:00", "a turn on the way"),
        (keywords, "month=*", "Africa/Casablanca", "2024-04-01 00:00", "a turn on the way"),
        (keywords, "minute=* hour=1", "Antarctica/Troll", "2024-10-27 02:59", "a turn on the way"),
    ],
)
def test_each_reason_explains_what_it_says(
    oracle: ModuleType, expression: str, zone: str, after: str, reason: str
) -> None:
    moment = datetime.fromisoformat(after)
    start = moment.replace(tzinfo=moment.tzinfo or ZoneInfo(zone)).astimezone(UTC)
    tally = Tally()
    oracle.search(expression, ZoneInfo(zone), start, tally)
    assert (dict(tally.differences), tally.unexplained) == ({reason: 1}, [])


@pytest.fixture
def case() -> Case:
    """A true difference: cronsim is past, we are right."""
    turns = tuple(turns_of("Europe/Berlin", 2024, 2024))
    agreed, ours = datetime(2024, 10, 27, 1, 15, tzinfo=UTC), datetime(2024, 10, 28, 1, 30, tzinfo=UTC)
    theirs = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    return Case("30 2 * * *", cron.Line("30 2 * * *"), ZoneInfo("Europe/Berlin"), turns, agreed, ours, theirs)


def judged(case: Case) -> list[str]:
    tally = Tally()
    judge(case, cron.DIFFERENCES, tally)
    return tally.unexplained


def test_a_wrong_fire_time_is_an_error_whatever_explains_the_difference(case: Case) -> None:
    assert judged(case) == []
    assert case.ours is not None
    for wrong in (case.ours - timedelta(days=1), case.ours + timedelta(days=1), case.ours + timedelta(seconds=1), None):
        (message,) = judged(replace(case, ours=wrong))
        assert "by looking at each minute it is" in message


def test_a_difference_without_a_reason_is_an_error(case: Case) -> None:
    (message,) = judged(replace(case, theirs=datetime(2024, 10, 28, 3, 30, tzinfo=case.zone)))
    assert message.startswith(
        "'30 2 * * *' in Europe/Berlin after 2024-10-27 02:15:00+01:00: 2024-10-28 02:30:00+01:00;"
    )
    assert message.endswith("there is no reason for this")


def test_an_expression_that_only_one_of_the_two_takes_is_an_error() -> None:
    tally = Tally()
    cron.search("0 0 15W * *", ZoneInfo("UTC"), datetime(2024, 1, 1, tzinfo=UTC), tally)
    assert tally.unexplained == ["'0 0 15W * *' is refused by one of the two"]


def test_zones_with_the_same_clocks_are_one_group_and_their_turns_are_found_to_the_second() -> None:
    berlin, utc = groups(["Europe/Berlin", "Arctic/Longyearbyen", "UTC", "Etc/Zulu"])
    assert (berlin.names, utc.names) == (("Arctic/Longyearbyen", "Europe/Berlin"), ("Etc/Zulu", "UTC"))
    assert (len(berlin.turns), utc.turns) == (76, ())
    hour = timedelta(hours=1)
    assert berlin.turns[0] == Turn("Arctic/Longyearbyen", datetime(2000, 3, 26, 1, tzinfo=UTC), hour, 2 * hour)
    assert len(all_turns("Europe/Berlin")) == 2 * (2091 - 1980)


def test_the_table_of_a_run_has_every_reason() -> None:
    report = runs.Report(zones=2, groups=1, turns=76, seconds=59.6)
    report.tally.differences["one reason"] += 1234
    lines = table(report, ["one reason", "another"]).splitlines()
    assert [line.split()[-1] for line in lines] == ["2", "1", "76", "0", "0", "60", "1,234", "0", "0"]
    assert len({len(line) for line in lines}) == 1


def test_every_zone_of_this_machine_can_be_named_and_has_its_daily_fires() -> None:
    start = datetime(2024, 6, 30, tzinfo=UTC)
    for name in zone_names():
        fires = CronTrigger.from_crontab("0 12 * * *", timezone=name).fire_times(start, limit=3)
        shown = [fire.astimezone(ZoneInfo(name)).replace(tzinfo=None) for fire in fires]
        assert [wall.hour for wall in shown] == [12, 12, 12], name
        assert shown[2] - shown[0] == timedelta(days=2), name
