"""What users can look up: jobs, with what keeps them from running here, and runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from scheduler.clock import Clock
from scheduler.core.job import Job
from scheduler.core.run import Run, RunState
from scheduler.errors import (
    ExecutorLookupError,
    FunctionLookupError,
    InvalidSettingError,
    JobLookupError,
    JobStoreLookupError,
    RunLookupError,
    suggest,
)
from scheduler.jobstores.base import JobStore
from scheduler.runtime.engine import Engine
from scheduler.runtime.link import TRIGGER_RAISED
from scheduler.serialization.functions import FunctionLoader
from scheduler.timezones import to_utc
from scheduler.validation import checked_id, checked_text
from scheduler.wording import show

MOST_RUNS = 2**63 - 1
"""The highest limit that databases take."""


class Lookups:
    """Finds stores, jobs and runs of one scheduler, whether or not it runs."""

    def __init__(self, engine: Engine, functions: FunctionLoader, clock: Clock, zone: tzinfo) -> None:
        self._engine = engine
        self._functions = functions
        self._clock = clock
        self._zone = zone

    def store(self, alias: str) -> JobStore:
        """Return the store of that alias, opened. Raises JobStoreLookupError."""
        link = self._engine.links.get(checked_text("jobstore", alias))
        if link is None:
            raise JobStoreLookupError(alias, self._engine.links)
        link.store.open(self._clock)
        return link.store

    def aliases(self, jobstore: str | None) -> list[str]:
        """Return the aliases that a `jobstore` argument means: the one given, or all."""
        return list(self._engine.links) if jobstore is None else [jobstore]

    def find(self, job_id: str, jobstore: str | None) -> tuple[str, Job]:
        """Return a job and the alias of its store. Raises JobLookupError."""
        checked_id(job_id)
        for alias in self.aliases(jobstore):
            job = self.store(alias).get_job(job_id)
            if job is not None:
                return alias, job
        raise JobLookupError(job_id)

    def get_job(self, job_id: str, jobstore: str | None) -> Job | None:
        """Return a job, or None."""
        try:
            alias, job = self.find(job_id, jobstore)
        except JobLookupError:
            return None
        return self._judged(job, alias, {})

    def get_jobs(self, jobstore: str | None, tag: str | None, broken: bool | None) -> list[Job]:
        """Return jobs by next run time, those of all stores together."""
        obstacles: dict[str, str] = {}
        jobs = [
            self._judged(job, alias, obstacles)
            for alias in self.aliases(jobstore)
            for job in self.store(alias).get_jobs()
            if tag is None or tag in job.tags
        ]
        if broken is not None:
            jobs = [job for job in jobs if (job.broken is not None) is broken]
        return sorted(jobs, key=lambda job: (job.next_run_time is None, job.next_run_time or 0, job.id))

    def find_run(self, run_id: str) -> tuple[str, Run]:
        """Return a run and the alias of its store. Raises RunLookupError."""
        checked_text("run_id", run_id)
        for alias in self.aliases(None):
            run = self.store(alias).get_run(run_id)
            if run is not None:
                return alias, run
        is_job = any(self.store(alias).get_job(run_id) is not None for alias in self.aliases(None))
        raise RunLookupError(run_id, f"that is a job, whose runs get_runs({run_id!r}) lists" if is_job else "")

    def get_runs(
        self,
        job_id: str | None,
        *,
        state: RunState | str | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
        newest_first: bool,
    ) -> list[Run]:
        """Return runs of all stores by scheduled time."""
        if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= MOST_RUNS:
            raise InvalidSettingError(f"limit must be a whole number from 0 to {MOST_RUNS}, not {show(limit)}")
        if job_id is not None:
            checked_id(job_id)
        wanted = None if state is None else _state(state)
        first, last = self._instant("since", since), self._instant("until", until)
        runs = [
            run
            for alias in self.aliases(None)
            for run in self.store(alias).get_runs(
                job_id, state=wanted, since=first, until=last, limit=limit, newest_first=newest_first
            )
        ]
        runs.sort(key=lambda run: (run.scheduled_time, run.id), reverse=newest_first)
        return runs[:limit]

    def _instant(self, name: str, value: Any) -> datetime | None:
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise InvalidSettingError(f"{name} must be a datetime or None, not {show(value)}")
        return to_utc(value, self._zone)

    def _judged(self, job: Job, alias: str, obstacles: dict[str, str]) -> Job:
        """Return the job with the alias it is known by here and with what keeps it from running here."""
        broken = job.broken or self._obstacle(job, obstacles) or self._parked(job, alias)
        return replace(job, jobstore=alias, broken=broken)

    def _parked(self, job: Job, alias: str) -> str | None:
        """Return why a job that loads cannot be planned: its trigger raised when it was last due here.

        The engine has set other jobs aside too. What kept those from loading has been looked at afresh, and is mended.
        """
        link = self._engine.links.get(alias)
        parked = None if link is None else link.parked.get(job.id)
        if parked is None or parked.version != job.version or not parked.reason.startswith(TRIGGER_RAISED):
            return None
        return parked.reason

    def _obstacle(self, job: Job, obstacles: dict[str, str]) -> str | None:
        if job.executor not in self._engine.executors:
            return str(ExecutorLookupError(job.executor, self._engine.executors))
        if not isinstance(job.func, str):
            return None
        if job.func not in obstacles:
            try:
                self._functions.load(job.func)
                obstacles[job.func] = ""
            except FunctionLookupError as error:
                obstacles[job.func] = str(error)
        return obstacles[job.func] or None


def _state(state: RunState | str) -> RunState:
    try:
        return RunState(state)
    except ValueError:
        hint = suggest(show(state).upper(), [each.value for each in RunState])
        raise InvalidSettingError(f"state: {show(state)} is not a run state; {hint}") from None
