"""Runs that nobody wants any more: they are revoked in the store, and ended where they are under way."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator

from scheduler.clock import Clock
from scheduler.core.run import Run
from scheduler.errors import StaleJobError
from scheduler.runtime.announcer import Announcer
from scheduler.runtime.endings import Endings, is_recorded, record_revoked
from scheduler.runtime.flights import Flights
from scheduler.runtime.link import Revocation, StoreLink

logger = logging.getLogger(__name__)

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

    # in any thread

    @property
    def unfinished(self) -> bool:
        """Whether the loop has something to do for others."""
        return bool(self._revoked or self._untold)

    def revoke(self, link: StoreLink, revocation: Revocation, stepping: Callable[[], bool]) -> Run | None:
        """Revoke a run, and those that are to make place for what its end has called. Returns it; None: it had ended.

        Arguments:
            stepping: tells whether a step is being taken. Then that one tells the events, after its own.
        """
        later: deque[Revocation] = deque()
        endings = self._carry_out(link, revocation, later, stepping)
        try:
            for another in _still_needed(link, later):
                self._carry_out(link, another, later, stepping)
        except Exception as error:  # what was asked for is done
            logger.warning("Runs in job store %r that others replace are to be revoked later: %s", link.alias, error)
            link.revocations += later
        return None if endings is None else endings.settled[0][0]

    def _carry_out(
        self, link: StoreLink, revocation: Revocation, later: deque[Revocation], stepping: Callable[[], bool]
    ) -> Endings | None:
        endings = _record(link, revocation, later)
        if stepping() or revocation.run_id in self._flights:  # the loop ends it, if there is one
            self._revoked.append(revocation.run_id)
        if endings is not None:
            self._untold.append((link, endings))
            if not stepping():
                self.tell()
        return endings

    def tell(self) -> None:
        """Tell what is untold."""
        while True:
            try:
                link, endings = self._untold.popleft()
            except IndexError:
                return
            self._announcer.ended(link, endings)

    # in the loop

    def finish(self) -> None:
        """End here what others have revoked."""
        while self._revoked:
            self._flights.drop(self._revoked.popleft())

    def forget(self) -> None:
        """Leave all that is unfinished."""
        self._revoked.clear()
        self._untold.clear()

    def make_place(self, link: StoreLink) -> None:
        """Revoke runs that later ones take the place of."""
        for revocation in _still_needed(link, link.revocations):
            endings = _record(link, revocation, link.revocations)
            self._flights.drop(revocation.run_id)
            if endings is not None:
                self._announcer.ended(link, endings)

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


def _still_needed(link: StoreLink, revocations: deque[Revocation]) -> Iterator[Revocation]:
    """Give one after another those that are not needless by then, and take each out once it has been carried out.

    It is needless where the later run was not recorded, its turn having failed, or waits no longer.
    """
    while revocations:
        revocation = revocations[0]
        later = None if revocation.cause is None else link.store.get_run(revocation.cause)
        if later is not None and later.queued:
            yield revocation
        revocations.popleft()


def _stored(link: StoreLink, run_id: str) -> Run | None:
    try:
        return link.store.get_run(run_id)
    except Exception:
        return None


def _record(link: StoreLink, revocation: Revocation, later: deque[Revocation]) -> Endings | None:
    """Revoke a run in its store, whoever holds it. Returns what was recorded; None: it has ended, or there is none.

    Where the answer of the commit was lost, and the run can be read, that decides.

    Arguments:
        later: where runs are left that are to make place for what its end calls.
    """
    for tried in range(1, TRIES + 1):
        endings = Endings(later)
        try:
            with link.store.turn() as turn:
                record_revoked(turn, revocation, endings)
        except Exception:
            if not endings.settled:
                raise
            (run, _), stored = endings.settled[0], _stored(link, revocation.run_id)
            if stored is None or not is_recorded(stored, run) or stored.finished_at != run.finished_at:
                raise
        if endings.settled:
            return endings
        found = link.store.get_run(revocation.run_id)
        if found is None or found.finished_at is not None:
            return None
        if tried == TRIES:
            raise StaleJobError(found.job_id)
    return None
