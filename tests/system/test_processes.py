"""Programs that share a database, are asked to end, or end without a word."""

import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import RunStarted, RunState, Scheduler
from tests.system.processes import DEADLINE, lines, program, run_to_its_end, wait_until
from tests.system.programs import slow, write_down


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_runs_end_and_records_it(url, ledger, client, number):
    client.add_job(slow, args=(str(ledger), 0.7), id="slow")
    with program("serve", url) as process:
        wait_until(lambda: lines(ledger), "the call")
        process.send_signal(number)
        assert process.wait(30) == 0
        assert "ended well" in process.stdout.read()
    assert [line[0] for line in lines(ledger)] == ["began", "ended"]
    assert [run.state for run in client.get_runs("slow")] == [RunState.SUCCESS]
    assert client.health().stores["default"].nodes == ()


def test_two_processes_on_one_database_run_each_fire_once(url, ledger, client):
    start = datetime.now(UTC) + timedelta(seconds=1.5)
    for number in range(5):
        client.add_job(
            write_down,
            "interval",
            (str(ledger), f"job{number}"),
            seconds=0.1,
            start_date=start,
            end_date=start + timedelta(seconds=1.95),
            id=f"job{number}",
            coalesce=False,
            max_instances=20,
        )
    with program("serve", url) as first, program("serve", url) as second:
        wait_until(lambda: client.get_jobs() == [], "the end of all jobs")
        nodes = {str(first.pid), str(second.pid)}
        runs = client.get_runs(limit=1000)
    assert len({run.id for run in runs}) == len(runs) == 100
    assert {run.state for run in runs} == {RunState.SUCCESS}
    written = lines(ledger)
    assert len(written) == 100
    assert {pid for _, pid, _ in written} <= nodes
    assert sorted(word for word, _, _ in written) == sorted(run.job_id for run in runs)


def test_a_job_that_another_process_adds_is_noticed(url, ledger, client):
    with program("serve", url):
        run_to_its_end("client", url, ledger)
        run = wait_until(lambda: client.get_runs("client", state="SUCCESS"), "the run")[0]
    assert [line[0] for line in lines(ledger)] == ["from the client"]
    # It is looked for every 0.2 seconds; without that only every 60.
    assert run.started_at - run.scheduled_time < timedelta(seconds=20)


def test_a_forgotten_scheduler_does_not_keep_the_program_from_ending(url):
    assert run_to_its_end("forget", url) == ""


@pytest.mark.parametrize("kind", ["thread", "coroutine", "process"])
def test_a_function_that_runs_on_does_not_keep_a_program_from_ending(kind):
    began = time.monotonic()
    assert run_to_its_end("busy_until_it_ends", kind) == "main ends\n"
    assert time.monotonic() - began < DEADLINE


def test_a_shutdown_that_a_job_has_begun_is_brought_to_its_end_after_the_main_thread():
    assert run_to_its_end("shut_down_by_a_job") == "main ends\nstopped\n"


def test_a_second_signal_ends_a_program_that_waits_for_its_runs(url, ledger, client):
    client.add_job(slow, args=(str(ledger), 60), id="slow")
    with program("serve", url) as process:
        wait_until(lambda: lines(ledger), "the call")
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: client.get_runs("slow")[0].state is RunState.STARTED and asked_twice(process), "the end")
    assert process.returncode == -signal.SIGTERM
    assert [run.state for run in client.get_runs("slow")] == [RunState.STARTED]


def asked_twice(process):
    """Ask again until the first signal has been seen, and the second does what it does without a scheduler."""
    process.send_signal(signal.SIGTERM)
    return process.poll() is not None


FORKED = """
import os, sys, time
from scheduler import Scheduler
scheduler = Scheduler(sys.argv[1], heartbeat_interval=0.2, node_timeout=1, timezone="UTC")
if os.fork():
    os._exit(0)
scheduler.add_job("builtins:list", "interval", seconds=0.2, id="job")
scheduler.start()
time.sleep(1.5)
(node,) = scheduler.health().nodes
print(node.pid == os.getpid())
scheduler.shutdown()
"""


def test_a_scheduler_that_is_started_after_a_fork_is_the_process_it_runs_in(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FORKED, f"sqlite:///{tmp_path / 'jobs.db'}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


CHILD = """
import os, sys, time
from scheduler import RunState, Scheduler, SchedulerNotRunningError
scheduler = Scheduler(sys.argv[1], timezone="UTC")
scheduler.add_job("time:sleep", args=(1,), id="job")
scheduler.start()
while not scheduler.get_runs("job"):
    time.sleep(0.05)
if os.fork() == 0:
    try:
        scheduler.shutdown()
    except SchedulerNotRunningError as error:
        print("forked" in str(error), scheduler.running, flush=True)
    os._exit(0)
os.wait()
scheduler.shutdown()
print([run.state.value for run in scheduler.get_runs("job")])
"""


def test_a_forked_child_cannot_shut_down_the_scheduler_of_its_parent(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, f"sqlite:///{tmp_path / 'jobs.db'}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("True False\n['SUCCESS']\n", "")


def test_a_listener_that_holds_up_the_loop_does_not_make_its_node_dead(url):
    held = threading.Event()
    options = {"heartbeat_interval": 0.2, "node_timeout": 1.0, "poll_interval": 0.1, "timezone": "UTC"}
    held_up, other = Scheduler(url, **options), Scheduler(url, **options)
    held_up.add_listener(lambda event: held.wait(3), RunStarted)
    with held_up:
        held_up.add_job("time:sleep", args=(2.5,), id="job")
        wait_until(lambda: held_up.get_runs("job"), "a run")
        with other:
            wait_until(lambda: other.get_runs("job")[0].state.final, "the end of the run")
            assert [run.state for run in other.get_runs("job")] == [RunState.SUCCESS]
