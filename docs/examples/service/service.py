"""A program that shuts down within a time that its supervisor knows: python service.py"""

import signal
import sys
import threading

from scheduler import Scheduler


def leave(number, frame):
    sys.exit(0)


if __name__ == "__main__":
    scheduler = Scheduler("sqlite:///jobs.db", timezone="UTC")
    scheduler.add_job("program:tick", "interval", seconds=0.5, id="tick", replace_existing=True)
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, leave)
    scheduler.start()
    try:
        threading.Event().wait()
    finally:
        scheduler.shutdown(timeout=50)
