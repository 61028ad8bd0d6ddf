"""The worlds of the flow tests: each test runs on every kind of database."""

import itertools
import os

import pytest
from sqlalchemy import create_engine, text

from tests.flow import functions
from tests.flow.world import database_world, memory_world

_numbers = itertools.count()


@pytest.fixture
def calls():
    """What the functions of tests/flow/functions.py were called with."""
    functions.CALLS.clear()
    return functions.CALLS


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def world(request, tmp_path):
    """A new database with a clock, on which schedulers can be started."""
    if request.param == "postgresql":
        yield from _on_postgresql(request.getfixturevalue("postgresql_url"))
        return
    world = memory_world() if request.param == "memory" else database_world(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield world
    world.close()


def _on_postgresql(url):
    prefix = f"flow{os.getpid()}_{next(_numbers)}_"
    world = database_world(url, prefix=prefix)
    yield world
    world.close()
    tables = ", ".join(f"{prefix}{name}" for name in ("jobs", "runs", "nodes", "meta"))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE IF EXISTS {tables}"))
    engine.dispose()
