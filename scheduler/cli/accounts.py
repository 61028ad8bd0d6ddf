"""Compares the fire times of a job with what is on record: each must be there exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler import Run, RunState
from scheduler.triggers import Trigger

MOMENT = timedelta(microseconds=1)
"""The least difference between two fire times."""


@dataclass(frozen=True, slots=True)
class Account:
    """The fire times of one job, against its records."""

    expected: Sequence[datetime]
    records: Sequence[Run]
    missing: Sequence[datetime]
    """Fire times without a record."""
    repeated: Sequence[datetime]
    """Fire times with more than one."""
    unexpected: Sequence[datetime]
    """Records of what is no fire time."""
    unfinished: Sequence[Run]
    """Records of runs that have not ended."""

    @property
    def balanced(self) -> bool:
        """Whether each fire time has exactly one record, and all runs have ended."""
        return not (self.missing or self.repeated or self.unexpected or self.unfinished)


def account(trigger: Trigger, expected: Sequence[datetime], records: Sequence[Run]) -> Account:
    """Compare expected fire times with records; one SKIPPED record stands for `count` consecutive fire times."""
    recorded = Counter(time for run in records for time in _covered(trigger, run))
    return Account(
        expected=expected,
        records=records,
        missing=[time for time in expected if not recorded[time]],
        repeated=[time for time in sorted(recorded) if recorded[time] > 1],
        unexpected=sorted(recorded.keys() - set(expected)),
        unfinished=[run for run in records if not run.state.final],
    )


def witnessed(books: Account, traces: int) -> bool:
    """Tell whether the function left as many traces as runs succeeded; one that died may have left one or none."""
    states = Counter(run.state for run in books.records)
    return states[RunState.SUCCESS] <= traces <= states[RunState.SUCCESS] + states[RunState.LOST]


def _covered(trigger: Trigger, run: Run) -> Iterable[datetime]:
    return [run.scheduled_time, *trigger.fire_times(run.scheduled_time + MOMENT, limit=run.count - 1)]
