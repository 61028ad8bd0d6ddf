"""When attempts are to be looked at, as they may have taken too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from math import inf

SPARE = 1_000
"""How many entries of attempts that have ended may stay, beyond as many as there are others."""


class Deadlines:
    """A heap of times. Entries of attempts that have ended meanwhile stay until they come up, or are too many.

    Arguments:
        awaited: tells whether an attempt of a run is under way still.
    """

    def __init__(self, awaited: Callable[[str, int], bool]) -> None:
        self._awaited = awaited
        self._heap: list[tuple[float, str, int]] = []
        self._limit = SPARE

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: float, run_id: str, attempt: int) -> None:
        """Have an attempt looked at, at a time on the monotonic clock."""
        heappush(self._heap, (at, run_id, attempt))
        if len(self._heap) > self._limit:
            self._heap = [entry for entry in self._heap if self._awaited(*entry[1:])]
            heapify(self._heap)
            self._limit = 2 * len(self._heap) + SPARE

    @property
    def next(self) -> float:
        """When to look at the first, on the monotonic clock; infinity: there is none."""
        while self._heap and not self._awaited(*self._heap[0][1:]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else inf

    def due(self, now: float) -> Iterator[str]:
        """Take out the ids of the runs to look at now."""
        while self.next <= now:
            yield heappop(self._heap)[1]

    def clear(self) -> None:
        """Forget all."""
        self._heap.clear()
