"""Jobs, defaults and events as values, and the hints in messages of errors."""

import builtins
import inspect
from dataclasses import FrozenInstanceError, fields, is_dataclass
from datetime import UTC, datetime

import pytest

import scheduler
from scheduler import Event, Job, JobDefaults, RunEvent, RunState, errors
from scheduler.core import events
from scheduler.core.events import RUN_EVENTS
from scheduler.core.unset import UNSET
from scheduler.errors import SchedulerError, UnknownOptionError, suggest
from scheduler.triggers import DateTrigger

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def make_job(**changes):
    return Job(**({"id": "job", "func": print, "trigger": DateTrigger(NOW), "next_run_time": NOW} | changes))


def test_a_job_is_a_frozen_value():
    assert make_job(kwargs={"a": 1}) == make_job(kwargs={"a": 1})
    assert hash(make_job(kwargs={"a": []})) == hash(make_job(kwargs={"b": []}))
    with pytest.raises(FrozenInstanceError):
        make_job().paused = True
    with pytest.raises(TypeError):
        make_job().kwargs["a"] = 1


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({}, False),
        ({"next_run_time": None}, True),
        ({"next_run_time": None, "paused": True}, False),
        ({"next_run_time": None, "broken": "why"}, False),
    ],
)
def test_a_job_has_ended_when_no_fire_is_left_and_none_can_come(changes, ended):
    assert make_job(**changes).ended is ended


@pytest.mark.parametrize(
    ("func", "text"),
    [("package.module:name", "package.module:name"), (print, "builtins:print"), (dict.fromkeys, repr(dict.fromkeys))],
    ids=["a reference", "a function", "something without a module"],
)
def test_a_job_names_its_function_as_text(func, text):
    assert make_job(func=func).func_ref == text


def test_a_job_is_never_pending():
    assert make_job().pending is False


def test_the_defaults_of_a_job_are_those_of_job_defaults():
    defaults, job = JobDefaults(), make_job()
    assert {field.name: getattr(job, field.name) for field in fields(defaults)} == {
        field.name: getattr(defaults, field.name) for field in fields(defaults)
    }


def test_unset_shows_as_such():
    assert repr(UNSET) == "UNSET"


EVENTS = [value for _, value in inspect.getmembers(events, inspect.isclass) if issubclass(value, Event)]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_events_are_frozen_values_with_public_names(kind):
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert getattr(scheduler, kind.__name__) is kind


def test_every_state_that_the_engine_reaches_has_an_event_of_its_own():
    assert set(RUN_EVENTS) == set(RunState) - {RunState.PENDING, RunState.ENQUEUED}
    assert len(set(RUN_EVENTS.values())) == len(RUN_EVENTS)
    assert all(issubclass(kind, RunEvent) for kind in RUN_EVENTS.values())


ERRORS = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, Exception)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_tree_and_in_its_drawing(kind):
    assert issubclass(kind, SchedulerError)
    assert kind.__name__ in errors.__doc__


def test_the_drawing_of_errors_names_the_built_ins_they_are():
    for line in errors.__doc__.splitlines():
        words = line.strip("│├└─ ").split()
        if len(words) > 1 and words[1].startswith("("):
            assert issubclass(getattr(errors, words[0]), getattr(builtins, words[1].strip("()")))


@pytest.mark.parametrize(
    ("name", "valid", "hint"),
    [
        ("intervall", ["cron", "interval"], "did you mean 'interval'?"),
        ("x", ["b", "a"], "valid are 'a', 'b'"),
        ("x", [], "there are none"),
        ("", ["a"], "valid are 'a'"),
        ("a" * 64 + "b" * 10_000, ["a" * 64], f"did you mean '{'a' * 64}'?"),
    ],
)
def test_an_unknown_name_is_answered_by_the_nearest_or_by_all(name, valid, hint):
    assert suggest(name, valid) == hint


def test_an_unknown_option_is_a_type_error_and_a_value_error():
    error = UnknownOptionError("misfire_grace", ["misfire_grace_time", "coalesce"], "add_job")
    assert isinstance(error, TypeError)
    assert isinstance(error, ValueError)
    assert str(error) == "add_job: unknown option 'misfire_grace'; did you mean 'misfire_grace_time'?"
