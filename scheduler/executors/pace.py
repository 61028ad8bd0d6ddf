"""How many calls a pool may hold ahead, measured by how fast it gets through them: a matter of time, not of number."""

from __future__ import annotations

HORIZON = 0.05
"""Seconds within which a call that waits should begin."""

MOST = 500
"""The most calls to hold ahead, however fast they are: what waits here cannot be taken by another node."""

FRESH = 5.0
"""Seconds after which a measurement says nothing any more."""

FIRST = 10.0
"""How many calls ahead the first measurement may allow at the most; each further one may double it."""


class Pace:
    """Measures one call at a time, the probe, from being taken to being done, and what else was done meanwhile.

    Calls per second of wall time is what counts in the end: it covers threads that wait for each other, and a slow
    call in one thread while others are quick. Believed at once when it falls, and step by step when it rises.
    """

    def __init__(self) -> None:
        self.probe: str | None = None
        self._finished = 0
        self._since = 0.0
        self._rate = 0.0
        self._measured = 0.0

    def submitted(self, run_id: str, finished: int, now: float) -> None:
        """Take note that a call was taken; `finished` calls of the pool had been done by then."""
        if self.probe is None:
            self._finished, self._since = finished, now
            self.probe = run_id

    def dropped(self, run_id: str) -> None:
        """Take note that a call will not be made."""
        if self.probe == run_id:
            self.probe = None

    def ended(self, finished: int, now: float) -> None:
        """Take note that the probe is done."""
        rate = (finished - self._finished) / max(now - self._since, 1e-6)
        allowed = max(FIRST / HORIZON, 2 * self._fresh(now))
        self._rate, self._measured = min(rate, allowed), now
        self.probe = None

    def ahead(self, finished: int, now: float) -> int:
        """Return how many calls may wait now."""
        rate = self._fresh(now)
        if self.probe is not None and now - self._since > HORIZON:
            rate = min(rate, (finished - self._finished) / (now - self._since))
        return min(MOST, int(rate * HORIZON))

    def _fresh(self, now: float) -> float:
        return self._rate if now - self._measured <= FRESH else 0.0
