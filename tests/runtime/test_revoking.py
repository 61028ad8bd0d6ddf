"""Runs that nobody wants any more, in a scheduler that runs."""

import threading

from scheduler import RunRevoked, RunStarted, Scheduler
from scheduler.executors import ThreadPoolExecutor

LONG = 20.0


class Telling(ThreadPoolExecutor):
    """Says when it is told to end a call."""

    def __init__(self):
        super().__init__(1)
        self.told = threading.Event()

    def cancel(self, run_id):
        self.told.set()
        return super().cancel(run_id)


def test_a_call_is_told_at_once_and_not_when_the_store_is_looked_at_next():
    executor, go_on, began, revoked = Telling(), threading.Event(), threading.Event(), threading.Event()
    with Scheduler(executors={"default": executor}, poll_interval=3600.0) as scheduler:
        scheduler.add_listener(lambda event: began.set(), RunStarted)
        scheduler.add_listener(lambda event: revoked.set(), RunRevoked)
        handle = scheduler.submit(go_on.wait, (LONG,))
        assert began.wait(LONG)
        assert handle.cancel()
        assert executor.told.wait(LONG)
        assert revoked.wait(LONG)
        go_on.set()
