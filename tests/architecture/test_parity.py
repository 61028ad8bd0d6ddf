"""AsyncScheduler and its handles have what Scheduler and its handles have: the same names, arguments and meaning."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from scheduler import AsyncJobHandle, AsyncRunHandle, AsyncScheduler, JobHandle, RunHandle, Scheduler

PAIRS = [(Scheduler, AsyncScheduler), (JobHandle, AsyncJobHandle), (RunHandle, AsyncRunHandle)]

PLAIN = {"add_listener", "remove_listener", "scheduled_job", "of", "evolved", "moved"}
"""Calls that never wait: of no store, no executor and no run."""


def calls(kind: type) -> set[str]:
    """Return what users may call or ask for."""
    fields = set(getattr(kind, "__dataclass_fields__", ()))
    return {name for name in dir(kind) if not name.startswith("_")} - fields


def is_coroutine_function(kind: type, name: str) -> bool:
    return inspect.iscoroutinefunction(getattr(kind, name))


def arguments(call: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    parameters = list(inspect.signature(call).parameters.values())
    return [(each.name, each.kind, each.default) for each in parameters if each.name != "self"]


@pytest.mark.parametrize(("blocking", "awaited"), PAIRS, ids=lambda kind: kind.__name__)
def test_each_side_has_what_the_other_has(blocking: type, awaited: type) -> None:
    assert calls(blocking) == calls(awaited)


@pytest.mark.parametrize(
    ("blocking", "awaited", "name"),
    [(*pair, name) for pair in PAIRS for name in sorted(calls(pair[0]) & calls(pair[1]))],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_call_is_a_coroutine_function_of_the_same_arguments(blocking: type, awaited: type, name: str) -> None:
    one, other = inspect.getattr_static(blocking, name), inspect.getattr_static(awaited, name)
    if isinstance(one, property):
        assert isinstance(other, property)
        return
    assert is_coroutine_function(awaited, name) == (name not in PLAIN)
    assert arguments(getattr(blocking, name)) == arguments(getattr(awaited, name))
    assert inspect.getdoc(getattr(awaited, name))


def test_the_constructors_take_the_same_arguments() -> None:
    assert arguments(Scheduler) == arguments(AsyncScheduler)


@pytest.mark.parametrize(("block", "awaited"), [("__enter__", "__aenter__"), ("__exit__", "__aexit__")])
def test_both_are_context_managers(block: str, awaited: str) -> None:
    assert callable(getattr(Scheduler, block))
    assert is_coroutine_function(AsyncScheduler, awaited)
    assert not hasattr(AsyncScheduler, block)


def test_both_run_handles_can_be_awaited() -> None:
    assert hasattr(RunHandle, "__await__")
    assert hasattr(AsyncRunHandle, "__await__")
