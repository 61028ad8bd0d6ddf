"""Values come back exactly as they went, or are refused with the place where they sit."""

import json
import math
import re
import threading
import uuid
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum, StrEnum
from http import HTTPStatus
from pathlib import Path, PurePosixPath, PureWindowsPath
from zoneinfo import ZoneInfo

import pytest
import pytz
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import SerializationError
from scheduler.serialization import ValueCodec

CODEC = ValueCodec()
BERLIN = ZoneInfo("Europe/Berlin")


class MyText(str):
    pass


class MyInt(int):
    pass


class MyFloat(float):
    pass


class MyDatetime(datetime):
    pass


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class NamelessZone(tzinfo):
    def utcoffset(self, moment):
        return timedelta(hours=1) if moment else None

    def dst(self, moment):
        return None

    def tzname(self, moment):
        return "X"


Pair = namedtuple("Pair", "left right")

PLAIN = [None, True, False, 0, -1, 2**64, 1.5, -0.0, 1e300, "", "naïve 😀", [], [1, [2]], {}, {"a": {"b": [None]}}]

TAGGED = [
    datetime(2025, 1, 1, 10, 0, 0, 5),
    datetime(2025, 1, 1, 10, tzinfo=UTC),
    datetime(2025, 1, 1, 10, tzinfo=timezone(timedelta(hours=5, minutes=30, seconds=7, microseconds=9))),
    datetime(2025, 7, 1, 10, tzinfo=BERLIN),
    datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2025, 3, 30, 2, 30, tzinfo=BERLIN),  # a wall time that is skipped
    datetime.min,
    datetime.max,
    date(2025, 2, 28),
    time(10, 30),
    time(10, 30, fold=1),
    time(10, 30, tzinfo=UTC),
    time(10, 30, tzinfo=BERLIN),
    timedelta(0),
    timedelta(days=-1, seconds=3, microseconds=4),
    timedelta.max,
    Decimal("1.10"),
    Decimal("-0"),
    Decimal("Infinity"),
    Decimal("1E+999999"),
    uuid.UUID(int=7),
    BERLIN,
    ZoneInfo("UTC"),
    UTC,
    timezone(timedelta(hours=-9, minutes=-30)),
    b"",
    b"\0\xff text",
    Path("/tmp/naïve"),
    Path("relative/\udcff"),
    PurePosixPath("a/b"),
    PureWindowsPath(r"C:\a"),
    (),
    (1, (2, [3])),
    {1, 2, 3},
    set(),
    frozenset({"a", (1, 2)}),
    {frozenset({1}), frozenset({2})},
    math.inf,
    -math.inf,
    2**2048,
    "\ud800",
    "\ud83d\ude00",  # two halves of one character must not be joined
    "\\ud800 \ud800 \\",
    {1: "one", None: 2, (1, 2): 3, date(2025, 1, 1): 4},
    {"\ud800": 1},
    {"$type": "date", "value": "2025-01-01"},
    {"$type": None},
    {"$type": {"$type": ["$type"]}, "x": {1: {"$type": 2}}},
    [{"a": ({"b": {1}},)}],
]


def same(left, right):
    """Equal, of the same types all the way down, and as equal text."""
    return left == right and repr(left) == repr(right)


@pytest.mark.parametrize("value", PLAIN + TAGGED)
def test_a_value_comes_back_exactly(value):
    text = CODEC.dumps(value, "args[0]")
    assert text.encode("utf-8").count(b"\n") == 0
    assert same(CODEC.loads(text), value)
    assert same(CODEC.decode(CODEC.encode(value, "args[0]")), value)
    assert same(CODEC.decode(json.loads(text)), value)


