"""Tells in text what the demo's records say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from scheduler import Run, RunState
from scheduler.cli.accounts import Account, witnessed

LATE = timedelta(seconds=0.25)
"""From when on the report speaks of a late run."""

REASONS = {
    "missed": "SKIPPED, missed: more than the grace time late when somebody could fire again",
    "coalesced": "SKIPPED, coalesced: one run made up for all fires that were late",
    "overlap": "SKIPPED, overlap: the run before it had not ended",
}


def story(accounts: Mapping[str, Account]) -> str:
    """Return what became of each fire time of each job, like ones in a row taken together."""
    parts = []
    for name, books in accounts.items():
        groups = groupby(books.records, key=_what_became_of)
        lines = [_line(list(runs), text) for text, runs in groups]
        parts.append(f"{name}\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def balance(accounts: Mapping[str, Account]) -> str:
    """Return, for each job, how many fire times there were and by how many records they are accounted for."""
    lines = ["Accounts: each fire time since the first start, computed from the trigger, against the records"]
    for name, books in accounts.items():
        skipped = sum(run.count for run in books.records if run.state is RunState.SKIPPED)
        ran = sum(run.state is not RunState.SKIPPED for run in books.records)
        verdict = "balanced" if books.balanced else "DO NOT MATCH"
        lines.append(f"  {name:10} {len(books.expected):3} fire times = {ran:2} run + {skipped:2} skipped: {verdict}")
        lines += [f"    {problem}" for problem in _problems(books)]
    balanced = all(books.balanced for books in accounts.values())
    lines.append("Every fire time has exactly one record." if balanced else "The accounts do not match.")
    return "\n".join(lines)


def witness(books: Account, lines: int) -> str:
    """Return what the file says that the sampling function itself wrote."""
    succeeded = sum(run.state is RunState.SUCCESS for run in books.records)
    verdict = "as it must be" if witnessed(books, lines) else "WHICH DOES NOT MATCH"
    return f"samples.csv has {lines} lines, and {succeeded} runs of sample succeeded: {verdict}."


def how_to_look(folder: Path) -> str:
    """Return the lines with which to look at what was kept."""
    database = folder / "jobs.db"
    when = "datetime(scheduled_time / 1000000, 'unixepoch')"
    return f"""
Kept in {folder}
  sqlite3 -box {database} "SELECT * FROM scheduler_jobs"
  sqlite3 -box {database} "SELECT {when} AS fire, job_id, state, attempt, reason, count FROM scheduler_runs ORDER BY 1"
  cat {folder / "summary.txt"} {folder / "program.log"}"""


def _what_became_of(run: Run) -> str:
    if run.state is RunState.SKIPPED:
        return REASONS.get(run.reason or "", f"SKIPPED, {run.reason}")
    if run.state is RunState.LOST:
        return "LOST: its process died while it ran, and it has no retry"
    text = str(run.state)
    if run.started_at is not None and run.attempt == 1 and run.started_at - run.scheduled_time > LATE:
        text += f", {(run.started_at - run.scheduled_time).total_seconds():.1f} s late"
    if run.attempt > 1:
        text += f" at attempt {run.attempt}, after the process of attempt {run.attempt - 1} had died"
    return f"{text}: {run.error}" if run.error and run.state is not RunState.SUCCESS else text


def _line(runs: Sequence[Run], text: str) -> str:
    count = sum(run.count for run in runs)
    first, last = _clock(runs[0].scheduled_time), _clock(runs[-1].scheduled_time)
    span = f"from {first}" if runs[-1].count > 1 else first if first == last else f"{first} to {last}"
    return f"  {span:24} {count:3} × {text}{_result(runs[-1].result)}"


def _result(result: object) -> str:
    if isinstance(result, dict):
        result = ", ".join(f"{value:,} {key}" for key, value in result.items())
    return f" ({result})" if result is not None else ""


def _clock(time: datetime) -> str:
    return f"{time.astimezone():%H:%M:%S}.{time.microsecond // 100_000}"


def _problems(books: Account) -> Iterator[str]:
    yield from _listed("no record", books.missing)
    yield from _listed("more than one record", books.repeated)
    yield from _listed("a record, but no fire time", books.unexpected)
    yield from _listed("not ended", (run.scheduled_time for run in books.unfinished))


def _listed(problem: str, times: Iterable[datetime]) -> Iterator[str]:
    return (f"{problem}: {time.isoformat()}" for time in times)
