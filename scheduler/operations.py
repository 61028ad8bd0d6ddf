"""What users can do to jobs, written once; front ends add waiting and life cycle.

Every call works whether or not a scheduler runs: it opens the store if need be, writes, tells listeners, and lets the
engine know.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from scheduler.core.events import JobAdded, JobModified, JobRemoved, RunRevoked
from scheduler.core.job import NOTHING, Job
from scheduler.core.overlap import QUEUE
from scheduler.core.run import WAITING, Run, RunState
from scheduler.core.unset import UNSET, Unset
from scheduler.definitions import JobBuilder, JobDefinition, jitter_of, replacing
from scheduler.errors import (
    BrokenJobError,
    ConflictingIdError,
    ExecutorLookupError,
    InvalidJobError,
    InvalidTriggerError,
    JobLookupError,
    StaleJobError,
)
from scheduler.following import check_followed
from scheduler.jobstores.base import JobStore
from scheduler.lookups import Lookups
from scheduler.runtime.bus import EventBus
from scheduler.runtime.engine import Engine
from scheduler.serialization.functions import reference
from scheduler.triggers import DateTrigger, Trigger
from scheduler.validation import CALLBACKS, first_fire, naming, target

logger = logging.getLogger(__name__)

ATTEMPTS = 100
"""How often an edit is repeated when the job changes in between, which every fire of it does."""


class Operations:
    """Job and run operations on all stores of one scheduler."""

    def __init__(self, lookups: Lookups, builder: JobBuilder, engine: Engine, bus: EventBus) -> None:
        self.lookups = lookups
        self._builder = builder
        self._engine = engine
        self._bus = bus
        self._decorated: dict[tuple[str, str], str] = {}
        """Store and id of decorated functions → the function's full name."""

    # adding

    def add_jobs(self, definitions: Iterable[JobDefinition], *, bound: bool = True) -> list[Job]:
        """Add jobs, for each store in one transaction. `bound` False: the functions' names are not bound yet."""
        by_store: dict[str, list[tuple[int, Job, JobDefinition]]] = {}
        for place, definition in enumerate(definitions):
            if not isinstance(definition, JobDefinition):
                raise InvalidJobError(f"add_jobs takes JobDefinition objects, not {definition!r}")
            store = self.lookups.store(definition.jobstore)
            job = self._builder.build(definition, store.now())
            self.check_executor(job)
            if store.persistent and not bound and not isinstance(job.func, str):
                job = replace(job, func=reference(job.func, bound=False))
            if store.persistent and definition.id is None and not isinstance(job.trigger, DateTrigger):
                logger.warning(
                    "Job %r in job store %r has no id: each start of the program adds another one; "
                    "pass id= and replace_existing=True",
                    job.name,
                    job.jobstore,
                )
            by_store.setdefault(definition.jobstore, []).append((place, job, definition))
        added: list[tuple[int, Job]] = []
        for alias, entries in by_store.items():
            jobs = self._write_new(alias, entries)
            added += [(place, job) for (place, _, _), job in zip(entries, jobs, strict=True)]
            for job in jobs:
                self._engine.changed(alias, job.id, job)
                self._bus.publish(JobAdded(job.id, alias))
        return [job for _, job in sorted(added, key=lambda entry: entry[0])]

    def _write_new(self, alias: str, entries: list[tuple[int, Job, JobDefinition]]) -> list[Job]:
        """Insert the jobs, or replace those that exist where the caller allows it; again if they change in between."""
        store = self.lookups.store(alias)
        replaceable = [job.id for _, job, definition in entries if definition.replace_existing]
        ids = set()
        for _, job, _ in entries:
            if job.id in ids:
                raise ConflictingIdError(job.id)
            ids.add(job.id)
        for _ in range(ATTEMPTS):
            existing = {job.id: job for job in store.get_jobs(replaceable)} if replaceable else {}
            add, update, result = [], [], []
            for _, job, definition in entries:
                old = existing.get(job.id) if definition.replace_existing else None
                if old is None:
                    add.append(job)
                    result.append(job)
                else:
                    successor = replacing(job, old, timing_given=definition.next_run_time is not UNSET)
                    update.append(successor)
                    result.append(replace(successor, version=successor.version + 1))
            followed = self._check_followed(alias, result, existing)
            try:
                store.write_jobs(add=add, update=update + followed)
            except ConflictingIdError as error:
                if error.job_id not in replaceable:
                    raise
            except (StaleJobError, JobLookupError):
                continue
            else:
                return result
        raise StaleJobError(entries[0][1].id)

    def _check_followed(self, alias: str, jobs: Sequence[Job], before: Mapping[str, Job]) -> list[Job]:
        """Check whom these jobs follow; return what must not change before they are written."""
        anew = {
            job.id: None for job in jobs if job.follows is not None and not _follows(before.get(job.id), job.follows)
        }
        return check_followed(self.lookups, alias, jobs, anew) if anew else []

    def check_executor(self, job: Job) -> None:
        """Raise for a job whose executor is unknown here, or cannot call its functions."""
        executor = self._engine.executors.get(job.executor)
        if executor is None:
            raise ExecutorLookupError(job.executor, self._engine.executors)
        executor.check(target(job.func), job.executor_options)
        for name in CALLBACKS:
            func = getattr(job, name)
            if func is not None:
                with naming(name):
                    executor.check(target(func), NOTHING)

    def check_trigger(self, trigger: Trigger | str | None) -> None:
        """Raise InvalidTriggerError for what is neither a Trigger nor the name of one; None: once, now."""
        if trigger is not None and not isinstance(trigger, Trigger):
            self._builder.kinds.named(trigger)

    def add_decorated(
        self, func: Callable[..., Any], trigger: Trigger | str | None, options: Mapping[str, Any]
    ) -> None:
        """Add a function that is being decorated, by its name unless the options give an id."""
        given = {"replace_existing": True, **options}
        if given.get("id") is not None:
            self.add_jobs([JobDefinition(func, trigger, **given)], bound=False)
            return
        name = given["id"] = getattr(target(func), "__name__", type(func).__name__)
        full_name = f"{func.__module__}.{getattr(func, '__qualname__', name)}"
        definition = JobDefinition(func, trigger, **given)
        place = (definition.jobstore, name)
        other = self._decorated.get(place, full_name)
        if other != full_name:
            raise InvalidJobError(f"{other} and {full_name} would both be the job {name!r}; give one of them an id")
        self.add_jobs([definition], bound=False)
        self._decorated[place] = full_name

    def insert(self, alias: str, jobs: list[Job]) -> None:
        """Add jobs that are complete already."""
        for _ in range(ATTEMPTS):
            followed = self._check_followed(alias, jobs, {})
            try:
                self.lookups.store(alias).write_jobs(add=jobs, update=followed)
            except (StaleJobError, JobLookupError):
                continue
            break
        else:
            raise StaleJobError(jobs[0].id)
        for job in jobs:
            self._engine.changed(alias, job.id, job)
            self._bus.publish(JobAdded(job.id, alias))

    # changing

    def modify_job(self, job_id: str, jobstore: str | None, changes: Mapping[str, Any]) -> Job:
        """Change fields of a job."""

        def change(job: Job, now: datetime) -> Job:
            changed = self._builder.change(job, changes, now)
            if {"func", "executor", "executor_options", *CALLBACKS} & changes.keys():
                self.check_executor(changed)
            if "trigger" in changes and "next_run_time" not in changes and not job.paused:
                return replace(changed, next_run_time=_first(changed.trigger, now))
            return changed

        return self._edit(job_id, jobstore, change)

    def reschedule_job(
        self,
        job_id: str,
        jobstore: str | None,
        trigger: Trigger | str | None,
        jitter: float | timedelta | Unset | None,
        trigger_args: Mapping[str, Any],
    ) -> Job:
        """Give a job another trigger and let it count from now; a paused job stays paused."""
        if trigger is None:
            named = jobstore in self._builder.kinds.classes
            if not named:
                self.lookups.find(job_id, jobstore)
            meant = repr(jobstore) if named else "'interval', 'cron', 'date' or a Trigger"
            raise InvalidTriggerError(
                f"reschedule_job: no trigger is given; pass trigger={meant} (the second argument is the job store)"
            )

        def change(job: Job, now: datetime) -> Job:
            new = self._builder.trigger(trigger, trigger_args, now, "reschedule_job")
            next_run_time = None if job.paused else _first(new, now)
            return replace(job, trigger=new, jitter=jitter_of(new, jitter), next_run_time=next_run_time)

        return self._edit(job_id, jobstore, change)

    def pause_job(self, job_id: str, jobstore: str | None) -> Job:
        """Let a job fire no more until it is resumed."""
        return self._edit(job_id, jobstore, lambda job, now: replace(job, paused=True, next_run_time=None))

    def resume_job(self, job_id: str, jobstore: str | None) -> Job:
        """Let a paused job go on with its next fire time from now; a job that is not paused stays as it is."""

        def change(job: Job, now: datetime) -> Job:
            return replace(job, paused=False, next_run_time=_first(job.trigger, now)) if job.paused else job

        return self._edit(job_id, jobstore, change)

    def _edit(self, job_id: str, jobstore: str | None, change: Callable[[Job, datetime], Job]) -> Job:
        """Read, change, compare and swap; again while others, or fires of the job, come in between."""
        for _ in range(ATTEMPTS):
            alias, job = self.lookups.find(job_id, jobstore)
            if job.broken is not None:
                raise BrokenJobError(f"job {job_id!r} cannot be changed, only removed, as it is broken: {job.broken}")
            store = self.lookups.store(alias)
            changed = change(job, store.now())
            if changed is job:
                return replace(job, jobstore=alias)
            followed = self._check_followed(alias, [changed], {job_id: job})
            try:
                store.write_jobs(update=[changed, *followed])
            except StaleJobError:
                continue
            stored = replace(changed, version=changed.version + 1, jobstore=alias)
            self._engine.changed(alias, job_id, stored)
            self._bus.publish(JobModified(job_id, alias))
            return stored
        raise StaleJobError(job_id)

    # removing

    def remove_job(self, job_id: str, jobstore: str | None) -> None:
        """Remove a job."""
        alias, _ = self.lookups.find(job_id, jobstore)
        store = self.lookups.store(alias)
        waiting = self._waiting(store, job_id)
        store.remove_job(job_id)
        self._removed(store, alias, job_id, waiting)

    def remove_all_jobs(self, jobstore: str | None) -> None:
        """Remove all jobs of one store or of all."""
        for alias in self.lookups.aliases(jobstore):
            store = self.lookups.store(alias)
            waiting = {job.id: self._waiting(store, job.id) for job in store.get_jobs()}
            store.remove_all_jobs()
            for job_id, runs in waiting.items():
                self._removed(store, alias, job_id, runs)

    def _waiting(self, store: JobStore, job_id: str) -> list[Run]:
        """Return the waiting runs of a job, if anybody wants to hear what becomes of them."""
        if not self._bus.heard(RunRevoked):
            return []
        return [
            run for state in WAITING for run in store.get_runs(job_id, state=state, limit=QUEUE, newest_first=False)
        ]

    def _removed(self, store: JobStore, alias: str, job_id: str, waiting: Iterable[Run]) -> None:
        self._engine.changed(alias, job_id, None)
        self._bus.publish(JobRemoved(job_id, alias))
        for run in waiting:
            stored = store.get_run(run.id)
            if stored is not None and stored.state is RunState.REVOKED:
                self._bus.publish(RunRevoked(stored))


def _follows(job: Job | None, followed: str) -> bool:
    return job is not None and job.follows == followed


def _first(trigger: Trigger | None, now: datetime) -> datetime | None:
    """The next run time of a job that is added, changed or resumed; None where it follows another one."""
    if trigger is not None and trigger.follows is not None:
        return None
    first = None if trigger is None else first_fire(trigger, now)
    if first is None:
        raise InvalidJobError(f"trigger: {trigger} has no fire time from {now.isoformat()} on; remove the job instead")
    return first
