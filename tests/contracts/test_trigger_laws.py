"""The laws of triggers let no trigger pass that breaks one of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.testing import TriggerLaws
from scheduler.triggers import IntervalTrigger, OrTrigger
from tests.contracts import wrong_triggers as wrong
from tests.contracts.wrong_triggers import Anchored, Hourly

START = datetime(2024, 1, 1, tzinfo=UTC)

LAWS = [name for name in vars(TriggerLaws) if name.startswith("test_")]

ENDED = {"hours": 1, "start_date": START, "end_date": START + timedelta(hours=9)}

BROKEN = [
    ("each_sample_fires_within_the_window", [Hourly(), wrong.Never()], "does not fire from 2024-01-01"),
    (
        "next_is_later_and_in_utc",
        [wrong.Naive()],
        r"next\(20.*\) of Naive.* gave .*; it must give a later datetime in UTC",
    ),
    ("next_is_later_and_in_utc", [wrong.Elsewhere()], "must give a later datetime in UTC"),
    ("next_is_later_and_in_utc", [wrong.Timestamps()], "must give a later datetime in UTC"),
    ("next_is_later_and_in_utc", [wrong.Standing()], "must give a later datetime in UTC"),
    ("next_never_goes_back_as_time_goes_on", [wrong.Mirrored()], "but from the later .* it is"),
    ("next_never_goes_back_as_time_goes_on", [wrong.WallClock()], "2024-10-27 .* but from the later 2024-10-27"),
    ("next_leaves_out_no_fire_time", [wrong.Sliding()], "but from .*, between them"),
    ("next_gives_the_same_whenever_it_is_asked", [wrong.Counting()], "the first time and .* the second"),
    ("next_gives_the_same_for_an_instant_in_any_zone", [wrong.ByTheDateGiven()], "for the same instant written"),
    ("next_does_not_depend_on_the_zone_of_the_process", [wrong.LocalMidnight()], "in a process with TZ=America"),
    ("far_years_raise_nothing", [wrong.Rounding()], "asked at 9998.*, raises ValueError"),
    ("previous_is_the_last_fire_time_before", [wrong.PreviousIsItself()], "which is not before"),
    ("previous_is_the_last_fire_time_before", [wrong.PreviousLeavesOut()], "but it fires again at"),
    ("previous_is_the_last_fire_time_before", [wrong.PreviousIsNoFire()], "which is no fire time"),
    ("previous_is_the_last_fire_time_before", [wrong.PreviousIsNaive()], "which is not in UTC"),
    ("previous_is_the_last_fire_time_before", [wrong.NoPrevious()], "is None, but it fires at"),
    (
        "first_is_the_instant_itself_or_later_or_a_date_that_has_passed",
        [wrong.FirstIsNext()],
        "but the first fire time that is not before is",
    ),
    (
        "first_is_the_instant_itself_or_later_or_a_date_that_has_passed",
        [wrong.FirstIsBefore()],
        "but the first fire time that is not before is",
    ),
    (
        "first_is_the_instant_itself_or_later_or_a_date_that_has_passed",
        [wrong.FirstIsNoFire(**ENDED)],
        "which is no fire time",
    ),
    ("fire_times_are_those_that_next_gives", [wrong.WithoutTheEnd()], r"fire_times\(2024.* is \[\]"),
    ("fire_times_are_those_that_next_gives", [wrong.TooMany()], "limit=24"),
    ("a_span_counts_what_walking_by_next_finds", [wrong.Miscounting()], r"walking by next gives \("),
    ("a_span_counts_what_walking_by_next_finds", [wrong.BoundlessSpan()], "more than it was allowed to walk"),
    (
        "a_span_counts_what_walking_by_next_finds",
        [wrong.FastInName()],
        "needed no steps, and yet",
    ),
    ("what_is_stored_comes_back_equal_and_fires_alike", [wrong.Forgetful(7)], "read again, is not equal"),
    ("what_is_stored_comes_back_equal_and_fires_alike", [wrong.Unequal()], "read again, is not equal"),
    ("copies_and_pickles_are_equal_and_fire_alike", [wrong.Pickled(7)], "pickled, is not equal"),
    ("equal_triggers_fire_alike", [wrong.LooselyEqual(), wrong.LooselyEqual(7)], "compared with another sample, fires"),
    ("a_trigger_cannot_be_changed", [wrong.Changeable()], "its offset can be set; make it a frozen dataclass"),
    ("a_trigger_cannot_be_changed", [wrong.Plain()], "its a_new_attribute can be set"),
    ("the_definition_stays_when_the_trigger_is_added", [wrong.AnchoredAnew()], "counts anew"),
    ("the_definition_stays_when_the_trigger_is_added", [wrong.AnchoredForEver()], "would not keep its timing"),
]


def suite(triggers, **options):
    return type("TestThem", (TriggerLaws,), {"triggers": triggers, **options})()


def check(law, triggers, **options):
    laws = suite(triggers, **options)
    laws.setup_method()
    getattr(laws, f"test_{law}")()


@pytest.mark.parametrize(("law", "triggers", "message"), BROKEN)
def test_a_trigger_that_breaks_a_law_is_caught_and_named(law, triggers, message):
    with pytest.raises(AssertionError, match=message) as error:
        check(law, triggers)
    assert type(triggers[-1]).__name__ in str(error.value)


def test_every_law_is_broken_by_one_of_these_triggers():
    assert {f"test_{law}" for law, _, _ in BROKEN} == set(LAWS)


class TestGoodOnes(TriggerLaws):
    """The very triggers that the wrong ones differ from keep all laws."""

    triggers = (Hourly(), Hourly(59), Anchored(), IntervalTrigger(**ENDED))


class TestAShortWindow(TriggerLaws):
    triggers = (Hourly(30),)
    start = datetime(2030, 6, 1, 12, tzinfo=UTC)
    end = datetime(2030, 6, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"triggers": []}, r"TestThem\.triggers must list samples"),
        ({"triggers": [Hourly]}, r"TestThem\.triggers must hold triggers, not <class"),
        ({"triggers": [Hourly()], "start": datetime(2024, 1, 1)}, "start: .* is not an aware datetime"),
        ({"triggers": [Hourly()], "end": datetime(2024, 1, 1)}, "end: .* is not an aware datetime"),
        ({"triggers": [Hourly()], "end": START}, r"TestThem\.end must be later than its start"),
    ],
)
def test_a_suite_that_would_test_nothing_says_so(options, message):
    with pytest.raises((AssertionError, ValueError), match=message):
        suite(**options).setup_method()


def test_a_suite_without_samples_says_so():
    with pytest.raises(AssertionError, match=r"TriggerLaws\.triggers must list samples"):
        TriggerLaws().setup_method()


STORED = "what_is_stored_comes_back_equal_and_fires_alike"


def test_a_class_inside_another_trigger_has_to_be_registered_and_the_failure_says_where():
    inside = OrTrigger([Hourly(7), IntervalTrigger(**ENDED)])
    with pytest.raises(AssertionError, match=r"OrTrigger\(\[Hourly.* cannot be stored: .*TestThem\.registered"):
        check(STORED, [inside])
    check(STORED, [inside], registered={"hourly": Hourly})


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Berlin", "America/New_York"])
def test_far_years_leave_room_for_plain_arithmetic_with_wall_times(zone):
    check("far_years_raise_nothing", [wrong.EachMorning(ZoneInfo(zone)), OrTrigger([wrong.EachJune(ZoneInfo(zone))])])


def test_names_are_checked_as_those_of_a_scheduler():
    with pytest.raises(ValueError, match="the name 'cron' is taken by CronTrigger"):
        check(STORED, [Hourly()], registered={"cron": Hourly})
