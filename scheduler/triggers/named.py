"""The triggers that go by a name: those of this package, and the program's own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from scheduler.errors import InvalidSettingError, InvalidTriggerError, suggest
from scheduler.triggers import BUILT_IN, Trigger
from scheduler.wording import show

NAME = re.compile(r"[\w.-]{1,100}")

OF_CELERY = MappingProxyType({"day_of_month": "day", "month_of_year": "month", "lat": "latitude", "lon": "longitude"})
"""Names of arguments there → here."""


class TriggerKinds:
    """Finds the class of a trigger by its name, and the name by the class.

    Arguments:
        own: the program's own triggers: name → class. A class may have several names, so that one can be replaced by
            another: it is stored under the first.

    Raises InvalidSettingError for a name that is taken or none, and for what is not a trigger class.
    """

    def __init__(self, own: Mapping[str, type[Trigger]] | None = None) -> None:
        self.own: Mapping[str, type[Trigger]] = MappingProxyType(_checked({} if own is None else own))
        self.classes: Mapping[str, type[Trigger]] = MappingProxyType({**BUILT_IN, **self.own})
        self._names = {cls: name for name, cls in reversed(list(self.classes.items()))}

    def named(self, trigger: object) -> type[Trigger]:
        """Return the class of this name. Raises InvalidTriggerError for anything else, with what to write."""
        cls = self.classes.get(trigger) if isinstance(trigger, str) else None
        if cls is None:
            raise InvalidTriggerError(f"trigger: {self._remedy(trigger)}")
        return cls

    def name_of(self, cls: type) -> str | None:
        """Return the name under which a class is stored; None for one that is not known here."""
        return self._names.get(cls)

    def build(self, name: str, arguments: Mapping[str, Any]) -> Trigger:
        """Return the trigger of this name with these arguments, all of which it takes.

        Raises InvalidTriggerError where one is missing, and what the class itself raises.
        """
        cls = self.named(name)
        try:
            return cls(**arguments)
        except TypeError:
            _check_complete(name, cls, arguments)
            raise

    def takers(self, argument: str) -> list[str]:
        """Return the names of the triggers that take an argument of this name, or what it is here."""
        names = {argument, OF_CELERY.get(argument, argument)}
        return [name for name, cls in self.classes.items() if names & set(parameters(cls))]

    def _remedy(self, trigger: object) -> str:
        if callable(trigger) and not isinstance(trigger, type):
            return (
                f"{show(trigger)} is a function, not a trigger; "
                'to decorate it, use @scheduler.scheduled_job("interval", hours=1) or another trigger'
            )
        unknown = f"{show(trigger)} is neither a Trigger nor the name of one"
        if not isinstance(trigger, str):
            return f"{unknown}; valid are {', '.join(self.classes)}"
        if len(trigger.split()) > 4 or trigger.startswith("@") or trigger == "crontab":
            line = "'0 9 * * 1-5'" if trigger == "crontab" else show(trigger)
            return (
                f'{unknown}; for a crontab line, pass trigger="cron", crontab={line}, '
                f"or CronTrigger.from_crontab({line})"
            )
        return f"{unknown}; {suggest(trigger, self.classes)}"


@lru_cache(maxsize=64)
def parameters(cls: type[Trigger]) -> tuple[str, ...]:
    """Return the names of the arguments that a trigger takes as keywords."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(name for name, one in inspect.signature(cls).parameters.items() if one.kind in named)


@lru_cache(maxsize=64)
def required(cls: type[Trigger]) -> tuple[str, ...]:
    """Return the names of the arguments that a trigger has to be given."""
    signature = inspect.signature(cls).parameters
    return tuple(name for name in parameters(cls) if signature[name].default is inspect.Parameter.empty)


def _checked(own: object) -> dict[str, type[Trigger]]:
    if not isinstance(own, Mapping):
        raise InvalidSettingError(f"triggers must be a mapping from names to Trigger classes, not {show(own)}")
    for name, cls in own.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise InvalidSettingError(
                f"triggers: {show(name)} cannot be the name of a trigger; use up to 100 letters, digits and _ - ."
            )
        if not (isinstance(cls, type) and issubclass(cls, Trigger)):
            raise InvalidSettingError(f"triggers: {name!r} must be a subclass of Trigger, not {show(cls)}")
        if inspect.isabstract(cls):
            raise InvalidSettingError(f"triggers: {name!r} is {cls.__name__}, which does not define next(after)")
        if type(cls.version) is not int or cls.version < 1:
            raise InvalidSettingError(
                f"triggers: {name!r} is {cls.__name__}, whose version must be a whole number from 1, "
                f"not {show(cls.version)}"
            )
        if BUILT_IN.get(name, cls) is not cls:
            raise InvalidSettingError(
                f"triggers: the name {name!r} is taken by {BUILT_IN[name].__name__}; "
                f"choose another one for {cls.__name__}"
            )
    return dict(own)


def _check_complete(name: str, cls: type[Trigger], arguments: Mapping[str, Any]) -> None:
    try:
        inspect.signature(cls).bind(**arguments)
    except TypeError as error:
        raise InvalidTriggerError(f"trigger {name!r}: {error}; it is {cls.__name__}{inspect.signature(cls)}") from None
