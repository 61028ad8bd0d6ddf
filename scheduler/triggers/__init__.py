"""When jobs fire: pure functions from an instant to the next fire time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scheduler.triggers.after import AfterTrigger
from scheduler.triggers.base import Span, Trigger
from scheduler.triggers.calendar_interval import CalendarIntervalTrigger
from scheduler.triggers.combining import AndTrigger, OrTrigger
from scheduler.triggers.cron import CronTrigger
from scheduler.triggers.date import DateTrigger
from scheduler.triggers.excluding import ExcludingTrigger
from scheduler.triggers.interval import IntervalTrigger
from scheduler.triggers.solar import SolarTrigger

__all__ = [
    "AfterTrigger",
    "AndTrigger",
    "CalendarIntervalTrigger",
    "CronTrigger",
    "DateTrigger",
    "ExcludingTrigger",
    "IntervalTrigger",
    "OrTrigger",
    "SolarTrigger",
    "Span",
    "Trigger",
]

BUILT_IN: Mapping[str, type[Trigger]] = MappingProxyType(
    {
        trigger.kind: trigger
        for trigger in (
            DateTrigger,
            IntervalTrigger,
            CronTrigger,
            CalendarIntervalTrigger,
            AndTrigger,
            OrTrigger,
            ExcludingTrigger,
            SolarTrigger,
            AfterTrigger,
        )
    }
)
"""The triggers of this package by the names under which they are stored and added."""
