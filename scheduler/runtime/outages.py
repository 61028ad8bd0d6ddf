"""What becomes of a job store that fails: its fires wait, it is tried again, and those who listen are told."""

from __future__ import annotations

import logging

from scheduler.clock import Clock
from scheduler.core.events import StoreRecovered, StoreUnavailable
from scheduler.errors import JobStoreError, StaleJobError
from scheduler.runtime.bus import EventBus
from scheduler.runtime.link import FIRST_RETRY, StoreLink
from scheduler.wording import describe

logger = logging.getLogger(__name__)

OUTDATED_AT_MOST = 5
"""Turns in a row that may find a job changed under their hands before that counts as a failure of the store."""


class Outages:
    """Takes note of how the stores answer. Each method is called after a store was served, with how that went."""

    def __init__(self, clock: Clock, bus: EventBus) -> None:
        self._clock = clock
        self._bus = bus

    def answered(self, link: StoreLink) -> None:
        """It did what it was asked to."""
        failed_since = link.answered(self._clock.now())
        if failed_since is not None:
            logger.warning("Job store %r answers again", link.alias)
            self._bus.publish(StoreRecovered(link.alias, failed_since))

    def failed(self, link: StoreLink, error: Exception) -> float:
        """It raised. Returns after how many seconds to try again."""
        monotonic, now = self._clock.monotonic(), self._clock.now()
        if link.failed(describe(error), now, monotonic):
            known = isinstance(error, JobStoreError)
            logger.error("Job store %r fails, its fires wait: %s", link.alias, error, exc_info=None if known else error)
            self._bus.publish(StoreUnavailable(link.alias, describe(error), now))
        return link.retry_at - monotonic

    def outdated(self, link: StoreLink, error: StaleJobError) -> float:
        """A job changed between claim and record, which locks forbid: look again, and complain if it goes on."""
        link.outdated += 1
        link.dirty = True
        return self.failed(link, error) if link.outdated > OUTDATED_AT_MOST else FIRST_RETRY
