"""How much of what has happened is kept: a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from scheduler.core.settle import Outcome
from scheduler.errors import InvalidSettingError
from scheduler.wording import cut, show

_MONTH = timedelta(days=30)
_LONGEST = timedelta(days=36_600)
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class History:
    """How long and how much of runs that have ended is kept; what is older is removed in small batches.

    Arguments:
        keep_for: since they ended, a timedelta or seconds above 0; None: for ever. Default: 30 days.
        keep_runs: how many of each job, the latest ones, at least 0; None: all. Default: 1,000. A job's own `keep_runs`
            takes its place. Up to a tenth more may stay for a while.
        max_result: characters of JSON up to which a database keeps a result; of a longer one the run's `reason` tells.
        max_traceback: characters of an error's message, and of its traceback, that are kept; what is cut out is marked.

    Whatever they say, a run stays for a minute after its end. Kept are seconds. Raises InvalidSettingError for values
    out of range.
    """

    keep_for: float | timedelta | None = _MONTH
    keep_runs: int | None = 1_000
    max_result: int = 1_000_000
    max_traceback: int = 20_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep_for", _duration(self.keep_for))
        for name, least in (("keep_runs", 0), ("max_result", 1), ("max_traceback", 100)):
            value = getattr(self, name)
            if name == "keep_runs" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
                none = " or None (all)" if name == "keep_runs" else ""
                raise InvalidSettingError(
                    f"history: {name} must be a whole number from {least} to {_MOST}{none}, not {show(value)}"
                )

    @property
    def age(self) -> timedelta | None:
        """`keep_for` as a timedelta."""
        return None if self.keep_for is None else timedelta(seconds=float(self.keep_for))  # type: ignore[arg-type]

    def bounded(self, outcome: Outcome) -> Outcome:
        """Return the outcome with its message and traceback cut to `max_traceback`."""
        if outcome.error is None and outcome.traceback is None:
            return outcome
        error, traceback = self._cut(outcome.error), self._cut(outcome.traceback)
        return outcome._replace(error=error, traceback=traceback)

    def _cut(self, text: str | None) -> str | None:
        return None if text is None else cut(text, self.max_traceback)


def _duration(value: object) -> float | None:
    if value is None:
        return None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        seconds = -1.0
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise InvalidSettingError(
            f"history: keep_for must be a timedelta or seconds above 0, up to {_LONGEST.days} days, "
            f"or None (for ever), not {show(value)}"
        )
    return float(seconds)
