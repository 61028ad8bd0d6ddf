"""The contract of job stores as tests: run it on a store of your own to see whether schedulers can rely on it."""

from __future__ import annotations

from scheduler.testing.jobstore_calls import CallTests, ProgressTests
from scheduler.testing.jobstore_finish import FinishTests
from scheduler.testing.jobstore_history import FollowTests, HistoryTests
from scheduler.testing.jobstore_jobs import JobTests
from scheduler.testing.jobstore_nodes import LifeTests, NodeTests
from scheduler.testing.jobstore_runs import RunTests
from scheduler.testing.jobstore_turns import ClaimTests, RecordTests

__all__ = ["JobStoreContract"]


class JobStoreContract(
    LifeTests,
    JobTests,
    RunTests,
    ClaimTests,
    RecordTests,
    FinishTests,
    ProgressTests,
    CallTests,
    FollowTests,
    HistoryTests,
    NodeTests,
):
    """Every sentence of `scheduler.jobstores.base`, as tests for pytest.

    A subclass says how to make an empty store; the suite opens it on a `FakeClock` and closes it again:

        import pytest
        from scheduler.testing import JobStoreContract

        class TestMyJobStore(JobStoreContract):
            def make_store(self):
                return MyJobStore("…")

            def drop_store(self, store):        # optional: called after each test, with the closed store
                store.delete_everything()

    A test that fails names the sentence that does not hold. Call `pytest.register_assert_rewrite("scheduler.testing")`
    in your conftest.py, before the import, to see the values as well.
    """