@pytest.mark.parametrize("value", PLAIN)
def test_what_json_knows_is_written_as_it_is(value):
    assert CODEC.dumps(value, "x") == json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2025, 1, 1, 10, tzinfo=UTC), '{"$type": "datetime", "value": "2025-01-01T10:00:00+00:00"}'),
        (
            datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=1),
            '{"$type": "datetime", "value": "2025-10-26T02:30:00", "zone": "Europe/Berlin", "fold": 1}',
        ),
        (timedelta(days=1), '{"$type": "timedelta", "days": 1, "seconds": 0}'),
        ((1, "é"), '{"$type": "tuple", "items": [1, "é"]}'),
        ({"b", "a"}, '{"$type": "set", "items": ["a", "b"]}'),
        ({1: 2}, '{"$type": "dict", "items": [[1, 2]]}'),
        (math.inf, '{"$type": "float", "value": "inf"}'),
        (Path("a"), '{"$type": "Path", "value": "a"}'),
        (b"ab", '{"$type": "bytes", "base64": "YWI="}'),
    ],
)
def test_a_person_can_read_what_is_written(value, text):
    assert CODEC.dumps(value, "x") == text


def test_a_number_of_more_digits_than_python_reads_comes_back():
    assert CODEC.loads(CODEC.dumps([10**5000, -(10**5000)], "x")) == [10**5000, -(10**5000)]


def test_nan_comes_back_as_nan():
    assert math.isnan(CODEC.loads(CODEC.dumps(math.nan, "x")))
    assert Decimal("NaN").compare_total(CODEC.loads(CODEC.dumps(Decimal("NaN"), "x"))) == 0


def test_zones_of_pytz_are_converted_to_those_of_zoneinfo_at_the_same_instant():
    value = pytz.timezone("Europe/Berlin").localize(datetime(2025, 10, 26, 2, 30), is_dst=False)
    read = CODEC.loads(CODEC.dumps(value, "x"))
    assert (read.tzinfo, read.fold, read.astimezone(UTC)) == (BERLIN, 1, value.astimezone(UTC))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.datetimes(timezones=st.none() | st.timezones(), allow_imaginary=True)
    | st.dates()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.just("$type"), inner)
        | st.dictionaries(st.integers() | st.tuples(st.text()), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_nesting_of_known_values_comes_back_exactly(value):
    assert CODEC.loads(CODEC.dumps(value, "x")) == value


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        (threading.Lock(), "args[0]", "a value of type _thread.lock cannot be stored; pass what it can be found"),
        ([{"key": [1, 2, threading.Lock()]}], "args[0][0]['key'][2]", "_thread.lock"),
        ((1, {"a": object()}), "args[0][1]['a']", "builtins.object"),
        ({1: object()}, "args[0][1]", "builtins.object"),
        ({"a": {object: 1}}, "args[0]['a'], key <class 'object'>", "builtins.type"),
        ({object}, "args[0]", "builtins.type"),
        (1j, "args[0]", "builtins.complex"),
        (len, "args[0]", "builtins.builtin_function_or_method"),
        (MyText("a"), "args[0]", "would come back as a plain str"),
        (MyInt(1), "args[0]", "would come back as a plain int"),
        (MyFloat(1), "args[0]", "would come back as a plain float"),
        (MyDatetime(2025, 1, 1), "args[0]", "would come back as a plain date"),
        (Pair(1, 2), "args[0]", "would come back as a plain tuple"),
        (OrderedDict(a=1), "args[0]", "would come back as a plain dict"),
        (defaultdict(int), "args[0]", "would come back as a plain dict"),
        (Counter("a"), "args[0]", "would come back as a plain dict"),
        (Level.LOW, "args[0]", "test_values.Level is not known to the job store; register it"),
        (Word.YES, "args[0]", "test_values.Word is not known to the job store; register it"),
        (HTTPStatus.OK, "args[0]", "http.HTTPStatus is not known to the job store; register it"),
        ({Word.YES: 1}, "args[0], key <Word.YES: 'yes'>", "register it"),
        (datetime(2025, 1, 1, tzinfo=NamelessZone()), "args[0]", "has no name by which it could be stored"),
    ],
)
def test_what_cannot_come_back_is_refused_with_its_place_and_a_remedy(value, place, reason):
    with pytest.raises(SerializationError) as caught:
        CODEC.dumps(value, "args[0]")
    assert str(caught.value).startswith(f"{place}: ")
    assert reason in str(caught.value)


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@dataclass
class Account:
    balance: int

    def __getattribute__(self, name):
        if name == "balance":
            raise OSError("the bank is closed")
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        pass


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        (
            [1, {"last": datetime.max.replace(tzinfo=pytz.timezone("America/New_York"))}],
            "result[1]['last']",
            "OverflowError",
        ),
        ([Account(1)], "result[0]", "OSError: the bank is closed"),
    ],
)
def test_whatever_a_value_raises_while_it_is_read_is_a_refusal_with_its_place(value, place, reason):
    codec = ValueCodec([Account])
    for write in (codec.encode, codec.dumps):
        with pytest.raises(SerializationError, match=f"^{re.escape(place)}: .*{reason}"):
            write(value, "result")


