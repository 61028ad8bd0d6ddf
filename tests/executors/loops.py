"""Executors that were started, event loops that run, and what coroutines wait for."""

import asyncio
import threading

from scheduler.clock import SystemClock
from scheduler.executors import Call
from scheduler.testing.executor_base import Reports

PATIENCE = 60.0


class Started:
    """A started executor, and what it reports."""

    def __init__(self, executor):
        self.executor = executor
        self.reports = Reports()
        executor.start(self.reports.done, SystemClock())

    def submit(self, func, *args, run_id="run"):
        self.executor.submit([Call(run_id, func, args)])

    def outcome(self, func, *args):
        """Make a call and return how it ended."""
        before = len(self.reports.outcomes)
        self.submit(func, *args)
        self.reports.wait_for(before + 1)
        return self.reports.outcomes[before]


class Running:
    """An event loop that runs in a thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stop(self):
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)


class Gate:
    """What coroutines wait for, and any thread opens."""

    def __init__(self):
        self._begun = threading.Semaphore(0)
        self._waiting = []

    async def wait(self):
        waiting = asyncio.Event()
        self._waiting.append((asyncio.get_running_loop(), waiting))
        self._begun.release()
        await waiting.wait()

    def began(self, count=1):
        for _ in range(count):
            assert self._begun.acquire(timeout=PATIENCE)

    def open(self):
        for loop, waiting in self._waiting:
            loop.call_soon_threadsafe(waiting.set)


async def nothing():
    await asyncio.sleep(0)
