"""Databases of their own for programs, what these write beside them, and a client."""

import itertools
import os

import pytest
from sqlalchemy import create_engine

from scheduler import Scheduler

_numbers = itertools.count()


@pytest.fixture
def schema_url(postgresql_url):
    """The URL of a schema of its own in the test database."""
    schema = f"system_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    url = engine.url.update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger"


@pytest.fixture
def client(url):
    """One that drives nothing, on the same database."""
    scheduler = Scheduler(url, timezone="UTC", poll_interval=0.1)
    yield scheduler
    scheduler.close()
