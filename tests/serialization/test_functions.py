"""Functions have a reference by which another process finds them, or are refused with a remedy."""

import builtins
import functools
import importlib
import operator
import sys

import pytest

from scheduler.errors import FunctionLookupError
from scheduler.serialization import FunctionLoader, reference, resolve

HERE = __name__


def top_level():
    return "top"


@functools.wraps(top_level)
def shadow():
    return "shadow"


def replaced():
    return 1


original, replaced = replaced, functools.lru_cache(replaced)


class Service:
    @staticmethod
    def static():
        return "static"

    @classmethod
    def made(cls):
        return cls.__name__

    def method(self):
        return "method"

    def __call__(self):
        return "called"

    class Inner:
        @staticmethod
        def deep():
            return "deep"


class SubService(Service):
    pass


INSTANCE = Service()
NUMBER = 5


def make_nested():
    def nested():
        pass

    return nested


@pytest.mark.parametrize(
    ("func", "ref"),
    [
        (top_level, f"{HERE}:top_level"),
        (replaced, f"{HERE}:replaced"),
        (Service, f"{HERE}:Service"),
        (Service.static, f"{HERE}:Service.static"),
        (Service.made, f"{HERE}:Service.made"),
        (SubService.made, f"{HERE}:SubService.made"),
        (Service.method, f"{HERE}:Service.method"),
        (Service.Inner.deep, f"{HERE}:Service.Inner.deep"),
        (print, "builtins:print"),
        (operator.add, "_operator:add"),
        (dict.fromkeys, "builtins:dict.fromkeys"),
        (str.upper, "builtins:str.upper"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_can_be_imported_has_a_reference_that_leads_back(func, ref):
    assert reference(func) == ref
    assert resolve(ref) == func


def test_a_reference_may_name_any_way_to_the_function():
    assert resolve("operator:add") is operator.add
    assert resolve("os.path:join").__name__ == "join"


@pytest.mark.parametrize(
    ("func", "reason"),
    [
        (lambda: 1, "a lambda has no name .*; give a function that is defined at the top level of a module, or keep"),
        (make_nested(), "make_nested > nested is defined inside a function"),
        (
            functools.partial(print, 1),
            "a functools.partial has no name .*; give the function itself, and its arguments",
        ),
        (INSTANCE.method, "is bound to an object, which a database cannot keep"),
        ([].append, "is bound to an object"),
        (INSTANCE, "has no name by which it can be imported"),
        (shadow, "leads to <function top_level at .*>, not to <function top_level"),
        (original, "leads to <functools._lru_cache_wrapper .*, not to <function replaced"),
        (5, "5 cannot be called"),
        (None, "None cannot be called"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_a_remedy(func, reason):
    with pytest.raises(FunctionLookupError, match=f"^func: .*{reason}"):
        reference(func)


def test_a_decorator_may_ask_before_the_name_is_bound():
    def later():
        pass

    later.__qualname__ = "later"
    assert reference(later, bound=False) == f"{HERE}:later"
    with pytest.raises(FunctionLookupError, match="has no 'later'"):
        reference(later)


@pytest.mark.parametrize("func", [lambda: 1, make_nested(), functools.partial(print), INSTANCE.method, INSTANCE])
def test_a_decorator_is_refused_what_will_never_have_a_name(func):
    with pytest.raises(FunctionLookupError):
        reference(func, bound=False)


def test_functions_of_the_main_file_are_found_in_it(monkeypatch):
    def main_job():
        pass

    main_job.__module__, main_job.__qualname__ = "__main__", "main_job"
    monkeypatch.setattr(sys.modules["__main__"], "main_job", main_job, raising=False)
    assert reference(main_job) == "__main__:main_job"
    assert resolve("__main__:main_job") is main_job


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "print",
        "builtins.print",
        ":print",
        "builtins:",
        "a:b:c",
        "a b:c",
        "a..b:c",
        "a:b..c",
        ".a:b",
        "a:1b",
        "a:b()",
        7,
        None,
    ],
)
def test_a_malformed_reference_is_refused(ref):
    with pytest.raises(FunctionLookupError, match=r'it must be of the form "package\.module:qualified\.name"'):
        resolve(ref)


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("no_such_module:f", "importing 'no_such_module' failed: ModuleNotFoundError"),
        ("builtins.deeper:f", "importing 'builtins.deeper' failed: ModuleNotFoundError"),
        ("builtins:no_such_name", "<module 'builtins' .*> has no 'no_such_name': AttributeError"),
        ("builtins:str.nothing.at_all", "<class 'str'> has no 'nothing'"),
        (f"{HERE}:NUMBER", "this is 5, which cannot be called"),
    ],
)
def test_what_is_not_there_is_named_with_its_cause(ref, reason):
    with pytest.raises(FunctionLookupError, match=f"^func {ref!r}: {reason}"):
        resolve(ref)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to import from; what was imported from it is forgotten again."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("def f(:", "SyntaxError"),
        ("raise ValueError('not today')", "ValueError: not today"),
        ("import no_such_dependency", "ModuleNotFoundError: No module named 'no_such_dependency'"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def __getattr__(name): raise RuntimeError('lazy')", "has no 'f': RuntimeError: lazy"),
    ],
)
def test_whatever_an_import_raises_is_told_as_the_cause(folder, source, cause):
    (folder / "sick_module.py").write_text(source)
    with pytest.raises(FunctionLookupError, match=f"^func 'sick_module:f': .*{cause}"):
        resolve("sick_module:f")


def test_code_that_appears_later_is_found(folder):
    loader = FunctionLoader()
    with pytest.raises(FunctionLookupError):
        loader.load("late_module:f")
    # The folder's time stamp is put back, so that only a forgotten listing, not a changed one, finds the file.
    stamps = folder.stat()
    (folder / "late_module.py").write_text("def f(): return 'late'")
    importlib.import_module("os").utime(folder, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert loader.load("late_module:f")() == "late"


def test_a_loader_imports_only_when_told_and_only_once(folder):
    loader = FunctionLoader()
    (folder / "counted.py").write_text(
        "import builtins\nbuiltins.counted = getattr(builtins, 'counted', 0) + 1\ndef f(): pass"
    )
    try:
        assert loader.get("counted:f") is None
        assert "counted" not in sys.modules
        func = loader.load("counted:f")
        del sys.modules["counted"]
        assert loader.load("counted:f") is loader.get("counted:f") is func
        assert builtins.counted == 1
    finally:
        del builtins.counted
