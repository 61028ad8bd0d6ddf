"""A node: one scheduler process on a shared store, known by its heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One scheduler process. All datetimes are aware, in UTC, by the store's clock."""

    id: str
    host: str
    pid: int
    machine: str = ""
    """Where the pid has a meaning: equal for processes that can look each other up; empty where that cannot be told."""
    birth: str = ""
    """When the process began, in the machine's own words, so that a reused pid is not taken for it."""
    started_at: datetime
    heartbeat_at: datetime
