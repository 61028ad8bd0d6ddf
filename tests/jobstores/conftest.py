"""Databases for the tests of this folder."""

import pytest
from sqlalchemy import make_url

from tests.jobstores.stores import fresh_prefix, opened


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """A URL and a prefix, on each kind of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url"), "scheduler_"
        return
    url = request.getfixturevalue("postgresql_url")
    with fresh_prefix(url) as prefix:
        yield url, prefix


@pytest.fixture
def postgresql(postgresql_url):
    """A URL and a prefix on PostgreSQL."""
    with fresh_prefix(postgresql_url) as prefix:
        yield postgresql_url, prefix


@pytest.fixture
def pair(postgresql):
    """Two stores on the same tables."""
    url, prefix = postgresql
    named = make_url(url).update_query_dict({"application_name": prefix})
    stores = [opened(named, prefix=prefix, timeout=20) for _ in range(2)]
    yield stores
    for store in stores:
        store.close()
