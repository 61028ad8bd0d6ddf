"""What functions say of their progress, on its way to the store and to listeners: at a bounded rate."""

from __future__ import annotations

from scheduler.clock import Clock
from scheduler.runtime.announcer import Announcer
from scheduler.runtime.link import StoreLink

INTERVAL = 0.5
"""Seconds between two records of progress in a store; of what is said in between, the last is kept."""


class ProgressRecorder:
    """Writes what `Flights` has noted, in the loop's thread. The last word is written with a run's ending instead."""

    def __init__(self, announcer: Announcer, clock: Clock) -> None:
        self._announcer = announcer
        self._clock = clock

    def record(self, link: StoreLink) -> None:
        """Write and tell the latest of each run, if it is time to."""
        if not link.progress or self._clock.monotonic() < link.progress_at:
            return
        runs = list(link.progress.values())
        written: set[str] = set()
        with link.store.turn() as turn:
            for node in {run.node for run in runs}:
                written.update(turn.progress([run for run in runs if run.node == node], node or ""))
        link.progress.clear()
        link.progress_at = self._clock.monotonic() + INTERVAL
        self._announcer.progress(run for run in runs if run.id in written)
