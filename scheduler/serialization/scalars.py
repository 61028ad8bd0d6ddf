"""Single values that JSON does not know, as tagged JSON objects: how each is written, and how it is read back."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.errors import InvalidTriggerError
from scheduler.timezones import to_zone, zone_info, zone_name
from scheduler.wording import show

TAG = "$type"
"""The key that marks a JSON object which stands for something else."""

BIG = 2**2048
"""Whole numbers from here on are written in hexadecimal, which Python reads at any length."""


class Unstorable(Exception):
    """Why a value cannot be written, and where it sits: `path` grows outwards as the error passes the containers."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.path = ""


def encode_int(value: int) -> Any:
    """Write a whole number as it is, or tagged if it has so many digits that Python may refuse to read them."""
    return value if -BIG < value < BIG else {TAG: "int", "hex": hex(value)}


def encode_float(value: float) -> Any:
    """Write a number as it is; NaN and the infinities, which JSON does not have, tagged."""
    return value if math.isfinite(value) else {TAG: "float", "value": repr(value)}


def encode_str(value: str) -> Any:
    """Write text as it is; with lone surrogates, which UTF-8 does not have, tagged and escaped."""
    return value if is_text(value) else {TAG: "str", "escaped": value.encode("unicode_escape").decode("ascii")}


def is_text(value: str) -> bool:
    """Tell whether UTF-8 can hold the text."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _encode_datetime(value: datetime) -> dict[str, Any]:
    zone = _zone(value.tzinfo)
    # Zones of other libraries may keep the fold in the zone object, so they are converted, not only named.
    if zone is not None and type(value.tzinfo) is not type(zone):
        value = value.astimezone(zone)
    return _clock_reading("datetime", value, zone)


def _encode_time(value: time) -> dict[str, Any]:
    zone = _zone(value.tzinfo)
    return _clock_reading("time", value.replace(tzinfo=zone), zone)


def _clock_reading(tag: str, value: datetime | time, zone: tzinfo | None) -> dict[str, Any]:
    """Write an offset as part of the text, a zone by its name beside it."""
    written: dict[str, Any] = {TAG: tag}
    if zone is None or type(zone) is timezone:
        written["value"] = value.isoformat()
    else:
        written["value"] = value.replace(tzinfo=None).isoformat()
        written["zone"] = zone_name(zone)
    if value.fold:
        written["fold"] = value.fold
    return written


def _zone(zone: tzinfo | None) -> tzinfo | None:
    """Return a zone as one that can be stored: a datetime.timezone, or one that has a name."""
    try:
        return None if zone is None else to_zone(zone)
    except InvalidTriggerError as error:
        raise Unstorable(f"a time in the zone {show(zone)} cannot be stored: {error}") from None


def _read_datetime(value: str, zone: str | None = None, fold: int = 0) -> datetime:
    read = datetime.fromisoformat(value).replace(fold=fold)
    return read if zone is None else read.replace(tzinfo=to_zone(zone))


def _read_time(value: str, zone: str | None = None, fold: int = 0) -> time:
    read = time.fromisoformat(value).replace(fold=fold)
    return read if zone is None else read.replace(tzinfo=to_zone(zone))


def _encode_zone_info(value: ZoneInfo) -> dict[str, Any]:
    if value.key is None:
        raise Unstorable("a ZoneInfo without a key cannot be stored; make it by ZoneInfo(name)")
    return {TAG: "ZoneInfo", "key": value.key}


def _encode_timedelta(value: timedelta) -> dict[str, Any]:
    parts = {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    return {TAG: "timedelta", **{name: part for name, part in parts.items() if part or name == "seconds"}}


def _encode_path(tag: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {TAG: tag, "value": encode_str(str(value))}


def _read_bytes(base64: str) -> bytes:
    return b64decode(base64, validate=True)


WRITE: Mapping[type, Callable[[Any], Any]] = {
    int: encode_int,
    float: encode_float,
    str: encode_str,
    datetime: _encode_datetime,
    date: lambda value: {TAG: "date", "value": value.isoformat()},
    time: _encode_time,
    timedelta: _encode_timedelta,
    timezone: lambda value: {TAG: "timezone", "name": zone_name(value)},
    ZoneInfo: _encode_zone_info,
    Decimal: lambda value: {TAG: "Decimal", "value": str(value)},
    UUID: lambda value: {TAG: "UUID", "value": str(value)},
    bytes: lambda value: {TAG: "bytes", "base64": b64encode(value).decode("ascii")},
    type(Path()): _encode_path("Path"),
    PurePosixPath: _encode_path("PurePosixPath"),
    PureWindowsPath: _encode_path("PureWindowsPath"),
}
"""By exact type, the function that writes a value as JSON."""

READ: Mapping[str, Callable[..., Any]] = {
    "int": lambda hex: int(hex, 16),
    "float": lambda value: float(value),
    "str": lambda escaped: escaped.encode("ascii").decode("unicode_escape"),
    "datetime": _read_datetime,
    "date": lambda value: date.fromisoformat(value),
    "time": _read_time,
    "timedelta": lambda days=0, seconds=0, microseconds=0: timedelta(days, seconds, microseconds),
    "timezone": lambda name: to_zone(name),
    "ZoneInfo": lambda key: zone_info(key),
    "Decimal": lambda value: Decimal(value),
    "UUID": lambda value: UUID(value),
    "bytes": _read_bytes,
    "Path": lambda value: Path(value),
    "PurePosixPath": lambda value: PurePosixPath(value),
    "PureWindowsPath": lambda value: PureWindowsPath(value),
}
"""By tag, the function that reads a value back; it takes the other keys of the JSON object as keywords."""
