"""Executors: the contract and its implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scheduler.executors.base import Call, Executor
from scheduler.executors.inline import InlineExecutor
from scheduler.executors.threads import ThreadPoolExecutor

if TYPE_CHECKING:
    from scheduler.executors.event_loop import AsyncIOExecutor
    from scheduler.executors.processes import ProcessPoolExecutor

__all__ = ["AsyncIOExecutor", "Call", "Executor", "InlineExecutor", "ProcessPoolExecutor", "ThreadPoolExecutor"]


def __getattr__(name: str) -> Any:
    """Import what needs asyncio or multiprocessing only when it is asked for."""
    if name == "AsyncIOExecutor":
        from scheduler.executors.event_loop import AsyncIOExecutor

        return AsyncIOExecutor
    if name == "ProcessPoolExecutor":
        from scheduler.executors.processes import ProcessPoolExecutor

        return ProcessPoolExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
