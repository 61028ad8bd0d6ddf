"""The calls for runs of the front end that blocks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from scheduler.core.job import NOTHING
from scheduler.core.retry import RetryPolicy
from scheduler.core.run import Run, RunState
from scheduler.core.unset import UNSET, Unset
from scheduler.definitions import JobDefinition
from scheduler.errors import UnknownOptionError
from scheduler.lookups import Lookups
from scheduler.run_handles import RunHandle
from scheduler.run_operations import RunOperations


class RunCalls:
    """Begins, ends and looks up runs. Every call works whether or not the scheduler runs."""

    _lookups: Lookups
    _runs: RunOperations

    def submit(
        self,
        /,
        func: Callable[..., Any] | str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] = NOTHING,
        *,
        countdown: float | timedelta | None = None,
        eta: datetime | None = None,
        executor: str = "default",
        executor_options: Mapping[str, Any] = NOTHING,
        retry: RetryPolicy | int | Unset | None = UNSET,
        timeout: float | timedelta | Unset | None = UNSET,
        jobstore: str = "default",
        name: str | None = None,
        tags: Iterable[str] = (),
        **unknown: Any,
    ) -> RunHandle:
        """Have a function called once, and return a handle on the run; it is stored when this returns.

        Any process that shares the store may run it. However late it starts, it is not dropped.

        Arguments:
            func, args, kwargs: a callable or its reference, and what to call it with, as in `add_job`.
            countdown: seconds (or a timedelta) to wait first, from 0 to a year, by the store's clock; None: none.
            eta: when to call it instead (naive: in the scheduler's zone); what has passed is now.
            executor, executor_options, retry, timeout, jobstore, name, tags: as in `add_job`.
            unknown: raises UnknownOptionError, which says where such an option belongs; the function's are in `kwargs`.

        Raises InvalidJobError, FunctionLookupError, SerializationError, JobStoreLookupError, ExecutorLookupError; then
        nothing is stored. And StoreUnavailableError, as every call does when the database is away; if it went while it
        was committing, the run may be stored.
        """
        self._runs.check_options("submit", func, unknown, SUBMIT)
        definition = JobDefinition(
            func, None, args, kwargs, name=name, jobstore=jobstore, executor=executor, retry=retry, timeout=timeout,
            tags=tags, executor_options=executor_options,
        )  # fmt: skip
        return RunHandle(self._runs.submit(definition, countdown, eta), self._runs)

    def run_job(self, /, job_id: str, jobstore: str | None = None, **unknown: Any) -> RunHandle:
        """Run a job now, beside its schedule, which stays as it is; also one that is paused. Returns a handle.

        If `max_instances` runs of it are under way, the new one waits until one has ended, whatever its `overlap` says.
        Its jitter does not delay it. A job whose executor is unknown here is run by a process that has it.
        Raises JobLookupError, BrokenJobError, JobStoreLookupError, and UnknownOptionError for anything `unknown`: the
        run has the arguments and the rules of its job.
        """
        for name in unknown:
            hint = "the run has the arguments and the rules of its job; submit(func, args, …) takes others"
            raise UnknownOptionError(name, (), "run_job", hint)
        return RunHandle(self._runs.run_job(job_id, jobstore), self._runs)

    def cancel_run(self, run_id: str) -> bool:
        """Cancel a run that has not ended: it is REVOKED when this returns, and stays so.

        One that waits, also for a retry, never starts. One that runs is told to end, here at once, and in another
        process within its poll interval: a coroutine is cancelled, a process terminated, and a thread is told by
        `current_run().cancelled`; what it still returns or raises nobody waits for.

        Returns True if it had not ended, False if it had. Raises RunLookupError, StoreUnavailableError.
        """
        return self._runs.cancel(run_id)

    def get_run(self, run_id: str) -> RunHandle:
        """Return a handle on a run, from the first store that has it. Raises RunLookupError, StoreUnavailableError."""
        return RunHandle(self._runs.find(run_id), self._runs)

    def get_runs(
        self,
        job_id: str | None = None,
        *,
        state: RunState | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[Run]:
        """Return runs by scheduled time.

        Arguments:
            job_id: only those of this job, also after it was removed; None: of all jobs.
            state: only those in this state, a RunState or its name; None: in any.
            since, until: scheduled times, the first included, the second not; naive ones in the scheduler's zone.
            limit: how many at the most, from 0 to 2**63 - 1.
            newest_first: the order, and so which ones the limit leaves.

        Raises InvalidSettingError for a wrong state, time or limit, InvalidJobError for what cannot be a job id,
        StoreUnavailableError.
        """
        return self._lookups.get_runs(
            job_id, state=state, since=since, until=until, limit=limit, newest_first=newest_first
        )


SUBMIT = tuple(name for name in inspect.signature(RunCalls.submit).parameters if name not in ("self", "unknown"))
"""The names of `submit`'s arguments."""
