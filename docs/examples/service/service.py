"""A program that shuts down within a time that its supervisor knows: python service.py"""

from scheduler import Scheduler

if __name__ == "__main__":
    scheduler = Scheduler("sqlite:///jobs.db", timezone="UTC")
    scheduler.add_job("program:tick", "interval", seconds=0.5, id="tick", replace_existing=True)
    scheduler.run_forever(timeout=50)  # until SIGINT or SIGTERM; then what runs has 50 seconds to end
