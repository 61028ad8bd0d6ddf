"""The only zone code: zones by name, wall times to instants in UTC, and where a zone's clock is put forward or back."""

from __future__ import annotations

import os
import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.errors import InvalidTriggerError
from scheduler.wording import describe, show

NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
LONGEST_NAME = 255
OWN_OF_HOSTS = ("localtime", "posixrules")
"""Names under which each machine keeps a zone of its own choice."""
OFFSET = re.compile(r"(?:UTC)?([+-][0-9:.]+)", re.IGNORECASE)
OFFSET_FORM = re.compile(r"[+-][0-9]{2}(?::?[0-9]{2}|:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?)?")
"""+HH, +HHMM, +HH:MM, +HH:MM:SS and +HH:MM:SS.ffffff."""
HOURS = re.compile(r"(?:UTC|GMT)?([+-])(0?[0-9]|1[0-9]|2[0-3])(?::?([0-5][0-9]))?", re.IGNORECASE)
"""Of offsets as people write them, for hints."""
LONGEST_ABBREVIATION = 5
"""Letters of "CEST" and its like, which stand for no zone, and for which the nearest name of one is a wrong guess."""
MEAN_TIME = "LMT"
"""Name of what the clock showed before there were zones."""
DAY = timedelta(days=1)
EXAMPLES = "a name such as 'Europe/Berlin' or 'UTC', or an offset such as '+05:30'"


def to_zone(value: object) -> tzinfo:
    """Return the zone that is meant, as a ZoneInfo or a datetime.timezone.

    Arguments:
        value: a name ("Europe/Berlin", "UTC"), an offset ("+05:30"), a ZoneInfo, a datetime.timezone, or a zone of
            pytz or dateutil. Zones of other libraries count by their name, so that they can be stored.

    Names are looked up in the zone files of the host, then in those that pytz brings along.
    Raises InvalidTriggerError for what is none of these, with the nearest known name.
    """
    if isinstance(value, str):
        return _named(value)
    if isinstance(value, timezone):
        return timezone(value.utcoffset(None))
    if isinstance(value, tzinfo):
        name = _name_in(value)
        if name is not None:
            return _named(name)
        fixed = _fixed(value)
        if fixed is not None:
            return fixed
        raise InvalidTriggerError(f"timezone: {show(value)} has no name by which it could be stored; pass {EXAMPLES}")
    raise InvalidTriggerError(f"timezone: {show(value)} is not a time zone; pass {EXAMPLES}, or a zoneinfo.ZoneInfo")


