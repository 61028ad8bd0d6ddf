"""When a failed attempt is tried again: a frozen value, without clock or chance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from scheduler.core.chance import part_of
from scheduler.errors import InvalidJobError
from scheduler.wording import show

MAX_DELAY = 366 * 86_400.0
"""The longest delay between two attempts, in seconds: about a year."""


MOST_RETRIES = 1_000_000
"""How many retries may be asked for: what fails so often is no matter of luck."""

_COUNT = f"must be a whole number from 0 to {MOST_RETRIES}"

ASKED_RETRIES = 3
"""How many retries a function may ask for, by raising Retry, where neither it nor its job says."""

ErrorNames = type[BaseException] | str | Collection[type[BaseException] | str]
"""Exception types, or the names by which `error_types` knows them."""


@dataclass(frozen=True, slots=True, init=False)
class RetryPolicy:
    """How often, and after what delay, an attempt that failed or was lost is made again.

    The delay before attempt n + 1 is `delay * backoff ** (n - 1)` seconds, at most `max_delay`, plus up to
    `jitter` seconds that are derived from the run's identity, so that every node computes the same.

    Arguments:
        max_retries: how many attempts may follow the first; from 0 to 1,000,000.
        delay: before the first retry; seconds or a timedelta, as the two that follow.
        backoff: factor by which each further delay grows; at least 1.
        max_delay: the longest delay, before jitter.
        jitter: the upper bound of what is added.
        on: an exception type, its name (`"OSError"`, `"builtins.OSError"`), or several of them; only attempts that
            raised one of them or a subclass are retried. None: all. A lost attempt is always retried.

    Kept are seconds and names. Raises InvalidJobError for values out of range.
    """

    max_retries: int
    delay: float
    backoff: float
    max_delay: float
    jitter: float
    on: tuple[str, ...] | None

    def __init__(
        self,
        max_retries: int = 3,
        delay: float | timedelta = 0.0,
        backoff: float = 1.0,
        max_delay: float | timedelta = 3600.0,
        jitter: float | timedelta = 0.0,
        on: ErrorNames | None = None,
    ) -> None:
        if not _is_count(max_retries):
            raise InvalidJobError(f"retry: max_retries {_COUNT}, not {show(max_retries)}")
        object.__setattr__(self, "max_retries", max_retries)
        object.__setattr__(self, "delay", _number("delay", delay, 0.0))
        object.__setattr__(self, "backoff", _number("backoff", backoff, 1.0))
        object.__setattr__(self, "max_delay", _number("max_delay", max_delay, 0.0))
        object.__setattr__(self, "jitter", _number("jitter", jitter, 0.0))
        object.__setattr__(self, "on", None if on is None else _names(on))

    def retries(self, attempt: int, error_types: Collection[str] | None) -> bool:
        """Tell whether attempt number `attempt`, ended by an exception of these types (None: lost), is repeated."""
        if attempt > self.max_retries:
            return False
        return error_types is None or self.on is None or any(name in error_types for name in self.on)

    def delay_after(self, attempt: int, run_id: str) -> timedelta:
        """Return how long to wait between the end of attempt number `attempt` and the next one."""
        try:
            seconds = min(self.delay * self.backoff ** (attempt - 1), self.max_delay)
        except OverflowError:
            seconds = self.max_delay if self.delay else 0.0
        return timedelta(seconds=seconds) + part_of(self.jitter, f"{run_id}/{attempt}")


class Retry(Exception):
    """Raised by a job's function to be called again, whatever exceptions its RetryPolicy is `on`.

    Arguments:
        message: why, for the record.
        countdown: seconds (or a timedelta) until then; None: the delay of the job's policy, or none.
        eta: the time of the next attempt, aware, instead of a countdown.
        max_retries: how many attempts may follow the first; None: as the job's policy says, or 3 where it has none.

    When no attempt is left, the run has failed. Raises InvalidJobError for values out of range.
    """

    def __init__(
        self,
        message: str = "",
        *,
        countdown: float | timedelta | None = None,
        eta: datetime | None = None,
        max_retries: int | None = None,
    ) -> None:
        if not isinstance(message, str):
            remedy = "raise Retry(…) from the error" if isinstance(message, BaseException) else "pass countdown=5"
            raise InvalidJobError(f"Retry: the message must be text, not {show(message)}; {remedy}")
        super().__init__(message)
        if countdown is not None and eta is not None:
            raise InvalidJobError("Retry: countdown and eta are given; pass one of them")
        if eta is not None and not (isinstance(eta, datetime) and eta.tzinfo is not None):
            raise InvalidJobError(f"Retry: eta must be an aware datetime, not {eta!r}")
        if max_retries is not None and not _is_count(max_retries):
            raise InvalidJobError(f"Retry: max_retries {_COUNT}, not {show(max_retries)}")
        self.countdown = None if countdown is None else _number("countdown", countdown, 0.0)
        self.eta = None if eta is None else eta.astimezone(UTC)
        self.max_retries = max_retries


class Again(NamedTuple):
    """What a function asked for by raising Retry."""

    countdown: float | None = None
    eta: datetime | None = None
    max_retries: int | None = None


def error_types(error: BaseException) -> tuple[str, ...]:
    """Return the names by which a policy's `on` may know an exception: each class of its MRO, short and qualified."""
    classes = [cls for cls in type(error).__mro__ if cls is not object]
    return (*(cls.__qualname__ for cls in classes), *(f"{cls.__module__}.{cls.__qualname__}" for cls in classes))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_RETRIES


def _number(name: str, value: object, least: float) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not isinstance(value, (int, float)) or not least <= value <= MAX_DELAY:
        raise InvalidJobError(f"retry: {name} must be a number from {least:g} to {MAX_DELAY:g}, not {value!r}")
    return float(value)


def _names(on: object) -> tuple[str, ...]:
    entries = (on,) if isinstance(on, (str, type)) else on
    names = []
    for entry in entries if isinstance(entries, Collection) else (entries,):
        if isinstance(entry, type) and issubclass(entry, BaseException):
            entry = f"{entry.__module__}.{entry.__qualname__}"
        if not isinstance(entry, str):
            raise InvalidJobError(f"retry: on takes exception types or their names, not {entry!r}")
        names.append(entry)
    return tuple(names)
