"""How far runs are, as those see it who look, listen or wait, and as a bar on a terminal."""

import io
import math
import sys
import threading

import pytest

from scheduler import InvalidSettingError, Progress, RunProgress, RunStarted, RunState, RunSucceeded, current_run
from scheduler.progress_bar import ProgressBar
from scheduler.testing import VirtualTime
from tests.api import jobs
from tests.api.jobs import note
from tests.api.waiting import SOON, in_thread
from tests.flow.executors import HeldExecutor


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def connect(monkeypatch):
    """Make standard error a terminal that keeps all it was told. (Between fixture and test, pytest sets its own.)"""

    def connect():
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return connect


@pytest.fixture
def steps():
    """The function below goes on by one at each release, and waits then."""
    jobs.present["go"] = threading.Semaphore(0)
    yield jobs.present["go"].release
    for _ in range(10):
        jobs.present["go"].release()


def work(total):
    """Say how far it is, at each step."""
    run = current_run()
    for done in range(1, total + 1):
        jobs.present["go"].acquire(timeout=SOON)
        run.progress(done, total)
    jobs.present["go"].acquire(timeout=SOON)
    return total


def said(run):
    return None if run.progress is None else (run.progress.state, dict(run.progress.meta))


def report(*words):
    """Say one thing after the other."""
    for word in words:
        current_run().update_state("READING", {"page": word})


def test_progress_is_on_the_run_and_told_by_an_event(sharing, clock):
    held = HeldExecutor()
    scheduler = sharing(clock=clock, executors={"default": held})
    heard = []
    scheduler.add_listener(lambda event: heard.append(said(event.run)), RunStarted, RunProgress, RunSucceeded)
    scheduler.start()
    passing = VirtualTime(clock, scheduler)
    handle = scheduler.submit(note)
    passing.settle()
    for done in (1, 2):
        held.current().progress(done, 2, file="a.csv")
        passing.advance(1)
        assert said(handle.refresh()) == ("PROGRESS", {"done": done, "total": 2, "file": "a.csv"})
    assert isinstance(handle.progress, Progress)
    held.finish()
    passing.settle()
    assert said(handle.refresh()) == ("PROGRESS", {"done": 2, "total": 2, "file": "a.csv"})
    assert [words and words[1]["done"] for words in heard] == [None, 1, 2, 2]


def test_the_last_word_is_kept_where_many_come_at_once(running):
    handle = running.submit(report, range(500))
    handle.get(SOON)
    assert said(handle) == ("READING", {"page": 499})


def test_who_waits_is_told_how_far_the_run_is(running, steps):
    told, seen = [], threading.Event()

    def tell(run):
        told.append(said(run))
        if said(run) is not None:
            seen.set()

    handle = running.submit(work, [2])
    result = in_thread(lambda: handle.get(SOON, on_message=tell))
    steps()
    assert seen.wait(SOON)
    steps()
    steps()
    assert result() == 2
    assert told[-1] == ("PROGRESS", {"done": 2, "total": 2})
    assert ("PROGRESS", {"done": 1, "total": 2}) in told


def test_the_progress_of_another_process_is_seen(sharing, steps):
    client, worker = sharing(poll_interval=0.02), sharing(poll_interval=0.02)
    client.engine.links["default"].store.shared = True  # for a memory store that two schedulers share
    worker.start()
    seen = threading.Event()
    handle = client.get_run(worker.submit(work, [1]).id)
    result = in_thread(lambda: handle.get(SOON, on_message=lambda run: said(run) and seen.set()))
    steps()
    assert seen.wait(SOON)
    steps()
    assert result() == 1


# a bar


def test_a_bar_shows_what_is_done(running, steps, connect):
    terminal = connect()
    handle = running.submit(work, [4])
    result = in_thread(lambda: handle.wait(SOON, progress=True))
    for _ in range(5):
        steps()
    assert result() is True
    lines = terminal.getvalue().split("\r")
    assert lines[1].startswith(("PENDING:", "STARTED:"))
    assert lines[-1].startswith("SUCCESS: 100%")
    assert "4/4" in lines[-1]
    assert lines[-1].endswith("\n")


def draw(*runs):
    with ProgressBar() as bar:
        for run in runs:
            bar.show(run)


@pytest.mark.parametrize(
    ("meta", "shown"),
    [
        ({"done": 3, "total": 10}, " 30%"),
        ({"done": 2.5, "total": 10}, " 25%"),
        ({"done": 3, "total": None}, "3it"),
        ({"done": 3}, "3it"),
        ({"total": 10}, "0/10"),
        ({"done": "three", "total": True}, "0it"),
        ({}, "0it"),
        ({"done": 3, "total": 0}, "3it"),
        ({"done": 30, "total": 10}, "30it"),
        ({"done": -1, "total": math.nan}, "0it"),
        ({"done": math.inf, "total": 10**400}, "0it"),
    ],
)
def test_a_bar_makes_the_best_of_what_it_is_told(scheduler, connect, meta, shown):
    terminal = connect()
    run = scheduler.submit(note).evolved()
    draw(run, run.moved(RunState.STARTED, progress=Progress("READING", meta, run.scheduled_time)))
    assert "READING:" in terminal.getvalue()
    assert shown in terminal.getvalue().split("\r")[-1]


def test_a_bar_of_a_run_that_failed_stays_where_it_was(scheduler, connect):
    terminal = connect()
    run = scheduler.submit(note).evolved()
    far = run.moved(RunState.STARTED, progress=Progress("READING", {"done": 3, "total": 10}, run.scheduled_time))
    draw(far, far.moved(RunState.FAILURE))
    assert terminal.getvalue().split("\r")[-1].startswith("FAILURE:  30%")


def test_where_there_is_no_terminal_nothing_is_drawn(running, capsys):
    assert running.submit(report, [1, 2]).wait(SOON, progress=True) is True
    assert capsys.readouterr().err == ""


def test_a_bar_is_left_as_it_is_when_the_time_is_over(running, steps, connect):
    terminal = connect()
    handle = running.submit(work, [4])
    assert handle.wait(0, progress=True) is False
    assert terminal.getvalue().endswith("\n")


def test_a_bar_without_its_library_is_refused_everywhere(scheduler, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(InvalidSettingError, match=r"pip install embedded-scheduler\[progress\]"):
        scheduler.submit(note).wait(0, progress=True)
    assert scheduler.submit(note).wait(0) is False
