"""The ends of another job: the one trigger without times of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from scheduler.errors import InvalidTriggerError, suggest
from scheduler.timezones import in_utc
from scheduler.triggers.arguments import check_keys
from scheduler.triggers.built_in import BuiltIn
from scheduler.wording import show, storable

ONS = ("success", "failure", "any")
"""How runs of the other job may end."""

LONGEST_ID = 255
"""Characters that a job's id has at the most."""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class AfterTrigger(BuiltIn):
    """Fires whenever a run of another job has ended, and at no time of its own: `next` always gives None.

    Arguments:
        job_id: of the other job, in the same job store; 1 to 255 characters.
        on: how its runs end after which it fires: "success", "failure" (for good; a lost one has failed too) or "any"
            (also when it was cancelled). A skipped run is no end, nor is an attempt that is followed by another.

    Raises InvalidTriggerError for anything else.
    """

    kind: ClassVar[str] = "after"

    job_id: str
    on: str

    def __init__(self, job_id: str, on: str = "success") -> None:
        self._set(job_id=_checked_id(job_id), on=_checked_on(on))

    @property
    def follows(self) -> str:  # type: ignore[override]
        """The id of the job whose ends make it fire."""
        return self.job_id

    def next(self, after: datetime) -> None:
        in_utc("after", after)

    def previous(self, before: datetime) -> None:
        in_utc("before", before)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        fields = check_keys(cls.kind, data, ("job_id", "on"))
        if "job_id" not in fields:
            raise InvalidTriggerError(f"{cls.kind} trigger: the key 'job_id' is missing")
        return cls(**fields)

    def __str__(self) -> str:
        return f"after[{self.job_id} {self.on}]"


def _checked_id(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_ID:
        remedy = "; pass its .id" if isinstance(getattr(value, "id", None), str) else ""
        raise InvalidTriggerError(
            f"job_id: {show(value)} is not the id of a job, a text of 1 to {LONGEST_ID} characters{remedy}"
        )
    if storable(value) != value:
        raise InvalidTriggerError(f"job_id: {show(value)} must not contain NUL or unpaired surrogates")
    return value


def _checked_on(value: object) -> str:
    if not isinstance(value, str) or value not in ONS:
        hint = suggest(value.lower() if isinstance(value, str) else "", ONS)
        raise InvalidTriggerError(f"on: {show(value)} is not how a run ends; {hint}")
    return value
