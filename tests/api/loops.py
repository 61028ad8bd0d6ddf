"""What tests of AsyncScheduler share: schedulers on an event loop, a store that waits, turns of the loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

from scheduler import AsyncScheduler
from scheduler.jobstores import MemoryJobStore

SOON = 20.0
"""Seconds after which a test gives up on what should happen at once."""

SETTINGS = {"timezone": "UTC", "poll_interval": 0.05}


@asynccontextmanager
async def started(*args, **options):
    """Give a scheduler that runs, and shut it down if the test has not."""
    scheduler = AsyncScheduler(*args, **{**SETTINGS, **options})
    await scheduler.start()
    try:
        yield scheduler
    finally:
        if scheduler.running:
            await scheduler.shutdown(timeout=1)


async def turns(number: int) -> None:
    """Let the event loop make turns; a loop that is held up makes none."""
    for _ in range(number):
        await asyncio.sleep(0)


def check_threads_end() -> None:
    """See that no thread of a scheduler stays."""
    for thread in threading.enumerate():
        if thread.name.startswith("scheduler-"):
            thread.join(SOON)
            assert not thread.is_alive()


async def until(event: threading.Event) -> None:
    """Wait for an event of a thread."""
    assert await asyncio.to_thread(event.wait, SOON)


class Gate:
    """Where threads wait while it is shut."""

    def __init__(self):
        self.reached = threading.Event()
        self._open = threading.Event()
        self._open.set()

    def shut(self):
        self.reached.clear()
        self._open.clear()

    def open(self):
        self._open.set()

    def go_through(self):
        if not self._open.is_set():
            self.reached.set()
            assert self._open.wait(SOON)


class SlowStore(MemoryJobStore):
    """A store that answers when the test lets it."""

    def __init__(self):
        super().__init__()
        self.gate = Gate()

    def __getattribute__(self, name):
        if name in CALLS:
            self.gate.go_through()
        return super().__getattribute__(name)


CALLS = frozenset(
    {"open", "close", "turn", "write_jobs", "get_job", "get_jobs", "remove_job", "get_run", "get_runs", "executors"}
)
"""What the calls of users ask of a store."""
