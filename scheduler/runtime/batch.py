"""Second half of a turn: due jobs are claimed and planned, waiting runs begin. They start after the commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from scheduler.core.job import Job
from scheduler.core.plan import CATCH_UP, Plan, plan, proceed
from scheduler.core.run import Reason, Run, RunState
from scheduler.executors.base import Call
from scheduler.jobstores.base import DueJob, DueRun, Turn
from scheduler.runtime.link import TRIGGER_RAISED, Revocation, Start
from scheduler.serialization.functions import FunctionLoader
from scheduler.wording import describe

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
        self.given_up: list[Run] = []
        """Those of them that end without having run: their job is gone, or it is too late."""
        self.revocations: list[Revocation] = []
        """Runs that are to make place for planned ones."""
        self.starts: list[Start] = []
        self.known: Collection[str] = ()
        """Ids of planned runs that were on record already."""
        self.removed: Collection[str] = ()
        """Ids of jobs that ended with a run that was skipped or is on record already."""
        self.unknown: list[Job] = []
        """Jobs whose function has to be imported first."""
        self.broken: list[tuple[Job, str]] = []
        """Jobs that cannot be loaded or planned, and why."""
        self.walk = CATCH_UP
        """How many more fire times the plans of this turn may walk through together."""
        self._node = node
        self._functions = functions

    @property
    def exhausted(self) -> bool:
        """Whether there were more late fire times than one turn may walk through."""
        return self.walk <= 0

    def claim(self, turn: Turn, skip: Collection[str]) -> None:
        """Claim what is due, decide what it does, and record it. A job that fails holds up nobody else."""
        due = turn.claim(self.room, skip)
        for run, _ in due.runs:
            self.room[run.executor] -= 1
        for job, _ in due.jobs:
            self.room[job.executor] -= 1
        for waiting in due.runs:
            self._proceed(waiting, turn)
        fewer = {run.incarnation for run in self.given_up}
        active = {}
        saturated = {entry.job.incarnation for entry in due.jobs if entry.active >= entry.job.max_instances}
        blockers = turn.blockers(saturated) if saturated else {}
        for entry in due.jobs:
            if self.exhausted:
                break
            if entry.job.incarnation in fewer:  # than when they were counted: the next turn knows better
                self.room[entry.job.executor] += 1
                continue
            self._plan(entry, turn, blockers.get(entry.job.incarnation, ()))
            active[entry.job.id] = entry.active
        if self.plans or self.begun:
            self.known = turn.record(self.plans, self.begun)
            self._settle_idle(turn, active)

    def _settle_idle(self, turn: Turn, active: Mapping[str, int]) -> None:
        """Do what no run will do when it ends: let queued runs begin, and remove jobs that have ended."""
        if self.known:
            self.starts = [start for start in self.starts if start.run.id not in self.known]
        idle = [one for one in self.plans if all(run.id in self.known for run in one.starts + one.delayed)]
        queues = [one.job.incarnation for one in idle if one.queued and not active[one.job.id]]
        missed = [run for run in self.given_up if run.state is RunState.SKIPPED]
        queues += [run.incarnation for run in missed]
        if queues:
            turn.release(queues)
        ended = {one.job.id for one in idle if one.next_run_time is None} | {run.job_id for run in missed}
        if ended:
            self.removed = turn.remove_ended(ended)

    def _proceed(self, waiting: DueRun, turn: Turn) -> None:
        run, job = waiting
        if job is None:
            reason = Reason.REMOVED.value
            moved = run.moved(RunState.REVOKED, reason=reason, finished_at=turn.now, ready_at=None)
        else:
            func = self._function(job)
            if func is None:
                return
            moved = proceed(run, job, now=turn.now, node=self._node)
            if moved.state is RunState.STARTED:
                self._start(moved, job, func)
        self.begun.append(moved)
        if moved.finished_at is not None:
            self.given_up.append(moved)
        if moved.state is not RunState.STARTED:
            self.room[run.executor] += 1

    def _plan(self, entry: DueJob, turn: Turn, blockers: Sequence[str]) -> None:
        job, active = entry
        func = self._function(job)
        if func is None:
            return
        room = self.room[job.executor] + 1
        try:
            decided = plan(
                job, active=active, now=turn.now, room=room, node=self._node, walk=self.walk, blockers=blockers
            )
        except BaseException as error:  # whatever a trigger raises is its own job's problem
            self.broken.append((job, f"{TRIGGER_RAISED} {describe(error)}"))
            return
        self.plans.append(decided)
        self.walk -= decided.walked
        self.room[job.executor] = room - len(decided.starts)
        for run in decided.starts:
            self._start(run, job, func)
        if decided.replaced:
            newest = decided.queued[-1].id
            self.revocations += [Revocation(run_id, Reason.REPLACED, newest) for run_id in decided.replaced]

    def _start(self, run: Run, job: Job, func: Callable[..., Any]) -> None:
        call = Call(
            run.id, func, job.args, job.kwargs, job.executor_options,
            run.attempt, job.id, run.scheduled_time, run.cause,
        )  # fmt: skip
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
