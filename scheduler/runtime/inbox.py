"""Where executors leave outcomes until the engine records them."""

from __future__ import annotations

from collections import deque

from scheduler.core.settle import Outcome, ProgressReport
from scheduler.runtime.wakeup import Wakeup


class Inbox:
    """Outcomes in the order of their arrival. `put` never blocks and may be called from any thread."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._outcomes: deque[Outcome | ProgressReport] = deque()
        self._wakeup = wakeup

    def put(self, outcome: Outcome | ProgressReport) -> None:
        """Leave an outcome and wake the loop."""
        self._outcomes.append(outcome)
        self._wakeup.set()

    def drain(self) -> list[Outcome | ProgressReport]:
        """Take everything out."""
        outcomes = []
        while self._outcomes:
            outcomes.append(self._outcomes.popleft())
        return outcomes

    def __bool__(self) -> bool:
        return bool(self._outcomes)
