"""Starts and stops the programs of `tests.system.programs`, and waits for what they do."""

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE = 30.0
"""Seconds within which everything must have happened, on the slowest machine."""


@contextmanager
def program(*arguments):
    """Run a program until it says that it is ready; what is left of it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.system.programs", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run_to_its_end(*arguments):
    """Run a program that ends by itself, and return what it wrote."""
    command = [sys.executable, "-m", "tests.system.programs", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def wait_until(true, what):
    """Wait until `true()` holds, and return what it gave."""
    deadline = time.monotonic() + DEADLINE
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE:g} seconds"
        time.sleep(0.02)
    return found


def lines(ledger):
    """Return the lines of a ledger, split into words."""
    return [line.rsplit(" ", 2) for line in ledger.read_text().splitlines()] if ledger.exists() else []
