"""What all executors share: an attempt, its outcome as text, and the checks."""

import contextlib
import functools
import gc
import logging
import weakref

import pytest

from scheduler import InvalidJobError, Scheduler
from scheduler.core.settle import Ending, Outcome
from scheduler.errors import InvalidSettingError
from scheduler.executors import AsyncIOExecutor, InlineExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from scheduler.executors.base import (
    LONGEST,
    Call,
    checked_size,
    deliver,
    is_coroutine_function,
    is_generator_function,
    raised,
)
from scheduler.executors.current import attempt


async def coroutine():
    raise AssertionError("never awaited")


class AsyncCallable:
    async def __call__(self):
        pass


@pytest.mark.parametrize(
    ("func", "expected"),
    [
        (coroutine, True),
        (AsyncCallable(), True),
        (functools.partial(coroutine), True),
        (functools.partial(functools.partial(coroutine)), True),
        (functools.partial(AsyncCallable()), True),
        (print, False),
        (AsyncCallable, False),
        (functools.partial(print), False),
    ],
)
def test_coroutine_functions_are_told_apart(func, expected):
    assert is_coroutine_function(func) is expected


def generator():
    yield


async def async_generator():
    yield


class GeneratorCallable:
    def __call__(self):
        yield


@pytest.mark.parametrize(
    ("func", "expected"),
    [
        (generator, True),
        (async_generator, True),
        (functools.partial(functools.partial(generator)), True),
        (functools.partial(async_generator), True),
        (GeneratorCallable(), True),
        (GeneratorCallable().__call__, True),
        (functools.partial(GeneratorCallable()), True),
        (GeneratorCallable, False),
        (lambda: generator(), False),
        (contextlib.contextmanager(generator), False),
        (coroutine, False),
        (print, False),
    ],
)
def test_generator_functions_are_told_apart(func, expected):
    assert is_generator_function(func) is expected


@pytest.mark.parametrize(
    "make", [InlineExecutor, ThreadPoolExecutor, AsyncIOExecutor, ProcessPoolExecutor], ids=lambda make: make.__name__
)
@pytest.mark.parametrize("func", [generator, async_generator, functools.partial(generator)])
def test_a_generator_function_is_refused_with_a_remedy(make, func):
    with pytest.raises(InvalidJobError, match=r"is a generator function: .* use a function that iterates"):
        make().check(func, {})


@pytest.mark.parametrize("ways", [Scheduler.add_job, Scheduler.submit], ids=lambda way: way.__name__)
def test_a_generator_function_is_refused_when_it_is_handed_over(ways):
    with pytest.raises(InvalidJobError, match="is a generator function"):
        ways(Scheduler(timezone="UTC"), generator)


def test_causes_and_groups_are_in_the_traceback():
    def fail():
        try:
            raise OSError("the cause")
        except OSError as cause:
            raise ExceptionGroup("several", [ValueError("one of them")]) from cause

    outcome = attempt(Call("run", fail))
    assert "OSError: the cause" in outcome.traceback
    assert "ValueError: one of them" in outcome.traceback
    assert outcome.error == "ExceptionGroup: several (1 sub-exception)"


def test_an_outcome_keeps_nothing_of_the_failed_call_alive():
    class Big:
        pass

    def fail():
        big = Big()
        left.append(weakref.ref(big))
        raise ValueError(big)

    left = []
    outcome = attempt(Call("run", fail))
    gc.collect()
    assert outcome.ending is Ending.RAISED
    assert left[0]() is None


def test_a_message_of_any_length_is_kept_in_part():
    outcome = attempt(Call("run", lambda: fail_with("a" * LONGEST + "b" * LONGEST)))
    for text in (outcome.error, outcome.traceback):
        assert "a" * 1000 in text
        assert text.rstrip().endswith("b" * 1000)
        assert "characters left out …]" in text
        assert len(text) < LONGEST + 100


def fail_with(message):
    raise ValueError(message)


def test_an_endless_recursion_is_reported_in_bounds():
    def deeper():
        deeper()

    outcome = attempt(Call("run", deeper))
    assert outcome.error.startswith("RecursionError")
    assert len(outcome.traceback) <= LONGEST + 100


def test_an_outcome_that_nobody_takes_is_logged(caplog):
    def refuse(outcome):
        raise SystemExit("no")

    with caplog.at_level(logging.ERROR, logger="scheduler.executors"):
        deliver(refuse, Outcome("run-7", Ending.RETURNED))
    assert "the outcome of run run-7 could not be reported" in caplog.text
    assert "SystemExit: no" in caplog.text


def test_error_types_are_those_that_retry_policies_know():
    assert {"OSError", "builtins.OSError", "FileNotFoundError"} <= set(raised("r", FileNotFoundError()).error_types)


@pytest.mark.parametrize("make", [InlineExecutor, ThreadPoolExecutor], ids=["inline", "threads"])
@pytest.mark.parametrize("size", [0, -1, 10_001, True, False, 2.0, "3", None], ids=repr)
def test_a_wrong_size_is_refused_with_what_is_allowed(make, size):
    with pytest.raises(InvalidSettingError, match=r"must be a whole number from 1 to 10000, not") as caught:
        make(size)
    assert isinstance(caught.value, ValueError)
    assert repr(size) in str(caught.value)


@pytest.mark.parametrize("size", [1, 10_000])
def test_sizes_at_the_bounds_are_taken(size):
    assert checked_size(size, "room") == size
