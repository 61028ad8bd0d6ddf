"""Stored data leads to instances of registered classes, and of no others."""

from dataclasses import InitVar, dataclass, field
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Any

import pytest

from scheduler.errors import SerializationError
from scheduler.serialization import ValueCodec


@dataclass
class Point:
    x: int
    y: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    name: str
    cls: int = 0
    length: int = field(init=False, default=0)

    def __post_init__(self):
        if self.name == "refused":
            raise RuntimeError("not this name")
        object.__setattr__(self, "length", len(self.name))


@dataclass
class NeedsMore:
    kept: int
    lost: InitVar[int]


@dataclass
class Sub(Point):
    pass


class Color(Enum):
    RED = 1
    BLUE = object()


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class Access(Flag):
    READ = 1
    WRITE = 2


class Bits(IntFlag):
    ONE = 1


CODEC = ValueCodec([Point, Frozen, Color, Level, Word, Access, Bits])
HERE = __name__


@pytest.mark.parametrize(
    "value",
    [
        Point(1, (2, Point(3))),
        Frozen(name="abc", cls=4),
        Color.RED,
        Color.BLUE,
        Level.LOW,
        Word.YES,
        Access.READ,
        Access.READ | Access.WRITE,
        Access(0),
        Bits(9),
        {Word.YES: {Level.LOW}},
    ],
)
def test_an_instance_of_a_registered_class_comes_back(value):
    read = CODEC.loads(CODEC.dumps(value, "x"))
    assert read == value
    assert type(read) is type(value)


def test_a_person_can_read_it():
    text = CODEC.dumps([Point(1, Color.RED), Access.READ | Access.WRITE], "x")
    assert text == (
        f'[{{"$type": "{HERE}:Point", "x": 1, "y": {{"$type": "{HERE}:Color", "name": "RED"}}}},'
        f' {{"$type": "{HERE}:Access", "value": 3}}]'
    )


def test_what_was_set_after_building_comes_back_as_it_was():
    value = Frozen(name="abc")
    object.__setattr__(value, "length", 99)
    assert CODEC.loads(CODEC.dumps(value, "x")).length == 99


def test_data_of_before_a_field_was_added_takes_its_default():
    assert CODEC.loads(f'{{"$type": "{HERE}:Point", "x": 1}}') == Point(1, None)


@pytest.mark.parametrize(
    ("value", "place"), [(Point(1, [object()]), "x.y[0]: "), (Sub(1), "x: "), ([Point(Sub(1))], "x[0].x: ")]
)
def test_what_cannot_be_stored_is_refused_with_its_place(value, place):
    with pytest.raises(SerializationError) as caught:
        CODEC.dumps(value, "x")
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"$type": "{HERE}:Sub", "x": 1}}',
        f'{{"$type": "{HERE}:Point"}}',
        f'{{"$type": "{HERE}:Point", "x": 1, "z": 2}}',
        f'{{"$type": "{HERE}:Frozen", "name": "refused"}}',
        f'{{"$type": "{HERE}:Color", "name": "GREEN"}}',
        f'{{"$type": "{HERE}:Color", "value": 77}}',
        f'{{"$type": "{HERE}:Color", "name": ["RED"]}}',
    ],
)
def test_data_that_makes_no_instance_is_refused(text):
    with pytest.raises(SerializationError, match="cannot be read"):
        CODEC.loads(text)


def test_without_registration_nothing_is_built():
    with pytest.raises(SerializationError, match="register it"):
        ValueCodec().loads(CODEC.dumps(Point(1), "x"))


class NoDataclass:
    pass


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ([NoDataclass], "only dataclasses and Enum classes"),
        ([Point(1)], "only dataclasses and Enum classes"),
        (["Point"], "only dataclasses and Enum classes"),
        ([NeedsMore], "its argument 'lost' is not a field"),
        ([Point, dataclass(type("Point", (), {"__module__": __name__, "__qualname__": "Point"}))], "have the name"),
    ],
)
def test_a_class_that_cannot_be_registered_is_refused(classes, reason):
    with pytest.raises(SerializationError, match=reason):
        ValueCodec(classes)


def test_a_class_may_be_registered_twice():
    assert ValueCodec([Point, Point]).loads(CODEC.dumps(Point(1), "x")) == Point(1)
