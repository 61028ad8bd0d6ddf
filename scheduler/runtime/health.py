"""How the scheduler fares, as values, and how that is found out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.clock import Clock
from scheduler.core.node import Node
from scheduler.runtime.engine import Engine
from scheduler.runtime.link import StoreLink
from scheduler.wording import describe

STALLED_AFTER = 5.0
"""Seconds by which a step of the loop may be overdue before it is called stalled."""


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
class StuckRun:
    """A function that was told to end, as its run was cancelled or has timed out, and has not ended.

    It keeps its place in its executor until it does. Python cannot end a thread; a function can ask
    `current_run().cancelled`.
    """

    run_id: str
    attempt: int
    executor: str
    thread: str
    """The name of the thread, task or process that it runs in."""
    since: datetime
    """When it was told to end."""
    stack: str
    """Where it is now, as a traceback shows it; empty where that cannot be seen."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the scheduler fares. `ok` is what a health check should look at."""

    ok: bool
    """Whether it runs, its loop is alive and keeps its times, every store is reachable, and no executor is blocked."""
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
    stuck_calls: tuple[StuckRun, ...] = ()
    """Functions that were told to end and still run, each in a place that others wait for."""
    blocked_executors: tuple[str, ...] = ()
    """Aliases of executors that such functions have left no place in: nothing begins there until one of them ends."""

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


def examine(engine: Engine, clock: Clock, *, running: bool, paused: bool) -> Health:
    """Look at the loop, at every store and every executor. Raises nothing.

    Arguments:
        running: whether the engine is driven.
        paused: whether it starts no runs.
    """
    stores = {alias: _store_health(link, engine, clock, running) for alias, link in list(engine.links.items())}
    stalled = running and clock.monotonic() > engine.expected_at + STALLED_AFTER
    stuck = tuple(_stuck(engine, clock))
    blocked = tuple(sorted(alias for alias in {one.executor for one in stuck} if _is_blocked(engine, alias)))
    return Health(
        ok=running and not stalled and not blocked and all(store.reachable for store in stores.values()),
        running=running,
        stalled=stalled,
        paused=paused,
        last_step_age=clock.monotonic() - engine.stepped_at if running else None,
        active_runs=engine.active,
        stores=stores,
        stuck_calls=stuck,
        blocked_executors=blocked,
    )


def _store_health(link: StoreLink, engine: Engine, clock: Clock, running: bool) -> StoreHealth:
    store, broken = link.store, len(link.parked)
    try:
        store.open(clock)
        named = set(store.executors())
        due = store.next_due(named | set(engine.executors))
        lag = 0.0 if due is None else max((store.now() - due).total_seconds(), 0.0)
        nodes = tuple(store.nodes()) if store.shared else ()
    except Exception as error:
        failing = link.since if link.error is not None else None
        return StoreHealth(False, failing, describe(error), broken_jobs=broken)
    error_now = link.error if running else None
    unknown = tuple(sorted(named - set(engine.executors)))
    return StoreHealth(error_now is None, link.since, error_now, lag, broken, nodes, unknown)


def _stuck(engine: Engine, clock: Clock) -> Iterator[StuckRun]:
    now, monotonic = clock.now(), clock.monotonic()
    for alias, calls in engine.flights.stuck().items():
        for call in calls:
            since = now - timedelta(seconds=max(monotonic - call.told_at, 0.0))
            yield StuckRun(call.run_id, call.attempt, alias, call.thread, since, call.stack)


def _is_blocked(engine: Engine, alias: str) -> bool:
    """Whether an executor with stuck calls has room for nothing else, and makes no call that anybody waits for."""
    executor = engine.executors.get(alias)
    with suppress(Exception):
        return (
            executor is not None
            and executor.free_room() <= 0
            and all(executor.began(run.id, run.attempt) is None for run in engine.flights.under_way(alias))
        )
    return False
