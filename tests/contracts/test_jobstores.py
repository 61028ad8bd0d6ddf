"""The job store contract on every back end."""

import itertools
import os
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.testing.jobstore_contract import JobStoreContract

_numbers = itertools.count()


class TestMemoryJobStore(JobStoreContract):
    def make_store(self):
        return MemoryJobStore()


class TestSQLiteFile(JobStoreContract):
    def make_store(self):
        self.directory = tempfile.TemporaryDirectory()
        return SQLAlchemyJobStore(f"sqlite:///{Path(self.directory.name) / 'jobs.db'}")

    def drop_store(self, store):
        self.directory.cleanup()


class TestSQLiteInMemory(JobStoreContract):
    def make_store(self):
        return SQLAlchemyJobStore("sqlite://")


class TestPostgreSQL(JobStoreContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def server(cls, postgresql_url):
        cls.url = postgresql_url
        cls.engine = create_engine(postgresql_url)
        yield
        cls.engine.dispose()

    def make_store(self):
        self.prefix = f"test{os.getpid()}_{next(_numbers)}_"
        return SQLAlchemyJobStore(self.url, prefix=self.prefix)

    def drop_store(self, store):
        tables = ", ".join(f"{self.prefix}{name}" for name in ("jobs", "runs", "nodes", "meta"))
        with self.engine.begin() as connection:
            connection.execute(text(f"DROP TABLE {tables}"))
