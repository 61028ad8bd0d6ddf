"""A trigger that raises while it is in a bad mood."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from scheduler.triggers import Trigger

EPOCH, STEP = datetime(2000, 1, 1, tzinfo=UTC), timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class MoodyTrigger(Trigger):
    """Fires at every full ten seconds, and raises instead while `bad_mood` is set."""

    kind: ClassVar[str] = "moody"
    bad_mood: ClassVar[bool] = False

    def next(self, after):
        if type(self).bad_mood:
            raise ZeroDivisionError("not today")
        return EPOCH + ((after - EPOCH) // STEP + 1) * STEP

    def to_json(self):
        return {}

    @classmethod
    def from_json(cls, data):
        return cls()
