"""What an end calls and a store cannot keep costs itself only: the end is recorded, and so is what others call."""

import logging

from scheduler import RunState, Scheduler
from scheduler.errors import SerializationError
from scheduler.jobstores import MemoryJobStore
from scheduler.testing import FakeClock, VirtualTime

calls = []


class PickyTurn:
    """A turn that keeps no job with a certain tag."""

    def __init__(self, turn):
        self._turn = turn

    def __getattr__(self, name):
        return getattr(self._turn, name)

    def insert(self, runs, jobs=()):
        if any("unstorable" in job.tags for job in jobs):
            raise SerializationError("args[0]: a value of type builtins.object cannot be stored")
        self._turn.insert(runs, jobs)


class PickyStore(MemoryJobStore):
    def turn(self):
        turns = super().turn()

        class Picky:
            def __enter__(self):
                return PickyTurn(turns.__enter__())

            def __exit__(self, *error):
                return turns.__exit__(*error)

        return Picky()


def test_a_callback_that_cannot_be_stored_costs_itself_only_and_is_logged(caplog):
    calls.clear()
    clock = FakeClock()
    scheduler = Scheduler(PickyStore(), clock=clock, timezone="UTC")
    for name, tags in (("a", []), ("b", ["unstorable"]), ("c", [])):
        scheduler.add_job(int, id=name, tags=tags, on_success=lambda run: calls.append(run.job_id))
    scheduler.add_job(calls.append, "after", args=["after b"], job_id="b", id="after")
    scheduler.start()
    with caplog.at_level(logging.ERROR):
        VirtualTime(clock, scheduler).advance(1)
    assert sorted(calls) == ["a", "after b", "c"]
    assert {run.state for run in scheduler.get_runs()} == {RunState.SUCCESS}
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("'b:on_success:")
    assert "cannot be stored: args[0]: a value of type builtins.object" in line
    scheduler.shutdown()
