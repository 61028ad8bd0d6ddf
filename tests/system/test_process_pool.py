"""Process pools in whole programs: workers, programs and terminals that end, and ways to start one."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from scheduler import RunState, Scheduler
from scheduler.executors import ProcessPoolExecutor
from tests.system.pool_programs import begin, begin_and_answer_a_lock
from tests.system.processes import DEADLINE, ROOT, lines, wait_until

MODULE = ("-m", "tests.system.pool_programs")

SCRIPT = """
import sys
from pathlib import Path
from scheduler import Scheduler
from scheduler.executors import ProcessPoolExecutor
from tests.system.pool_programs import begin
from tests.system.programs import write_down

write_down({ledger!r}, "imported")
{guard}
    scheduler = Scheduler(executors={{"default": ProcessPoolExecutor(2)}}, timezone="UTC")
    scheduler.start()
    handle = scheduler.submit(begin, ({ledger!r}, 0.0))
    handle.wait(30)
    print(handle.state, scheduler.get_run(handle.id).error)
    scheduler.shutdown()
"""


@pytest.fixture
def scheduler(url):
    """One on SQLite with two workers."""
    scheduler = Scheduler(url, executors={"default": ProcessPoolExecutor(2)}, timezone="UTC")
    with scheduler:
        yield scheduler
        scheduler.shutdown(timeout=0)


@contextmanager
def program(*arguments):
    """Run a program in a session of its own until it says that it is ready; all of it ends with the block."""
    with subprocess.Popen(
        [sys.executable, *MODULE, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def run(*arguments, directory=ROOT):
    """Run a program that ends by itself."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def lives(process_id):
    """Whether a process runs: one that has ended and that nobody has asked for is not meant."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def of_session(session):
    """The processes of a session that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == session and words[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


def processes(ledger):
    return [int(process_id) for _, process_id, _ in lines(ledger)]


def workers():
    return [one for one in multiprocessing.active_children() if one.name.startswith("scheduler-process-")]


# workers that die


def test_a_worker_that_is_killed_in_the_middle_of_200_runs_costs_one_of_them(scheduler, tmp_path):
    handles = [scheduler.submit(begin, (str(tmp_path / "others"), 0.001)) for _ in range(100)]
    victim = scheduler.submit(begin, (str(tmp_path / "victim"), 60.0))
    handles += [scheduler.submit(begin, (str(tmp_path / "others"), 0.001)) for _ in range(99)]
    wait_until(lambda: lines(tmp_path / "victim"), "the call")
    os.kill(processes(tmp_path / "victim")[0], signal.SIGKILL)
    for handle in handles:
        handle.get(timeout=DEADLINE)
    assert victim.wait(DEADLINE)
    lost = scheduler.get_run(victim.id)
    assert (lost.state, lost.reason) == (RunState.LOST, "lost")
    assert "killed by SIGKILL while it called the function" in lost.error
    assert len(lines(tmp_path / "others")) == 199


def test_runs_with_a_retry_succeed_whenever_workers_are_killed(scheduler, ledger):
    handles = [scheduler.submit(begin, (str(ledger), 0.01), retry=5) for _ in range(200)]
    chance = random.Random(4)
    for _ in range(4):
        time.sleep(chance.uniform(0.1, 0.3))
        for worker in workers()[-1:]:  # on a slow machine the last one that was killed has none in its place yet
            worker.kill()
    for handle in handles:
        handle.get(timeout=DEADLINE)


def test_a_run_that_times_out_has_its_process_ended(scheduler, ledger):
    handle = scheduler.submit(begin, (str(ledger), 60.0), timeout=0.5)
    assert handle.wait(DEADLINE)
    assert (handle.state, scheduler.get_run(handle.id).reason) == (RunState.FAILURE, "timeout")
    # A worker on a slow machine may be ended before the function has written a line.
    wait_until(lambda: not any(lives(one) for one in processes(ledger)), "the end of the worker")
    assert scheduler.submit(begin, (os.devnull, 0.0)).get(timeout=DEADLINE) is None


def test_a_run_that_another_process_cancels_has_its_process_ended(url, ledger, client):
    with program("serve", url):
        handle = client.submit(begin, (str(ledger), 60.0))
        wait_until(lambda: lines(ledger), "the call")
        assert client.cancel_run(handle.id)
        wait_until(lambda: not lives(processes(ledger)[0]), "the end of the worker")
        assert client.get_run(handle.id).state is RunState.REVOKED


def test_work_whose_result_cannot_be_pickled_has_failed_and_is_not_done_again(scheduler, ledger):
    handle = scheduler.submit(begin_and_answer_a_lock, (str(ledger),), retry=2)
    assert handle.wait(DEADLINE)
    run = scheduler.get_run(handle.id)
    assert (run.state, run.attempt, len(lines(ledger))) == (RunState.FAILURE, 1, 1)
    assert "cannot be pickled" in run.error


# programs that end


def test_workers_leave_when_the_program_is_killed(url, ledger, client):
    with program("serve", url) as process:
        client.submit(begin, (str(ledger), 0.0))
        client.submit(begin, (str(ledger), 60.0))
        wait_until(lambda: len(lines(ledger)) == 2, "the calls")
        process.kill()
        process.wait()
        wait_until(lambda: of_session(process.pid) == [], "the end of all its processes")


def test_an_interrupt_at_the_terminal_reaches_the_workers_too_and_lets_runs_end(url, ledger, client):
    with program("serve", url) as process:
        handle = client.submit(begin, (str(ledger), 1.0))
        wait_until(lambda: lines(ledger), "the call")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(DEADLINE) == 0
        assert "ended well" in process.stdout.read()
        # The tracker of multiprocessing ends when it sees that the program has.
        wait_until(lambda: of_session(process.pid) == [], "the end of all its processes")
    assert client.get_run(handle.id).state is RunState.SUCCESS


def test_a_program_that_has_forgotten_its_pool_ends_with_its_workers(url, ledger):
    done = run(*MODULE, "forget", url, ledger)
    assert (done.returncode, done.stdout, done.stderr) == (0, "forgotten\n", "")
    assert [one for one in processes(ledger) if lives(one)] == []


def test_the_child_of_a_fork_leaves_the_workers_to_its_parent(url, ledger):
    done = run("-W", "ignore::DeprecationWarning", *MODULE, "fork", url, ledger)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(lines(ledger)) == 2
    assert len(set(processes(ledger))) == 1


# ways to start


@pytest.mark.parametrize("context", ["forkserver", "fork"])
def test_workers_can_be_started_in_other_ways(url, ledger, context):
    done = run("-W", "ignore::DeprecationWarning", *MODULE, "once", url, context, ledger)  # a fork among threads
    assert (done.returncode, done.stderr) == (0, "")
    assert len(lines(ledger)) == 1


def test_a_script_is_imported_once_for_each_worker(tmp_path, ledger):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(ledger=str(ledger), guard='if __name__ == "__main__":'))
    done = run(script.name, directory=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "SUCCESS None\n", "")
    assert [word for word, *_ in lines(ledger)] == ["imported", "imported", "began"]


def test_a_script_that_starts_a_scheduler_wherever_it_is_imported_is_told_what_to_do(tmp_path, ledger):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(ledger=str(ledger), guard="if True:"))
    done = run(script.name, directory=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("FAILURE ")
    for text in done.stdout, done.stderr:
        assert 'put that below `if __name__ == "__main__":`' in text
    assert [word for word, *_ in lines(ledger)] == ["imported", "imported"]


def test_a_program_on_the_command_line_has_workers_for_functions_of_modules(ledger):
    done = run("-c", SCRIPT.format(ledger=str(ledger), guard="if True:"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "SUCCESS None\n", "")
    assert [word for word, *_ in lines(ledger)] == ["imported", "began"]
