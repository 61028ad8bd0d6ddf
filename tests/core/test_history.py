"""History: its bounds, its bad values, and what it does to long messages."""

from datetime import timedelta

import pytest

from scheduler import History, InvalidSettingError, Scheduler
from scheduler.core.settle import Ending, Outcome


def test_the_defaults_are_a_month_and_a_thousand_runs_of_each_job():
    history = History()
    assert (history.age, history.keep_runs) == (timedelta(days=30), 1_000)
    assert (history.max_result, history.max_traceback) == (1_000_000, 20_000)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(60, 60.0), (0.5, 0.5), (timedelta(days=2), 172_800.0), (timedelta(days=36_600), 36_600 * 86_400.0), (None, None)],
)
def test_keep_for_is_kept_as_seconds(given, seconds):
    history = History(keep_for=given)
    assert history.keep_for == seconds
    assert history.age == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep_for": 0},
        {"keep_for": -1},
        {"keep_for": timedelta(0)},
        {"keep_for": timedelta(days=36_601)},
        {"keep_for": float("inf")},
        {"keep_for": float("nan")},
        {"keep_for": True},
        {"keep_for": "30 days"},
        {"keep_runs": -1},
        {"keep_runs": 1.5},
        {"keep_runs": True},
        {"keep_runs": 2**31},
        {"max_result": 0},
        {"max_result": None},
        {"max_traceback": 99},
        {"max_traceback": "long"},
    ],
    ids=str,
)
def test_values_that_cannot_be_are_refused_by_name(wrong):
    [name] = wrong
    with pytest.raises(InvalidSettingError, match=f"^history: {name} must be"):
        History(**wrong)


@pytest.mark.parametrize("wrong", [None, 30, {"keep_for": 30}, History], ids=repr)
def test_a_scheduler_takes_nothing_else_for_a_history(wrong):
    with pytest.raises(InvalidSettingError, match="history must be a History, such as"):
        Scheduler(history=wrong)


def outcome(**fields):
    return Outcome("a", Ending.RAISED, **fields)


def test_long_messages_and_tracebacks_keep_their_beginning_and_their_end():
    bounded = History(max_traceback=100).bounded(
        outcome(error="e" * 100, traceback="a" * 100 + "b" * 12_345 + "c" * 50)
    )
    assert bounded.error == "e" * 100
    assert bounded.traceback == f"{'a' * 50}\n[… 12,395 characters left out …]\n{'c' * 50}"


def test_the_mark_counts_what_an_earlier_cut_left_out():
    long = History(max_traceback=10_000).bounded(outcome(error="x" * 1_000_000))
    short = History(max_traceback=100).bounded(long)
    assert "\n[… 999,900 characters left out …]\n" in short.error


@pytest.mark.parametrize("mark", ["[… , characters left out …]", f"[… {'9' * 5_000} characters left out …]"], ids=len)
def test_what_looks_like_a_mark_does_no_harm(mark):
    bounded = History(max_traceback=100).bounded(outcome(error=f"{'a' * 100}\n{mark}\n{'b' * 100}"))
    assert bounded.error.startswith("a" * 50)
    assert bounded.error.endswith("b" * 50)


def test_an_outcome_without_words_is_not_touched():
    told = outcome(result="r" * 1_000)
    assert History(max_traceback=100).bounded(told) is told
