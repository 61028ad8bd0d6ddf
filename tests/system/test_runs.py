"""Runs that one process asks for, waits for and ends, and that others carry out."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import RunRevokedError, RunState, WaitTimeoutError
from tests.system.calls import steps, until_told, who
from tests.system.processes import DEADLINE, lines, program, wait_until


def test_a_client_gets_the_result_of_what_another_process_ran(url, client):
    handles = [client.submit(who) for _ in range(20)]
    with pytest.raises(WaitTimeoutError):
        handles[0].get(0.1)
    with program("serve", url) as process:
        assert {handle.get(DEADLINE) for handle in handles} == {process.pid}
        late = client.submit(who, eta=datetime.now(UTC) + timedelta(seconds=0.5))

        async def main():
            return await late

        assert asyncio.run(main()) == process.pid
        assert late.started_at >= late.scheduled_time


def test_a_client_sees_how_far_another_process_is(url, client):
    seen = []
    with program("serve", url):
        handle = client.submit(steps, [5, 0.4])
        assert handle.get(DEADLINE, on_message=lambda run: seen.append(run.progress and run.progress.meta["done"])) == 5
    told = [done for done in seen if done]
    assert told == sorted(told)
    assert len(set(told)) >= 2
    assert told[-1] == 5


def test_a_client_cancels_what_another_process_runs(url, ledger, client):
    with program("serve", url):
        handle = client.submit(until_told, [str(ledger)])
        wait_until(lambda: lines(ledger), "the call")
        assert handle.cancel() is True
        with pytest.raises(RunRevokedError):
            handle.get(DEADLINE)
        wait_until(lambda: len(lines(ledger)) == 2, "the function being told")
    assert handle.refresh().state is RunState.REVOKED
    assert handle.result is None


def test_a_run_that_waits_outlives_the_process_that_was_to_run_it(url, client):
    with program("serve", url) as process:
        handle = client.submit(who, countdown=1)
        process.kill()
        process.wait()
    assert client.get_run(handle.id).state is RunState.PENDING
    with program("serve", url) as process:
        assert client.get_run(handle.id).get(DEADLINE) == process.pid
