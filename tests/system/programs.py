"""Programs that embed a scheduler, for tests that start, signal and kill them.

python -m tests.system.programs NAME ARGUMENT…
"""

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

from scheduler import RetryPolicy, RunState, Scheduler, SchedulerShutdown
from scheduler.executors import ProcessPoolExecutor

READY = "ready"

FOR_LONG = 3600.0
"""Seconds that a function would take which nobody waits for."""


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


def busy_until_it_ends(kind: str) -> None:
    """End the program while a function runs that would go on for long: in a thread, as a coroutine, in a process."""
    executors = {"processes": ProcessPoolExecutor(1)} if kind == "process" else {}
    scheduler = Scheduler(timezone="UTC", executors=executors)
    scheduler.start()
    if kind == "coroutine":
        handle = scheduler.submit(asyncio.sleep, args=(FOR_LONG,))
    else:
        handle = scheduler.submit(time.sleep, args=(FOR_LONG,), executor="processes" if executors else "default")
    while handle.state is not RunState.STARTED:
        time.sleep(0.01)
    time.sleep(0.2)  # let it begin there, too
    print("main ends", flush=True)


def shut_down_by_a_job() -> None:
    """End the main thread while a job shuts the scheduler down, and another one still runs."""
    scheduler = Scheduler(timezone="UTC")
    began = threading.Event()

    def shut_down() -> None:
        scheduler.shutdown()
        began.set()

    scheduler.add_listener(lambda event: print("stopped", flush=True), SchedulerShutdown)
    scheduler.start()
    scheduler.submit(time.sleep, args=(0.5,))
    scheduler.submit(shut_down)
    began.wait(10)
    print("main ends", flush=True)


def fail_once(ledger: str) -> None:
    write_down(ledger)
    if len(Path(ledger).read_text().splitlines()) == 1:
        raise ConnectionError("not yet")


def retry_later(url: str, ledger: str) -> None:
    """Drive a job that fails at first, and is to be tried again in a while."""
    scheduler = make(url)
    scheduler.add_job(fail_once, args=(ledger,), id="job", retry=RetryPolicy(max_retries=1, delay=1.5))
    scheduler.start()
    print(READY, flush=True)
    scheduler.run_forever()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
