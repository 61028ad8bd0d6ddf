"""Triggers that a program brings along."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import ClassVar

from scheduler.triggers import CronTrigger, Trigger


@dataclass(frozen=True)
class LeapDay(Trigger):
    """Each 29 February at an hour, UTC."""

    hour: int = 0

    def next(self, after):
        for year in range(after.year, min(after.year + 9, 10_000)):
            if year % 4 == 0 and (year % 100 or year % 400 == 0):
                fire = datetime(year, 2, 29, self.hour, tzinfo=UTC)
                if fire > after:
                    return fire
        return None


@dataclass(frozen=True, slots=True)
class Nightly(Trigger):
    """Each day at a wall time, which has to be given."""

    at: time
    timezone: tzinfo = UTC

    def next(self, after):
        day = after.astimezone(self.timezone).date()
        fires = (datetime.combine(day + timedelta(days=n), self.at, self.timezone).astimezone(UTC) for n in range(3))
        return next(fire for fire in fires if fire > after)


class Office(CronTrigger):
    """A built-in trigger with other arguments."""

    def __init__(self, opens: int, timezone: object = None) -> None:
        super().__init__(day_of_week="mon-fri", hour=opens, timezone=timezone)

    @classmethod
    def from_json(cls, data):
        return cls(int(data["hour"]), data["timezone"])


@dataclass(frozen=True)
class Every(Trigger):
    """In its second version; the first one counted minutes."""

    seconds: int
    version: ClassVar[int] = 2

    def next(self, after):
        epoch = datetime(2000, 1, 1, tzinfo=UTC)
        return epoch + ((after - epoch) // timedelta(seconds=self.seconds) + 1) * timedelta(seconds=self.seconds)

    @classmethod
    def upgrade(cls, data, version):
        return {"seconds": 60 * data["minutes"]}


OWN = {"leapday": LeapDay, "nightly": Nightly, "office": Office, "every": Every}
