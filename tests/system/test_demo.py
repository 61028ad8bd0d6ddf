"""The demo, as a user runs it: real processes, a real kill."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.markdown import ROOT


def test_the_demo_ends_well_and_leaves_what_it_was_asked_to_keep(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "scheduler", "demo", "--keep"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "Every fire time has exactly one record." in done.stdout
    for told in ("kill -9", "SKIPPED, coalesced", "SKIPPED, missed", "SUCCESS at attempt 2"):
        assert told in done.stdout
    kept = re.search(r"^Kept in (.+)$", done.stdout, flags=re.MULTILINE)
    assert kept is not None
    assert {path.name for path in Path(kept[1]).iterdir()} >= {"jobs.db", "samples.csv", "summary.txt"}
