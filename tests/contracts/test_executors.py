"""The executor contract on every executor."""

import asyncio
import threading

import pytest

from scheduler.executors import AsyncIOExecutor, InlineExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from scheduler.testing.executor_contract import ExecutorContract

PATIENCE = 60.0


class TestInline(ExecutorContract):
    workers = 0

    def make_executor(self):
        return InlineExecutor()


class TestThreads(ExecutorContract):
    workers = 3

    def make_executor(self):
        return ThreadPoolExecutor(3)


class TestOneThread(ExecutorContract):
    workers = 1

    def make_executor(self):
        return ThreadPoolExecutor(max_workers=1)


class TestCoroutines(ExecutorContract):
    workers = 3
    plain_functions = False
    ends_calls = True

    def make_executor(self):
        return AsyncIOExecutor(3)


class TestCoroutinesBesideThreads(ExecutorContract):
    workers = 2
    plain_functions = False
    ends_calls = True

    def make_executor(self):
        return ThreadPoolExecutor(2, max_coroutines=2)


class RunningLoop:
    """An event loop that somebody else runs, in a thread."""

    def __init__(self, loop):
        self.loop = loop
        self._thread = threading.Thread(target=loop.run_forever)
        self._thread.start()

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.loop.close()


class OnAGivenLoop(ExecutorContract):
    workers = 2
    plain_functions = False
    ends_calls = True

    def setup_method(self):
        self.running = RunningLoop(self.new_loop())
        super().setup_method()

    def teardown_method(self):
        super().teardown_method()
        self.running.end()

    def make_executor(self):
        return AsyncIOExecutor(2, loop=self.running.loop)


class TestCoroutinesOnAGivenLoop(OnAGivenLoop):
    new_loop = staticmethod(asyncio.new_event_loop)


class TestCoroutinesOnAnUvloop(OnAGivenLoop):
    def new_loop(self):
        return pytest.importorskip("uvloop").new_event_loop()


class TestProcesses(ExecutorContract):
    workers = 2
    same_process = False
    ends_calls = True

    def make_executor(self):
        return ProcessPoolExecutor(2)
