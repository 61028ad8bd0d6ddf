"""From a front end's constructor arguments to the parts that do the work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from scheduler.clock import Clock
from scheduler.core.history import History
from scheduler.core.job import JobDefaults
from scheduler.definitions import JobBuilder
from scheduler.errors import InvalidSettingError
from scheduler.executors import Executor, InlineExecutor, ThreadPoolExecutor
from scheduler.jobstores import JobStore, MemoryJobStore
from scheduler.lookups import Lookups
from scheduler.operations import Operations
from scheduler.run_operations import RunOperations
from scheduler.runtime.bus import EventBus
from scheduler.runtime.engine import Engine
from scheduler.runtime.lifecycle import Lifecycle
from scheduler.runtime.liveness import Liveness, this_process
from scheduler.runtime.wakeup import Wakeup
from scheduler.serialization.functions import FunctionLoader
from scheduler.timezones import local_zone, to_zone
from scheduler.triggers import Trigger
from scheduler.triggers.named import TriggerKinds
from scheduler.validation import checked_alias
from scheduler.wording import show

SHORTEST = 0.001
LONGEST = 365 * 86_400
"""Seconds that an interval of a scheduler may have: less keeps a processor busy, more can only be meant otherwise."""


class Parts:
    """Everything behind a front end. The arguments are those of `Scheduler`, which documents them."""

    def __init__(
        self,
        jobstore: Any,
        jobstores: Mapping[str, Any],
        executors: Mapping[str, Executor],
        triggers: Mapping[str, type[Trigger]],
        job_defaults: JobDefaults | Mapping[str, Any],
        timezone: str | tzinfo | None,
        clock: Clock,
        history: History,
        poll_interval: float,
        heartbeat_interval: float,
        node_timeout: float,
    ) -> None:
        checked_seconds("poll_interval", poll_interval)
        checked_seconds("heartbeat_interval", heartbeat_interval)
        checked_seconds("node_timeout", node_timeout)
        if node_timeout <= heartbeat_interval:
            raise InvalidSettingError(
                f"node_timeout ({node_timeout:g} s) must be longer than heartbeat_interval ({heartbeat_interval:g} s), "
                "or living nodes are taken for dead; some three times as long is sound"
            )
        self.history = checked_history(history)
        self.zone = local_zone() if timezone is None else to_zone(timezone)
        self.clock = clock
        self.kinds = TriggerKinds(triggers)
        self.bus = EventBus()
        wakeup = Wakeup()
        functions = FunctionLoader()
        liveness = Liveness(this_process(), clock, heartbeat_interval, node_timeout)
        self.engine = Engine(
            clock=clock,
            bus=self.bus,
            wakeup=wakeup,
            functions=functions,
            liveness=liveness,
            history=self.history,
            poll_interval=poll_interval,
        )
        self.lifecycle = Lifecycle(self.engine, liveness, self.bus, wakeup, clock)
        builder = JobBuilder(job_defaults, self.zone, self.kinds)
        self.lookups = Lookups(self.engine, functions, clock, self.zone)
        self.operations = Operations(self.lookups, builder, self.engine, self.bus)
        self.runs = RunOperations(
            self.operations, builder, self.engine, self.lifecycle, liveness, self.bus, clock, float(poll_interval)
        )
        self._add_stores(jobstore, jobstores)
        self._add_executors(executors, clock)

    def _add_stores(self, jobstore: Any, jobstores: Mapping[str, Any]) -> None:
        if not isinstance(jobstores, Mapping):
            raise InvalidSettingError(f"jobstores must be a mapping from alias to job store, not {show(jobstores)}")
        if jobstore is not None and "default" in jobstores:
            raise InvalidSettingError("the default job store is given twice; pass it as jobstore or in jobstores")
        stores = dict(jobstores) if "default" in jobstores else {"default": jobstore, **jobstores}
        for alias, store in stores.items():
            self.lifecycle.add_store(checked_alias("job store", alias), make_store(store, self.kinds, self.history))

    def _add_executors(self, executors: Mapping[str, Executor], clock: Clock) -> None:
        if not isinstance(executors, Mapping):
            raise InvalidSettingError(f"executors must be a mapping from alias to executor, not {show(executors)}")
        default: dict[str, Executor] = {}
        if "default" not in executors:
            default["default"] = InlineExecutor() if clock.virtual else ThreadPoolExecutor()
        for alias, executor in {**default, **executors}.items():
            self.lifecycle.add_executor(checked_alias("executor", alias), checked_executor(executor))


def make_store(given: Any, kinds: TriggerKinds, history: History) -> JobStore:
    """Return the store that is meant: one given as it is, or one by database URL or engine; None: memory.

    Stores that are made here know the triggers of `kinds`, and keep results up to the size that `history` allows.
    """
    if given is None:
        return MemoryJobStore(triggers=kinds.own)
    if isinstance(given, JobStore):
        return given
    if isinstance(given, type):
        raise InvalidSettingError(f"jobstore: {show(given)} is a class; pass an object of it")
    from scheduler.jobstores.sql.store import SQLAlchemyJobStore

    return SQLAlchemyJobStore(given, triggers=kinds.own, max_result=history.max_result)


def checked_executor(executor: Any) -> Executor:
    """Return an executor, or raise for anything else."""
    if not isinstance(executor, Executor):
        raise InvalidSettingError(
            f"an executor must be an Executor such as ThreadPoolExecutor(10), not {show(executor)}"
        )
    return executor


def checked_history(history: Any) -> History:
    """Return what is to be kept, or raise for anything else."""
    if not isinstance(history, History):
        raise InvalidSettingError(
            f"history must be a History, such as History(keep_for=7 * 86_400, keep_runs=100), not {show(history)}"
        )
    return history


def checked_seconds(name: str, value: Any) -> None:
    """Raise InvalidSettingError for what is not a number of seconds within the bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not SHORTEST <= value <= LONGEST:
        raise InvalidSettingError(
            f"{name} must be a number of seconds from {SHORTEST:g} to {LONGEST} (a year), not {show(value)}"
        )
