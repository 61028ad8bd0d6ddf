"""Memory does not grow with the number of runs.

SCHEDULER_TEST_MEMORY_RUNS=100000 makes as many runs on SQLite as in memory, which takes about half a minute.
"""

import os
import subprocess
import sys

import pytest

from tests.system.processes import ROOT

RUNS = 100_000
RUNS_ON_SQLITE = int(os.environ.get("SCHEDULER_TEST_MEMORY_RUNS", "20000"))
LEEWAY = 2_000_000
"""Bytes by which a process may grow while the second half of the runs is made."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read in /proc")
@pytest.mark.parametrize(("store", "runs"), [("memory", RUNS), ("sqlite", RUNS_ON_SQLITE)])
def test_resident_memory_does_not_grow_with_the_number_of_runs(tmp_path, store, runs):
    url = "memory" if store == "memory" else f"sqlite:///{tmp_path / 'jobs.db'}"
    command = [sys.executable, "-m", "tests.system.memory_program", url, str(runs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < LEEWAY