def zone_name(zone: tzinfo) -> str:
    """Return the text from which `to_zone` makes this zone again: "Europe/Berlin", "UTC", "+05:30"."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    return str(timezone(zone.utcoffset(None) or timedelta(0))).removeprefix("UTC") or "UTC"


def zone_info(key: str) -> ZoneInfo:
    """Return the ZoneInfo of this key, the same object each time. Raises InvalidTriggerError for an unknown one."""
    if key.casefold() in OWN_OF_HOSTS:
        raise InvalidTriggerError(
            f"timezone: {key!r} is another zone on each machine; pass {EXAMPLES}, or leave timezone= out, "
            "so that the local zone is told by its name"
        )
    zone = _zone_info(key) if len(key) <= LONGEST_NAME else None
    if zone is None:
        raise InvalidTriggerError(f"timezone: {show(key)} is not a known time zone; {_hint(key)}")
    return zone


def local_zone() -> tzinfo:
    """Return the zone of this machine: that of the TZ variable, else of its settings.

    Raises InvalidTriggerError where it has no name, as with a bare copy of a zone file in /etc/localtime.
    """
    import tzlocal

    try:
        return to_zone(tzlocal.get_localzone())
    except (LookupError, ValueError, OSError):
        pass  # without zone files on the host tzlocal fails, though the name of the zone is known
    try:
        return to_zone(os.environ.get("TZ", "").lstrip(":") or tzlocal.get_localzone_name() or "local")
    except (LookupError, ValueError, OSError) as error:
        raise InvalidTriggerError(
            f"the local time zone cannot be told ({error}); pass timezone= or set TZ, to {EXAMPLES}"
        ) from error


def to_utc(value: datetime, zone: tzinfo) -> datetime:
    """Return the instant of a datetime, in UTC; one without zone is read as wall time in `zone`.

    As PEP 495 has it for fold=0: a wall time that comes twice is the first of the two, and one that is skipped is
    moved forward by the length of the gap. A zone of pytz that was given as `tzinfo`, without `localize`, is that zone.
    A datetime of a subclass is read as a plain one, to the microsecond. Raises InvalidTriggerError where UTC leaves the
    years 1 to 9999, and where a value or a zone of other people's making cannot be read.
    """
    aware = _plain(value)
    if aware.utcoffset() is None:
        aware = aware.replace(tzinfo=zone)
    try:
        return _converted(aware)
    except OverflowError:
        raise InvalidTriggerError(f"{aware.isoformat()} is not between the years 1 and 9999 in UTC") from None


def to_instant(argument: str, value: object, zone: tzinfo | None) -> datetime:
    """Return the instant that an argument means, in UTC.

    Arguments:
        argument: its name, for the message.
        value: a datetime, a date (its midnight), or the ISO 8601 text of one: "2024-05-01", "2024-05-01 10:00:00.5".
        zone: in which values without zone are read, as `to_utc` does; None: the local one.

    Raises InvalidTriggerError for anything else.
    """
    moment: object = _parsed(argument, value) if isinstance(value, str) else value
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if not isinstance(moment, datetime):
        raise InvalidTriggerError(f"{argument}: {show(value)} is not a datetime, a date or the ISO 8601 text of one")
    try:
        moment = _plain(moment)
        if zone is None:
            zone = UTC if moment.utcoffset() is not None else local_zone()
        return to_utc(moment, zone)
    except InvalidTriggerError as error:
        raise InvalidTriggerError(f"{argument}: {error}") from None


def in_utc(argument: str, value: datetime) -> datetime:
    """Return an aware datetime as a plain one in UTC, at the ends of the calendar the last one that UTC has.

    Raises InvalidTriggerError for a naive datetime and for anything else.
    """
    if type(value) is datetime and value.tzinfo is UTC and not value.fold:
        return value
    try:
        aware = _plain(value) if isinstance(value, datetime) else None
        if aware is None or aware.utcoffset() is None:
            raise InvalidTriggerError(f"{show(value)} is not an aware datetime; give it a tzinfo")
        return _converted(aware)
    except OverflowError:
        return (datetime.max if value.year > 1 else datetime.min).replace(tzinfo=UTC)
    except InvalidTriggerError as error:
        raise InvalidTriggerError(f"{argument}: {error}") from error.__cause__


def offsets(wall: datetime) -> tuple[timedelta, timedelta]:
    """Return both offsets that an aware wall time can have: that of its first and of its second occurrence.

    Equal: it comes once. The first is greater: it comes twice. The second is greater: it is skipped.
    """
    return wall.replace(fold=0).utcoffset() or timedelta(0), wall.replace(fold=1).utcoffset() or timedelta(0)


@lru_cache(maxsize=4096)
def steady_offset(zone: tzinfo, year: int, month: int) -> timedelta | None:
    """Return the one offset that a zone has all through a month of UTC, and the day before it; None: it has several.

    Within such a month wall time is UTC plus the offset, and no wall time is skipped or comes again: what repeats, does
    so within a day of the turn. It is looked at every few days, as no zone since 1970 has turned its clock there and
    back within five. None too where the month borders on the ends of the calendar.
    """
    try:
        first = datetime(year, month, 1, tzinfo=UTC) - DAY
        offset = first.astimezone(zone).utcoffset()
        for days in (5, 10, 15, 20, 25, 30, 32):
            if (first + timedelta(days=days)).astimezone(zone).utcoffset() != offset:
                return None
    except OverflowError:
        return None
    return offset


def turn_between(earlier: datetime, later: datetime, zone: tzinfo) -> datetime:
    """Return the first instant of the offset that `zone` has at `later`, given that it has another at `earlier`.

    Both are in UTC and at whole seconds, no further apart than one turn of the clock, so that there is one turn.
    """
    offset = later.astimezone(zone).utcoffset()
    low, high = 0, round((later - earlier).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (earlier + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return earlier + timedelta(seconds=high)


def turns(zone: tzinfo, after: datetime, until: datetime) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """Yield the turns of the clock after an instant and up to another, that included, both in UTC.

    Each is the first instant of an offset, the offset before it, and its own. The clock is looked at once a day, as no
    zone turns it there and back in less.
    """
    if isinstance(zone, timezone):
        return
    moment, end = after.replace(microsecond=0), until.replace(microsecond=0)
    before = moment.astimezone(zone).utcoffset() or timedelta(0)
    while moment < end:
        following = min(moment + DAY, end)
        offset = following.astimezone(zone).utcoffset() or timedelta(0)
        if offset != before:
            yield turn_between(moment, following, zone), before, offset
        moment, before = following, offset


def turn_at(wall: datetime) -> datetime:
    """Return the instant, in UTC, at which the clock is put forward over an aware wall time, or back to show it again.

    Raises OverflowError at the ends of the calendar.
    """
    before, after = offsets(wall)
    utc = wall.replace(tzinfo=UTC, microsecond=0)
    assert wall.tzinfo is not None
    return turn_between(utc - max(before, after), utc - min(before, after), wall.tzinfo)


def first_instant(wall: datetime) -> datetime:
    """Return the first instant at which the clock shows an aware wall time (fold=0) or more, in UTC.

    That is when a fixed wall time fires, as in Debian's cron: one that comes twice is the first of the two, and one
    that is skipped is the end of the gap. So a later wall time is never an earlier instant.
    Raises OverflowError where UTC leaves the years 1 to 9999.
    """
    instant = wall.astimezone(UTC)
    return instant if instant.astimezone(wall.tzinfo) == wall else turn_at(wall)


def _plain(value: datetime) -> datetime:
    """The datetime without what a subclass adds: pendulum and pandas bring arithmetic, nanoseconds and NaT along.

    Raises InvalidTriggerError where it cannot be read, nor the offset of its zone.
    """
    try:
        if type(value) is not datetime:
            day, time = (value.year, value.month, value.day), (value.hour, value.minute, value.second)
            value = datetime(*day, *time, value.microsecond, value.tzinfo, fold=value.fold)
        value.utcoffset()
    except Exception as error:  # other people's classes and zones may raise anything
        raise InvalidTriggerError(f"{show(value)} cannot be read as a datetime: {describe(error)}") from error
    return value


def _converted(aware: datetime) -> datetime:
    """The same instant in UTC, where no wall time comes twice: so without fold, which `astimezone` may leave."""
    utc = _localized(aware).astimezone(UTC)
    return utc.replace(fold=0) if utc.fold else utc


def _localized(aware: datetime) -> datetime:
    """The datetime that is meant by one with a zone of pytz as `tzinfo`, which then is at local mean time, as long ago.

    `localize` gives each datetime the offset of its own time; what it gave stays as it is.
    """
    try:
        if not isinstance(getattr(aware.tzinfo, "zone", None), str) or aware.tzname() != MEAN_TIME:
            return aware
    except Exception:  # a zone of other people's making, and so none of pytz
        return aware
    meant = aware.replace(tzinfo=to_zone(aware.tzinfo))
    return aware if meant.tzname() == MEAN_TIME else meant


@lru_cache(maxsize=1024)
def _named(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    offset = OFFSET.fullmatch(name)
    if offset:
        return timezone(_offset(name, offset[1]))
    return zone_info(name)


@lru_cache(maxsize=1024)
def _zone_info(key: str) -> ZoneInfo | None:
    return _from_host(key) or _from_pytz(key) if NAME.fullmatch(key) else None


def _offset(name: str, text: str) -> timedelta:
    try:
        if OFFSET_FORM.fullmatch(text):
            return datetime.fromisoformat(f"2000-01-01T00:00{text}").utcoffset() or timedelta(0)
    except ValueError:
        pass
    raise InvalidTriggerError(f"timezone: {show(name)} is not an offset from UTC; {_hint(name, offset=True)}")


def _from_host(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def _from_pytz(name: str) -> ZoneInfo | None:
    import pytz

    try:
        with pytz.open_resource(name) as file:  # type: ignore[attr-defined]  # missing in its stubs
            return ZoneInfo.from_file(file, key=name)
    except (LookupError, ValueError, OSError):
        return None


def _hint(name: str, offset: bool = False) -> str:
    hours = HOURS.fullmatch(name)
    if hours:
        return f"write '{hours[1]}{int(hours[2]):02}:{hours[3] or '00'}'"
    if offset or (len(name) <= LONGEST_ABBREVIATION and "/" not in name):
        return f"pass {EXAMPLES}"
    known = {zone.casefold(): zone for zone in sorted(zoneinfo.available_timezones()) if zone not in OWN_OF_HOSTS}
    near = get_close_matches(name[:64].casefold(), known, n=1)
    return f"did you mean {known[near[0]]!r}?" if near else f"pass {EXAMPLES}"


def _name_in(zone: tzinfo) -> str | None:
    """The name that zoneinfo keeps as `key`, pytz as `zone`, and dateutil in the path of the zone file."""
    try:
        name = getattr(zone, "key", None) or getattr(zone, "zone", None) or getattr(zone, "_filename", None)
    except Exception:  # a foreign class may have properties that raise
        return None
    short = re.sub(r".*/zoneinfo/", "", name) if isinstance(name, str) else "/"
    return None if short.startswith("/") else short  # another path, such as /etc/localtime, is no name


def _fixed(zone: tzinfo) -> timezone | None:
    """The zone itself, if it has the same offset at all times."""
    try:
        offset = zone.utcoffset(None)
        return None if offset is None else timezone(offset)
    except Exception:  # a foreign class may not expect None; then it is not fixed
        return None


def _parsed(argument: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    padded = re.sub(r"(?<![\d.])(\d)(?!\d)", r"0\1", text)  # "2024-5-1 9:00:00", as APScheduler takes it
    try:
        return datetime.fromisoformat(padded)
    except ValueError:
        raise InvalidTriggerError(
            f"{argument}: {show(text)} is not a date or time such as '2024-05-01 10:00:00'"
        ) from None
