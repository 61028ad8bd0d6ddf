"""The demo: starts a program with a scheduler, kills it, starts it again, and shows that the books balance."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from scheduler import RunState, Scheduler
from scheduler.cli.accounts import MOMENT, Account, account, witnessed
from scheduler.cli.demo_jobs import take_inventory
from scheduler.cli.demo_report import balance, how_to_look, story, witness
from scheduler.triggers import DateTrigger

WORK, MIDDLE, DOWN, AGAIN, PATIENCE = 2.0, 0.2, 3.5, 2.0, 5.0
"""Seconds: from the start to the one-off job, from its begin to the kill, dead, at work again, and the longest wait
for what should have happened."""

INTRODUCTION = """\
A program with an embedded scheduler is killed with SIGKILL, and its jobs go on.

  sample     every 0.5 s            appends the load and disk use of this machine to a file
  summary    every even second      sums the samples up; not worth running when more than 1 s late
  inventory  once, with one retry   counts what is in the standard library; added by this process, run by the other
"""


class DemoError(Exception):
    """What was to be shown could not be."""


class Program:
    """One life of the program, in a process of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        command = [sys.executable, "-m", "scheduler.cli.demo_program", url, str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self.next_fires = {job: datetime.fromisoformat(at) for job, at in map(str.split, self._lines(2))}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End the process, if it runs, without a chance to tidy up: SIGKILL, or what comes closest on this system."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def stop(self) -> int:
        """Let the program shut down, and return its exit status."""
        self._process.communicate(timeout=3 * PATIENCE)
        return self._process.returncode

    def _lines(self, count: int) -> list[str]:
        assert self._process.stdout is not None
        lines = [self._process.stdout.readline() for _ in range(count)]
        if not all(lines):
            raise DemoError(f"the program ended with status {self._process.wait()} before it was ready")
        return lines


def demo(*, keep: bool = False) -> int:
    """Run the demo and return the exit status: 0 if each fire time has exactly one record, otherwise 1."""
    folder = Path(tempfile.mkdtemp(prefix="scheduler-demo-"))
    try:
        return _demo(folder, keep=keep)
    except DemoError as error:
        print(error)
        return 1
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _demo(folder: Path, *, keep: bool) -> int:
    url = f"sqlite:///{(folder / 'jobs.db').as_posix()}"
    print(INTRODUCTION)
    say = _teller()
    client = Scheduler(url)  # never started: it only adds a job and reads the records
    accounts = _two_lives(url, folder, client, say)
    say("It has shut down. These are the records:\n")
    print(story(accounts))
    lines = len((folder / "samples.csv").read_text(encoding="utf-8").splitlines())
    print(balance(accounts))
    print(witness(accounts["sample"], lines))
    if keep:
        print(how_to_look(folder))
    return 0 if all(books.balanced for books in accounts.values()) and witnessed(accounts["sample"], lines) else 1


def _two_lives(url: str, folder: Path, client: Scheduler, say: Callable[[str], None]) -> dict[str, Account]:
    once = datetime.now(UTC) + timedelta(seconds=WORK)
    with Program(url, folder) as program:
        say(f"The program runs as process {program.pid}.")
        first_fires = program.next_fires
        client.add_job(take_inventory, "date", run_date=once, id="inventory", retry=1)
        caught = _wait_for(lambda: _inventory(client) is RunState.STARTED, WORK + PATIENCE)
        time.sleep(MIDDLE)
        program.kill()
        where = ", in the middle of the inventory" if caught and _inventory(client) is RunState.STARTED else ""
        say(f"kill -9 {program.pid}{where}. For {DOWN:g} s nobody fires.")
    time.sleep(DOWN)
    with Program(url, folder) as program:
        say(f"The same program starts again, as process {program.pid}.")
        time.sleep(AGAIN)
        _wait_for(lambda: (state := _inventory(client)) is not None and state.final, PATIENCE)
        if status := program.stop():
            raise DemoError(f"the program ended with status {status}")
    accounts = {name: _account(client, name, first) for name, first in first_fires.items()}
    accounts["inventory"] = account(DateTrigger(once), [once], client.get_runs("inventory"))
    return accounts


def _account(client: Scheduler, job_id: str, first: datetime) -> Account:
    job = client.get_job(job_id)
    if job is None or job.trigger is None or job.next_run_time is None:
        raise DemoError(f"job {job_id!r} did not survive: {job}")
    expected = job.trigger.fire_times(first, job.next_run_time - MOMENT)
    return account(job.trigger, expected, client.get_runs(job_id, limit=1000, newest_first=False))


def _inventory(client: Scheduler) -> RunState | None:
    return next((run.state for run in client.get_runs("inventory")), None)


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def _teller() -> Callable[[str], None]:
    began = time.monotonic()
    return lambda text: print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)
