"""The contract of a job store: it keeps jobs and runs, settles races, and decides nothing.

The engine works in turns: one turn is one transaction in which ended runs are recorded, due jobs are claimed, and
what they do is recorded. Clients use the other calls, each of which is a transaction of its own. Every call may come
from any thread, and raises StoreUnavailableError when the store cannot be reached.

`scheduler.testing.JobStoreContract` is this contract as tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple

from scheduler.clock import Clock
from scheduler.core.job import Job
from scheduler.core.node import Node
from scheduler.core.plan import Plan
from scheduler.core.run import Run, RunState
from scheduler.serialization import JobCodec, TriggerCodec, ValueCodec

MOST_BLOCKERS = 100
"""How many runs a store names of those that keep a job from starting another."""


class DueJob(NamedTuple):
    """A claimed job and how many runs of its incarnation have not ended."""

    job: Job
    active: int


class DueRun(NamedTuple):
    """A waiting or held run and its job, which is None where that incarnation has been removed."""

    run: Run
    job: Job | None


class Due(NamedTuple):
    """What a claim got hold of. Rows that cannot be loaded are among them, with `job.broken` set."""

    jobs: Sequence[DueJob]
    runs: Sequence[DueRun]


class Turn(ABC):
    """One transaction of the engine. Nothing of it is seen by others before it ends, and nothing at all if it fails."""

    now: datetime
    """The store's time, in UTC, when the turn began."""

    @abstractmethod
    def finish(self, runs: Sequence[Run], node: str) -> Collection[str]:
        """Write runs that `node` held and that have moved on, all columns that an attempt changes.

        Progress that is on record may stay where a run in its first attempt has none.

        Fenced: a run is written only if the stored one is STARTED or ENQUEUED, held by `node`, and of the same attempt.
        Returns the ids of those written.
        """

    @abstractmethod
    def rehouse(self, incarnations: Collection[str]) -> None:
        """Let the waiting runs (PENDING, RETRY) of these incarnations wait for the executors that their jobs name now.

        Jobs may have been given another one while the runs were under way. They have been locked in this turn, by
        `followers`.
        """

    @abstractmethod
    def progress(self, runs: Sequence[Run], node: str) -> Collection[str]:
        """Write the `progress` of runs that `node` holds, and nothing else of them; fenced as `finish`."""

    @abstractmethod
    def open_run(self, run_id: str) -> DueRun | None:
        """Return a run that has not ended, with its job, and lock it, its job and the jobs that follow that.

        None where there is none, where it has ended, and where it changed while it was being locked: then look again.
        Called once in a turn, before anything else.
        """

    @abstractmethod
    def active_job(self, job_id: str) -> DueJob | None:
        """Return a job and lock it; None if it is gone. Called once in a turn, before anything else."""

    @abstractmethod
    def followers(self, job_ids: Collection[str]) -> Sequence[DueJob]:
        """Return the jobs that follow these (`Job.follows`), and lock both, in the order that all locks have.

        Called once in a turn, after `finish` or `open_run`, with the jobs of all runs that have ended in it or wait for
        another attempt, and before `rehouse`, `insert`, `release` and `remove_ended`.
        """

    @abstractmethod
    def insert(self, runs: Sequence[Run], jobs: Sequence[Job] = ()) -> None:
        """Insert new runs, and before them new jobs that they belong to. No others have their ids.

        Raises SerializationError or FunctionLookupError, naming the argument, for a job that cannot be stored: before
        anything of this call is written, so that the turn may go on without it.
        """

    @abstractmethod
    def revoke(self, run: Run) -> None:
        """Write a run that `open_run` returned, as it is now that it is REVOKED."""

    @abstractmethod
    def blockers(self, incarnations: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return for each incarnation the ids of up to MOST_BLOCKERS of its runs that have not ended, the oldest first.

        They are read without a lock, and may end at any time.
        """

    @abstractmethod
    def release(self, incarnations: Sequence[str]) -> int:
        """For each entry, let the oldest queued run (PENDING, no `ready_at`) of that incarnation be ready now.

        An incarnation that is listed twice releases two. Returns how many were released. Their jobs have been locked
        in this turn, by `followers` or by the claim.
        """

    @abstractmethod
    def remove_ended(self, job_ids: Collection[str]) -> Collection[str]:
        """Remove those of these jobs that have no next run time, are not paused, follow no other job, and have no run
        that has not ended.

        Returns the ids of the jobs removed.
        """

    @abstractmethod
    def claim(self, room: Mapping[str, int], skip: Collection[str]) -> Due:
        """Get hold of what is due, oldest first, and lock it until the turn ends; what others hold is passed over.

        A waiting run is claimed with its job, or alone where that is gone: a run whose job others hold is passed over
        too. So what the turn does to claimed runs and jobs, `release` and `remove_ended` included, waits for nobody.

        Arguments:
            room: executor alias → how many runs it can take; what belongs to other executors is left alone.
                Waiting runs take room before due jobs do; each claimed entry takes one.
            skip: ids of jobs to leave alone, and their waiting runs with them.
        """

    @abstractmethod
    def record(self, plans: Sequence[Plan], begun: Sequence[Run]) -> Collection[str]:
        """Move claimed jobs on to their plans' next run times, insert the plans' `runs`, write claimed runs that moved.

        A job's version grows by one. Returns the ids of those of the plans' runs that were not inserted, because there
        is a run of that identity already: such a fire time is accounted for, and the job moves on all the same.
        Raises StaleJobError, and the turn fails, where a job is not of the version claimed.
        """

    @abstractmethod
    def held(self, node: str, limit: int) -> Sequence[DueRun]:
        """Return up to `limit` runs that `node` holds (STARTED or ENQUEUED), oldest first, and lock them."""

    @abstractmethod
    def forget(self, node: str) -> None:
        """Remove a node's row."""

    @abstractmethod
    def next_due(self, executors: Collection[str], skip: Collection[str]) -> datetime | None:
        """Return when the earliest job or waiting run of these executors is due, leaving alone jobs in `skip`.

        What this turn has claimed and not recorded is due still.
        """


class JobStore(ABC):
    """Keeps jobs and runs. Datetimes in and out are aware and in UTC."""

    persistent: bool = True
    """Whether jobs outlive the process, so that functions and arguments must be such that they can be stored."""
    shared: bool = True
    """Whether other processes may use the same jobs: then nodes beat, and the store is asked every poll interval."""
    codec: JobCodec = JobCodec(ValueCodec(), TriggerCodec())
    """How jobs of this store are written as JSON, for export and import."""

    # life cycle

    def before_fork(self) -> None:  # noqa: B027 - most need nothing
        """Before this process forks: have nothing open that a child must not have, and let no other thread open it.

        It may wait for what other threads are in the middle of, for a bounded time.
        """

    def after_fork_in_parent(self) -> None:  # noqa: B027 - most need nothing
        """In the process that has forked, after `before_fork`: go on."""

    def after_fork(self) -> None:  # noqa: B027 - most have nothing to let go
        """In the child of a fork: let go, as a store that was never opened, of what the parent still uses.

        Locks may be held by threads that are not there any more, and connections are the parent's.
        """

    @abstractmethod
    def open(self, clock: Clock) -> None:
        """Make ready for use: connect, create or check the tables. A second call does nothing.

        Raises StoreUnavailableError, or SchemaVersionError for tables of a newer version.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what `open` took; the jobs stay. A closed store may be opened again."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the store's time. Where several machines share the store, it is one time for all of them."""

    # jobs

    @abstractmethod
    def write_jobs(self, *, add: Sequence[Job] = (), update: Sequence[Job] = ()) -> None:
        """Insert and replace jobs in one transaction: all of them, or none and an error.

        A job in `update` replaces the stored one of the same id if that still has the incarnation and version given;
        it is stored with its version plus one, and its waiting runs (PENDING, RETRY) wait for the executor that it
        names now. Raises ConflictingIdError (an id in `add` is taken), StaleJobError
        (an updated job has changed), JobLookupError (it is gone), SerializationError (naming the argument).
        """

    @abstractmethod
    def remove_job(self, job_id: str) -> None:
        """Remove a job, broken or not; its waiting runs become REVOKED, reason "removed". Raises JobLookupError."""

    @abstractmethod
    def remove_all_jobs(self) -> None:
        """Remove every job, as `remove_job` does."""

    @abstractmethod
    def get_job(self, job_id: str) -> Job | None:
        """Return a job, with `broken` set if it cannot be loaded; None if there is none."""

    @abstractmethod
    def get_jobs(self, ids: Collection[str] | None = None) -> list[Job]:
        """Return the jobs of these ids (None: all), by next run time, those without one last, then by id."""

    # runs

    @abstractmethod
    def get_run(self, run_id: str) -> Run | None:
        """Return a run, or None."""

    @abstractmethod
    def get_runs(
        self,
        job_id: str | None = None,
        *,
        state: RunState | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[Run]:
        """Return runs by scheduled time: `since` included, `until` excluded; at most `limit`."""

    # the engine

    @abstractmethod
    def turn(self) -> AbstractContextManager[Turn]:
        """Begin a turn. Leaving the block commits; an exception in it rolls everything back."""

    @abstractmethod
    def next_due(self, executors: Collection[str], skip: Collection[str] = ()) -> datetime | None:
        """Return what `Turn.next_due` returns, reading only."""

    @abstractmethod
    def held_by(self, node: str, run_ids: Collection[str]) -> Collection[str]:
        """Return the ids of those of these runs that `node` still holds, reading only."""

    @abstractmethod
    def prune(self, before: datetime, limit: int) -> int:
        """Remove up to `limit` runs that ended before `before`; one that was scheduled for `before` or later may stay.

        Returns how many; fewer than `limit`: no more are left, but for those that others hold. Waits for no row that
        others hold.
        """

    @abstractmethod
    def prune_job(self, job_id: str, keep: int, before: datetime, limit: int) -> int:
        """Remove as `prune`, but of one job only, and none of the latest `keep` by scheduled time of its ended runs."""

    @abstractmethod
    def executors(self) -> Collection[str]:
        """Return the aliases of the executors that stored jobs name, or waiting runs with a `ready_at`, each once."""

    @abstractmethod
    def heartbeat(self, node: Node, *, register: bool) -> bool:
        """Write that `node` lives now (its `heartbeat_at` is ignored: the store's time counts).

        With `register`, the row is inserted. Without, returns False, and writes nothing, if it is gone: others have
        declared the node dead.
        """

    @abstractmethod
    def holders(self) -> Collection[str]:
        """Return the ids of the nodes that hold runs (STARTED or ENQUEUED), whether or not they have a row."""

    @abstractmethod
    def nodes(self) -> list[Node]:
        """Return all nodes that have a row, oldest first."""
