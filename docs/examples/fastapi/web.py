"""The web program: uvicorn web:app --workers 2"""

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI

import jobs
from jobs import scheduler


@asynccontextmanager
async def lifespan(app):
    await jobs.start()
    try:
        yield
    finally:
        await scheduler.shutdown(timeout=20)


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health():
    return {"ok": (await scheduler.health()).ok, "process": os.getpid()}


@app.post("/ticks")
async def order_a_tick():
    run = await scheduler.run_job("tick")
    return {"result": await run.get(timeout=10)}
