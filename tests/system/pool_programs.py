"""Programs whose scheduler has a process pool, for tests that start, signal and kill them.

python -m tests.system.pool_programs NAME ARGUMENT…
"""

import os
import sys
import threading
import time

from scheduler import Scheduler
from scheduler.executors import ProcessPoolExecutor
from tests.system.programs import READY, write_down


def begin(ledger: str, seconds: float) -> None:
    """Write down that it began, and in which process; take some time."""
    write_down(ledger, "began")
    time.sleep(seconds)


def begin_and_answer_a_lock(ledger: str) -> object:
    """Do some work whose result cannot be pickled."""
    write_down(ledger, "began")
    return threading.Lock()


def make(url: str, context: str = "spawn") -> Scheduler:
    executors = {"default": ProcessPoolExecutor(2, context)}
    return Scheduler(url, executors=executors, timezone="UTC", poll_interval=0.2)


def serve(url: str) -> None:
    """Drive what is in the database until a signal comes."""
    scheduler = make(url)
    scheduler.start()
    print(READY, flush=True)
    scheduler.run_forever()
    print("ended well", flush=True)


def forget(url: str, ledger: str) -> None:
    """End the program while a worker is busy, and another has nothing to do."""
    scheduler = make(url)
    scheduler.start()
    scheduler.submit(begin, (ledger, 60.0))
    scheduler.submit(begin, (ledger, 0.0)).get(timeout=30)
    print("forgotten", flush=True)


def once(url: str, context: str, ledger: str) -> None:
    """Make one call in a worker that is started in this way, and end."""
    with make(url, context) as scheduler:
        scheduler.submit(begin, (ledger, 0.0)).get(timeout=30)


def fork(url: str, ledger: str) -> None:
    """Fork while there are workers; the child ends like any program, the parent goes on."""
    with make(url) as scheduler:
        scheduler.submit(begin, (ledger, 0.0)).get(timeout=30)
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
            scheduler.submit(begin, (ledger, 0.0)).get(timeout=30)
        else:
            assert not scheduler.running
            sys.exit(0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
