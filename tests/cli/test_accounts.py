"""The demo's accounts balance exactly when each fire time has one record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler import Run, RunState
from scheduler.cli.accounts import Account, account, witnessed
from scheduler.cli.demo_report import balance, story
from scheduler.triggers import IntervalTrigger

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TRIGGER = IntervalTrigger(seconds=1, start_date=START)
FIVE = [START + n * SECOND for n in range(5)]


def run(second: int, state: RunState = RunState.SUCCESS, count: int = 1) -> Run:
    time = START + second * SECOND
    reason = "missed" if state is RunState.SKIPPED else None
    return Run(
        id=f"{time:%S}-{state}",
        job_id="j",
        incarnation="i",
        scheduled_time=time,
        state=state,
        count=count,
        reason=reason,
    )


def books(*records: Run) -> Account:
    return account(TRIGGER, FIVE, records)


def test_a_skip_record_stands_for_as_many_fire_times_as_it_counts() -> None:
    assert books(run(0), run(1, RunState.SKIPPED, count=3), run(4)).balanced


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        pytest.param([run(0), run(1), run(2), run(4)], {"missing": [FIVE[3]]}, id="a-hole"),
        pytest.param([run(0), run(1, RunState.SKIPPED, 2), run(4)], {"missing": [FIVE[3]]}, id="a-short-skip"),
        pytest.param([*map(run, range(5)), run(2)], {"repeated": [FIVE[2]]}, id="fired-twice"),
        pytest.param(
            [*map(run, range(4)), run(4), run(3, RunState.SKIPPED)], {"repeated": [FIVE[3]]}, id="ran-and-skipped"
        ),
        pytest.param([*map(run, range(6))], {"unexpected": [START + 5 * SECOND]}, id="no-fire-time"),
        pytest.param(
            [*map(run, range(4)), run(4, RunState.STARTED)],
            {"unfinished": [run(4, RunState.STARTED)]},
            id="never-ended",
        ),
    ],
)
def test_what_does_not_match_is_named(records: list[Run], problem: dict[str, object]) -> None:
    found = books(*records)
    fields = {name: list(getattr(found, name)) for name in ("missing", "repeated", "unexpected", "unfinished")}
    assert {name: value for name, value in fields.items() if value} == problem
    assert not found.balanced


def test_the_report_says_whether_the_accounts_match_and_what_is_wrong() -> None:
    good = books(*map(run, range(5)))
    assert balance({"sample": good}).endswith("Every fire time has exactly one record.")
    bad = balance({"sample": good, "summary": books(*map(run, range(4)))})
    assert bad.endswith("The accounts do not match.")
    assert "no record: 2026-03-01T12:00:04+00:00" in bad


def test_the_story_takes_like_records_in_a_row_together() -> None:
    told = story({"sample": books(run(0), run(1), run(2, RunState.SKIPPED, count=2), run(4))}).splitlines()
    assert [line.split("×")[0].split()[-1] for line in told[1:] if line] == ["2", "2", "1"]


@pytest.mark.parametrize(
    ("last", "traces", "verdict"),
    [
        (RunState.SUCCESS, 4, False),
        (RunState.SUCCESS, 5, True),
        (RunState.SUCCESS, 6, False),
        (RunState.LOST, 3, False),
        (RunState.LOST, 4, True),
        (RunState.LOST, 5, True),
        (RunState.LOST, 6, False),
    ],
)
def test_the_traces_of_a_function_match_its_runs(last: RunState, traces: int, verdict: bool) -> None:
    assert witnessed(books(*map(run, range(4)), run(4, last)), traces) is verdict
