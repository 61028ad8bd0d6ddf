"""Starting, pausing and stopping the engine, and telling how it fares."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import ExitStack, suppress
from datetime import timedelta
from enum import Enum
from functools import partial

from scheduler.clock import Clock
from scheduler.core.events import SchedulerPaused, SchedulerResumed, SchedulerShutdown, SchedulerStarted
from scheduler.errors import (
    InvalidSettingError,
    JobStoreError,
    JobStoreLookupError,
    NotInARunError,
    SchedulerAlreadyRunningError,
    SchedulerError,
    SchedulerNotRunningError,
)
from scheduler.executors.base import Executor
from scheduler.executors.current import current_run
from scheduler.jobstores.base import JobStore
from scheduler.runtime.bus import EventBus
from scheduler.runtime.engine import Engine
from scheduler.runtime.forks import pause_for_forks, tell_of_forks
from scheduler.runtime.health import Health, examine
from scheduler.runtime.link import StoreLink
from scheduler.runtime.liveness import Liveness, new_node_id
from scheduler.runtime.loop import Loop
from scheduler.runtime.shutdown import shut_down
from scheduler.runtime.signals import caught_signals
from scheduler.runtime.staff import Staff
from scheduler.runtime.stopping import Deadline
from scheduler.runtime.wakeup import Wakeup

logger = logging.getLogger(__name__)

SIGNAL_CHECK = 0.2
"""Seconds between looks at whether a signal has come."""


class SchedulerState(Enum):
    """Whether a scheduler drives its jobs."""

    STOPPED = 0
    RUNNING = 1
    PAUSED = 2


class Lifecycle:
    """Starts and stops everything that an engine needs. May be used from any thread."""

    def __init__(self, engine: Engine, liveness: Liveness, bus: EventBus, wakeup: Wakeup, clock: Clock) -> None:
        self.state = SchedulerState.STOPPED
        self._engine = engine
        self._liveness = liveness
        self._bus = bus
        self._wakeup = wakeup
        self._clock = clock
        self._staff = Staff(engine.flights, clock)
        self._loop: Loop | None = None
        self._pulses: dict[str, Loop] = {}
        """Job store alias → what beats there while the loop is held up."""
        self._parent: int | None = None
        """The pid of the process that the scheduler runs in, where this one was forked from it."""
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._stopped.set()
        tell_of_forks(self)
        pause_for_forks(self)

    @property
    def running(self) -> bool:
        """Whether jobs are driven: started, not shut down, and the loop is alive."""
        return self.state is not SchedulerState.STOPPED and (self._loop is None or self._loop.alive)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is driven, and no shutdown is under way, which still records how runs end."""
        return not self.running and self._stopped.is_set()

    def start(self, paused: bool) -> None:
        """Open the stores, start the executors, then the loop. If one fails, nothing stays started."""
        with self._lock:
            if self.state is not SchedulerState.STOPPED:
                raise SchedulerAlreadyRunningError(
                    "the scheduler runs already; call shutdown() before starting it again"
                )
            if not self._stopped.is_set():
                raise SchedulerAlreadyRunningError(
                    "the scheduler is still shutting down; start it again after the event SchedulerShutdown"
                )
            self._liveness.identify()
            self._engine.open(claiming=not paused)
            with ExitStack() as undo:
                self._start_parts(undo)
                if not self._clock.virtual:
                    loop = Loop(self._engine.step, self._wakeup)
                    loop.start()
                    self._loop = loop
                undo.pop_all()
            for link in self._engine.links.values():
                self._start_pulse(link)
            self._stopped = threading.Event()
            self._parent = None
            self.state = SchedulerState.PAUSED if paused else SchedulerState.RUNNING
        self._bus.publish(SchedulerStarted())

    def _start_parts(self, undo: ExitStack) -> None:
        """Open the stores and start the executors; `undo` takes what to do if a later one fails."""
        engine = self._engine
        for alias, link in list(engine.links.items()):
            undo.callback(link.store.close)
            link.store.open(self._clock)
            engine.links[alias] = self._new_link(alias, link.store)
        self._staff.start(undo)

    def shutdown(self, wait: bool, timeout: float | timedelta | None) -> None:
        """Start nothing more, let runs end, record them, stop. From within a run or a listener: begun, not awaited."""
        deadline = Deadline(timeout, wait)
        with self._lock:
            self._check_running()
            self.state = SchedulerState.STOPPED
            self._engine.close()
            loop, self._loop = self._loop, None
        if self._awaits_caller:
            # The program does not end before it has.
            arguments = (loop, deadline)
            threading.Thread(target=self._stop, args=arguments, name="scheduler-shutdown", daemon=False).start()
        else:
            self._stop(loop, deadline)

    def close(self) -> None:
        """Close the stores of a scheduler that does not run; the next call that needs one opens it again."""
        with self._lock:
            if self.state is not SchedulerState.STOPPED or not self._stopped.is_set():
                raise SchedulerAlreadyRunningError("the scheduler runs; call shutdown(), which closes the stores too")
            for link in self._engine.links.values():
                link.store.close()

    def run_forever(self, timeout: float | timedelta | None) -> None:
        """Start if need be, and return when the scheduler has stopped, for a signal or by `shutdown`."""
        Deadline(timeout)  # a wrong one is refused before anything starts
        if self._clock.virtual:
            raise InvalidSettingError("a scheduler on a virtual clock cannot run forever; drive it with VirtualTime")
        with caught_signals() as signals:
            if self.state is SchedulerState.STOPPED:
                self.start(paused=False)
            stopped = self._stopped
            # A handler may not set an event that the same thread waits for, so it is looked at in turns.
            while not signals and not stopped.wait(SIGNAL_CHECK):
                pass
        if not stopped.is_set():
            with suppress(SchedulerNotRunningError):
                self.shutdown(wait=True, timeout=timeout)
            stopped.wait()

    def pause(self) -> None:
        """Start nothing more until `resume`; what runs goes on."""
        with self._lock:
            self._check_running()
            self._engine.claiming = False
            self.state = SchedulerState.PAUSED
        self._bus.publish(SchedulerPaused())

    def resume(self) -> None:
        """Start what is due again."""
        with self._lock:
            self._check_running()
            self._engine.claiming = True
            self.state = SchedulerState.RUNNING
        self._engine.wake()
        self._bus.publish(SchedulerResumed())

    def add_store(self, alias: str, store: JobStore) -> None:
        """Take in a store; if the scheduler runs, its jobs are driven from now on."""
        with self._lock:
            if alias in self._engine.links:
                raise InvalidSettingError(f"there is a job store {alias!r} already; remove it first")
            for other, link in self._engine.links.items():
                if link.store is store:
                    raise InvalidSettingError(f"this job store is here as {other!r} already; give each alias its own")
            if self.state is not SchedulerState.STOPPED:
                store.open(self._clock)
            link = self._engine.links[alias] = self._new_link(alias, store)
            if self.state is not SchedulerState.STOPPED:
                self._start_pulse(link)
        self._engine.wake()

    def remove_store(self, alias: str) -> None:
        """Let go of a store; its jobs stay in it. Refused while this process runs some of them."""
        with self._lock, self._engine.stepping:
            link = self._engine.links.get(alias)
            if link is None:
                raise JobStoreLookupError(alias, self._engine.links)
            active = self._engine.active_on(link)
            if active:
                raise SchedulerError(
                    f"job store {alias!r} has {active} runs of this process that have not ended; "
                    "pause the scheduler and try again when they have"
                )
            del self._engine.links[alias]
            self._leave(link)

    def add_executor(self, alias: str, executor: Executor) -> None:
        """Take in an executor, and start it if the scheduler runs."""
        with self._lock:
            self._staff.add(alias, executor, running=self.state is not SchedulerState.STOPPED)
        self._engine.wake()

    def remove_executor(self, alias: str) -> None:
        """Let go of an executor when its calls have ended; its jobs are kept and wait.

        From within a run or a listener the calls are not awaited, as one of them may be the caller.
        """
        with self._lock, self._engine.stepping:
            running = self.state is not SchedulerState.STOPPED
            arguments = (alias, self._staff.dismiss(alias, running))
        if not running:
            return
        if self._awaits_caller:
            let_go = self._staff.let_go
            threading.Thread(target=let_go, args=arguments, name="scheduler-executor-stop", daemon=True).start()
        else:
            self._staff.let_go(*arguments)

    def health(self) -> Health:
        """Look at the loop, at every store and every executor. Raises nothing."""
        return examine(self._engine, self._clock, running=self.running, paused=self.state is SchedulerState.PAUSED)

    def before_fork(self) -> None:
        """Let the stores have nothing open that a child must not have."""
        for link in list(self._engine.links.values()):
            link.store.before_fork()

    def after_fork_in_parent(self) -> None:
        """Let them go on."""
        for link in list(self._engine.links.values()):
            link.store.after_fork_in_parent()

    def after_fork(self) -> None:
        """In the child of a fork: be stopped, and use or hold nothing of what the parent's threads use."""
        if self.state is not SchedulerState.STOPPED or not self._stopped.is_set():
            self._parent = os.getppid()
        self.state = SchedulerState.STOPPED
        self._lock, self._stopped = threading.RLock(), threading.Event()
        self._stopped.set()
        self._loop, self._pulses = None, {}
        for part in (self._wakeup, self._bus, self._liveness, self._engine):
            part.after_fork()
        self._staff.after_fork()
        for alias, link in self._engine.links.items():
            link.store.after_fork()
            self._engine.links[alias] = self._new_link(alias, link.store)

    @property
    def _awaits_caller(self) -> bool:
        """Whether the caller is something that a shutdown waits for: a run of this scheduler, or a step of the loop.

        The run of another scheduler, which has started this one, may wait.
        """
        if self._engine.inside_a_step:
            return True
        try:
            run_id = current_run().run_id
        except NotInARunError:
            return False
        flights = self._engine.flights
        return run_id in flights or any(run_id == call.run_id for calls in flights.stuck().values() for call in calls)

    def _check_running(self) -> None:
        if self._parent is not None:
            raise SchedulerNotRunningError(
                f"the scheduler runs in process {self._parent}, from which this one was forked; here it has stopped, "
                "and start() makes this process another node"
            )
        if self.state is SchedulerState.STOPPED:
            raise SchedulerNotRunningError("the scheduler does not run; call start() first")

    def _new_link(self, alias: str, store: JobStore) -> StoreLink:
        self._liveness.forget(alias)
        return StoreLink(alias, store, new_node_id(self._liveness.process))

    def _start_pulse(self, link: StoreLink) -> None:
        if link.store.shared and not self._clock.virtual:
            pulse = self._pulses[link.alias] = Loop(partial(self._liveness.pulse, link), Wakeup(), "scheduler-pulse")
            pulse.start()

    def _stop(self, loop: Loop | None, deadline: Deadline) -> None:
        """Stop every part, and tell of it."""
        shut_down(self._engine, loop, self._wakeup, deadline, self._leave)
        self._stopped.set()
        self._bus.publish(SchedulerShutdown())

    def _leave(self, link: StoreLink) -> None:
        """Take this node off the store and close it."""
        pulse = self._pulses.pop(link.alias, None)
        if pulse is not None:
            pulse.stop()
        try:
            if link.store.shared and self._liveness.beats_on(link.alias):
                with link.store.turn() as turn:
                    turn.forget(link.node)
        except JobStoreError as error:
            logger.warning("Node %s could not take leave of job store %r: %s", link.node, link.alias, error)
        finally:
            self._liveness.forget(link.alias)
            link.store.close()
