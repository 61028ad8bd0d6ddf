"""Runs, their attempts and their progress as values: what a callback is called with, and columns of a run's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from scheduler.core.run import Attempt, Progress, Run, RunState
from scheduler.wording import show

_FIELDS: Final = {field.name: field.default for field in fields(Run) if field.name != "result"}
"""All but what may be anything, even something that does not let itself be compared."""

_ATTEMPT: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (int,),
    "started_at": (datetime, type(None)),
    "finished_at": (datetime,),
    "node": (str, type(None)),
    "error": (str, type(None)),
    "reason": (str, type(None)),
}
_PROGRESS: Final[Mapping[str, tuple[type, ...]]] = {"state": (str,), "meta": (dict,), "updated_at": (datetime,)}


def run_parts(run: Run) -> dict[str, Any]:
    """Return what makes up a run but its result: its fields by name, where they are not what they are by default."""
    parts = {name: getattr(run, name) for name in _FIELDS}
    parts = {name: part for name, part in parts.items() if part != _FIELDS[name]}
    parts["state"] = run.state.value
    if run.attempts:
        parts["attempts"] = list(run.attempts)
    return parts


def attempt_parts(attempt: Attempt) -> dict[str, Any]:
    """Return what makes up an attempt."""
    return {name: getattr(attempt, name) for name in _ATTEMPT if getattr(attempt, name) is not None}


def progress_parts(progress: Progress) -> dict[str, Any]:
    """Return what makes up progress."""
    return {"state": progress.state, "meta": dict(progress.meta), "updated_at": progress.updated_at}


def _read_run(state: str, attempts: list[Attempt] | None = None, **parts: Any) -> Run:
    return Run(state=RunState(state), attempts=tuple(attempts or ()), **parts)


def _read_attempt(**parts: Any) -> Attempt:
    attempt = Attempt(**{"started_at": None, "node": None, "error": None, **parts})
    _check(attempt, _ATTEMPT)
    return attempt


def _read_progress(**parts: Any) -> Progress:
    progress = Progress(**parts)
    _check(progress, _PROGRESS)
    return progress


def _check(value: Attempt | Progress, kinds: Mapping[str, tuple[type, ...]]) -> None:
    """Raise TypeError where a hand has put something else into a field."""
    for name, allowed in kinds.items():
        if not isinstance(getattr(value, name), allowed):
            raise TypeError(f"{name} cannot be {show(getattr(value, name))}")


READ: Final[Mapping[str, Callable[..., Any]]] = {
    "Run": _read_run,
    "Attempt": _read_attempt,
    "Progress": _read_progress,
}
"""By tag, the function that builds a value from its parts."""
