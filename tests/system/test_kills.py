"""Programs that are killed with SIGKILL at random moments and started again lose no fire and run none twice."""

import random
import time
from datetime import timedelta

from scheduler import RunState, Scheduler
from tests.system.processes import lines, program, wait_until

STEP = timedelta(seconds=0.2)
KILLS = 5


def killed_and_restarted(url, ledger, *, retry, kills, seed, step=STEP):
    """Run the interval program, kill it again and again, let it end in peace, and return its runs and fire times."""
    chance = random.Random(seed)
    arguments = ("interval", url, ledger, step.total_seconds(), retry)
    for number in range(kills):
        before = len(lines(ledger))
        with program(*arguments) as process:
            wait_until(lambda before=before: len(lines(ledger)) > before, "a call")
            # Every other kill comes in the middle of that call, the others at any time after it began.
            time.sleep(0 if number % 2 == 0 else chance.uniform(0, 0.5))
            process.kill()
    with program(*arguments) as process:
        before = len(lines(ledger))
        wait_until(lambda: len(lines(ledger)) >= before + 3, "three calls after the last kill")
        process.terminate()
        assert process.wait(30) == 0
        assert "ended well" in process.stdout.read()
    scheduler = Scheduler(url, timezone="UTC")
    try:
        job = scheduler.get_job("tick")
        return job, scheduler.get_runs("tick", limit=10_000, newest_first=False)
    finally:
        scheduler.engine.links["default"].store.close()


def accounted_for(runs, step=STEP):
    """Return every fire time that the records stand for, with its record, in order."""
    return [(run.scheduled_time + number * step, run) for run in runs for number in range(run.count)]


def check_books(job, runs, ledger, step=STEP):
    """Each fire time between the first and the next has one record, and the functions' own ledger agrees."""
    times = [time for time, _ in accounted_for(runs, step)]
    assert times == [times[0] + number * step for number in range(len(times))]
    assert job.next_run_time == times[-1] + step
    assert times[0] == job.trigger.anchor + step
    ended = [run for run in runs if run.state is not RunState.SKIPPED]
    assert all(run.state.final for run in runs)
    succeeded = sum(run.state is RunState.SUCCESS for run in ended)
    attempts = sum(run.attempt for run in ended)
    # What was killed may have called its function or not; what succeeded has, and nothing was called twice.
    assert succeeded <= len(lines(ledger)) <= attempts
    return ended


def test_each_fire_has_one_record_after_five_kills(tmp_path):
    ledger = tmp_path / "ledger"
    job, runs = killed_and_restarted(f"sqlite:///{tmp_path / 'jobs.db'}", ledger, retry=0, kills=KILLS, seed=1)
    ended = check_books(job, runs, ledger)
    assert {run.state for run in ended} == {RunState.SUCCESS, RunState.LOST}
    assert {run.attempt for run in ended} == {1}
    assert sum(run.state is RunState.LOST for run in ended) <= KILLS
    check_one_line_for_each_success(ended, ledger)


def check_one_line_for_each_success(ended, ledger):
    """Every success has its own line, written while its attempt ran: from its start until the next run's."""
    written = sorted(float(moment) for _, _, moment in lines(ledger))
    for run, following in zip(ended, [*ended[1:], None], strict=True):
        since = run.started_at.timestamp() - 0.001
        until = following.started_at.timestamp() - 0.001 if following else float("inf")
        found = [moment for moment in written if since <= moment < until]
        assert len(found) == 1 if run.state is RunState.SUCCESS else len(found) <= 1


def test_each_run_succeeds_in_the_end_where_it_may_be_retried(tmp_path):
    ledger = tmp_path / "ledger"
    job, runs = killed_and_restarted(f"sqlite:///{tmp_path / 'jobs.db'}", ledger, retry=3, kills=KILLS, seed=2)
    ended = check_books(job, runs, ledger)
    assert {run.state for run in ended} == {RunState.SUCCESS}
    assert max(run.attempt for run in ended) > 1


def test_the_same_on_postgresql(tmp_path, schema_url):
    ledger = tmp_path / "ledger"
    job, runs = killed_and_restarted(schema_url, ledger, retry=3, kills=3, seed=3)
    ended = check_books(job, runs, ledger)
    assert {run.state for run in ended} == {RunState.SUCCESS}
    assert max(run.attempt for run in ended) > 1


def test_a_retry_that_waits_when_the_program_is_killed_happens_after_its_restart(tmp_path):
    url, ledger = f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path / "ledger"
    client = Scheduler(url, timezone="UTC")
    with program("retry_later", url, ledger) as process:
        wait_until(lambda: client.get_runs("job", state="RETRY"), "the first attempt")
        process.kill()
    [waiting] = client.get_runs("job")
    assert "not yet" in waiting.error
    with program("serve", url):
        wait_until(lambda: client.get_runs("job", state="SUCCESS"), "the second attempt")
    [run] = client.get_runs("job")
    client.close()
    assert (run.id, run.attempt, len(run.attempts)) == (waiting.id, 2, 1)
    assert run.started_at >= waiting.ready_at
    assert len(lines(ledger)) == 2
