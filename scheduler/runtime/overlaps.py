"""What the log has been told of jobs that are held up by their own runs: each change, but not hundreds a second."""

from __future__ import annotations

import logging
import threading
from typing import NamedTuple

logger = logging.getLogger(__name__)

PAUSE = 60.0
"""Seconds between lines about one job, once it was held up and has gone on again."""

MOST = 10_000
"""Of how many jobs it is known what was told; beyond that, the one longest ago is forgotten, and may be told anew."""


class _Said(NamedTuple):
    """The last line about a job."""

    held: bool
    quiet_until: float
    """On the monotonic clock."""


class OverlapLog:
    """Logs when a job begins to be held up, and when it runs again: at once at first, then once a minute at the most.

    A change that comes too soon is told at the first fire after that minute, if it holds still.
    """

    def __init__(self) -> None:
        self._said: dict[str, _Said] = {}
        """Job id → the last line, the longest ago first."""
        self._lock = threading.RLock()
        """Clients that cancel runs write lines too, beside the loop."""

    def __bool__(self) -> bool:
        return bool(self._said)

    def held(self, job_id: str, blocker: str | None, monotonic: float) -> None:
        """Take note that a fire was skipped, as a run with the id `blocker` is under way."""
        if self._say(job_id, True, monotonic):
            text = "Job %r skips fires while as many of its runs as max_instances allows are under way: %s, the oldest"
            logger.warning(text, job_id, blocker)

    def runs(self, job_id: str, monotonic: float) -> None:
        """Take note that a fire was not held up."""
        if self._say(job_id, False, monotonic):
            logger.info("Job %r runs again", job_id)

    def forget(self, job_id: str) -> None:
        """Forget a job that is gone."""
        with self._lock:
            self._said.pop(job_id, None)

    def _say(self, job_id: str, held: bool, monotonic: float) -> bool:
        with self._lock:
            return self._changed(job_id, held, monotonic)

    def _changed(self, job_id: str, held: bool, monotonic: float) -> bool:
        said = self._said.get(job_id)
        if said is not None and not said.held and monotonic >= said.quiet_until + PAUSE:
            self.forget(job_id)
            said = None
        if held is (said is not None and said.held) or (said is not None and monotonic < said.quiet_until):
            return False
        self.forget(job_id)
        self._said[job_id] = _Said(held, monotonic if said is None else monotonic + PAUSE)
        if len(self._said) > MOST:
            self.forget(next(iter(self._said)))
        return True
