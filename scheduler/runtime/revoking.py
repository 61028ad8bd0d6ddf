"""Runs that nobody wants any more: they are revoked in the store, and ended where they are under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from scheduler.clock import Clock
from scheduler.core.run import Run
from scheduler.errors import StaleJobError
from scheduler.runtime.announcer import Announcer
from scheduler.runtime.endings import Endings, is_recorded, record_revoked
from scheduler.runtime.flights import Flights
from scheduler.runtime.link import Revocation, StoreLink

TRIES = 20
"""How often a run is looked for again that changes while it is being locked."""


class Revoking:
    """Revokes runs for users, and for later runs that take their place; finds those that others have revoked.

    Arguments:
        poll_interval: seconds between questions to a store which runs were taken from this node.
    """

    def __init__(self, flights: Flights, announcer: Announcer, clock: Clock, poll_interval: float) -> None:
        self._flights = flights
        self._announcer = announcer
        self._clock = clock
        self._poll_interval = poll_interval
        self._revoked: deque[str] = deque()
        """Ids of runs that may be under way here."""
        self._untold: deque[tuple[StoreLink, Endings]] = deque()
        """What was recorded while a step was being taken, whose events come first."""

    @property
    def unfinished(self) -> bool:
        """Whether `finish` has something to do."""
        return bool(self._revoked or self._untold)

    def revoke(self, link: StoreLink, revocation: Revocation, stepping: Callable[[], bool]) -> Run | None:
        """Revoke a run, in any thread; the loop ends it here by `finish`. Returns it; None: it had ended.

        Arguments:
            stepping: tells whether a step is being taken. Then the loop tells the events, after those of the step.
        """
        endings = _record(link, revocation)
        self._revoked.append(revocation.run_id)
        if endings is None:
            return None
        link.dirty = True
        if stepping():
            self._untold.append((link, endings))
        else:
            self._announcer.ended(link, endings)
        return endings.written[0]

    def finish(self) -> None:
        """End here what was revoked, and tell what is untold."""
        while self._revoked:
            self._flights.drop(self._revoked.popleft())
        while self._untold:
            self._announcer.ended(*self._untold.popleft())

    def forget(self) -> None:
        """Leave all that is unfinished."""
        self._revoked.clear()
        self._untold.clear()

    def make_place(self, link: StoreLink) -> None:
        """Revoke runs that later ones take the place of, unless that has become needless.

        That is so where the later one was not recorded, its turn having failed, or waits no longer.
        """
        while link.revocations:
            revocation = link.revocations[0]
            later = None if revocation.cause is None else link.store.get_run(revocation.cause)
            if later is not None and later.queued:
                endings = _record(link, revocation)
                self._flights.drop(revocation.run_id)
                link.dirty = True
                if endings is not None:
                    self._announcer.ended(link, endings)
            link.revocations.popleft()

    def look_for_taken(self, link: StoreLink) -> None:
        """End runs that others have taken from this node: revoked them, or declared the node dead."""
        monotonic = self._clock.monotonic()
        launched_until = monotonic
        if not self._clock.virtual:  # virtual time is told of, so what is new at an instant is seen at once
            if monotonic < link.look_for_taken_at:
                return
            link.look_for_taken_at = monotonic + self._poll_interval
            launched_until = monotonic - self._poll_interval
        for node, run_ids in self._flights.by_holder(link, launched_until).items():
            held = link.store.held_by(node, run_ids)
            for run_id in run_ids:
                if run_id not in held:
                    self._flights.drop(run_id)


def _stored(link: StoreLink, run_id: str) -> Run | None:
    try:
        return link.store.get_run(run_id)
    except Exception:
        return None


def _record(link: StoreLink, revocation: Revocation) -> Endings | None:
    """Revoke a run in its store, whoever holds it. Returns what was recorded; None: it has ended, or there is none.

    Where the answer of the commit was lost, and the run can be read, that decides.
    """
    for tried in range(1, TRIES + 1):
        endings = Endings()
        try:
            with link.store.turn() as turn:
                record_revoked(turn, revocation, endings)
                link.revocations += endings.revocations
        except Exception:
            if not (endings.written and is_recorded(_stored(link, revocation.run_id), endings.written[0])):
                raise
        if endings.written:
            return endings
        run = link.store.get_run(revocation.run_id)
        if run is None or run.finished_at is not None:
            return None
        if tried == TRIES:
            raise StaleJobError(run.job_id)
    return None
