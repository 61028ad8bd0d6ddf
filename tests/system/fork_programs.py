"""Programs that fork while a scheduler runs in them. Each checks what it sees, and says "as it should be" at its end.

python -m tests.system.fork_programs NAME URL      the URL may be "memory"
"""

import faulthandler
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback

import pytest

from scheduler import RunState, Scheduler, SchedulerNotRunningError, SchedulerStarted, SchedulerState
from scheduler.executors import InlineExecutor, ThreadPoolExecutor

LIMIT = 25.0


def make(url):
    where = None if url == "memory" else url
    return Scheduler(where, timezone="UTC", poll_interval=0.1, heartbeat_interval=0.3, node_timeout=3.0)


def wait_until(true, what):
    deadline = time.monotonic() + LIMIT
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)
    return found


def in_time(work, *arguments):
    """What a child does; one that hangs fails, and says where."""
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    work(*arguments)


def forked(work):
    """Do something in a child, and return its pid. What it raises is its exit code 1."""
    pid = os.fork()
    if pid:
        return pid
    try:
        in_time(work)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def ended_well(pids):
    return all(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 for pid in pids)


def check_stopped(scheduler):
    """What every child sees of the scheduler of its parent."""
    assert (scheduler.state, scheduler.running) == (SchedulerState.STOPPED, False)
    assert scheduler.health().running is False
    for call in (scheduler.shutdown, scheduler.pause, scheduler.resume):
        with pytest.raises(SchedulerNotRunningError, match=f"runs in process {os.getppid()}, from which this one was"):
            call()


def be_client(scheduler, name):
    check_stopped(scheduler)
    scheduler.add_job("builtins:len", args=[name], id=name)
    scheduler.add_job("builtins:list", "interval", hours=1, id=f"{name}-later")
    assert f"{name}-later" in {job.id for job in scheduler.get_jobs()}
    scheduler.get_runs()
    scheduler.close()


def clients(url):
    """Children use the object while the parent goes on with it, and its threads are in the middle of everything."""
    scheduler = make(url)
    scheduler.start()
    scheduler.add_job("builtins:list", "interval", seconds=0.02, id="tick")
    over = threading.Event()

    def be_busy():
        while not over.is_set():
            scheduler.get_runs("tick", limit=10)
            scheduler.add_job("builtins:list", "interval", hours=1, id="busy", replace_existing=True)

    busy = [threading.Thread(target=be_busy, daemon=True) for _ in range(2)]
    for thread in busy:
        thread.start()
    wait_until(lambda: scheduler.get_runs("tick", state="SUCCESS"), "the first run")
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=in_time, args=(be_client, scheduler, f"process-{number}")) for number in range(4)]
    pids = []
    for number, child in enumerate(children):
        pids.append(forked(lambda number=number: be_client(scheduler, f"fork-{number}")))
        child.start()
    for child in children:
        child.join()
    assert ended_well(pids)
    assert [child.exitcode for child in children] == [0] * 4
    over.set()
    for thread in busy:
        thread.join()
    assert scheduler.health().ok
    if url != "memory":
        names = [f"{how}-{number}" for how in ("process", "fork") for number in range(4)]
        wait_until(lambda: {run.job_id for run in scheduler.get_runs(state="SUCCESS")} >= set(names), "their runs")
    last = scheduler.get_runs("tick", limit=1)[0].id
    wait_until(lambda: scheduler.get_runs("tick", limit=1)[0].id > last, "another fire of the parent")
    scheduler.shutdown()
    assert {run.state for run in scheduler.get_runs("tick", limit=10_000)} <= {RunState.SUCCESS, RunState.SKIPPED}


def node(url):
    """The child starts the scheduler, and is another node."""
    scheduler = make(url)
    scheduler.start()

    def start():
        check_stopped(scheduler)
        scheduler.start()
        with_parent = {os.getpid(), os.getppid()}
        wait_until(lambda: {node.pid for node in scheduler.health().nodes} == with_parent, "two nodes")
        wait_until(lambda: scheduler.get_runs("together", state="SUCCESS"), "a run of the parent's job")
        scheduler.shutdown()
        assert not scheduler.running

    pids = [forked(start)]
    wait_until(lambda: len(scheduler.health().nodes) == 2, "two nodes")
    scheduler.add_job("builtins:list", "interval", seconds=0.05, id="together")
    assert ended_well(pids)
    scheduler.shutdown()
    runs = scheduler.get_runs("together", limit=10_000)
    assert {run.state for run in runs} <= {RunState.SUCCESS, RunState.SKIPPED}
    assert {run.node for run in runs if run.node} != set()


