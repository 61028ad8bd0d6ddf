"""The one loop: record what ended, plan what is due, start it, say when to come back.

The way of one due job is read from `Engine.step` downwards. For each store one turn is one transaction: ended runs are
settled and recorded, due jobs claimed and planned, their runs recorded. Only after its commit are functions called.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import count
from threading import Event, RLock, get_ident

from scheduler.clock import Clock
from scheduler.core.history import History
from scheduler.core.job import Job
from scheduler.core.run import Run
from scheduler.errors import FunctionLookupError, StaleJobError
from scheduler.runtime.announcer import Announcer
from scheduler.runtime.batch import LARGEST, Batch
from scheduler.runtime.bus import EventBus
from scheduler.runtime.endings import Endings, record_ended
from scheduler.runtime.flights import Flights
from scheduler.runtime.housekeeping import Housekeeping
from scheduler.runtime.link import Revocation, StoreLink
from scheduler.runtime.liveness import Liveness
from scheduler.runtime.loop import LONGEST_WAIT
from scheduler.runtime.outages import Outages
from scheduler.runtime.overlaps import OverlapLog
from scheduler.runtime.progress import ProgressRecorder
from scheduler.runtime.recovery import Recovery
from scheduler.runtime.revoking import Revoking
from scheduler.runtime.wakeup import Wakeup
from scheduler.serialization.functions import FunctionLoader
from scheduler.wording import describe

BREATH = 0.01
"""Seconds for which others get at a store after a turn that catching up has made long."""


class Engine:
    """Drives the jobs of all stores through all executors, one step at a time; one thread takes all steps."""

    def __init__(
        self,
        *,
        clock: Clock,
        bus: EventBus,
        wakeup: Wakeup,
        functions: FunctionLoader,
        liveness: Liveness,
        history: History,
        poll_interval: float,
    ) -> None:
        self.links: dict[str, StoreLink] = {}
        self.flights = Flights(wakeup, clock, history)
        self.executors = self.flights.executors
        self.claiming = True
        """Whether due jobs are started; what runs is recorded in any case."""
        self.giving_up = False
        """Whether what has not ended is recorded as lost to a shutdown, whatever its function does from now on."""
        self.landed = Event()
        """Set after each step that leaves nothing under way, while nothing is claimed."""
        self.recorded = Event()
        """Set after each step that leaves nothing to record either."""
        self.stepping = RLock()
        """Held while a step is taken: between the commit of a run and its call nothing may be taken away."""
        self.stepped_at = clock.monotonic()
        self.expected_at = self.stepped_at
        """When the next step should begin, or the present one end, on the monotonic clock."""
        self._stepper: int | None = None
        self._steps = count()
        self._clock = clock
        self._wakeup = wakeup
        self._functions = functions
        self._poll_interval = poll_interval
        self._housekeeping = Housekeeping(history, clock)
        self._announcer = Announcer(bus, self._housekeeping, clock)
        self._recovery = Recovery(liveness, self._announcer, clock)
        self._revoking = Revoking(self.flights, self._announcer, clock, poll_interval)
        self._progress = ProgressRecorder(self._announcer, clock)
        self._outages = Outages(clock, bus)

    def step(self) -> float:
        """Record what ended, plan what is due, start it. Returns after how many seconds to come back."""
        with self.stepping:
            self._stepper = get_ident()
            try:
                wait = self._step()
                self._revoking.tell()
            finally:
                self._stepper = None
                self._tell_rest()
        self._revoking.tell()  # what was left to the step in its last moment
        return wait

    def _tell_rest(self) -> None:
        if not self.claiming and not self.flights:
            self.landed.set()
            if not self.active:
                self.recorded.set()

    @property
    def inside_a_step(self) -> bool:
        """Whether the caller's thread is taking a step: this is a listener, a trigger or an inline call."""
        return self._stepper == get_ident()

    def _step(self) -> float:
        self.stepped_at = self.expected_at = self._clock.monotonic()
        self._revoking.finish()
        self.flights.land()
        if self.giving_up:
            self.flights.abandon()
        self.flights.time_out()
        wait = min([self._serve(link) for link in self._in_turns()], default=LONGEST_WAIT)
        wait = min(wait, max(self.flights.next_deadline - self._clock.monotonic(), 0.0))
        self.expected_at = self._clock.monotonic() + wait
        return 0.0 if self.flights.inbox or self._revoking.unfinished else wait

    @property
    def active(self) -> int:
        """How many runs this node has started, or may have, and not recorded as ended."""
        recorded = [len(link.outcomes) + len(link.unconfirmed) for link in self.links.values()]
        return len(self.flights) + sum(recorded)

    def active_on(self, link: StoreLink) -> int:
        """How many of them are in one store."""
        return self.flights.on(link) + len(link.outcomes) + len(link.unconfirmed)

    def open(self, claiming: bool) -> None:
        """Begin a life: nothing is under way, and due jobs are started if `claiming`."""
        self.flights.open()
        self.claiming, self.giving_up = claiming, False

    def close(self) -> None:
        """Claim nothing more, and let `landed` and `recorded` tell from now on how far the rest is."""
        self.claiming = False
        self.landed.clear()
        self.recorded.clear()
        self._wakeup.set()

    def give_up(self) -> None:
        """Let the next step record what has not ended by then as lost to a shutdown. To be called after `close`."""
        self.recorded.clear()
        self.giving_up = True
        self._wakeup.set()

    def drop_flights(self) -> None:
        """Forget every run that has not been recorded as ended; other nodes, or this one restarted, find them lost."""
        self.flights.forget()
        for link in self.links.values():
            link.outcomes, link.unconfirmed = [], []
            link.progress.clear()
            link.revocations.clear()

    def after_fork(self) -> None:
        """In the child of a fork: nothing is under way here, and whoever held the lock is not here."""
        self.stepping = RLock()
        self._stepper = None
        self.landed, self.recorded = Event(), Event()
        self._revoking.forget()
        self.flights.inbox.drain()
        self.drop_flights()
        for link in self.links.values():
            link.overlaps = OverlapLog()

    def wake(self) -> None:
        """End the loop's wait."""
        self._wakeup.set()

    def changed(self, alias: str, job_id: str, job: Job | None) -> None:
        """Take note, in any thread, that a job was stored or (None) removed."""
        link = self.links.get(alias)
        if link is not None:
            link.parked.pop(job_id, None)
            if job is None:
                link.overlaps.forget(job_id)
            if link.changed(None if job is None else job.next_run_time):
                self._wakeup.set()

    def revoke(self, link: StoreLink, revocation: Revocation) -> Run | None:
        """Revoke a run, in any thread, and end it if it is under way here. Returns it; None: it had ended."""
        run = self._revoking.revoke(link, revocation, self._is_stepping)
        self._wakeup.set()
        return run

    def _is_stepping(self) -> bool:
        """Tell whether a step is being taken, which has yet to tell what it has done."""
        return self._stepper is not None

    def _in_turns(self) -> list[StoreLink]:
        """The stores, each of them first at times, so that one with much to do leaves room to the others."""
        links = list(self.links.values())
        first = next(self._steps) % len(links) if links else 0
        return links[first:] + links[:first]

    # one store

    def _serve(self, link: StoreLink) -> float:
        """Do what is to be done on one store. Its failure is its own: the others go on, and it is tried again."""
        monotonic = self._clock.monotonic()
        if monotonic < max(link.retry_at, link.rest_until):
            return max(link.retry_at, link.rest_until) - monotonic
        if self._clock.virtual:
            link.dirty = True
        try:
            link.store.open(self._clock)  # who shares the store object may have closed it
            self._recovery.look_after_nodes(link)
            self._confirm(link)
            self._revoking.make_place(link)
            self._revoking.look_for_taken(link)
            self._progress.record(link)
            room = self.flights.room() if self.claiming else {}
            if link.must_look(room, monotonic) and not link.outcomes:
                link.dirty = False
                next_due = link.store.next_due(room, link.parked_now(monotonic))
                link.looked(next_due, room, monotonic + self._look_interval(link))
            if link.outcomes or self._is_due(link):
                self._turn(link, room, monotonic)
            if link.untold:  # after what ended in the same turn, such as the attempt before
                self._announcer.started(link.untold)
                link.untold = []
            link.unpark(monotonic)
            wait = self._wait(link)
            wait = min(wait, self._housekeeping.tidy(link, wait))
        except StaleJobError as error:
            return self._outages.outdated(link, error)
        except Exception as error:
            return self._outages.failed(link, error)
        self._outages.answered(link)
        return wait

    def _turn(self, link: StoreLink, room: Mapping[str, int], monotonic: float) -> None:
        """One transaction: record what ended, claim and plan what is due. Then, committed, start it and tell."""
        outcomes, endings = link.outcomes[:LARGEST], Endings(link.revocations)
        batch = Batch(room, link.node, self._functions)
        with link.store.turn() as turn:
            record_ended(turn, outcomes, endings)
            if endings.unclaimed or link.must_look(room, monotonic) or self._is_due(link):
                link.dirty = False
                endings.unclaimed = False
                skip = link.parked_now(monotonic)
                batch.claim(turn, skip)
                left = [alias for alias, places in batch.room.items() if places > 0]
                link.looked(turn.next_due(left, skip), left, monotonic + self._look_interval(link))
            link.revocations += batch.revocations
            link.unconfirmed = batch.starts
        del link.outcomes[: len(outcomes)]
        link.unconfirmed = []  # before they are handed over: whatever comes of that, it is not done again
        self.flights.launch(link, batch.starts)
        # Those that took all they had room for may have room still: coroutines take none of a pool's threads.
        full = {alias for alias, places in batch.room.items() if places <= 0}
        has_room = bool(full) and not full.isdisjoint(self.flights.room())
        link.dirty = link.dirty or has_room
        self._announcer.ended(link, endings)
        self._announcer.batch(link, batch)
        self._load(link, batch)
        self._announcer.broken(link, batch.broken)
        if batch.exhausted:
            link.rest_until = self._clock.monotonic() + BREATH

    def _is_due(self, link: StoreLink) -> bool:
        return link.next_due is not None and link.next_due <= link.store.now()

    def _look_interval(self, link: StoreLink) -> float:
        """Seconds until the store is asked again without a reason. Virtual time is told of, so it needs no looking."""
        if self._clock.virtual:
            return math.inf
        return self._poll_interval if link.store.shared else LONGEST_WAIT

    def _wait(self, link: StoreLink) -> float:
        """Seconds until there is something to do on this store, as far as is known."""
        if link.dirty or link.outcomes:
            return 0.0
        monotonic = self._clock.monotonic()
        wait = link.look_at - monotonic
        beat = self._recovery.due_at(link)
        if beat is not None:
            wait = min(wait, beat - monotonic)
        if link.progress:
            wait = min(wait, link.progress_at - monotonic)
        if link.next_due is not None:
            wait = min(wait, (link.next_due - link.store.now()).total_seconds())
        return max(wait, 0.0)

    def _confirm(self, link: StoreLink) -> None:
        """Find out what became of a turn whose commit failed: its runs start if they were recorded after all."""
        if link.unconfirmed:
            recorded = [start for start in link.unconfirmed if link.store.get_run(start.run.id) == start.run]
            link.unconfirmed = []
            link.untold += recorded
            self.flights.launch(link, recorded)

    def _load(self, link: StoreLink, batch: Batch) -> None:
        """Import functions that due jobs need. No row is locked meanwhile."""
        link.sound(plan.job.id for plan in batch.plans)
        link.sound(start.run.job_id for start in batch.starts)
        for job in batch.unknown:
            try:
                self._functions.load(str(job.func))
                link.dirty = True  # it is due still, and can be started now
            except FunctionLookupError as error:
                batch.broken.append((job, str(error)))
            except BaseException as error:  # an import may raise anything, KeyboardInterrupt among it
                batch.broken.append((job, describe(error)))
