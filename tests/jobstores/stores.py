"""Stores on databases for the tests of this folder."""

import itertools
import os
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from scheduler.jobstores import SQLAlchemyJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import START

_numbers = itertools.count()


def opened(*arguments, **options):
    """Return an open store on a clock that stands still."""
    store = SQLAlchemyJobStore(*arguments, **options)
    store.open(FakeClock(START))
    return store


@contextmanager
def fresh_prefix(url):
    """Give a prefix that nobody else uses in this database, and drop its tables in the end."""
    prefix = f"test{os.getpid()}_{next(_numbers)}_"
    engine = create_engine(url)
    try:
        yield prefix
    finally:
        with engine.begin() as connection:
            for name in ("jobs", "runs", "nodes", "meta"):
                connection.execute(text(f"DROP TABLE IF EXISTS {prefix}{name}"))
        engine.dispose()


def blocked(pool, store, call):
    """Run `call` in a thread, and return its future as soon as it waits for a lock."""
    future = pool.submit(call)
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = :name")
    with create_engine(store._engine.url, poolclass=NullPool).connect() as connection:
        while not connection.execute(waits, {"name": name_of(store)}).scalar():
            connection.rollback()
            assert not future.done(), "it did not wait"
    return future


def before(turn, name, call):
    """Have something happen before a turn makes a statement."""
    query = turn._query

    def query_after_call(statement, *parameters):
        if statement == getattr(turn._statements, name):
            call()
        return query(statement, *parameters)

    turn._query = query_after_call


def name_of(store):
    """Return by which name the server knows the connections of the stores of this test."""
    return store._engine.url.query["application_name"]
