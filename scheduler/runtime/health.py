"""How the scheduler fares, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.core.node import Node


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How one job store fares."""

    reachable: bool
    since: datetime | None
    """Since when it has been reachable, or has not been; None if it was not used yet."""
    error: str | None = None
    """Why it is not reachable."""
    lag: float = 0.0
    """Seconds by which its oldest due job or waiting run is late, those that wait for an unknown executor or could not
    be loaded included; 0 when nothing is due."""
    broken_jobs: int = 0
    """How many due jobs this process has found that it cannot load."""
    nodes: tuple[Node, ...] = ()
    """The scheduler processes on it; empty where no others can be."""
    unknown_executors: tuple[str, ...] = ()
    """Aliases that jobs of the store name and this scheduler does not have; such jobs wait, and are broken here."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the scheduler fares. `ok` is what a health check should look at."""

    ok: bool
    """Whether it runs, its loop is alive and keeps its times, and every store is reachable."""
    running: bool
    stalled: bool
    """Whether the loop is more than 5 s behind: a listener, a trigger or a call of the InlineExecutor holds it up."""
    paused: bool
    last_step_age: float | None
    """Seconds since the loop's last step began; None when it does not run."""
    active_runs: int
    """How many runs this process has started that have not ended."""
    stores: Mapping[str, StoreHealth]
    """Job store alias → how it fares."""

    @property
    def lag(self) -> float:
        """Seconds by which the oldest due job or waiting run of any store is late."""
        return max((store.lag for store in self.stores.values()), default=0.0)

    @property
    def broken_jobs(self) -> int:
        """How many due jobs this process has found that it cannot load."""
        return sum(store.broken_jobs for store in self.stores.values())

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The scheduler processes on all stores."""
        return tuple(node for store in self.stores.values() for node in store.nodes)
