"""Rows ⇄ values: jobs, runs and nodes as the tables keep them. Reading never raises for a row that makes no sense."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from scheduler.core.job import Job
from scheduler.core.node import Node
from scheduler.core.run import Attempt, Progress, Run, RunState
from scheduler.errors import SerializationError
from scheduler.jobstores.sql.statements import JOB
from scheduler.serialization import FORMAT, JobCodec, TriggerCodec, ValueCodec, check_format
from scheduler.serialization.jobs import PARTS
from scheduler.triggers.base import Trigger
from scheduler.wording import describe, show, storable

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STATES = {state.value: state for state in RunState}
_LONGEST_REASON = 500
_MOST_ATTEMPTS = 2**31 - 1
"""An attempt's number is stored in 32 bits, and must still grow by one."""
_MOST_VERSIONS = 2**63 - 1
"""The same for a job's version, in 64 bits."""
_MOST_WARNED = 1_000


def microseconds(time: datetime | None) -> int | None:
    """Return an instant as µs since 1970, UTC."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def instant(time: int | None) -> datetime | None:
    """Return what `microseconds` was given, in UTC."""
    return None if time is None else _EPOCH + timedelta(microseconds=time)


def is_rich(run: Run) -> bool:
    """Tell whether a run has what most never have, or may have had it in an attempt before this one."""
    return run.attempt > 1 or run.progress is not None or run.cause is not None or bool(run.attempts)


def readable_instant(time: Any) -> datetime | None:
    """Return the same, and None for what stands there instead of a time."""
    try:
        return instant(time)
    except (TypeError, ValueError, OverflowError):
        return None


class Rows:
    """Makes rows of values and values of rows, in the order of columns that `statements` has."""

    def __init__(self, values: ValueCodec, triggers: TriggerCodec) -> None:
        self._values = values
        self._triggers = triggers
        self.codec = JobCodec(values, triggers)
        self._warned: set[str] = set()

    def new_job(self, job: Job) -> tuple[Any, ...]:
        """Return the row of a job. Raises SerializationError or FunctionLookupError, naming the argument."""
        return (job.id, job.incarnation, job.version, *self._job_values(job))

    def job_changes(self, job: Job) -> tuple[Any, ...]:
        """Return what replaces the row of a job, and then its keys. Raises as `new_job`."""
        return (*self._job_values(job), job.id, job.incarnation, job.version)

    def job(self, row: Sequence[Any]) -> Job:
        """Return the job of a row, with `broken` set if it cannot be loaded."""
        job_id, incarnation, version, executor, next_run_time, paused, name, func, *texts = row
        *parts, form = texts
        try:
            check_format(form)
            _check_identity(incarnation, version)
            return Job(
                id=job_id,
                func=func,
                name=name,
                executor=executor,
                next_run_time=instant(next_run_time),
                paused=bool(paused),
                incarnation=incarnation,
                version=version,
                **self.codec.load_parts(dict(zip(PARTS, parts, strict=True))),
            )
        except Exception as error:
            return self._broken_job(dict(zip(JOB, row, strict=True)), error)

    def new_run(self, run: Run, rich: bool) -> tuple[Any, ...]:
        """Return the row of a run, with or without what most never have."""
        identity = (run.id, run.job_id, run.incarnation, microseconds(run.scheduled_time), run.count)
        return (*identity, *self._run_values(run, rich))

    def progress(self, run: Run) -> tuple[Any, ...]:
        """Return the row's progress, and then its id."""
        return (None if run.progress is None else self._values.keep_progress(run.progress), run.id)

    def run_changes(self, run: Run, rich: bool) -> tuple[Any, ...]:
        """Return what an attempt changes of a run's row, with or without what most never have, and then its id."""
        return (*self._run_values(run, rich), run.id)

    def run(self, row: Sequence[Any]) -> Run | None:
        """Return the run of a row; None, and once a warning in the log, where the row makes no sense."""
        try:
            return self._run(row)
        except Exception as error:
            if row[0] not in self._warned and len(self._warned) < _MOST_WARNED:
                self._warned.add(row[0])
                logger.warning("run %r cannot be read and is left alone: %s", row[0], describe(error))
            return None

    def _run(self, row: Sequence[Any]) -> Run:
        run_id, job_id, incarnation, scheduled, count, state, attempt, executor, node, *times = row[:12]
        result, error, traceback, reason, progress, attempts, cause = row[12:]
        ready_at, started_at, finished_at = times
        result, unreadable = self._value(result, "result")
        return Run(
            id=run_id,
            job_id=job_id,
            incarnation=incarnation,
            scheduled_time=_EPOCH + timedelta(microseconds=scheduled),
            state=_STATES[state],
            attempt=attempt if type(attempt) is int and 0 <= attempt < _MOST_ATTEMPTS else 1,
            executor=executor,
            node=node,
            ready_at=readable_instant(ready_at),
            started_at=readable_instant(started_at),
            finished_at=readable_instant(finished_at),
            result=result,
            error=_as_text(error),
            traceback=_as_text(traceback),
            reason=_as_text(reason) or unreadable,
            count=count,
            progress=None if progress is None else self._progress(progress),
            attempts=() if attempts is None else self._attempts(attempts),
            cause=_as_text(cause),
        )

    def _job_values(self, job: Job) -> tuple[Any, ...]:
        parts = self.codec.dump_parts(job)
        return (
            job.executor,
            microseconds(job.next_run_time),
            job.paused,
            storable(job.name),
            self.codec.func_text(job),
            *[parts[name] for name in PARTS],
            FORMAT,
            job.follows,
        )

    def _broken_job(self, row: dict[str, Any], error: Exception) -> Job:
        return Job(
            id=row["id"],
            func=str(row["func"]),
            trigger=self._trigger(row["trigger"]),
            name=str(row["name"]),
            executor=row["executor"],
            next_run_time=readable_instant(row["next_run_time"]),
            paused=bool(row["paused"]),
            incarnation=row["incarnation"],
            version=row["version"],
            broken=str(error) or type(error).__name__,
        )

    def _trigger(self, text: str) -> Trigger | None:
        try:
            return self._triggers.decode(json.loads(text))
        except Exception:
            return None

    def _run_values(self, run: Run, rich: bool) -> tuple[Any, ...]:
        result, problem = self._values.keep(run.result, "result")
        values = (
            run.state.value,
            run.attempt,
            run.executor,
            run.node,
            microseconds(run.ready_at),
            microseconds(run.started_at),
            microseconds(run.finished_at),
            result,
            _text(run.error),
            _text(run.traceback),
            _text(run.reason or problem),
        )
        if not rich:
            return values
        return (
            *values,
            None if run.progress is None else self._values.keep_progress(run.progress),
            self._values.dumps(list(run.attempts), "attempts") if run.attempts else None,
            run.cause,
        )

    def _progress(self, text: str) -> Progress | None:
        data, _ = self._value(text, "progress")
        return data if isinstance(data, Progress) else None

    def _attempts(self, text: str) -> tuple[Attempt, ...]:
        data, _ = self._value(text, "attempts")
        return tuple(data) if type(data) is list and all(isinstance(part, Attempt) for part in data) else ()

    def _value(self, text: str | None, where: str) -> tuple[Any, str | None]:
        """Return the value of a JSON text, or why it cannot be read."""
        if text is None:
            return None, None
        try:
            return self._values.loads(text, where), None
        except Exception as error:
            problem = str(error) if isinstance(error, SerializationError) else describe(error)
            return None, f"{where} cannot be read: {problem}"[:_LONGEST_REASON]


def _text(text: str | None) -> str | None:
    return None if text is None else storable(text)


def node(row: Sequence[Any]) -> Node:
    """Return the node of a row."""
    node_id, host, pid, machine, birth, started_at, heartbeat_at = row
    return Node(
        id=node_id,
        host=host,
        pid=pid,
        machine=machine,
        birth=birth,
        started_at=_EPOCH + timedelta(microseconds=started_at),
        heartbeat_at=_EPOCH + timedelta(microseconds=heartbeat_at),
    )


def _check_identity(incarnation: Any, version: Any) -> None:
    """Raise SerializationError for a job's row that could not be written to any more."""
    if not isinstance(incarnation, str):
        raise SerializationError(f"incarnation: {show(incarnation)} is not text")
    if type(version) is not int or not 0 <= version < _MOST_VERSIONS:
        raise SerializationError(f"version: {show(version)} is not a number that can still grow")


def _as_text(value: Any) -> str | None:
    """Return a text column as text, whatever else a hand has put there."""
    return value if value is None or isinstance(value, str) else repr(value)
