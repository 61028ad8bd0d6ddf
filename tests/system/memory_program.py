"""Makes many runs that do nothing, and prints by how many bytes resident memory has grown over the second half.

python -m tests.system.memory_program URL RUNS      the URL may be "memory"
"""

import gc
import logging
import os
import sys
import threading
from pathlib import Path

from scheduler import History, RunSucceeded, Scheduler
from scheduler.jobstores import MemoryJobStore

JOBS = 50


def resident() -> int:
    """Bytes of this process that are in memory (proc(5))."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def nothing() -> None:
    pass


class Milestones:
    """Counts runs, and tells when a number of them is reached. Listeners are called by one thread."""

    def __init__(self, *numbers: int) -> None:
        self.counted = 0
        self.reached = {number: threading.Event() for number in numbers}

    def __call__(self, event: RunSucceeded) -> None:
        self.counted += 1
        if self.counted in self.reached:
            self.reached[self.counted].set()


def main(url: str, runs: str) -> None:
    half, all_of_them = int(runs) // 2, int(runs)
    store = MemoryJobStore(keep_runs=2_000) if url == "memory" else url
    scheduler = Scheduler(store, timezone="UTC", history=History(keep_runs=40))
    milestones = Milestones(half, all_of_them)
    scheduler.add_listener(milestones, RunSucceeded)
    for number in range(JOBS):
        scheduler.add_job(nothing, "interval", seconds=0.001, id=f"job-{number}", max_instances=100)
    with scheduler:
        milestones.reached[half].wait()
        before = resident()
        milestones.reached[all_of_them].wait()
        print(resident() - before)
        scheduler.shutdown(wait=False)


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # these jobs overlap all the time
    main(*sys.argv[1:])
