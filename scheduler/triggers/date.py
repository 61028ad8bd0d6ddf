"""One instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, ClassVar, Self

from scheduler.timezones import in_utc, to_instant, to_zone
from scheduler.triggers.arguments import check_keys
from scheduler.triggers.built_in import BuiltIn


@dataclass(frozen=True, slots=True, init=False, repr=False)
class DateTrigger(BuiltIn):
    """Fires once, at `run_date`, or without one at the instant at which the job is added.

    Arguments:
        run_date: a datetime, a date (its midnight) or the ISO 8601 text of one; None: when the job is added.
        timezone: in which a `run_date` without zone is read; None: the local one.

    Raises InvalidTriggerError for anything else.
    """

    kind: ClassVar[str] = "date"

    run_date: datetime | None
    anchor: datetime | None
    """When the job was added; set only where there is no `run_date`."""

    def __init__(self, run_date: datetime | date | str | None = None, timezone: str | tzinfo | None = None) -> None:
        zone = None if timezone is None else to_zone(timezone)
        self._set(run_date=None if run_date is None else to_instant("run_date", run_date, zone), anchor=None)

    def next(self, after: datetime) -> datetime | None:
        after = in_utc("after", after)
        fire = self.run_date or self.anchor
        return fire if fire is not None and after < fire else None

    def previous(self, before: datetime) -> datetime | None:
        before = in_utc("before", before)
        fire = self.run_date or self.anchor
        return fire if fire is not None and fire < before else None

    def first(self, at: datetime) -> datetime | None:
        """Return the date, also where it has passed: how late it may run is a matter of the job's misfire rule."""
        at = in_utc("at", at)
        return self.run_date or self.anchor or at

    def anchored(self, at: datetime) -> Self:
        if self.run_date is not None or self.anchor is not None:
            return self
        return self._with(anchor=in_utc("at", at))

    def definition(self) -> Self:
        return self if self.anchor is None else self._with(anchor=None)

    def to_json(self) -> dict[str, Any]:
        times = {"run_date": self.run_date, "anchor": self.anchor}
        return {name: time.isoformat() for name, time in times.items() if time is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        fields = check_keys(cls.kind, data, ("run_date", "anchor"))
        trigger = cls(fields.get("run_date"), timezone="UTC")
        if trigger.run_date is not None or fields.get("anchor") is None:
            return trigger
        return trigger._with(anchor=to_instant("anchor", fields["anchor"], None))

    def __str__(self) -> str:
        return f"date[{self.run_date or self.anchor or 'when added'}]"
