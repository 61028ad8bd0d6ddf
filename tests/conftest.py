"""What all tests share."""

import os
import shutil

import pytest
from hypothesis import settings

from tests import servers

# The same examples at each run, and no limit on how long a busy machine takes for one: a failure means a defect.
settings.register_profile("default-run", derandomize=True, deadline=None)
settings.load_profile("default-run")

pytest.register_assert_rewrite("scheduler.testing")

# The folders of tests are in memory where there is room: SQLite waits for the disk at each commit, which is most of
# what many tests would do. They kill processes, but cut no power, so to them a disk is no different.
MEMORY, ROOM = "/dev/shm", 1_000_000_000
if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)


@pytest.fixture(scope="session")
def postgresql_url():
    """The URL of a PostgreSQL database in which tests may do as they like."""
    given = os.environ.get("SCHEDULER_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    try:
        with servers.postgresql() as url:
            yield url
    except servers.ServerUnavailableError as error:
        pytest.skip(f"no PostgreSQL: {error}")
