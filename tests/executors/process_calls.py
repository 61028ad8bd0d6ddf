"""Functions that tests of the process pool call: worker processes import them from here."""

import asyncio
import ctypes
import gc
import os
import signal
import struct
import threading
from contextvars import ContextVar
from multiprocessing.connection import Connection
from pathlib import Path

from scheduler.executors.current import current_run

SEEN = ContextVar("seen", default="nothing")
PREPARED = []


def add(left, right=0):
    return left + right


def begin_and_wait():
    """Say that the call has begun, and in which process; then wait for what ends it."""
    current_run().update_state("BEGUN", {"process": os.getpid()})
    threading.Event().wait(60)


def begin_and_ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    begin_and_wait()


def open_and_wait(pipe):
    """As an initializer: say by a named pipe that it has begun; then wait for what ends it."""
    Path(pipe).write_text("begun")
    threading.Event().wait(60)


def open_and_wait_at_first(pipe, times):
    """As an initializer: `open_and_wait` so many times."""
    lives = Path(f"{pipe}-lives")
    with lives.open("a") as file:
        file.write(".")
    if lives.stat().st_size <= times:
        open_and_wait(pipe)


def stop_in_the_middle_of_a_message():
    """As when a worker is stopped while it sends a large result."""
    current_run().update_state("BEGUN", {"process": os.getpid()})
    send_half_a_message()
    os.kill(os.getpid(), signal.SIGSTOP)


def die_and_leave_the_pipe_to_a_child():
    """As when a worker is killed while it sends a large result; a process that it has forked keeps the pipe."""
    if not os.fork():
        threading.Event().wait(20)
        os._exit(0)
    send_half_a_message()
    os.kill(os.getpid(), signal.SIGKILL)


def fork_and_wait():
    """Return how a child has ended that was forked here, and that has returned from here."""
    child = os.fork()
    return os.waitpid(child, 0)[1] if child else "child"


def fork_and_fail():
    child = os.fork()
    if not child:
        raise OSError("the child fails")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def exit_at_once(code):
    os._exit(code)


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def fault():
    ctypes.string_at(0)


def leave(error):
    raise error


def ask_for_too_much():
    return bytearray(1 << 60)


def answer_what_cannot_be_pickled():
    return lambda: None


def answer_what_cannot_be_loaded():
    return FailsToLoad()


def die_in_the_middle_of_a_message():
    """As when a worker is killed while it sends a large result: the length is there, and half of what it announces."""
    send_half_a_message()
    kill_itself()


def send_half_a_message():
    line = next(one for one in gc.get_objects() if isinstance(one, Connection))
    os.write(line.fileno(), struct.pack("!i", 1000) + b"o" * 500)


class HangsOnLoading:
    def __init__(self, pipe):
        self._pipe = pipe

    def __reduce__(self):
        return open_and_wait, (self._pipe,)


async def await_and_add(left, right):
    await asyncio.sleep(0)
    return left + right


def see_and_set(value):
    seen = SEEN.get()
    SEEN.set(value)
    return seen


def tell():
    current = current_run()
    for done in range(100):
        current.progress(done, 100)
    return current.run_id, current.attempt, current.job_id, current.scheduled_time, bool(current.cancelled)


def prepare(word):
    PREPARED.append(word)


def put(queue, word):
    queue.put(word)


def prepare_at_the_second_time(file):
    if not Path(file).exists():
        Path(file).touch()
        raise OSError("not yet")


def die_at_first(file, kills):
    """As an initializer: be killed so many times."""
    with Path(file).open("a") as lives:
        lives.write(".")
    if Path(file).stat().st_size <= kills:
        kill_itself()


def prepared():
    return PREPARED


class FailsToLoad:
    def __reduce__(self):
        return _fail, ()


class KillsOnLoading:
    def __reduce__(self):
        return os._exit, (9,)


def _fail():
    raise ValueError("no way back")
