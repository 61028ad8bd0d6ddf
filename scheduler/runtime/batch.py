"""Second half of a turn: due jobs are claimed and planned, waiting runs begin. They start after the commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from scheduler.core.job import Job
from scheduler.core.plan import Plan, plan
from scheduler.core.run import Reason, Run, RunState
from scheduler.core.settle import begin
from scheduler.executors.base import Call, describe
from scheduler.jobstores.base import DueJob, DueRun, Turn
from scheduler.runtime.link import Start
from scheduler.serialization.functions import FunctionLoader

LARGEST = 500
"""How many entries one turn claims at the most for an executor, so that rows are locked for milliseconds only."""


class Batch:
    """What one turn decides about what is due.

    Arguments:
        room: executor alias → how many runs it can take.
        node: the node that will hold the runs.
        functions: finds the callables of stored jobs without importing anything.
    """

    def __init__(self, room: Mapping[str, int], node: str, functions: FunctionLoader) -> None:
        self.room = {alias: min(places, LARGEST) for alias, places in room.items()}
        """What is left of the room."""
        self.plans: list[Plan] = []
        self.begun: list[Run] = []
        """Waiting runs that move on."""
        self.starts: list[Start] = []
        self.removed: Collection[str] = ()
        """Ids of jobs that ended with a fire time that did not run."""
        self.unknown: list[Job] = []
        """Jobs whose function has to be imported first."""
        self.broken: list[tuple[Job, str]] = []
        """Jobs that cannot be loaded or planned, and why."""
        self._node = node
        self._functions = functions

    def claim(self, turn: Turn, skip: Collection[str]) -> None:
        """Claim what is due, decide what it does, and record it. A job that fails holds up nobody else."""
        due = turn.claim(self.room, skip)
        for run, _ in due.runs:
            self.room[run.executor] -= 1
        for job, _ in due.jobs:
            self.room[job.executor] -= 1
        for waiting in due.runs:
            self._begin(waiting, turn)
        for entry in due.jobs:
            self._plan(entry, turn)
        if self.plans or self.begun:
            known = turn.record(self.plans, self.begun)
            if known:
                self.starts = [start for start in self.starts if start.run.id not in known]
            ended = {plan.job.id for plan in self.plans if plan.next_run_time is None and not plan.starts}
            if ended:
                self.removed = turn.remove_ended(ended)

    def _begin(self, waiting: DueRun, turn: Turn) -> None:
        run, job = waiting
        if job is None:
            reason = Reason.REMOVED.value
            self.begun.append(run.moved(RunState.REVOKED, reason=reason, finished_at=turn.now, ready_at=None))
            return
        func = self._function(job)
        if func is not None:
            started = begin(run, node=self._node, now=turn.now)
            self.begun.append(started)
            self._start(started, job, func)

    def _plan(self, entry: DueJob, turn: Turn) -> None:
        job, active = entry
        func = self._function(job)
        if func is None:
            return
        room = self.room[job.executor] + 1
        try:
            decided = plan(job, active=active, now=turn.now, room=room, node=self._node)
        except Exception as error:
            self.broken.append((job, f"its trigger raised {describe(error)}"))
            return
        self.plans.append(decided)
        self.room[job.executor] = room - len(decided.starts)
        for run in decided.starts:
            self._start(run, job, func)

    def _start(self, run: Run, job: Job, func: Callable[..., Any]) -> None:
        call = Call(run.id, func, job.args, job.kwargs, job.executor_options, run.attempt)
        self.starts.append(Start(run, job, call))

    def _function(self, job: Job) -> Callable[..., Any] | None:
        if job.broken is not None:
            self.broken.append((job, job.broken))
            return None
        if not isinstance(job.func, str):
            return job.func
        func = self._functions.get(job.func)
        if func is None:
            self.unknown.append(job)
        return func
