"""Calls functions in a pool of processes: for work that needs a processor, may crash, or must be ended from outside."""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import BaseContext
from typing import Any

from scheduler.clock import Clock
from scheduler.errors import InvalidJobError, InvalidSettingError, SchedulerError
from scheduler.executors.base import LARGEST, Done, checked_size
from scheduler.executors.lives import Life, LivesExecutor
from scheduler.executors.process import WorkerProcess
from scheduler.executors.process_pool import GUARD, Pool
from scheduler.wording import describe, show

LONGEST_START = 86_400
"""Seconds that a worker may be given to start; more is a mistake."""


class ProcessPoolExecutor(LivesExecutor):
    """Calls functions in up to `max_workers` processes, which are started as they are needed.

    Functions, arguments, results and what `update_state` is told are pickled. A worker that dies costs the run whose
    function it was calling, which is LOST, and no other; another worker takes its place. Runs that are cancelled or
    time out are ended: their worker gets SIGTERM, and SIGKILL 3 seconds later. Workers ignore SIGINT, and leave when
    this process has ended, however it did. Coroutine functions run to their end on an event loop in the worker. A
    result that cannot be pickled is a failure that is not tried again, as the work was done.

    Arguments:
        max_workers: how many calls run at a time; 1 to 10,000; None: the number of processors.
        mp_context: how processes are started: "spawn", "forkserver", "fork", or a context of multiprocessing. A fork
            of a program with threads, as every scheduler has, may hang in a lock that one of them held.
        max_tasks_per_child: how many calls a worker makes before another takes its place; None: no limit.
        initializer: called in each worker before its first call; if it fails, so does the run that waits for it.
        initargs: its arguments.
        start_timeout: seconds in which a worker must be ready for its first call, its initializer included, and have
            imported what a call names; above 0, at most a day. One that takes longer is killed and the call goes to
            another; after the third, the run is LOST. So it is for a worker that does not take a call for 10 seconds.

    Raises InvalidSettingError for anything else, and for an initializer that cannot be pickled.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: str | BaseContext = "spawn",
        max_tasks_per_child: int | None = None,
        initializer: Callable[..., Any] | None = None,
        initargs: Sequence[Any] = (),
        start_timeout: float = 60.0,
    ) -> None:
        super().__init__()
        self._max_workers = checked_size(
            min(os.cpu_count() or 1, LARGEST) if max_workers is None else max_workers, "max_workers"
        )
        self._context = _checked_context(mp_context)
        self._max_tasks = _checked_tasks(max_tasks_per_child)
        self._initializer = initializer
        self._initargs = _checked_initargs(initializer, initargs, self._context)
        self._start_timeout = _checked_start_timeout(start_timeout)

    def start(self, done: Done, clock: Clock) -> None:
        if getattr(multiprocessing.current_process(), "_inheriting", False):  # as multiprocessing itself asks
            raise SchedulerError(f"a worker process cannot start a process pool while it imports the program; {GUARD}")
        super().start(done, clock)

    def new_life(self, done: Done, clock: Clock) -> Life:
        return Pool(self._max_workers, self._max_tasks, self._new_process, done, clock)

    def after_fork(self) -> None:
        for life in self._lives():
            assert isinstance(life, Pool)
            life.disown()
        super().after_fork()

    def check(self, func: Callable[..., Any], options: Mapping[str, Any]) -> None:
        super().check(func, options)
        remedy = "use a function at the top level of a module, or an executor of threads"
        try:
            pickle.dumps(func)
        except Exception as error:
            raise InvalidJobError(
                f"func: {show(func)} cannot be pickled for a worker process: {describe(error)}; {remedy}"
            ) from error
        if self._context.get_start_method() != "fork" and _module(func) == "__main__" and not _main_can_be_imported():
            raise InvalidJobError(
                f"func: {show(func)} is of a program without a file, which no worker process can import; {remedy}"
            )

    def _new_process(self, number: int) -> WorkerProcess:
        name = f"scheduler-process-{number}"
        return WorkerProcess(self._context, name, self._initializer, self._initargs, self._start_timeout)


def _checked_context(given: str | BaseContext) -> BaseContext:
    if isinstance(given, BaseContext):
        return given
    names = multiprocessing.get_all_start_methods()
    if given not in names:
        raise InvalidSettingError(
            f"mp_context must be {', '.join(map(repr, names))} or a context of multiprocessing, not {show(given)}"
        )
    return multiprocessing.get_context(given)


def _checked_tasks(given: int | None) -> int | None:
    if given is not None and (type(given) is not int or given < 1):
        raise InvalidSettingError(
            f"max_tasks_per_child must be None (no limit) or a whole number from 1, not {show(given)}"
        )
    return given


def _checked_initargs(
    initializer: Callable[..., Any] | None, initargs: Sequence[Any], context: BaseContext
) -> Sequence[Any]:
    if initializer is not None and not callable(initializer):
        raise InvalidSettingError(f"initializer must be callable, not {show(initializer)}")
    if not isinstance(initargs, (tuple, list)):
        raise InvalidSettingError(f"initargs must be a tuple of arguments, not {show(initargs)}")
    if context.get_start_method() != "fork":
        try:
            pickle.dumps(initializer)  # and not its arguments: locks and queues may only be handed to a new process
        except Exception as error:
            raise InvalidSettingError(
                f"initializer: {show(initializer)} cannot be pickled for a worker process: {describe(error)}; "
                "use a function at the top level of a module"
            ) from error
    return tuple(initargs)


def _checked_start_timeout(given: float) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given <= LONGEST_START:
        raise InvalidSettingError(
            f"start_timeout must be a number of seconds above 0, at most {LONGEST_START} (a day), not {show(given)}"
        )
    return float(given)


def _module(func: Callable[..., Any]) -> str:
    while isinstance(func, functools.partial):
        func = func.func
    return getattr(func, "__module__", None) or type(func).__module__


def _main_can_be_imported() -> bool:
    main = sys.modules["__main__"]
    return getattr(main, "__file__", None) is not None or getattr(main, "__spec__", None) is not None
