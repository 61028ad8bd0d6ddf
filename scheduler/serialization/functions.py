"""Callables ⇄ references: a stored job names its function as `package.module:qualified.name`, and nothing else.

Resolving imports code, which may take long and do anything, so it is never done while rows are locked.
"""

from __future__ import annotations

import functools
import importlib
import re
import types
from collections.abc import Callable
from typing import Any

from scheduler.errors import FunctionLookupError
from scheduler.wording import describe, show

_REFERENCE = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<qualname>[^\W\d]\w*(\.[^\W\d]\w*)*)")

_REMEDY = "give a function that is defined at the top level of a module, or keep the job in a memory store"


def reference(func: Callable[..., Any], *, bound: bool = True) -> str:
    """Return the text by which another process finds this function: `"package.module:qualified.name"`.

    Functions, classes, static methods, class methods and built-ins have one. A function of the program's main file
    is `"__main__:name"`, which only the same program finds.

    Arguments:
        bound: whether the name must lead back to `func` already; False in a decorator, which runs before the name
            is bound.

    Raises FunctionLookupError, with a remedy, for what has no such name: lambdas, nested functions, partials, methods
    of instances, callable objects, and functions whose name leads to something else.
    """
    _refuse_nameless(func)
    module, qualname = _names(func)
    if not module or not qualname or "<" in qualname:
        raise FunctionLookupError(f"func: {show(func)} has no name by which it can be imported; {_REMEDY}")
    ref = f"{module}:{qualname}"
    split(ref)
    if bound:
        _check_leads_back(ref, func)
    return ref


def split(ref: str) -> tuple[str, str]:
    """Return module and qualified name of a reference. Raises FunctionLookupError if it is not of that form."""
    match = _REFERENCE.fullmatch(ref) if isinstance(ref, str) else None
    if match is None:
        raise FunctionLookupError(
            f"func: {ref!r} is not a reference to a function; "
            f'it must be of the form "package.module:qualified.name"{_guess(ref)}'
        )
    return match["module"], match["qualname"]


def _guess(ref: object) -> str:
    """Return the reference that is meant where the dots are right and the colon is not."""
    module, dot, name = ref.rpartition(".") if isinstance(ref, str) else ("", "", "")
    return f"; did you mean '{module}:{name}'?" if dot and _REFERENCE.fullmatch(f"{module}:{name}") else ""


def resolve(ref: str) -> Callable[..., Any]:
    """Import the function that a reference names.

    A module that did not exist at an earlier try is looked for again. Raises FunctionLookupError, naming the reference
    and the cause, whatever the import raises.
    """
    module, qualname = split(ref)
    try:
        found: Any = _import(module)
    except (Exception, SystemExit) as error:
        raise FunctionLookupError(f"func {ref!r}: importing {module!r} failed: {describe(error)}") from error
    for name in qualname.split("."):
        try:
            found = getattr(found, name)
        except Exception as error:
            raise FunctionLookupError(f"func {ref!r}: {show(found)} has no {name!r}: {describe(error)}") from error
    if not callable(found):
        raise FunctionLookupError(f"func {ref!r}: this is {show(found)}, which cannot be called")
    return found  # type: ignore[no-any-return]


class FunctionLoader:
    """Finds functions by reference and remembers them, so that each is imported once, and never under a lock."""

    def __init__(self) -> None:
        self._found: dict[str, Callable[..., Any]] = {}

    def get(self, ref: str) -> Callable[..., Any] | None:
        """Return the function if it was loaded before, else None; never imports."""
        return self._found.get(ref)

    def load(self, ref: str) -> Callable[..., Any]:
        """Return the function, importing it if need be. Raises FunctionLookupError; failures are not remembered."""
        found = self._found.get(ref)
        if found is None:
            found = self._found[ref] = resolve(ref)
        return found


def _refuse_nameless(func: Callable[..., Any]) -> None:
    if not callable(func):
        raise FunctionLookupError(f"func: {show(func)} cannot be called; give a function or its reference")
    if isinstance(func, (functools.partial, functools.partialmethod)):
        raise FunctionLookupError(
            "func: a functools.partial has no name by which it can be imported; "
            "give the function itself, and its arguments as args and kwargs"
        )
    owner = getattr(func, "__self__", None)
    if owner is not None and not isinstance(owner, (type, types.ModuleType)):
        raise FunctionLookupError(
            f"func: {show(func)} is bound to an object, which a database cannot keep; "
            "give a function that finds or makes the object, or keep the job in a memory store"
        )
    qualname = getattr(func, "__qualname__", "")
    if "<lambda>" in qualname:
        raise FunctionLookupError(f"func: a lambda has no name by which it can be imported; {_REMEDY}")
    if "<locals>" in qualname:
        name = qualname.replace(".<locals>.", " > ")
        raise FunctionLookupError(f"func: {name} is defined inside a function, so it cannot be imported; {_REMEDY}")


def _names(func: Any) -> tuple[str | None, str | None]:
    owner = getattr(func, "__self__", None)
    if isinstance(owner, type):
        # A class method that is inherited must be found through the class it was taken from.
        return owner.__module__, f"{owner.__qualname__}.{func.__name__}"
    module = getattr(func, "__module__", None) or getattr(getattr(func, "__objclass__", None), "__module__", None)
    return module, getattr(func, "__qualname__", None)


def _check_leads_back(ref: str, func: Callable[..., Any]) -> None:
    found = resolve(ref)
    if found is func or (isinstance(found, (types.MethodType, types.BuiltinMethodType)) and found == func):
        return
    raise FunctionLookupError(
        f"func: the name {ref!r} leads to {show(found)}, not to {show(func)}; "
        "give what the name leads to, or rename one of them"
    )


def _import(module: str) -> types.ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        # The import system remembers directory listings; a file that appeared since is seen only without them.
        importlib.invalidate_caches()
        return importlib.import_module(module)
