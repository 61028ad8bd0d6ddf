"""Calls functions in a pool of threads, and coroutine functions on an event loop: the default executor."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from contextvars import Context
from queue import SimpleQueue
from typing import TYPE_CHECKING

from scheduler.clock import Clock
from scheduler.core.run import Reason
from scheduler.core.settle import Outcome
from scheduler.executors.base import (
    Call,
    Done,
    StuckCall,
    checked_size,
    deliver,
    is_coroutine_function,
    stuck_thread,
)
from scheduler.executors.current import CurrentRun, called
from scheduler.executors.lives import Life, LivesExecutor
from scheduler.executors.pace import Pace

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from scheduler.executors.coroutines import Coroutines

_LOGGER = logging.getLogger(__name__)


class ThreadPoolExecutor(LivesExecutor):
    """Calls functions in up to `max_workers` threads, which are started as they are needed.

    Coroutines, those of plain functions that return one as well, are awaited on an event loop, and occupy no thread.
    Each call sees fresh context variables. Calls wait in the pool only as long as they can be expected to begin
    within about 50 ms: hundreds of them where calls take microseconds, none where they take seconds.

    Arguments:
        max_workers: how many calls run at a time in threads; 1 to 10,000.
        max_coroutines: how many coroutines run at a time beside them; 1 to 10,000. When so many do, nothing is begun.
        loop: a running event loop for coroutines; None: that of the AsyncScheduler, otherwise one of its own, whose
            thread starts with the first of them.

    Raises InvalidSettingError for something else.
    """

    def __init__(
        self, max_workers: int = 10, max_coroutines: int = 1000, loop: AbstractEventLoop | None = None
    ) -> None:
        super().__init__()
        self._max_workers = checked_size(max_workers, "max_workers")
        self._max_coroutines = checked_size(max_coroutines, "max_coroutines")
        self._loop = _checked_loop(loop)
        self._lent: AbstractEventLoop | None = None

    def new_life(self, done: Done, clock: Clock) -> Life:
        loop = self._loop or self._lent
        return _Pool(self._max_workers, done, clock, _Awaiting(self._max_coroutines, done, clock, loop))

    def use_loop(self, loop: AbstractEventLoop | None) -> None:
        self._lent = loop

    def after_fork(self) -> None:
        super().after_fork()
        self._loop = self._lent = None  # they run in the parent


class _Awaiting:
    """The coroutines of a pool, if there are any: what they need is imported and made with the first."""

    def __init__(self, size: int, done: Done, clock: Clock, loop: AbstractEventLoop | None) -> None:
        self._arguments = (size, done, clock, loop)
        self._lock = threading.Lock()
        self.begun: Coroutines | None = None

    def begin(self) -> Coroutines:
        with self._lock:
            if self.begun is None:
                from scheduler.executors.coroutines import Coroutines

                self.begun = Coroutines(*self._arguments)
            return self.begun


class _Pool(Life):
    """The threads and calls of one life. What a later life does is not seen by this one's threads."""

    def __init__(self, size: int, done: Done, clock: Clock, awaiting: _Awaiting) -> None:
        self._size = size
        self._done = done
        self._clock = clock
        self._awaiting = awaiting
        self._pace = Pace()
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._lock = threading.Lock()
        """Held where calls are taken, dropped and told."""
        self._waiting: dict[str, CurrentRun] = {}
        self._here: set[CurrentRun] = set()
        """What waits or runs. A call is in it before a thread takes it from those that wait, so none is overlooked."""
        self._taken = 0
        self._workers: list[_Worker] = []
        self._of_process = os.getpid()
        """In the child of a fork, the only thread is the one whose function has forked; it ends with the function."""

    def free_room(self) -> int:
        ahead = self._pace.ahead(self._finished(), self._clock.monotonic())
        room = max(0, self._size + ahead - self._in_flight())
        coroutines = self._awaiting.begun
        return room if coroutines is None else min(room, coroutines.free_room())

    def submit(self, calls: Sequence[Call]) -> None:
        coroutines = [call for call in calls if is_coroutine_function(call.func)]
        if coroutines:
            calls = [call for call in calls if not is_coroutine_function(call.func)]
        if calls:
            self._grow(self._in_flight() + len(calls))
        if coroutines:
            self._awaiting.begin().submit(coroutines)
        if calls:
            self._enqueue(calls)

    def cancel(self, run_id: str) -> bool:
        coroutines = self._awaiting.begun
        dropped = coroutines is not None and coroutines.cancel(run_id)
        with self._lock:
            waiting = self._waiting.pop(run_id, None)
            if waiting is not None:
                self._here.discard(waiting)
                self._taken -= 1
                self._pace.dropped(run_id)
                dropped = True
            self._tell([current for current in list(self._here) if current.run_id == run_id], None)
        return dropped

    def began(self, run_id: str, attempt: int) -> float | None:
        for worker in self._workers:
            current = worker.current
            if current is not None and (current.run_id, current.attempt) == (run_id, attempt):
                return worker.began
        coroutines = self._awaiting.begun
        return None if coroutines is None else coroutines.began(run_id, attempt)

    def stuck(self) -> list[StuckCall]:
        coroutines = self._awaiting.begun
        found = [] if coroutines is None else coroutines.stuck()
        for worker in self._workers:
            current = worker.current
            if current is not None and current.told_at is not None:
                found.append(stuck_thread(current.call, worker.thread, current.told_at))
        return found

    def close(self) -> None:
        for _ in self._workers:
            self._queue.put(None)

    def stop(self, timeout: float | None) -> bool:
        """Wait for all calls, and end what can be ended when the time is over. Returns whether all have reported."""
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        joined = self._join(deadline)
        if not joined:
            self._give_up()
        coroutines = self._awaiting.begun
        left = None if deadline is None else max(0.0, deadline - self._clock.monotonic())
        return (coroutines is None or coroutines.stop(left)) and joined

    def _join(self, deadline: float | None) -> bool:
        others = [worker.thread for worker in self._workers if worker.thread is not threading.current_thread()]
        for thread in others:
            thread.join(None if deadline is None else max(0.0, deadline - self._clock.monotonic()))
        return not any(worker.thread.is_alive() for worker in self._workers)

    def _give_up(self) -> None:
        """Let no call begin any more, and tell those that run to end."""
        with self._lock:
            for run_id in list(self._waiting):
                waiting = self._waiting.pop(run_id, None)
                if waiting is not None:  # no thread took it meanwhile
                    self._here.discard(waiting)
            self._tell(list(self._here), Reason.SHUTDOWN)

    def _tell(self, currents: Sequence[CurrentRun], why: Reason | None) -> None:
        for current in currents:
            current.tell(self._clock.monotonic(), why)

    def _enqueue(self, calls: Sequence[Call]) -> None:
        self._pace.submitted(calls[-1].run_id, self._finished(), self._clock.monotonic())
        with self._lock:
            for call in calls:
                # Taking out and counting is one step: what a thread took meanwhile was not replaced.
                replaced = self._waiting.pop(call.run_id, None)
                if replaced is None:
                    self._taken += 1
                else:
                    self._here.discard(replaced)
                current = CurrentRun(call, self._done)
                self._here.add(current)
                self._waiting[call.run_id] = current
                self._queue.put(call.run_id)

    def _in_flight(self) -> int:
        return self._taken - self._finished()

    def _finished(self) -> int:
        return sum([worker.finished for worker in self._workers])

    def _grow(self, wanted: int) -> None:
        while len(self._workers) < min(wanted, self._size):
            worker = _Worker(self, len(self._workers) + 1)
            try:
                worker.thread.start()
            except RuntimeError:
                # No more threads to be had: those that are there do the work, if there are any.
                if not self._workers:
                    raise
                _LOGGER.exception("cannot start thread %d of %d", len(self._workers) + 1, self._size)
                return
            self._workers.append(worker)

    # in the threads of the pool

    def work(self, worker: _Worker) -> None:
        """What each thread does until the pool is closed."""
        while self._of_process == os.getpid() and (run_id := self._queue.get()) is not None:
            current = self._waiting.pop(run_id, None)
            if current is not None:  # not dropped meanwhile
                self._serve(current, worker)
                current = None  # what it holds must not live on while the thread waits

    def _serve(self, current: CurrentRun, worker: _Worker) -> None:
        worker.began = self._clock.monotonic()
        worker.current = current
        answer = Context().run(called, current)
        if self._of_process != os.getpid():
            return  # the function has forked, and this is the child: the outcome is the parent's to report
        if not isinstance(answer, Outcome):
            self._awaiting.begin().adopt(current, answer, worker.began)
        worker.current = None
        self._here.discard(current)
        # Counted before it is reported, so that who is woken by the report finds the room.
        worker.finished += 1
        if current.call.run_id == self._pace.probe:
            self._pace.ended(self._finished(), self._clock.monotonic())
        if isinstance(answer, Outcome):
            deliver(self._done, answer)


class _Worker:
    """One thread, what it does, and how many calls it has made; only the thread itself counts, without a lock."""

    def __init__(self, pool: _Pool, number: int) -> None:
        self.current: CurrentRun | None = None
        self.began = 0.0
        self.finished = 0
        self.thread = threading.Thread(target=pool.work, args=(self,), name=f"scheduler-worker-{number}", daemon=True)


def _checked_loop(loop: AbstractEventLoop | None) -> AbstractEventLoop | None:
    if loop is None:
        return None
    from scheduler.executors.coroutines import checked_loop

    return checked_loop(loop)
