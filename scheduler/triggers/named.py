"""From the `trigger` argument of a call to the class that is meant, and from a keyword to the triggers that take it."""

from __future__ import annotations

import inspect
from functools import lru_cache

from scheduler.errors import InvalidTriggerError, suggest
from scheduler.triggers import BUILT_IN, Trigger
from scheduler.wording import show


def kind_of(trigger: object) -> type[Trigger]:
    """Return the built-in trigger of this name. Raises InvalidTriggerError for anything else, with what to write."""
    kind = BUILT_IN.get(trigger) if isinstance(trigger, str) else None
    if kind is None:
        raise InvalidTriggerError(f"trigger: {_remedy(trigger)}")
    return kind


@lru_cache(maxsize=64)
def parameters(kind: type[Trigger]) -> tuple[str, ...]:
    """Return the names of the arguments that a trigger takes."""
    return tuple(inspect.signature(kind).parameters)


def takers(name: str) -> list[str]:
    """Return the names of the built-in triggers that take an argument of this name."""
    return [kind for kind, trigger in BUILT_IN.items() if name in parameters(trigger)]


def _remedy(trigger: object) -> str:
    if callable(trigger) and not isinstance(trigger, type):
        return (
            f"{show(trigger)} is a function, not a trigger; "
            'to decorate it, use @scheduler.scheduled_job("interval", hours=1) or another trigger'
        )
    unknown = f"{show(trigger)} is neither a Trigger nor the name of one"
    if not isinstance(trigger, str):
        return f"{unknown}; valid are {', '.join(BUILT_IN)}"
    if len(trigger.split()) == 5:
        return f"{unknown}; for a crontab line, use CronTrigger.from_crontab({trigger!r})"
    if trigger == "crontab":
        return f"{unknown}; for a crontab line, use CronTrigger.from_crontab('0 9 * * 1-5')"
    return f"{unknown}; {suggest(trigger, BUILT_IN)}"
