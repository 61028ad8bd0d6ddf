"""Programs that embed a scheduler, for tests that start, signal and kill them.

python -m tests.system.programs NAME ARGUMENT…
"""

import os
import sys
import threading
import time

from scheduler import Scheduler

READY = "ready"


def write_down(ledger: str, word: str = "called") -> None:
    """Append a line in one write, which no kill can tear and no other process can come between."""
    line = f"{word} {os.getpid()} {time.time():.6f}\n".encode()
    file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def tick(ledger: str) -> None:
    """Take half of the interval, so that a kill may well come in between."""
    write_down(ledger)
    time.sleep(0.1)


def slow(ledger: str, seconds: float) -> None:
    write_down(ledger, "began")
    time.sleep(seconds)
    write_down(ledger, "ended")


def make(url: str) -> Scheduler:
    return Scheduler(url, timezone="UTC", poll_interval=0.2, heartbeat_interval=0.5, node_timeout=2.0)


def interval(url: str, ledger: str, seconds: str, retry: str) -> None:
    """Drive one interval job for ever."""
    scheduler = make(url)
    scheduler.add_job(
        tick,
        "interval",
        (ledger,),
        seconds=float(seconds),
        id="tick",
        retry=int(retry) or None,
        replace_existing=True,
    )
    scheduler.start()
    print(READY, flush=True)
    scheduler.run_forever()
    print("ended well", flush=True)


def serve(url: str) -> None:
    """Drive what is in the database, and add nothing."""
    scheduler = make(url)
    scheduler.start()
    print(READY, flush=True)
    scheduler.run_forever()
    print("ended well", flush=True)


def client(url: str, ledger: str) -> None:
    """Add a job without starting anything, and end."""
    make(url).add_job(write_down, args=(ledger, "from the client"), id="client")


def forget(url: str) -> None:
    """End the program while a scheduler runs."""
    scheduler = make(url)
    scheduler.add_job(write_down, "interval", (os.devnull,), seconds=0.05, id="tick")
    called = threading.Event()
    scheduler.add_listener(lambda event: called.set())
    scheduler.start()
    called.wait(10)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
