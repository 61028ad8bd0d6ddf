"""The web program. In development: python web.py PORT. In production: gunicorn --config gunicorn.conf.py web:app."""

import atexit
import os
import sys

from flask import Flask
from werkzeug.serving import is_running_from_reloader

import jobs

app = Flask(__name__)


@app.get("/health")
def health():
    return {"ok": jobs.scheduler.health().ok, "process": os.getpid()}


@app.post("/ticks")
def order_a_tick():
    return {"run": jobs.scheduler.run_job("tick").id}


if __name__ == "__main__":
    # With debug=True there are two processes: one that watches the files, and its child, which serves.
    if is_running_from_reloader():
        jobs.start()
        atexit.register(jobs.stop)  # before the reloader starts the next one
    app.run(port=int(sys.argv[1]), debug=True)
