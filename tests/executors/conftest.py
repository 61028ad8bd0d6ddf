"""Executors and event loops, which are ended after each test."""

import os

import pytest

from scheduler.executors import AsyncIOExecutor
from tests.executors.loops import PATIENCE, Running, Started
from tests.executors.process_pools import Pool


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


@pytest.fixture
def make_process_pool():
    pools = []

    def make(*args, **settings):
        pools.append(Pool(*args, **settings))
        return pools[-1]

    yield make
    for pool in pools:
        pool.executor.stop(0)
        assert pool.workers() == []


@pytest.fixture
def pipe(tmp_path):
    """A named pipe: to read it waits until something is written."""
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")
