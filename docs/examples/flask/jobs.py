"""The jobs of the program, and the scheduler that runs them. To import this starts nothing."""

from scheduler import Scheduler

scheduler = Scheduler("sqlite:///jobs.db", timezone="UTC")


def tick():
    return "tock"


def start():
    """Called once in each process that serves, after it was forked."""
    scheduler.add_job(tick, "interval", seconds=0.5, id="tick", replace_existing=True)
    scheduler.start()


def stop():
    """Called before such a process ends: what runs has 20 seconds to end."""
    if scheduler.running:
        scheduler.shutdown(timeout=20)
