"""The cron trigger: its two forms, its bounds, and its shape at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, ClassVar, Self

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import in_utc, local_zone, to_zone, zone_name
from scheduler.triggers.arguments import bounds_to_json, check_keys, to_bounds, to_jitter
from scheduler.triggers.base import MOMENT, Span, Trigger
from scheduler.triggers.built_in import BuiltIn
from scheduler.triggers.cron.crontab import from_crontab
from scheduler.triggers.cron.instants import count_instants, following_instant
from scheduler.triggers.cron.keywords import NAMES, from_keywords, to_text
from scheduler.triggers.cron.schedule import Schedule
from scheduler.wording import show

Expressions = tuple[tuple[str, str], ...]
"""What the author wrote: pairs of a field and its text, or one pair of "crontab" and its text."""


@dataclass(frozen=True, slots=True, init=False, repr=False)
class CronTrigger(BuiltIn):
    """Fires whenever the clock on the wall of its zone matches all fields.

    Each field is an integer or a text: `*`, `*/n`, `a-b`, `a-b/n`, or a list of these with commas. Fields that are
    left out mean `*`, and their least value where they are less significant than all that are given.

    Arguments:
        year: 1970-9999.
        month: 1-12 or jan-dec.
        day: 1-31, `last`, `2nd fri`, `last fri`.
        week: 1-53, as ISO 8601 counts weeks.
        day_of_week: 0-6 or mon-sun. 0 is Monday. A day has to match `day` and `week` as well.
        hour: 0-23.
        minute: 0-59.
        second: 0-59.
        start_date, end_date: the first and last instant that may be a fire time; datetimes, dates or ISO 8601 texts.
        timezone: whose clock on the wall counts, and in which a start or end without zone is read; None: the local one.
        jitter: by how much a run may be delayed after its fire time, which stays: seconds or a timedelta; None: not.
        crontab: a crontab line instead of all fields, as `from_crontab` takes it.

    Where the clock is put forward or back it does as cron in Debian does: a fixed time that is skipped fires at the end
    of the gap, and one that comes twice fires once, the first time. Where minute or hour begins with `*` it fires
    whenever the clock shows a matching time, which is never in a gap, and twice in a repeated hour. The second makes
    no difference.

    The text of a trigger made of a crontab line is that line; of others, `cron[hour='9']`.

    Raises InvalidTriggerError for no field at all, fields beside a crontab line, a field that cannot be read, a date
    that never comes, and an end before the start.
    """

    kind: ClassVar[str] = "cron"

    schedule: Schedule
    timezone: tzinfo
    start_date: datetime | None
    end_date: datetime | None
    expressions: Expressions = field(compare=False)
    jitter: float | None = field(compare=False)

    def __init__(
        self,
        year: int | str | None = None,
        month: int | str | None = None,
        day: int | str | None = None,
        week: int | str | None = None,
        day_of_week: int | str | None = None,
        hour: int | str | None = None,
        minute: int | str | None = None,
        second: int | str | None = None,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: str | tzinfo | None = None,
        jitter: float | timedelta | None = None,
        *,
        crontab: str | None = None,
    ) -> None:
        given = zip(NAMES, (year, month, day, week, day_of_week, hour, minute, second), strict=True)
        expressions = tuple((name, to_text(name, value)) for name, value in given if value is not None)
        if crontab is not None:
            if expressions:
                raise InvalidTriggerError(
                    f"cron: crontab={show(crontab)} has all fields, so {expressions[0][0]}= cannot stand beside it; "
                    "pass one or the other"
                )
            expressions = _line(crontab)
        self._build(expressions, start_date, end_date, timezone, jitter)

    @classmethod
    def from_crontab(
        cls,
        expr: str,
        timezone: str | tzinfo | None = None,
        *,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        jitter: float | timedelta | None = None,
    ) -> Self:
        """Return the trigger of a crontab line, as crontab(5) reads it: `CronTrigger(crontab=expr)` is the same.

        Arguments:
            expr: five fields: minute, hour, day of month, month, day of week. 0 and 7 are Sunday; a day has to match
                one of the two day fields, or both where one of them begins with `*`. With six fields, the first is
                the second. Also one of @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly.
                In day of month, `L` is the last day, `LW` the last working day, `15W` the working day (Monday to
                Friday) of the month nearest to the 15th; in day of week, `5#2` is the second Friday of the month and
                `5L` the last one. The guide has them all.
            timezone, start_date, end_date, jitter: as in the constructor.

        Raises InvalidTriggerError as the constructor does.
        """
        trigger = object.__new__(cls)  # a subclass may have a constructor of its own
        trigger._build(_line(expr), start_date, end_date, timezone, jitter)
        return trigger

    def next(self, after: datetime) -> datetime | None:
        after = in_utc("after", after)
        if self.start_date is not None and after < self.start_date:
            after = self.start_date - MOMENT
        fire = following_instant(self.schedule, self.timezone, after)
        return None if fire is None or (self.end_date is not None and fire > self.end_date) else fire

    def span(self, first: datetime, until: datetime, walk: int) -> Span:
        second = self.next(first)
        if second is None or second > until:
            return Span(first, 1, second)
        try:
            end = until if self.end_date is None else min(until, self.end_date)
            more = 1 + count_instants(self.schedule, self.timezone, second, end)
            last = self.previous(end + MOMENT)
        except OverflowError:  # the ends of the calendar
            return Trigger.span(self, first, until, walk)
        return Span(last or second, 1 + more, self.next(last or second))

    def to_json(self) -> dict[str, Any]:
        zone = {"timezone": zone_name(self.timezone)}
        jitter = {} if self.jitter is None else {"jitter": self.jitter}
        return dict(self.expressions) | zone | bounds_to_json(self.start_date, self.end_date) | jitter

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        fields = check_keys(cls.kind, data, ("crontab", *NAMES, "timezone", "start_date", "end_date", "jitter"))
        if fields.get("timezone") is None:
            raise InvalidTriggerError("cron trigger: the key 'timezone' is missing")
        return cls(**fields)

    def _build(
        self, expressions: Expressions, start_date: object, end_date: object, timezone: object, jitter: object
    ) -> None:
        zone = local_zone() if timezone is None else to_zone(timezone)
        start, end = to_bounds(start_date, end_date, zone)
        own, schedule = _compiled(expressions)
        self._set(
            schedule=schedule,
            timezone=zone,
            start_date=start,
            end_date=end,
            expressions=own,
            jitter=to_jitter(jitter),
        )

    def __str__(self) -> str:
        if self.expressions[0][0] == "crontab":
            return self.expressions[0][1]
        return f"cron[{', '.join(f'{name}={text!r}' for name, text in self.expressions)}]"


def _line(crontab: object) -> Expressions:
    if not isinstance(crontab, str):
        raise InvalidTriggerError(f"crontab: {show(crontab)} is not a text of five fields such as '0 9 * * 1-5'")
    return (("crontab", " ".join(crontab.split())),)


@lru_cache(maxsize=1024)
def _compiled(expressions: Expressions) -> tuple[Expressions, Schedule]:
    """These expressions and their schedule, which equal triggers share; stored ones are read again and again."""
    texts = dict(expressions)
    schedule = from_crontab(texts["crontab"]) if "crontab" in texts else from_keywords(texts)
    if not schedule.dates:
        raise InvalidTriggerError(f"cron: no date ever matches {', '.join(f'{n}={text!r}' for n, text in expressions)}")
    return expressions, schedule
