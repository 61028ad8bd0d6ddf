"""The calls and worker processes of a process pool.

A thread of this process, a keeper, looks after each worker: it hands over one call at a time and waits for its end.
"""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import resource_tracker
from weakref import WeakSet

from scheduler.clock import Clock
from scheduler.core.run import Reason
from scheduler.core.settle import Ending, Outcome, ProgressReport
from scheduler.executors.base import Call, Done, StuckCall, deliver, raised
from scheduler.executors.lives import Life
from scheduler.executors.pace import Pace
from scheduler.executors.process import CLOCK, WorkerProcess
from scheduler.executors.worker import LOOK, NEVER, Word, pack, unpack

_LOGGER = logging.getLogger(__name__)

FALSE_STARTS = 3
"""How many workers may die, or hang, before the function of a call has begun; then it is taken to be the call's doing.
"""

ENDED_WITHIN = 5.0
"""Seconds in which `Pool.stop` has what still runs end."""

GUARD = (
    'if the program itself starts the scheduler, put that below `if __name__ == "__main__":`, as each worker process '
    "imports the program's main module"
)


class _Task:
    """A call in the pool."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.began: float | None = None
        self.told_at: float | None = None
        self.told_why: Reason | None = None
        self.false_starts = 0


class _Keeper:
    """The thread that looks after one worker process, and what that does; changed under the pool's lock."""

    def __init__(self, pool: Pool, number: int) -> None:
        self.number = number
        self.process: WorkerProcess | None = None
        self.task: _Task | None = None
        self.starting = False
        """Whether its process is being started, or told so and not ready."""
        self.thread = threading.Thread(target=pool.keep, args=(self,), name=f"scheduler-keeper-{number}", daemon=True)


class _Watch:
    """The thread that kills workers which do not begin, or end, in time.

    Their keepers cannot always: they may be in the middle of a message to or from a process that is stopped.
    """

    def __init__(self, keepers: Sequence[_Keeper]) -> None:
        self._keepers = keepers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="scheduler-process-watch", daemon=True)

    def begin(self) -> None:
        if self._thread.ident is None:
            self._thread.start()

    def end(self) -> None:
        """Kill what is left: multiprocessing would wait for it when the program ends."""
        self._over.set()
        for process in self._processes():
            process.kill()

    def _look(self) -> None:
        while not self._over.wait(LOOK):
            for process in self._processes():
                process.kill_if_late()

    def _processes(self) -> list[WorkerProcess]:
        return [process for keeper in list(self._keepers) if (process := keeper.process) is not None]


