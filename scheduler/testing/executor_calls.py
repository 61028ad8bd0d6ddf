"""What the contract of executors has called: functions at the top level of a module, so that other processes find them.

They speak to the test through files in a folder, which works from threads, event loops and processes alike.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from scheduler.core.retry import Retry
from scheduler.executors.current import current_run

PATIENCE = 60.0
"""Seconds after which a test gives up waiting; no test waits so long when the contract holds."""

TICK = 0.002
"""Seconds between looks at a folder."""

GATE = "gate"
"""The file whose presence lets calls end."""

_SEEN: ContextVar[str] = ContextVar("seen", default="nothing")


class UnshowableError(Exception):
    """An error whose message cannot be had."""

    def __str__(self) -> str:
        raise SystemExit("not even its message")


class Unlookable:
    """An object that raises when it is looked at."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("this object stands for another one that is not there")


class AsyncCallable:
    """An object whose call gives a coroutine."""

    async def __call__(self) -> str:
        return "awaited"


def last(folder: str, name: str) -> str:
    """Say that it has begun, and last until the gate opens, whatever it is told."""
    Path(folder, name).touch()
    for _ in range(int(PATIENCE / TICK)):
        if Path(folder, GATE).exists():
            break
        time.sleep(TICK)
    return name


def until_told(folder: str, name: str) -> str:
    """Say that it has begun, and last until it is told to end."""
    Path(folder, name).touch()
    return "told" if current_run().cancelled.wait(PATIENCE) else "not told"


async def last_awaited(folder: str, name: str) -> str:
    """`last` as a coroutine function."""
    Path(folder, name).touch()
    for _ in range(int(PATIENCE / TICK)):
        if Path(folder, GATE).exists():
            break
        await asyncio.sleep(TICK)
    return name


async def until_told_awaited(folder: str, name: str) -> str:
    """`until_told` as a coroutine function, which is cancelled where it waits."""
    Path(folder, name).touch()
    await asyncio.sleep(PATIENCE)
    return "not told"


async def coroutine(text: str = "awaited") -> str:
    """Wait for the event loop once."""
    await asyncio.sleep(0)
    return text


async def coroutine_that_raises() -> NoReturn:
    await asyncio.sleep(0)
    raise_(ValueError("awaited"))


def raise_(error: BaseException) -> NoReturn:
    raise error


def ask_again() -> NoReturn:
    raise Retry("not yet", countdown=5, max_retries=7)


def see_and_set(value: str) -> str:
    """Return what is seen of a context variable, and set it."""
    seen = _SEEN.get()
    _SEEN.set(value)
    return seen


def set_seen(value: str) -> None:
    """Set that context variable for what the caller does later."""
    _SEEN.set(value)


def see_run() -> tuple[str, str, datetime, str | None, int, bool]:
    """Return what a function sees of its run."""
    run = current_run()
    return run.run_id, run.job_id, run.scheduled_time, run.cause, run.attempt, bool(run.cancelled)


async def see_run_awaited() -> tuple[str, str, datetime, str | None, int, bool]:
    """`see_run` in a task that a coroutine has started."""
    return await asyncio.create_task(asyncio.to_thread(see_run))


def say_progress() -> None:
    """Say how far it is, from its own thread and from another."""
    run = current_run()
    run.progress(1, 3)
    helper = threading.Thread(target=run.update_state, args=("HALFWAY", {"note": "naïve"}))
    helper.start()
    helper.join()
    run.progress(3, 3, stage="last")


def make_lock() -> Any:
    """Return what cannot be pickled."""
    return threading.Lock()


_AWAITED: dict[Callable[..., Any], Callable[..., Any]] = {
    last: last_awaited,
    until_told: until_told_awaited,
    see_run: see_run_awaited,
}


def as_coroutine_function(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return a coroutine function that does what `func` does."""
    return _AWAITED.get(func) or functools.partial(_call, func)


async def _call(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return func(*args, **kwargs)