def alone(url):
    """The child of a scheduler in memory has its own copy of the jobs, and drives them when it is started."""
    scheduler = make(url)
    scheduler.add_job("builtins:list", "interval", seconds=0.05, id="tick")
    scheduler.start()

    def start():
        scheduler.start()
        before = len(scheduler.get_runs("tick"))
        wait_until(lambda: len(scheduler.get_runs("tick")) > before + 3, "runs in the child")
        scheduler.shutdown()

    assert ended_well([forked(start)])
    assert scheduler.running
    scheduler.shutdown()


def locks(url):
    """At the time of the fork other threads hold every lock that the scheduler has."""
    scheduler = make(url)
    scheduler.start()
    life, engine = scheduler._lifecycle, scheduler.engine
    held, leave = threading.Event(), threading.Event()

    def hold():
        with life._lock, engine.stepping, scheduler._bus._lock:
            if url == "memory":  # of a database, the fork waits until the transaction has ended
                with engine.links["default"].store.turn():
                    held.set()
                    leave.wait()
            held.set()
            leave.wait()

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    held.wait()

    def use():
        be_client(scheduler, "client")
        scheduler.add_listener(lambda event: None, SchedulerStarted)
        scheduler.add_executor(type(engine.executors["default"])(), "more")
        scheduler.start()
        wait_until(lambda: scheduler.get_runs("client", state="SUCCESS"), "the run")
        scheduler.shutdown()

    pid = forked(use)
    assert ended_well([pid])
    leave.set()
    holder.join()
    assert scheduler.running
    scheduler.shutdown()


def inside(url):
    """A job forks, and its child has a stopped scheduler too."""
    scheduler = make(url)
    seen = []

    def fork():
        seen.append(ended_well([forked(lambda: be_client(scheduler, "client"))]))

    where = scheduler
    if url != "memory":
        where = Scheduler(timezone="UTC")  # which takes any function
        where.start()
    scheduler.start()
    run = where.submit(fork)
    run.get(timeout=LIMIT)
    assert seen == [True]
    for one in {scheduler, where}:
        one.shutdown()


def returned(url):
    """A job forks, and its child returns from the function: that ends it, and only the parent goes on."""

    def fork():
        child = os.fork()
        return ended_well([child]) if child else "the child"

    for executor in ThreadPoolExecutor(1), InlineExecutor():
        with Scheduler(executors={"default": executor}, timezone="UTC") as scheduler:
            assert [scheduler.submit(fork).get(timeout=LIMIT) for _ in range(2)] == [True, True]


def unstarted(url):
    """A scheduler that was only used before the fork may be started in the children, and says nothing of forks."""
    scheduler = make(url)
    scheduler.add_job("builtins:list", "interval", seconds=0.05, id="tick")
    scheduler.get_jobs()

    def start():
        with pytest.raises(SchedulerNotRunningError, match="call start"):
            scheduler.shutdown()
        scheduler.start()
        wait_until(lambda: len(scheduler.get_runs("tick", state="SUCCESS")) > 3, "runs")
        scheduler.shutdown()

    pids = [forked(start) for _ in range(2)]
    assert ended_well(pids)
    assert scheduler.get_job("tick") is not None
    scheduler.close()


def outlived(url):
    """The child goes on with the database when the parent has closed it."""
    scheduler = make(url)
    scheduler.start()
    scheduler.add_job("builtins:list", "interval", hours=1, id="parent")
    reading, writing = os.pipe()
    told, telling = os.pipe()

    def go_on():
        scheduler.add_job("builtins:list", "interval", hours=1, id="first of the child")
        os.write(telling, b".")
        os.read(reading, 1)
        scheduler.add_job("builtins:list", "interval", hours=1, id="second of the child")
        scheduler.close()

    pid = forked(go_on)
    os.read(told, 1)
    scheduler.shutdown()
    os.write(writing, b".")
    assert ended_well([pid])
    assert {job.id for job in make(url).get_jobs()} == {"parent", "first of the child", "second of the child"}


def signals(url):
    """What a job forks under run_forever can be ended by a signal: its parent's handlers are not there."""
    scheduler = make(url)
    ended = []

    def be_ended(begun):
        begun.set()
        time.sleep(LIMIT)

    def fork():
        context = multiprocessing.get_context("fork")
        begun = context.Event()
        child = context.Process(target=be_ended, args=(begun,))
        child.start()
        begun.wait()
        child.terminate()
        child.join()
        ended.append(child.exitcode)
        scheduler.shutdown()

    scheduler.add_job(fork)
    scheduler.run_forever()
    assert ended == [-signal.SIGTERM]


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    globals()[sys.argv[1]](*sys.argv[2:])
    print("as it should be")