class Pool(Life):
    """The processes and calls of one life."""

    def __init__(
        self,
        size: int,
        max_tasks: int | None,
        new_process: Callable[[int], WorkerProcess],
        done: Done,
        clock: Clock,
    ) -> None:
        self._size = size
        self._max_tasks = max_tasks
        self._new_process = new_process
        self._done = done
        self._clock = clock
        self._pace = Pace()
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)
        self._reported = threading.Condition(lock)
        self._waiting: dict[str, _Task] = {}
        self._keepers: list[_Keeper] = []
        self._finished = 0
        self._closed = False
        self._watch = _Watch(self._keepers)
        self.of_process = os.getpid()
        _POOLS.add(self)

    # what the executor asks for

    def free_room(self) -> int:
        with self._arrived:
            return max(0, self._size + self._pace.ahead(self._finished, self._clock.monotonic()) - self._in_flight())

    def submit(self, calls: Sequence[Call]) -> None:
        if not calls:
            return
        with self._arrived:
            self._grow(self._in_flight() + len(calls))
            self._pace.submitted(calls[-1].run_id, self._finished, self._clock.monotonic())
            for call in calls:
                self._waiting.pop(call.run_id, None)
                self._waiting[call.run_id] = _Task(call)
            self._arrived.notify(len(calls))

    def cancel(self, run_id: str) -> bool:
        with self._arrived:
            dropped = self._waiting.pop(run_id, None) is not None
            if dropped:
                self._pace.dropped(run_id)
                self._reported.notify_all()
            for keeper in self._keepers:
                if keeper.task is not None and keeper.task.call.run_id == run_id:
                    self._tell(keeper, None)
            return dropped

    def began(self, run_id: str, attempt: int) -> float | None:
        with self._arrived:
            tasks = [keeper.task for keeper in self._keepers if keeper.task is not None] + [*self._waiting.values()]
            for task in tasks:
                if (task.call.run_id, task.call.attempt) == (run_id, attempt):
                    return task.began
            return None

    def stuck(self) -> Sequence[StuckCall]:
        with self._arrived:
            return [
                StuckCall(task.call.run_id, task.call.attempt, keeper.process.name, task.told_at, "")
                for keeper in self._keepers
                if keeper.process is not None and (task := keeper.task) is not None and task.told_at is not None
            ]

    def close(self) -> None:
        """Take no more calls; the workers leave when those taken have been made."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def stop(self, timeout: float | None) -> bool:
        """Wait for the calls of a closed pool, and then have all processes end. Returns whether all calls reported."""
        with self._reported:
            reported = self._reported.wait_for(lambda: not self._in_flight(), timeout)
            self._waiting.clear()
            for keeper in self._keepers:
                if keeper.task is not None or keeper.starting:
                    self._tell(keeper, Reason.SHUTDOWN)
            self._arrived.notify_all()
            give_up_at = CLOCK.monotonic() + ENDED_WITHIN
        for keeper in self._keepers:
            keeper.thread.join(max(0.0, give_up_at - CLOCK.monotonic()))
        self._watch.end()
        return reported

    def disown(self) -> None:
        """In the child of a fork, which has none of the threads: let go of the parent's processes."""
        for keeper in self._keepers:
            if keeper.process is not None:
                keeper.process.disown()

    # what the threads of the workers do

    def keep(self, keeper: _Keeper) -> None:
        """Look after one worker process, until the pool is closed and nothing waits."""
        if hasattr(signal, "pthread_sigmask"):
            # Processes inherit this: Ctrl-C cannot end one before it has come to ignore it. The tracker that the first
            # process needs is started before, as that would lift it.
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while self._something_waits():
            failure = self._ready(keeper)
            if failure is not None:
                self._fail_one(failure)
                continue
            task = self._take(keeper)
            if task is not None:
                self._serve(keeper, task)
                task = None  # what it holds must not live on while the thread waits
                if not self._closed and keeper.process is None:
                    self._ready(keeper)  # so that the next call need not wait for it; a failure is the next call's
        self._retire(keeper)

    def _something_waits(self) -> bool:
        with self._arrived:
            self._arrived.wait_for(lambda: self._waiting or self._closed)
            return bool(self._waiting)

    def _ready(self, keeper: _Keeper) -> Outcome | None:
        """See to it that the keeper has a process that is ready. Returns why there is none."""
        if keeper.process is not None and keeper.process.usable:
            return None
        self._retire(keeper)
        with self._arrived:
            if self._closed and not self._waiting:
                return _failure("the process pool has stopped")
            keeper.starting = True
        try:
            return self._start(keeper)
        except BaseException as error:
            return raised("", error)
        finally:
            with self._arrived:
                keeper.starting = False

    def _start(self, keeper: _Keeper) -> Outcome | None:
        process = self._new_process(keeper.number)
        with self._arrived:
            keeper.process = process
            if self._closed and not self._waiting:
                process.terminate()
        try:
            word, data = process.receive()
        except Exception:  # it has ended
            how = self._retire(keeper)
            if process.killed:
                return Outcome("", Ending.LOST, error=f"{how} before it was ready{process.too_late}")
            return _failure(f"{how} before it was ready; its standard error may say why; {GUARD}")
        if word is Word.READY:
            return None
        self._retire(keeper)
        failure: Outcome = unpack(data)
        return failure

    def _take(self, keeper: _Keeper) -> _Task | None:
        with self._arrived:
            if not self._waiting:
                return None
            run_id = next(iter(self._waiting))
            keeper.task = task = self._waiting.pop(run_id)
            return task

    def _serve(self, keeper: _Keeper, task: _Task) -> None:
        """Have one call made, and report how it ended."""
        call = task.call
        outcome: Outcome | None
        try:
            outcome = self._converse(keeper, task)
        except pickle.PicklingError as error:
            outcome = raised(call.run_id, error, call.attempt)
        except pickle.UnpicklingError as error:
            outcome = raised(call.run_id, error, call.attempt)._replace(again=NEVER)
        except Exception:  # whatever the pipe raises when the process has ended, or speaks no more as agreed
            outcome = self._lost(keeper, task)
        if outcome is None:
            return
        process = keeper.process
        with self._arrived:
            keeper.task = None
            # Counted before it is reported, so that who is woken by the report finds the room.
            self._finish(call.run_id)
        deliver(self._done, outcome._replace(run_id=call.run_id, attempt=call.attempt))
        if process is not None and (not process.usable or process.calls == self._max_tasks):
            self._retire(keeper)

    def _converse(self, keeper: _Keeper, task: _Task) -> Outcome:
        assert keeper.process is not None
        keeper.process.call(pack(task.call))
        while True:
            word, data = keeper.process.receive()
            if word is Word.BEGAN:
                task.began = self._clock.monotonic()
            elif word is Word.PROGRESS:
                self._pass_on(data)
            else:
                outcome: Outcome = unpack(data)
                return outcome

    def _pass_on(self, data: bytes) -> None:
        """Report what a function says of its progress."""
        try:
            report: ProgressReport = unpack(data)
        except pickle.UnpicklingError:
            _LOGGER.exception("the progress of a run could not be loaded")
            return
        deliver(self._done, report)

    def _lost(self, keeper: _Keeper, task: _Task) -> Outcome | None:
        """What became of a call whose worker died. None: its function had not begun, so that it waits again."""
        process = keeper.process
        assert process is not None
        how = self._retire(keeper)
        task.false_starts += task.began is None
        with self._arrived:
            if task.began is None and task.told_at is None and task.false_starts < FALSE_STARTS:
                keeper.task = None
                if task.call.run_id not in self._waiting:  # a later attempt may have come
                    self._waiting = {task.call.run_id: task, **self._waiting}
                return None
        when = "while it called the function"
        if task.began is None:
            when = f"before it could call the function{process.too_late}"
        why = "the scheduler was shut down before the function ended: " if task.told_why is Reason.SHUTDOWN else ""
        return Outcome("", Ending.LOST, error=f"{why}{how} {when}", reason=task.told_why)

    def _fail_one(self, failure: Outcome) -> None:
        """Report the call that has waited longest as failed, as there is no worker to make it.

        If the worker was killed, that was hardly the call's doing: it waits for another one.
        """
        with self._arrived:
            if not self._waiting:
                return
            task = next(iter(self._waiting.values()))
            task.false_starts += 1
            if failure.ending is Ending.LOST and task.false_starts < FALSE_STARTS:
                return
            call = task.call
            del self._waiting[call.run_id]
            self._finish(call.run_id)
        deliver(self._done, failure._replace(run_id=call.run_id, attempt=call.attempt))

    def _retire(self, keeper: _Keeper) -> str:
        """Have the keeper's process end when it has nothing to do. Returns how it ended."""
        with self._arrived:
            process, keeper.process = keeper.process, None
        if process is None:
            return ""
        process.leave()
        return process.end()

    # under the lock

    def _in_flight(self) -> int:
        return len(self._waiting) + sum(keeper.task is not None for keeper in self._keepers)

    def _finish(self, run_id: str) -> None:
        self._finished += 1
        if run_id == self._pace.probe:
            self._pace.ended(self._finished, self._clock.monotonic())
        self._reported.notify_all()

    def _tell(self, keeper: _Keeper, why: Reason | None) -> None:
        """End the keeper's process, and with it the call that it makes."""
        if keeper.task is not None and keeper.task.told_at is None:
            keeper.task.told_at, keeper.task.told_why = self._clock.monotonic(), why
        if keeper.process is not None:
            keeper.process.terminate()

    def _grow(self, wanted: int) -> None:
        self._watch.begin()
        while len(self._keepers) < min(wanted, self._size):
            keeper = _Keeper(self, len(self._keepers) + 1)
            try:
                keeper.thread.start()
            except RuntimeError:
                # No more threads to be had: those that are there do the work, if there are any.
                if not self._keepers:
                    raise
                _LOGGER.exception("cannot start thread %d of %d", len(self._keepers) + 1, self._size)
                return
            self._keepers.append(keeper)


def _failure(error: str) -> Outcome:
    return Outcome("", Ending.RAISED, error=error)


_POOLS: WeakSet[Pool] = WeakSet()


@atexit.register
def _end_all() -> None:
    """End the workers of pools that nobody has stopped: multiprocessing would wait for them."""
    for pool in list(_POOLS):
        if pool.of_process == os.getpid():
            pool.close()
            pool.stop(0.0)
