"""The program that the demo kills: it embeds a scheduler as any program would, and works until its input ends."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from scheduler import Scheduler
from scheduler.cli.demo_jobs import sample, summarize


def main(url: str, folder: str) -> None:
    """Add the jobs, print the fire time that each comes to next, and run until the standard input ends."""
    logging.basicConfig(filename=Path(folder) / "program.log", format="%(asctime)s %(message)s")
    scheduler = Scheduler(url, poll_interval=0.2, heartbeat_interval=0.5, node_timeout=3.0)
    sampling = scheduler.add_job(sample, "interval", seconds=0.5, args=(folder,), id="sample", replace_existing=True)
    summary = scheduler.add_job(
        summarize, "cron", second="*/2", args=(folder,), id="summary", misfire_grace_time=1, replace_existing=True
    )
    for job in (sampling, summary):
        print(job.id, job.next_run_time.isoformat() if job.next_run_time else "never", flush=True)
    with scheduler:
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
