"""Job stores: the contract and its implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scheduler.jobstores.base import Due, DueJob, DueRun, JobStore, Turn
from scheduler.jobstores.memory import MemoryJobStore

if TYPE_CHECKING:
    from scheduler.jobstores.sql.store import SQLAlchemyJobStore

__all__ = ["Due", "DueJob", "DueRun", "JobStore", "MemoryJobStore", "SQLAlchemyJobStore", "Turn"]


def __getattr__(name: str) -> Any:
    """Import what needs SQLAlchemy only when it is asked for."""
    if name == "SQLAlchemyJobStore":
        from scheduler.jobstores.sql.store import SQLAlchemyJobStore

        return SQLAlchemyJobStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
