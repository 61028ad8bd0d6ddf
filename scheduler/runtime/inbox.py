"""Where executors leave outcomes until the engine records them."""

from __future__ import annotations

from collections import deque

from scheduler.core.settle import Outcome, ProgressReport
from scheduler.runtime.wakeup import Wakeup


class Inbox:
    """Outcomes in the order of their arrival, and the last word of each attempt on its progress, however many came.

    `put` never blocks and may be called from any thread.
    """

    def __init__(self, wakeup: Wakeup) -> None:
        self._outcomes: deque[Outcome] = deque()
        self._reports: dict[tuple[str, int], ProgressReport] = {}
        self._wakeup = wakeup

    def put(self, outcome: Outcome | ProgressReport) -> None:
        """Leave an outcome or progress, and wake the loop."""
        if isinstance(outcome, ProgressReport):
            self._reports[outcome.run_id, outcome.attempt] = outcome
        else:
            self._outcomes.append(outcome)
        self._wakeup.set()

    def drain(self) -> list[Outcome | ProgressReport]:
        """Take out everything that was left before the call: progress first."""
        # In this order: what is said before an outcome that is taken out is there to be taken out as well.
        outcomes = [self._outcomes.popleft() for _ in range(len(self._outcomes))]
        reports = [self._reports.pop(key) for key in list(self._reports)]
        return [*reports, *outcomes]

    def __bool__(self) -> bool:
        return bool(self._outcomes or self._reports)
