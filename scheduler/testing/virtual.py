"""Drives schedulers through time without threads and without waiting."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scheduler.blocking import Scheduler
from scheduler.testing.clock import FakeClock, to_instant

if TYPE_CHECKING:
    from scheduler.asynchronous import AsyncScheduler

STUCK = 100_000
"""Steps at one instant after which something must be wrong."""


class VirtualTime:
    """Moves a FakeClock from one due time to the next, and lets schedulers on it take their steps.

    Several schedulers may share a clock and a store: they step in the order given, as nodes of one scheduler would.
    Jobs are called in the calling thread by InlineExecutor, the default executor on a virtual clock:

        clock = FakeClock("2024-01-01T00:00:00+00:00")
        scheduler = Scheduler(clock=clock, timezone="UTC")
        scheduler.add_job(work, "interval", hours=1)
        scheduler.start()
        VirtualTime(clock, scheduler).advance(timedelta(days=365))     # work was called 8,760 times

    In tests with an event loop, let the calls be made in a thread, so that jobs that are coroutines get at the loop:
    `await asyncio.to_thread(time.advance, 3600)`, for `time = VirtualTime(clock, async_scheduler)`.

    Arguments:
        clock: the clock the schedulers were made with.
        schedulers: those to drive, Scheduler or AsyncScheduler; started ones only take steps.

    Raises TypeError for a clock that nobody can move, and ValueError for a scheduler on another clock. All calls raise
    RuntimeError, and no time passes, when none of the schedulers runs and none was seen to run before.
    """

    def __init__(self, clock: FakeClock, *schedulers: Scheduler | AsyncScheduler) -> None:
        if not getattr(clock, "virtual", False):
            raise TypeError(
                f"{clock!r} is no FakeClock; call VirtualTime(clock, scheduler), with Scheduler(clock=clock)"
            )
        self.clock = clock
        self.schedulers = list(schedulers)
        self._seen_running = False
        for scheduler in schedulers:
            if scheduler.clock is not clock:
                raise ValueError(f"{scheduler!r} lives by another clock; make it with Scheduler(clock=clock)")
            self._seen_running |= scheduler.running

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a timedelta or seconds. Raises ValueError for less than nothing."""
        self.run_until(self.clock.now() + (by if isinstance(by, timedelta) else timedelta(seconds=by)))

    def run_until(self, time: datetime | str) -> None:
        """Let time pass until `time` (aware, or ISO text with an offset), doing all that falls due by then.

        Raises ValueError for a naive time and for one that has passed.
        """
        target, now = to_instant(time), self.clock.now()
        if target < now:
            raise ValueError(
                f"{target.isoformat()} is past: the clock shows {now.isoformat()}, and time does not pass backwards; "
                "use jump_to() of the clock to set it back"
            )
        while (wait := self.settle()) is not None and self.clock.now() + wait <= target:
            self.clock.advance(max(wait, timedelta(microseconds=1)))
        self.clock.move_to(target)
        self.settle()

    def settle(self) -> timedelta | None:
        """Do all that is due now. Returns how long there is nothing to do then; None: for ever."""
        self._check_started()
        for _ in range(STUCK):
            waits = [wait for wait in self._step() if wait != float("inf")]
            if not waits:
                return None
            if min(waits) > 0:
                return timedelta(seconds=min(waits))
        raise RuntimeError(f"after {STUCK} steps there is still something to do at {self.clock.now().isoformat()}")

    def _check_started(self) -> None:
        """Raise where time would pass and nothing happen. What has stopped since, by one of its jobs say, may rest."""
        self._seen_running |= any(scheduler.running for scheduler in self.schedulers)
        if not self._seen_running:
            raise RuntimeError(
                "none of the schedulers runs; call start() first"
                if self.schedulers
                else "there is no scheduler to drive; call VirtualTime(clock, scheduler)"
            )

    def _step(self) -> Iterable[float]:
        return [scheduler.engine.step() for scheduler in self.schedulers if scheduler.running]
