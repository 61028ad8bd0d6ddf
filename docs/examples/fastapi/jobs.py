"""The jobs of the program, and the scheduler that runs them on the event loop of the server."""

import asyncio

from scheduler import AsyncScheduler

scheduler = AsyncScheduler("sqlite:///jobs.db", timezone="UTC")


async def tick():
    await asyncio.sleep(0.01)
    return "tock"


async def start():
    """Called once in each process that serves."""
    await scheduler.add_job(tick, "interval", seconds=0.5, id="tick", replace_existing=True)
    await scheduler.start()
