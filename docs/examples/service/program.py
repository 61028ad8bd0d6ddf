"""A program that runs its jobs until it is told to end: python program.py"""

import time

from scheduler import Scheduler


def tick():
    time.sleep(0.3)
    return "tock"


if __name__ == "__main__":
    scheduler = Scheduler("sqlite:///jobs.db", timezone="UTC")
    scheduler.add_job("program:tick", "interval", seconds=0.5, id="tick", replace_existing=True)
    scheduler.run_forever()  # until SIGINT or SIGTERM; then what runs may end
