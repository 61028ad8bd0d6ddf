"""Functions that are submitted in one process and called in another."""

import os
import time

from scheduler import current_run
from tests.system.programs import write_down


def who() -> int:
    return os.getpid()


def steps(total: int, seconds: float) -> int:
    """Say how far it is at each step."""
    for done in range(1, total + 1):
        time.sleep(seconds)
        current_run().progress(done, total)
    return total


def until_told(ledger: str) -> str:
    """Stay until told to end."""
    write_down(ledger, "began")
    current_run().cancelled.wait(60)
    write_down(ledger, "told")
    return "too late"
