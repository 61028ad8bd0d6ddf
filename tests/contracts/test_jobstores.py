"""The job store contract on every back end."""

import tempfile
from pathlib import Path

from scheduler.jobstores import MemoryJobStore, SQLAlchemyJobStore
from scheduler.testing.jobstore_contract import JobStoreContract


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
