"""A run can be an argument: it comes back exactly, and whatever its function returned, writing it never fails."""

import json
import socket
import threading
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

import pytest

from scheduler.core.run import Attempt, Progress, Run, RunState
from scheduler.errors import SerializationError
from scheduler.serialization import ValueCodec

CODEC = ValueCodec()
AT = datetime(2025, 1, 1, 10, 0, 0, 5, tzinfo=UTC)

PLAIN = Run(id="1-a", job_id="täglich", incarnation="a", scheduled_time=AT, state=RunState.SUCCESS)
FULL = Run(
    id="1-a-key",
    job_id="job",
    incarnation="a",
    scheduled_time=AT,
    state=RunState.FAILURE,
    attempt=3,
    executor="other",
    node="node",
    ready_at=AT,
    started_at=AT,
    finished_at=AT,
    result={"n": (1, {2}), "when": AT},
    error="E: ü \0 \ud800",
    traceback="line\nline",
    reason="timeout",
    count=7,
    progress=Progress("PROGRESS", {"done": 3, "total": 10, "at": AT, 5: (1,)}, AT),
    attempts=(Attempt(1, AT, AT, "node", "E: 1", "lost"), Attempt(2, None, AT, None, None)),
    cause="another run",
)


def comes_back(value, codec=CODEC):
    return codec.loads(codec.dumps(value, "args"))


def test_every_field_of_a_run_is_tried():
    unset = {field.name for field in fields(Run) if getattr(FULL, field.name) == field.default}
    assert unset == set()


@pytest.mark.parametrize("run", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize(
    "place", [lambda run: run, lambda run: [run], lambda run: {"run": run}, lambda run: [1, {"a": (run, [run])}]]
)
def test_a_run_comes_back_exactly_wherever_it_is(run, place):
    assert comes_back(place(run)) == place(run)
    assert json.loads(CODEC.dumps([run], "x")) == CODEC.encode([run], "x")


@pytest.mark.parametrize("value", [FULL.progress, *FULL.attempts])
def test_progress_and_attempts_are_values_too(value):
    assert comes_back([value]) == [value]


def test_a_person_can_read_a_run():
    assert CODEC.encode([PLAIN.evolved(result=[1])], "args") == [
        {
            "$type": "Run",
            "id": "1-a",
            "job_id": "täglich",
            "incarnation": "a",
            "scheduled_time": {"$type": "datetime", "value": "2025-01-01T10:00:00.000005+00:00"},
            "state": "SUCCESS",
            "result": [1],
        }
    ]


class Unhashable:
    __hash__ = None

    def __repr__(self):
        raise RuntimeError("no words")

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    def __bool__(self):
        raise RuntimeError("no truth")


class Sly(list):
    def __iter__(self):
        raise SystemExit


@dataclass
class Moody:
    x: int

    def __getattribute__(self, name):
        if name == "x":
            raise SystemExit("not today")
        return super().__getattribute__(name)


def recursive():
    found = [1]
    found += [found, found]
    return found


def run_that_returned_itself():
    run = replace(PLAIN, result=[])
    run.result.extend([run, run, {"again": run}])
    return run


def deep():
    value = None
    for _ in range(5_000):
        value = [value]
    return value


POISON = {
    "object": object,
    "socket": socket.socket,
    "lock": threading.Lock,
    "exception": lambda: ValueError("x"),
    "generator": lambda: (number for number in ()),
    "recursive": recursive,
    "run": run_that_returned_itself,
    "deep": deep,
    "no repr": Unhashable,
    "no repr inside": lambda: {"a": [Unhashable()]},
    "sly": lambda: Sly([1]),
    "exits": lambda: Moody.__new__(Moody),
}


@pytest.mark.parametrize("name", POISON)
def test_a_result_that_cannot_be_stored_is_left_out_of_an_argument_and_the_reason_says_so(name):
    codec = ValueCodec([Moody])
    result = POISON[name]()
    (read,) = comes_back([replace(FULL, result=result, reason=None)], codec)
    if name == "socket":
        result.close()
    assert (read.result, read.reason[:19]) == (None, "result not stored: ")
    assert read.evolved(reason=None, result=1) == FULL.evolved(reason=None, result=1)


def test_the_reason_that_a_run_has_is_kept():
    (read,) = comes_back([replace(FULL, result=object())])
    assert (read.result, read.reason) == (None, "timeout")


@pytest.mark.parametrize("name", POISON)
def test_progress_that_cannot_be_stored_is_left_out_of_an_argument_and_says_why(name):
    codec = ValueCodec([Moody])
    meta = {"said": POISON[name]()}
    (read,) = comes_back([replace(FULL, progress=Progress("PROGRESS", meta, AT))], codec)
    if name == "socket":
        meta["said"].close()
    assert read.progress.state == "PROGRESS"
    assert list(read.progress.meta) == ["not stored"]
    assert len(read.progress.meta["not stored"]) <= 500


def test_a_result_longer_than_allowed_is_left_out_of_an_argument():
    codec = ValueCodec(max_result=100)
    run = replace(FULL, result="x" * 98, reason=None, progress=None)
    assert comes_back([run], codec) == [run]
    (read,) = comes_back([replace(run, result="x" * 99)], codec)
    assert (read.result, read.reason) == (None, "result not stored: 101 characters of JSON, more than max_result=100")


def test_a_run_in_a_result_is_refused_for_what_it_holds_like_anything_else():
    with pytest.raises(SerializationError, match=r"^result\[0\]\[0\]\[0\]\.result: a value of type builtins.object"):
        CODEC.dumps([[[replace(PLAIN, result=object())]]], "result")


def test_a_subclass_of_run_is_refused():
    class Handle(Run):
        pass

    handle = Handle(**{field.name: getattr(PLAIN, field.name) for field in fields(Run)})
    with pytest.raises(SerializationError, match=r"args\[0\]: .* plain Run"):
        CODEC.dumps([handle], "args")


RUN = CODEC.encode([PLAIN], "args")[0]


@pytest.mark.parametrize(
    "damage",
    [
        {"$type": "Run"},
        {**RUN, "state": "DREAMING"},
        {**RUN, "attempts": 5},
        {**RUN, "colour": "red"},
        {"$type": "Attempt", "number": 1},
        {"$type": "Attempt", "number": "1", "finished_at": RUN["scheduled_time"]},
        {"$type": "Attempt", "number": 1, "finished_at": 5},
        {"$type": "Progress", "state": "P", "meta": [], "updated_at": RUN["scheduled_time"]},
        {"$type": "Progress", "state": 5, "meta": {}, "updated_at": RUN["scheduled_time"]},
        {"$type": "Progress", "state": "P", "meta": {}},
    ],
)
def test_data_that_is_no_run_is_refused_and_its_type_named(damage):
    with pytest.raises(SerializationError, match=rf"type '{damage['$type']}' cannot be read"):
        CODEC.decode([damage])
