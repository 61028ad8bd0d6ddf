"""Who waits for runs in this process: told at once of what happens here, and looking at the store for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import RLock

from scheduler.core.events import RunEvent
from scheduler.core.run import Run, RunState
from scheduler.runtime.bus import EventBus
from scheduler.runtime.forks import tell_of_forks

Notify = Callable[[Run], object]
"""Takes what has become of a run; called in the thread that publishes, which it must not hold up."""

FIRST_PAUSE = 0.01
"""Seconds until somebody who waits first looks at the store; each pause is twice as long as the one before."""

SHARE = 0.001
"""Seconds of each pause for every one who waits, so that all of them together look 1,000 times a second at the most."""

_UNDER_WAY = frozenset({RunState.PENDING, RunState.ENQUEUED, RunState.STARTED})
_NEVER = datetime.min.replace(tzinfo=UTC)


class Watch:
    """The one listener of all who wait for runs; it is on the bus only while somebody does."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._lock = RLock()  # a coroutine that nobody awaits any more may leave its block wherever memory is tidied
        self._waiting: dict[str, set[Notify]] = {}
        """Run id → whom to tell."""
        self._number = 0
        self._listens = False
        tell_of_forks(self)

    @contextmanager
    def on(self, run_id: str, notify: Notify) -> Iterator[None]:
        """Within the block, call `notify` with a run whenever something happens to it in this process."""
        with self._lock:
            self._waiting.setdefault(run_id, set()).add(notify)
            self._number += 1
            if not self._listens:
                self._listens = True
                self._bus.add(self._tell, (RunEvent,))
        try:
            yield
        finally:
            with self._lock:
                self._leave(run_id, notify)

    def pauses(self, first: float, longest: float) -> Iterator[float]:
        """Give the seconds between one's looks at the store: `first`, then growing up to `longest`.

        With many who wait, `longest` is exceeded for the sake of the store.
        """
        pause = first
        while True:
            yield max(min(pause, longest), self._number * SHARE)
            pause = min(pause * 2, longest)

    def after_fork(self) -> None:
        """In the child of a fork: nobody waits, and no thread holds the lock. Who forks while it waits only looks."""
        self._lock = RLock()
        self._waiting = {}
        self._number = 0

    def _leave(self, run_id: str, notify: Notify) -> None:
        waiting = self._waiting.get(run_id, set())
        if notify not in waiting:  # it came before a fork
            return
        waiting.discard(notify)
        if not waiting:
            del self._waiting[run_id]
        self._number -= 1
        if self._number == 0:
            self._listens = False
            self._bus.remove(self._tell)

    def _tell(self, event: RunEvent) -> None:
        with self._lock:
            waiting = list(self._waiting.get(event.run.id, ()))
        for notify in waiting:
            notify(event.run)


def is_news(run: Run, known: Run) -> bool:
    """Tell whether `run` is later in the run's life than `known`, and differs from it in state or progress.

    What is told and what is read may come in another order than they happened.
    """
    now, before = _standing(run), _standing(known)
    return now > before or (now == before and run.state is not known.state)


def _standing(run: Run) -> tuple[int, bool, datetime]:
    told = _NEVER if run.progress is None else run.progress.updated_at
    return run.attempt, run.state not in _UNDER_WAY, told
