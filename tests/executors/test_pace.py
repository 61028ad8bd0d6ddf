"""How many calls may wait is measured in time, not in number."""

from itertools import pairwise

import pytest

from scheduler.executors.pace import FIRST, FRESH, HORIZON, MOST, Pace


def measured(rates, start=100.0):
    """Return a pace that has seen a probe at each rate, in calls per second, and its count and time after them."""
    pace, finished, now = Pace(), 0, start
    for rate in rates:
        pace.submitted("probe", finished, now)
        finished, now = finished + 100, now + 100 / rate
        pace.ended(finished, now)
    return pace, finished, now


def test_nothing_is_held_ahead_before_anything_is_known():
    assert Pace().ahead(0, 0.0) == 0


def test_quick_calls_are_held_ahead_step_by_step_up_to_the_most():
    grown = []
    for probes in range(1, 10):
        pace, finished, now = measured([1e6] * probes)
        grown.append(pace.ahead(finished, now))
    assert grown[0] == FIRST
    assert grown == sorted(grown)
    assert all(later <= 2 * earlier for earlier, later in pairwise(grown))
    assert grown[-1] == MOST


@pytest.mark.parametrize(("rate", "ahead"), [(1000, 50), (100, 5), (25, 1), (10, 0), (0.1, 0)])
def test_what_waits_begins_within_the_horizon(rate, ahead):
    pace, finished, now = measured([rate] * 12) if rate > 20 else measured([rate])
    assert pace.ahead(finished, now) == ahead == int(rate * HORIZON)


def test_a_slower_measurement_is_believed_at_once():
    pace, finished, now = measured([1e6] * 10 + [40])
    assert pace.ahead(finished, now) == 2


def test_a_call_that_lasts_shows_before_it_ends():
    pace, finished, now = measured([1e6] * 10)
    pace.submitted("long", finished, now)
    assert pace.ahead(finished, now + HORIZON) == MOST
    assert pace.ahead(finished, now + 1) == 0
    assert pace.ahead(finished + 100, now + 1) == 100 * HORIZON, "others were quick meanwhile"


def test_an_old_measurement_says_nothing():
    pace, finished, now = measured([1e6] * 10)
    assert pace.ahead(finished, now + FRESH) == MOST
    assert pace.ahead(finished, now + FRESH + 1) == 0


def test_one_call_is_measured_at_a_time():
    pace = Pace()
    pace.submitted("first", 0, 0.0)
    pace.submitted("second", 0, 1.0)
    assert pace.probe == "first"


def test_a_dropped_probe_makes_place_for_the_next():
    pace = Pace()
    pace.submitted("first", 0, 0.0)
    pace.dropped("another")
    assert pace.probe == "first"
    pace.dropped("first")
    assert pace.probe is None


def test_a_clock_that_stands_still_is_no_error():
    pace = Pace()
    pace.submitted("probe", 0, 0.0)
    pace.ended(1, 0.0)
    assert pace.ahead(1, 0.0) == FIRST
