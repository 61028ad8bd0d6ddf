"""A pool of processes, and what it reports."""

import threading
from multiprocessing.context import SpawnContext, SpawnProcess

from scheduler.clock import SystemClock
from scheduler.core.settle import Outcome, ProgressReport
from scheduler.executors import Call, ProcessPoolExecutor
from tests.executors import process_calls as calls

PATIENCE = 60.0


class Watched(SpawnContext):
    """Remembers the processes that are made."""

    def __init__(self):
        super().__init__()
        self.processes = []

    def Process(self, **arguments):
        self.processes.append(SpawnProcess(**arguments))
        return self.processes[-1]


class Pool:
    """A started pool, and what it reports."""

    def __init__(self, *args, **settings):
        self._context = Watched()
        self.executor = ProcessPoolExecutor(*args, **{"mp_context": self._context, **settings})
        self.reports = []
        self._came = threading.Condition()
        self.start()

    def start(self):
        self.executor.start(self._done, SystemClock())

    def _done(self, report):
        with self._came:
            self.reports.append(report)
            self._came.notify_all()

    def submit(self, run_id, func, *args, **kwargs):
        self.executor.submit([Call(run_id, func, args, kwargs)])

    def outcomes(self):
        return {report.run_id: report for report in self.reports if isinstance(report, Outcome)}

    def wait_for(self, *run_ids):
        with self._came:
            assert self._came.wait_for(lambda: self.outcomes().keys() >= set(run_ids), PATIENCE), self.reports
        return self.outcomes()[run_ids[-1]]

    def call(self, func, *args, **kwargs):
        self.reports.clear()
        self.submit("run", func, *args, **kwargs)
        return self.wait_for("run")

    def occupy(self, run_id, func=calls.begin_and_wait):
        """Have a call run until something ends it; return the id of its process."""
        self.submit(run_id, func)
        with self._came:
            assert self._came.wait_for(lambda: run_id in self._processes(), PATIENCE), self.reports
        return self._processes()[run_id]

    def workers(self):
        """Its processes that have not ended."""
        return [process for process in self._context.processes if process.exitcode is None]

    def _processes(self):
        return {one.run_id: one.meta["process"] for one in self.reports if isinstance(one, ProgressReport)}
