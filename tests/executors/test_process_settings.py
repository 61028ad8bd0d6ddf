"""What the pool of processes refuses at once: functions that no worker can call, and settings that make no sense."""

import sys
import threading
from functools import partial
from types import ModuleType

import pytest

from scheduler import InvalidJobError, InvalidSettingError, UnknownOptionError
from scheduler.executors import ProcessPoolExecutor
from tests.executors import process_calls as calls


class Locked:
    def __init__(self):
        self.lock = threading.Lock()

    def work(self): ...


def local(): ...


@pytest.mark.parametrize(
    "func", [lambda: None, partial(lambda: None), Locked().work, partial(calls.add, threading.Lock())]
)
def test_a_function_that_cannot_be_pickled_is_refused_with_a_remedy(func):
    with pytest.raises(InvalidJobError, match="at the top level of a module, or an executor of threads"):
        ProcessPoolExecutor().check(func, {})


@pytest.mark.parametrize("func", [calls.add, calls.await_and_add, partial(calls.add, 1), local, int, "text".upper])
def test_a_function_that_a_worker_can_import_is_taken(func):
    ProcessPoolExecutor().check(func, {})


def test_a_function_of_a_program_without_a_file_is_refused(monkeypatch):
    main = ModuleType("__main__")
    exec("def function(): ...", main.__dict__)
    function = main.function
    monkeypatch.setitem(sys.modules, "__main__", main)
    with pytest.raises(InvalidJobError, match="a program without a file"):
        ProcessPoolExecutor().check(function, {})
    ProcessPoolExecutor(mp_context="fork").check(function, {})


def test_an_unknown_option_is_refused():
    with pytest.raises(UnknownOptionError, match="priority"):
        ProcessPoolExecutor().check(calls.add, {"priority": 1})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_workers": 0}, "max_workers must be a whole number from 1 to 10000, not 0"),
        ({"max_workers": 10_001}, "not 10001"),
        ({"mp_context": "thread"}, "mp_context must be .*'spawn'.*, not 'thread'"),
        ({"mp_context": None}, "not None"),
        ({"max_tasks_per_child": 0}, "max_tasks_per_child must be None .* not 0"),
        ({"max_tasks_per_child": True}, "not True"),
        ({"start_timeout": 0}, "start_timeout must be a number of seconds above 0, at most 86400 .a day., not 0"),
        ({"start_timeout": 86_401}, "not 86401"),
        ({"start_timeout": None}, "not None"),
        ({"start_timeout": True}, "not True"),
        ({"start_timeout": float("nan")}, "not nan"),
        ({"start_timeout": "60"}, "not '60'"),
        ({"initializer": "prepare"}, "initializer must be callable, not 'prepare'"),
        ({"initializer": lambda: None}, "initializer: <function .* cannot be pickled"),
        ({"initializer": print, "initargs": "text"}, "initargs must be a tuple of arguments, not 'text'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(InvalidSettingError, match=words):
        ProcessPoolExecutor(**settings)