def test_nesting_is_stored_up_to_a_hundred_levels():
    assert CODEC.loads(CODEC.dumps(nested(100), "x")) == nested(100)
    with pytest.raises(SerializationError, match="nested more than 100 levels deep"):
        CODEC.dumps(nested(101), "x")


@pytest.mark.parametrize("make", [list, dict], ids=["list", "dict"])
def test_a_value_that_contains_itself_is_refused(make):
    value = make()
    value.append(value) if make is list else value.update(me=value)
    with pytest.raises(SerializationError, match="or contains itself"):
        CODEC.encode(value, "x")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[1] 2", "is not JSON"),
        ("[NaN]", "NaN is not a number in JSON"),
        ("-Infinity", "-Infinity is not a number in JSON"),
        ("1" * 5000, "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        (None, "is not JSON"),
        ('{"$type": "socket"}', "'socket' cannot be read"),
        ('{"$type": "os:system", "value": "ls"}', "'os:system' cannot be read; if it is a class, register it"),
        ('{"$type": null}', "None cannot be read"),
        ('{"$type": ["date"]}', "cannot be read"),
        (f'{{"$type": "{"x" * 5000}"}}', "cannot be read"),
        (f'{{"$type": ["{"x" * 5000}"]}}', "cannot be read"),
        ('{"$type": "date"}', "'date' cannot be read"),
        ('{"$type": "date", "value": 3}', "'date' cannot be read"),
        ('{"$type": "date", "value": "2025-02-30"}', "'date' cannot be read"),
        ('{"$type": "date", "value": "2025-02-28", "more": 1}', "'date' cannot be read"),
        ('{"$type": "datetime", "value": "2025-01-01", "zone": "Mars/Olympus"}', "Mars/Olympus"),
        ('{"$type": "Decimal", "value": "ten"}', "'Decimal' cannot be read"),
        ('{"$type": "bytes", "base64": "é"}', "'bytes' cannot be read"),
        ('{"$type": "bytes", "base64": "a*b="}', "'bytes' cannot be read"),
        ('{"$type": "set", "items": [[]]}', "'set' cannot be read"),
        ('{"$type": "tuple", "items": 1}', "'tuple' cannot be read"),
        ('{"$type": "dict", "items": [1]}', "'dict' cannot be read"),
        ('{"$type": "dict", "items": [[[], 1]]}', "'dict' cannot be read"),
    ],
)
def test_text_that_nobody_wrote_is_refused_with_its_place(text, reason):
    with pytest.raises(SerializationError) as caught:
        CODEC.loads(text, "result")
    assert str(caught.value).startswith("result: ")
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_decoding_refuses_what_nobody_encoded():
    with pytest.raises(SerializationError, match="'socket' cannot be read"):
        CODEC.decode([{"a": {"$type": "socket"}}])
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SerializationError, match="nested too deeply"):
        CODEC.decode(deep)
