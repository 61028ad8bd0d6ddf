"""A run: one firing of a job, its states, and the one table of allowed moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from scheduler.errors import InvalidMoveError


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    ENQUEUED = "ENQUEUED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"
    SKIPPED = "SKIPPED"
    LOST = "LOST"

    @property
    def final(self) -> bool:
        """Whether no other state can follow."""
        return not MOVES[self]


class Reason(StrEnum):
    """Why a fire time did not run, or why an attempt ended without the function's own word."""

    MISSED = "missed"
    COALESCED = "coalesced"
    OVERLAP = "overlap"
    LOST = "lost"
    """Its process died."""
    SHUTDOWN = "shutdown"
    """Its scheduler was shut down before the function ended."""
    TIMEOUT = "timeout"
    REMOVED = "removed"
    CANCELLED = "cancelled"
    """By `cancel_run`."""
    REPLACED = "replaced"
    """By a later run of its job, with overlap="cancel_running"."""


_ENDS = (RunState.SUCCESS, RunState.FAILURE, RunState.RETRY, RunState.REVOKED, RunState.LOST)

MOVES: Mapping[RunState, frozenset[RunState]] = MappingProxyType(
    {
        RunState.PENDING: frozenset({RunState.STARTED, RunState.ENQUEUED, RunState.REVOKED, RunState.SKIPPED}),
        RunState.STARTED: frozenset({RunState.ENQUEUED, *_ENDS}),
        RunState.ENQUEUED: frozenset({RunState.STARTED, *_ENDS}),
        RunState.RETRY: frozenset({RunState.STARTED, RunState.ENQUEUED, RunState.REVOKED}),
        RunState.SUCCESS: frozenset(),
        RunState.FAILURE: frozenset(),
        RunState.REVOKED: frozenset(),
        RunState.SKIPPED: frozenset(),
        RunState.LOST: frozenset(),
    }
)
"""From each state, the states that may follow. A run is born PENDING, STARTED or SKIPPED."""

MOST_ATTEMPTS = 100
"""How many earlier attempts of a run are kept."""

WAITING = frozenset({RunState.PENDING, RunState.RETRY})
HELD = frozenset({RunState.STARTED, RunState.ENQUEUED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended that was followed by another, or is to be."""

    number: int
    """From 1."""
    started_at: datetime | None
    finished_at: datetime
    node: str | None
    error: str | None
    """Type and message of the exception, or why it was lost."""
    reason: str | None = None
    """lost, shutdown or timeout, where the function itself did not say."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a function last said about how far it is."""

    state: str
    """A name of the function's own, such as "PROGRESS"."""
    meta: Mapping[str, Any]
    """What it said, such as {"done": 3, "total": 10}."""
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Run:
    """One firing of a job, or one call of it, or several skipped fires in one record.

    All datetimes are aware and in UTC. Without slots, so that a copy is one copy of a dictionary, and what has its
    default costs nothing: each fire makes at least two of them.
    """

    id: str
    """The identity: job incarnation and scheduled time, and of one that was called, a key of the call."""
    job_id: str
    incarnation: str
    """Which life of the job: a job removed and added again has another."""
    scheduled_time: datetime
    """The fire time, or for when it was called; of several skipped ones, the first."""
    state: RunState
    attempt: int = 1
    """Which attempt this is, from 1; 0 while none was made."""
    executor: str = "default"
    node: str | None = None
    """The node that holds the run while it is STARTED or ENQUEUED, and that held it last when it has ended."""
    ready_at: datetime | None = None
    """When a waiting run may start; None once started, or while it queues behind other runs of its job."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: Any = None
    error: str | None = None
    """The exception of the last failed attempt: type and message."""
    traceback: str | None = None
    reason: str | None = None
    """For SKIPPED: missed, coalesced or overlap. Otherwise how the run came to its state, where that needs a word."""
    count: int = 1
    """How many consecutive fire times the record stands for; more than 1 only for SKIPPED."""
    progress: Progress | None = None
    attempts: tuple[Attempt, ...] = ()
    """The attempts before the last one, the latest MOST_ATTEMPTS of them; while in RETRY, that one too."""
    cause: str | None = None
    """The id of another run that this one comes from: the one that blocked a skipped fire, the one whose end called
    this one, or the one that took the place of a revoked one."""

    @classmethod
    def of(cls, **fields: Any) -> Run:
        """Return a run of these fields, and defaults for the others: the constructor, but at a quarter of its cost."""
        run = object.__new__(cls)
        run.__dict__.update(fields)
        return run

    def __hash__(self) -> int:
        """By the id alone: the result need not have a hash."""
        return hash(self.id)

    @property
    def queued(self) -> bool:
        """Whether it waits for an earlier run of its job to end."""
        return self.ready_at is None and self.state is RunState.PENDING

    @property
    def called(self) -> bool:
        """Whether it was called, by a user or by the end of another run, and not fired by its job's trigger."""
        return self.id != run_id(self.incarnation, self.scheduled_time)

    def moved(self, state: RunState, **changes: Any) -> Run:
        """Return the run in another state. Raises InvalidMoveError where the table of moves forbids it."""
        if state not in MOVES[self.state]:
            raise InvalidMoveError(f"run {self.id!r} is {self.state} and cannot become {state}")
        return self.evolved(state=state, **changes)

    def evolved(self, **changes: Any) -> Run:
        """Return a copy with some fields changed, whatever they are; changes of state go through `moved`."""
        copy = object.__new__(Run)
        copy.__dict__.update(self.__dict__, **changes)
        return copy


def run_id(incarnation: str, scheduled_time: datetime, key: str = "") -> str:
    """Return the identity of the run of a job's incarnation at a fire time: sortable by time, safe in any key.

    With `key`, that of a run that was called, beside the one that the trigger may fire at that time.
    """
    time = scheduled_time if scheduled_time.tzinfo is UTC else scheduled_time.astimezone(UTC)
    return f"{_time_text(time)}-{incarnation}-{key}" if key else f"{_time_text(time)}-{incarnation}"


@lru_cache(maxsize=1024)
def _time_text(time: datetime) -> str:
    """The time in the digits of an id. Many jobs fire at the same instant, so the last ones are kept."""
    text = time.isoformat(timespec="microseconds")
    return f"{text[:4]}{text[5:7]}{text[8:13]}{text[14:16]}{text[17:19]}{text[20:26]}"
