"""When a failed attempt is tried again."""

import pickle
from collections.abc import Collection
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import InvalidJobError, RetryPolicy
from scheduler.core.retry import MAX_DELAY, error_types


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        (RetryPolicy(), [0, 0, 0]),
        (RetryPolicy(delay=5), [5, 5, 5]),
        (RetryPolicy(delay=1, backoff=2), [1, 2, 4, 8, 16]),
        (RetryPolicy(delay=10, backoff=3, max_delay=60), [10, 30, 60, 60]),
        (RetryPolicy(delay=timedelta(minutes=1), max_delay=timedelta(hours=2), backoff=60), [60, 3600, 7200]),
    ],
)
def test_delays_grow_from_the_first_by_the_factor_up_to_the_longest(policy, delays):
    assert [policy.delay_after(attempt, "run").total_seconds() for attempt in range(1, len(delays) + 1)] == delays


def test_a_delay_does_not_overflow_after_any_number_of_attempts():
    policy = RetryPolicy(max_retries=10**6, delay=1, backoff=1000)
    assert policy.delay_after(10**6, "run") == timedelta(seconds=3600)


def test_a_slow_growth_goes_on_to_the_longest_delay():
    policy = RetryPolicy(max_retries=1000, delay=1, backoff=1.05)
    assert policy.delay_after(101, "run") == timedelta(seconds=1.05**100)
    assert policy.delay_after(500, "run") == timedelta(seconds=3600)


def test_a_delay_of_zero_stays_zero_however_it_grows():
    assert RetryPolicy(backoff=MAX_DELAY).delay_after(10**6, "run") == timedelta(0)


@given(attempt=st.integers(1, 1000), run=st.text(min_size=1), jitter=st.floats(0, 1e6))
def test_jitter_is_bounded_and_the_same_on_every_node(attempt, run, jitter):
    policy = RetryPolicy(delay=10, jitter=jitter)
    delay = policy.delay_after(attempt, run)
    assert timedelta(seconds=10) <= delay <= timedelta(seconds=10 + jitter)
    assert delay == RetryPolicy(delay=10, jitter=jitter).delay_after(attempt, run)


def test_jitter_differs_between_runs_and_attempts():
    policy = RetryPolicy(jitter=60)
    delays = {policy.delay_after(attempt, run) for attempt in range(1, 11) for run in ("a", "b", "c")}
    assert len(delays) == 30
    assert min(delays) < timedelta(seconds=15)
    assert max(delays) > timedelta(seconds=45)


class OwnError(ConnectionError):
    """A subclass of a built-in exception."""


@pytest.mark.parametrize(
    ("on", "error", "retried"),
    [
        (None, ValueError(), True),
        (None, KeyboardInterrupt(), True),
        ((OSError,), OwnError(), True),
        (OSError, OwnError(), True),
        ("OSError", OwnError(), True),
        ([ConnectionError, ValueError], ValueError(), True),
        (("builtins.ConnectionError",), OwnError(), True),
        (("OwnError",), OwnError(), True),
        ((OwnError,), OwnError(), True),
        ((OwnError,), ConnectionError(), False),
        (("OSError",), ValueError(), False),
        (("object",), ValueError(), False),
        ((), ValueError(), False),
    ],
)
def test_on_names_the_exceptions_to_retry_by_type_or_name_with_their_subclasses(on, error, retried):
    policy = RetryPolicy(on=on)
    assert policy.retries(1, error_types(error)) is retried
    assert policy.retries(1, None), "a lost attempt is always retried"


@pytest.mark.parametrize(("attempt", "retried"), [(1, True), (2, True), (3, False), (4, False)])
def test_as_many_attempts_follow_the_first_as_the_policy_says(attempt, retried):
    assert RetryPolicy(max_retries=2).retries(attempt, ("ValueError",)) is retried
    assert RetryPolicy(max_retries=2).retries(attempt, None) is retried


def test_a_policy_without_retries_makes_one_attempt():
    assert not RetryPolicy(max_retries=0).retries(1, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_retries", bad) for bad in (-1, 1.5, True, "3", None)]
    + [(name, bad) for name in ("delay", "max_delay", "jitter") for bad in (-1, "1", None, float("nan"), float("inf"))]
    + [("delay", MAX_DELAY * 2), ("delay", timedelta(seconds=-1)), ("backoff", 0.5), ("backoff", float("nan"))]
    + [("on", bad) for bad in (1, [1], (ValueError(),), (int,), [None])],
)
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(InvalidJobError, match=f"retry: {name} .*not "):
        RetryPolicy(**{name: value})


def test_policies_are_values():
    assert RetryPolicy(on=[ValueError], delay=1) == RetryPolicy(on=("builtins.ValueError",), delay=timedelta(seconds=1))
    assert len({RetryPolicy(), RetryPolicy(max_retries=3)}) == 1


def test_a_checker_of_types_accepts_what_the_policy_takes():
    hints = get_type_hints(RetryPolicy.__init__)
    error, text = type[BaseException], str
    assert hints["on"] == error | text | Collection[error | text] | None
    assert all(hints[name] == float | timedelta for name in ("delay", "max_delay", "jitter"))


def test_what_is_kept_of_a_policy_is_numbers_and_names_and_can_be_replaced_and_copied():
    policy = RetryPolicy(2, timedelta(minutes=1), on=OSError)
    assert (policy.delay, policy.on) == (60.0, ("builtins.OSError",))
    assert replace(policy, max_retries=5) == RetryPolicy(5, 60, on="builtins.OSError")
    assert pickle.loads(pickle.dumps(policy)) == copy(policy) == policy
    assert repr(policy).startswith("RetryPolicy(max_retries=2, delay=60.0, backoff=1.0, max_delay=3600.0")


@pytest.mark.parametrize("wrong", [-1, 1.5, True, 1_000_001, 10**400])
def test_retries_are_a_number_within_reason(wrong):
    with pytest.raises(InvalidJobError, match="max_retries must be a whole number from 0 to 1000000, not"):
        RetryPolicy(max_retries=wrong)
