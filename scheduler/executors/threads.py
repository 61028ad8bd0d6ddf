"""Calls functions in a pool of threads: the default executor."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextvars import Context
from queue import SimpleQueue

from scheduler.clock import Clock
from scheduler.errors import ExecutorStoppedError, SchedulerAlreadyRunningError
from scheduler.executors.base import Call, Done, Executor, checked_size, deliver
from scheduler.executors.current import attempt
from scheduler.executors.pace import Pace

_LOGGER = logging.getLogger(__name__)


class ThreadPoolExecutor(Executor):
    """Calls functions in up to `max_workers` threads, which are started as they are needed.

    Each call sees fresh context variables. Calls wait in the pool only as long as they can be expected to begin
    within about 50 ms: hundreds of them where calls take microseconds, none where they take seconds.

    Arguments:
        max_workers: how many calls run at a time; 1 to 10,000.

    Raises InvalidSettingError for another number.
    """

    def __init__(self, max_workers: int = 10) -> None:
        self._max_workers = checked_size(max_workers, "max_workers")
        self._lock = threading.Lock()
        self._pool: _Pool | None = None
        self._stopping: _Pool | None = None

    def start(self, done: Done, clock: Clock) -> None:
        with self._lock:
            if self._pool is not None:
                raise SchedulerAlreadyRunningError(
                    "this executor runs already; give each scheduler executors of its own"
                )
            self._pool = _Pool(self._max_workers, done, clock)

    def free_room(self) -> int:
        pool = self._pool
        return 0 if pool is None else pool.free_room()

    def submit(self, calls: Sequence[Call]) -> None:
        with self._lock:
            if self._pool is None:
                raise ExecutorStoppedError("this executor was not started, or has stopped")
            self._pool.submit(calls)

    def cancel(self, run_id: str) -> bool:
        with self._lock:
            return self._pool is not None and self._pool.cancel(run_id)

    def stop(self, timeout: float | None = None) -> bool:
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool, self._stopping = None, self._pool
        if self._stopping is None or self._stopping.join(timeout):
            return True
        self._stopping.drop_waiting()
        return False


class _Pool:
    """The threads and calls of one life, from start to stop. What a later life does is not seen by this one's threads.

    All but `free_room`, `join` and the threads' own work happens under the executor's lock.
    """

    def __init__(self, size: int, done: Done, clock: Clock) -> None:
        self._size = size
        self._done = done
        self._clock = clock
        self._pace = Pace()
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._waiting: dict[str, Call] = {}
        self._taken = 0
        self._workers: list[_Worker] = []

    def free_room(self) -> int:
        ahead = self._pace.ahead(self._finished(), self._clock.monotonic())
        return max(0, self._size + ahead - self._in_flight())

    def submit(self, calls: Sequence[Call]) -> None:
        if not calls:
            return
        self._grow(self._in_flight() + len(calls))
        self._pace.submitted(calls[-1].run_id, self._finished(), self._clock.monotonic())
        for call in calls:
            # Taking out and counting is one step: what a thread took meanwhile was not replaced.
            if self._waiting.pop(call.run_id, None) is None:
                self._taken += 1
            self._waiting[call.run_id] = call
            self._queue.put(call.run_id)

    def cancel(self, run_id: str) -> bool:
        if self._waiting.pop(run_id, None) is None:
            return False
        self._taken -= 1
        self._pace.dropped(run_id)
        return True

    def close(self) -> None:
        for _ in self._workers:
            self._queue.put(None)

    def drop_waiting(self) -> None:
        """Let no call begin any more."""
        self._waiting.clear()

    def join(self, timeout: float | None) -> bool:
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        others = [worker.thread for worker in self._workers if worker.thread is not threading.current_thread()]
        for thread in others:
            thread.join(None if deadline is None else max(0.0, deadline - self._clock.monotonic()))
        return not any(worker.thread.is_alive() for worker in self._workers)

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

    def work(self, worker: _Worker) -> None:
        """What each thread does until the pool is closed."""
        while (run_id := self._queue.get()) is not None:
            call = self._waiting.pop(run_id, None)
            if call is not None:  # not cancelled meanwhile
                self._serve(call, worker)
                call = None  # what it holds must not live on while the thread waits

    def _serve(self, call: Call, worker: _Worker) -> None:
        outcome = Context().run(attempt, call)
        # Counted before it is reported, so that who is woken by the report finds the room.
        worker.finished += 1
        if call.run_id == self._pace.probe:
            self._pace.ended(self._finished(), self._clock.monotonic())
        deliver(self._done, outcome)


class _Worker:
    """One thread, and how many calls it has made; only the thread itself counts, so counting needs no lock."""

    def __init__(self, pool: _Pool, number: int) -> None:
        self.finished = 0
        self.thread = threading.Thread(target=pool.work, args=(self,), name=f"scheduler-worker-{number}", daemon=True)
