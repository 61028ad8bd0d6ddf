"""The one loop: record what ended, plan what is due, start it, say when to come back.

The way of one due job is read from `Engine.step` downwards. For each store one turn is one transaction: ended runs are
settled and recorded, due jobs claimed and planned, their runs recorded. Only after its commit are functions called.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Mapping
from itertools import count
from threading import RLock, get_ident

from scheduler.clock import Clock
from scheduler.core.events import (
    JobBroken,
    StoreRecovered,
    StoreUnavailable,
)
from scheduler.core.history import History
from scheduler.core.job import Job
from scheduler.core.run import Run
from scheduler.core.settle import Ending, Outcome
from scheduler.errors import FunctionLookupError, JobStoreError, StaleJobError
from scheduler.runtime.announcer import Announcer
from scheduler.runtime.batch import LARGEST, Batch
from scheduler.runtime.bus import EventBus
from scheduler.runtime.endings import Endings, record_ended, record_revoked
from scheduler.runtime.flights import Flights
from scheduler.runtime.housekeeping import Housekeeping
from scheduler.runtime.link import FIRST_RETRY, Revocation, Start, StoreLink
from scheduler.runtime.liveness import Liveness
from scheduler.runtime.loop import LONGEST_WAIT
from scheduler.runtime.wakeup import Wakeup
from scheduler.serialization.functions import FunctionLoader
from scheduler.wording import describe

logger = logging.getLogger(__name__)

OUTDATED_AT_MOST = 5
"""Turns in a row that may find a job changed under their hands before that counts as a failure of the store."""

PROGRESS_INTERVAL = 0.5
"""Seconds between two records of progress in a store; of what is said in between, the last is kept."""

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
        self.stepping = RLock()
        """Held while a step is taken: between the commit of a run and its call nothing may be taken away."""
        self.stepped_at = clock.monotonic()
        self.expected_at = self.stepped_at
        """When the next step should begin, or the present one end, on the monotonic clock."""
        self._unwanted: deque[str] = deque()
        """Ids of runs that were revoked, and may be under way here."""
        self._stepper: int | None = None
        self._steps = count()
        self._clock = clock
        self._bus = bus
        self._announcer = Announcer(bus)
        self._wakeup = wakeup
        self._functions = functions
        self._liveness = liveness
        self._housekeeping = Housekeeping(history, clock)
        self._poll_interval = poll_interval

    def step(self) -> float:
        """Record what ended, plan what is due, start it. Returns after how many seconds to come back."""
        with self.stepping:
            self._stepper = get_ident()
            try:
                return self._step()
            finally:
                self._stepper = None

    @property
    def inside_a_step(self) -> bool:
        """Whether the caller's thread is taking a step: this is a listener, a trigger or an inline call."""
        return self._stepper == get_ident()

    def _step(self) -> float:
        self.stepped_at = self.expected_at = self._clock.monotonic()
        while self._unwanted:
            self.flights.drop(self._unwanted.popleft())
        self.flights.land()
        self.flights.time_out()
        wait = min([self._serve(link) for link in self._in_turns()], default=LONGEST_WAIT)
        wait = min(wait, max(self.flights.next_deadline - self._clock.monotonic(), 0.0))
        self.expected_at = self._clock.monotonic() + wait
        return 0.0 if self.flights.inbox or self._unwanted else wait

    @property
    def active(self) -> int:
        """How many runs this node has started, or may have, and not recorded as ended."""
        recorded = [len(link.outcomes) + len(link.unconfirmed) for link in self.links.values()]
        return len(self.flights) + sum(recorded)

    def active_on(self, link: StoreLink) -> int:
        """How many of them are in one store."""
        return self.flights.on(link) + len(link.outcomes) + len(link.unconfirmed)

    def drop_flights(self) -> None:
        """Forget every run that has not been recorded as ended; other nodes, or this one restarted, find them lost."""
        self.flights.forget()
        for link in self.links.values():
            link.outcomes, link.unconfirmed = [], []

    def wake(self) -> None:
        """End the loop's wait."""
        self._wakeup.set()

    def changed(self, alias: str, job_id: str, job: Job | None) -> None:
        """Take note, in any thread, that a job was stored or (None) removed."""
        link = self.links.get(alias)
        if link is not None:
            link.parked.pop(job_id, None)
            if link.changed(None if job is None else job.next_run_time):
                self._wakeup.set()

    def revoke(self, link: StoreLink, revocation: Revocation) -> Run | None:
        """Revoke a run, in any thread, and end it if it is under way here. Returns it; None: it had ended."""
        for _ in range(OUTDATED_AT_MOST):
            with link.store.turn() as turn:
                endings = record_revoked(turn, revocation)
            if endings.written:
                break
            run = link.store.get_run(revocation.run_id)
            if run is None or run.finished_at is not None:
                return None
        link.dirty = True
        link.revocations += endings.revocations
        self._unwanted.append(revocation.run_id)
        self._wakeup.set()
        self._tell_ended(link, endings)
        return endings.written[0] if endings.written else None

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
            self._look_after_nodes(link, monotonic)
            self._confirm(link)
            self._make_place(link)
            self._look_for_taken(link, monotonic)
            self._record_progress(link, monotonic)
            room = self.flights.room() if self.claiming else {}
            if link.must_look(room, monotonic) and not link.outcomes:
                link.dirty = False
                next_due = link.store.next_due(room, link.parked_now(monotonic))
                link.looked(next_due, room, monotonic + self._look_interval(link))
            if link.outcomes or self._is_due(link):
                self._turn(link, room, monotonic)
            link.unpark(monotonic)
            wait = self._wait(link)
            wait = min(wait, self._housekeeping.tidy(link, wait))
        except StaleJobError as error:
            return self._outdated(link, error)
        except Exception as error:
            return self._failed(link, error)
        self._answered(link)
        return wait

    def _turn(self, link: StoreLink, room: Mapping[str, int], monotonic: float) -> None:
        """One transaction: record what ended, claim and plan what is due. Then, committed, start it and tell."""
        batch = Batch(room, link.node, self._functions)
        with link.store.turn() as turn:
            endings = record_ended(turn, link.outcomes)
            if endings.more_waiting or link.must_look(room, monotonic) or self._is_due(link):
                link.dirty = False
                skip = link.parked_now(monotonic)
                batch.claim(turn, skip)
                left = [alias for alias, places in batch.room.items() if places > 0]
                link.looked(turn.next_due(left, skip), left, monotonic + self._look_interval(link))
            link.unconfirmed = batch.starts
        link.outcomes = []
        self.flights.launch(link, batch.starts)
        link.unconfirmed = []
        link.revocations += endings.revocations + batch.revocations
        link.dirty = link.dirty or bool(link.revocations)
        self._tell_ended(link, endings)
        self._housekeeping.note(link, [(run, plan.job) for plan in batch.plans for run in plan.skips])
        self._announcer.batch(batch, link)
        self._load(link, batch, monotonic)
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
        if link.dirty:
            return 0.0
        monotonic = self._clock.monotonic()
        wait = link.look_at - monotonic
        beat = self._liveness.due_at(link)
        if beat is not None:
            wait = min(wait, beat - monotonic)
        if link.progress:
            wait = min(wait, link.progress_at - monotonic)
        if link.next_due is not None:
            wait = min(wait, (link.next_due - link.store.now()).total_seconds())
        return max(wait, 0.0)

    def _make_place(self, link: StoreLink) -> None:
        """Revoke runs that later ones take the place of."""
        while link.revocations:
            self.revoke(link, link.revocations[0])
            del link.revocations[0]

    def _look_for_taken(self, link: StoreLink, monotonic: float) -> None:
        """End runs that others have taken from this node: revoked them, or declared the node dead."""
        if self._clock.virtual:
            running = self.flights.older(link, monotonic)
        elif link.store.shared and monotonic >= link.look_for_taken_at:
            link.look_for_taken_at = monotonic + self._poll_interval
            running = self.flights.older(link, monotonic - self._poll_interval)
        else:
            return
        if running:
            held = link.store.held_by(link.node, running)
            self._unwanted += [run_id for run_id in running if run_id not in held]

    def _record_progress(self, link: StoreLink, monotonic: float) -> None:
        """Write what functions have said of their progress since the last time, and tell it."""
        if not link.progress or monotonic < link.progress_at:
            return
        runs = list(link.progress.values())
        with link.store.turn() as turn:
            written = set(turn.progress(runs, link.node))
        link.progress.clear()
        link.progress_at = monotonic + PROGRESS_INTERVAL
        self._announcer.progress(run for run in runs if run.id in written)

    # after the commit

    def _tell_ended(self, link: StoreLink, endings: Endings) -> None:
        for run in endings.refused:
            if self._was_recorded(link, run):
                endings.written.append(run)
            else:
                logger.warning(
                    "Run %s was taken from this node; that it ended as %s is not recorded", run.id, run.state
                )
        self._housekeeping.note(link, endings.concluded)
        self._announcer.runs(endings.written)
        self._announcer.skipped(endings.followed)
        self._announcer.removed(endings.removed, link.alias)

    def _load(self, link: StoreLink, batch: Batch, monotonic: float) -> None:
        """Import functions that due jobs need; park the jobs that cannot be loaded. No row is locked meanwhile."""
        link.sound(plan.job.id for plan in batch.plans)
        link.sound(start.run.job_id for start in batch.starts)
        broken = batch.broken
        for job in batch.unknown:
            try:
                self._functions.load(str(job.func))
                link.dirty = True  # it is due still, and can be started now
            except FunctionLookupError as error:
                broken.append((job, str(error)))
            except BaseException as error:  # an import may raise anything, KeyboardInterrupt among it
                broken.append((job, describe(error)))
        for job, reason in broken:
            if link.park(job.id, job.version, reason, monotonic):
                logger.error("Job %r in job store %r cannot run here and is kept: %s", job.id, link.alias, reason)
                self._bus.publish(JobBroken(job.id, link.alias, reason))

    # failures

    def _confirm(self, link: StoreLink) -> None:
        """Find out what became of a turn whose commit failed: its runs start if they were recorded after all."""
        if link.unconfirmed:
            recorded = [start for start in link.unconfirmed if link.store.get_run(start.run.id) == start.run]
            self.flights.launch(link, recorded)
            link.unconfirmed = []
            self._announcer.started(recorded)

    def _was_recorded(self, link: StoreLink, run: Run) -> bool:
        """Tell whether a refused ending is there already, from a commit whose answer was lost."""
        try:
            stored = link.store.get_run(run.id)
        except Exception:
            return False
        return stored is not None and (stored.state, stored.attempt) == (run.state, run.attempt)

    def _outdated(self, link: StoreLink, error: StaleJobError) -> float:
        """A job changed between claim and record, which locks forbid: look again, and complain if it goes on."""
        link.outdated += 1
        link.dirty = True
        return self._failed(link, error) if link.outdated > OUTDATED_AT_MOST else FIRST_RETRY

    def _failed(self, link: StoreLink, error: Exception) -> float:
        monotonic, now = self._clock.monotonic(), self._clock.now()
        if link.failed(describe(error), now, monotonic):
            known = isinstance(error, JobStoreError)
            logger.error("Job store %r fails, its fires wait: %s", link.alias, error, exc_info=None if known else error)
            self._bus.publish(StoreUnavailable(link.alias, describe(error), now))
        return link.retry_at - monotonic

    def _answered(self, link: StoreLink) -> None:
        failed_since = link.answered(self._clock.now())
        if failed_since is not None:
            logger.warning("Job store %r answers again", link.alias)
            self._bus.publish(StoreRecovered(link.alias, failed_since))

    # nodes

    def _look_after_nodes(self, link: StoreLink, monotonic: float) -> None:
        """Beat if it is time to, and record the runs of dead nodes as lost."""
        beat = self._liveness.due_at(link)
        if beat is not None and monotonic >= beat:
            for node in self._liveness.beat(link):
                logger.warning("Node %s is dead; its runs are lost", node)
                while self._recover(link, node):
                    pass

    def _recover(self, link: StoreLink, node: str) -> bool:
        """Settle some of a dead node's runs. Returns whether there may be more."""
        with link.store.turn() as turn:
            held = turn.held(node, LARGEST)
            lost = [
                (Start(run, job), Outcome(run.id, Ending.LOST, error=f"node {node} died before the function ended"))
                for run, job in held
            ]
            endings = record_ended(turn, lost)
            more = len(held) == LARGEST
            if not more:
                turn.forget(node)
        link.dirty = True
        self._tell_ended(link, endings)
        return more
