"""Executors and event loops, which are ended after each test."""

import pytest

from scheduler.executors import AsyncIOExecutor
from tests.executors.loops import PATIENCE, Running, Started


@pytest.fixture
def start():
    started = []

    def make(executor=None):
        started.append(Started(executor or AsyncIOExecutor()))
        return started[-1]

    yield make
    for one in started:
        assert one.executor.stop(PATIENCE)


@pytest.fixture
def running():
    running = Running()
    yield running
    running.stop()
    running.loop.close()
