"""Values ⇄ JSON: arguments, results and options as text that a person can read, and that comes back exactly.

What JSON knows is written as it is. Everything else is a JSON object with the key `$type`:

    {"$type": "datetime", "value": "2025-03-30T09:00:00", "zone": "Europe/Berlin"}
    {"$type": "tuple", "items": [1, 2]}
    {"$type": "myapp.models:Point", "x": 1, "y": 2}          a registered dataclass
    {"$type": "myapp.models:Color", "name": "RED"}           a registered Enum
    {"$type": "Run", "id": "…", "state": "SUCCESS", …}       a run that has ended, as the argument of a callback
    {"$type": "float", "value": "nan"}                       nan, inf, -inf
    {"$type": "dict", "items": [[1, "one"]]}                 keys that are no text, or one of them is "$type"

A value is written only if its type is exactly one of the known ones: a subclass would come back as something else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

from scheduler.core.run import Attempt, Progress, Run
from scheduler.errors import SerializationError
from scheduler.serialization.classes import register
from scheduler.serialization.runs import READ as READ_RUNS
from scheduler.serialization.runs import attempt_parts, progress_parts, run_parts
from scheduler.serialization.scalars import READ, TAG, WRITE, Unstorable, is_text
from scheduler.wording import describe, shorten, show, storable

DEPTH = 100
"""How deep containers may be nested; also what ends the walk through one that contains itself."""

SHALLOW = 2
"""How deep a run may be, as an argument is, and leave out what of it cannot be stored. Deeper, as within results, which
may hold themselves, it is refused for that like anything else."""

_LONGEST_PROBLEM = 500
"""Characters of what is kept of the reason why a value is not."""

_BASES = (int, float, str, bytes, tuple, list, dict, set, frozenset, date, time, timedelta, Decimal, UUID, PurePath)

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)


class ValueCodec:
    """Writes values as JSON and reads them back.

    Arguments:
        dataclasses: dataclasses and Enum classes whose instances may be stored. Stored data never leads to an instance
            of any other class.
        max_result: characters of JSON up to which the result of a run that is an argument is kept.

    Raises SerializationError for a class that cannot be registered.
    """

    def __init__(self, dataclasses: Iterable[type] = (), *, max_result: int = 1_000_000) -> None:
        self.max_result = max_result
        self._containers: dict[type, Callable[[Any, int], Any]] = {
            list: self._encode_list,
            dict: self._encode_dict,
            tuple: lambda value, depth: {TAG: "tuple", "items": self._encode_list(value, depth)},
            set: lambda value, depth: {TAG: "set", "items": self._encode_set(value, depth)},
            frozenset: lambda value, depth: {TAG: "frozenset", "items": self._encode_set(value, depth)},
        }
        self._read: dict[str, Callable[..., Any]] = {
            **READ,
            **READ_RUNS,
            "tuple": lambda items: tuple(items),
            "set": lambda items: set(items),
            "frozenset": lambda items: frozenset(items),
            "dict": lambda items: dict(items),
        }
        for entry in register(dataclasses):
            self._containers[entry.cls] = self._instance_encoder(entry.tag, entry.parts)
            self._read[entry.tag] = entry.build
        self._containers |= {
            Run: self._encode_run,
            Attempt: self._instance_encoder("Attempt", attempt_parts),
            Progress: self._instance_encoder("Progress", progress_parts),
        }
        self._decoder = json.JSONDecoder(object_hook=self._build, parse_constant=_refuse_constant)

    def encode(self, value: Any, where: str) -> Any:
        """Return the value in terms of JSON: None, bool, int, float, str, list, and dict with text as keys.

        Arguments:
            where: what the value is, for the message of the error, such as `"args[0]"`.

        Raises SerializationError, naming the exact place, for a value that cannot be stored.
        """
        return self._encode_at(value, where, 0)

    def _encode_at(self, value: Any, where: str, depth: int) -> Any:
        try:
            return self._encode(value, depth)
        except Unstorable as error:
            raise SerializationError(f"{where}{shorten(error.path)}: {error}") from error.__cause__
        except RecursionError:
            raise SerializationError(f"{where}: the value is nested too deeply to be stored") from None

    def decode(self, data: Any) -> Any:
        """Return the value that `encode` wrote. Raises SerializationError for data that it did not write."""
        try:
            return self._decode(data)
        except RecursionError:
            raise SerializationError("the stored data is nested too deeply to be read") from None

    def dumps(self, value: Any, where: str) -> str:
        """Return the value as one line of JSON text. Raises SerializationError as `encode` does."""
        return "null" if value is None else to_text(self.encode(value, where))

    def keep(self, value: Any, where: str, depth: int = 0) -> tuple[str | None, str | None]:
        """Return the value as text or, whatever it is, why it cannot be stored, or is too long; None for each.

        Arguments:
            where: what the value is, for the reason.
            depth: how many containers it is in.
        """
        if value is None:
            return None, None
        try:
            text = to_text(self._encode_at(value, where, depth))
        except (Exception, SystemExit) as error:
            problem = str(error) if isinstance(error, SerializationError) else describe(error)
        else:
            if len(text) <= self.max_result:
                return text, None
            problem = f"{len(text):,} characters of JSON, more than max_result={self.max_result:,}"
        return None, storable(f"{where} not stored: {problem}")[:_LONGEST_PROBLEM]

    def keep_progress(self, progress: Progress, depth: int = 0) -> str:
        """Return progress as text; where what a function said of it cannot be stored, the reason in its place."""
        text, problem = self.keep(progress, "progress", depth)
        if text is None:
            state = progress.state if type(progress.state) is str else show(progress.state)
            text = self.dumps(Progress(state, {"not stored": problem}, progress.updated_at), "progress")
        return text

    def loads(self, text: str, where: str = "value") -> Any:
        """Return the value that `dumps` wrote. Raises SerializationError, naming `where`, for any other text."""
        if text == "null":
            return None
        try:
            return self._decoder.decode(text)
        except SerializationError as error:
            raise SerializationError(f"{where}: {error}") from error
        except (ValueError, TypeError) as error:
            raise SerializationError(
                f"{where}: the stored text is not JSON: {describe(error)}: {show(text)}"
            ) from error
        except RecursionError:
            raise SerializationError(f"{where}: the stored text is nested too deeply to be read") from None

    def _encode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        write, encode = WRITE.get(kind), self._containers.get(kind)
        try:
            if write is not None:
                return write(value)
            if encode is None:
                _refuse(value)
            if depth == DEPTH:
                raise Unstorable(f"the value is nested more than {DEPTH} levels deep, or contains itself")
            return encode(value, depth + 1)
        except (Unstorable, RecursionError):
            raise
        except Exception as error:
            # Other people's properties and zones may raise anything, and another thread may change a container.
            raise Unstorable(f"it cannot be read: {describe(error)}") from error

    def _encode_list(self, items: Iterable[Any], depth: int) -> list[Any]:
        encoded: list[Any] = []
        try:
            for item in items:
                encoded.append(self._encode(item, depth))  # noqa: PERF401 - its length tells where the error is
        except Unstorable as error:
            error.path = f"[{len(encoded)}]{error.path}"
            raise
        return encoded

    def _encode_dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        encoded: dict[str, Any] = {}
        plain = TAG not in value
        key: Any = None
        try:
            for key, item in value.items():
                encoded[key] = self._encode(item, depth)
                plain = plain and type(key) is str and is_text(key)
        except Unstorable as error:
            error.path = f"[{show(key)}]{error.path}"
            raise
        if plain:
            return encoded
        return {TAG: "dict", "items": [[self._encode_key(key, depth), item] for key, item in encoded.items()]}

    def _encode_key(self, key: Any, depth: int) -> Any:
        try:
            return self._encode(key, depth)
        except Unstorable as error:
            error.path = f", key {show(key)}{error.path}"
            raise

    def _encode_set(self, value: Iterable[Any], depth: int) -> list[Any]:
        # Sorted by their text, so that equal sets are stored alike.
        return sorted((self._encode(item, depth) for item in value), key=to_text)

    def _instance_encoder(self, tag: str, parts: Callable[[Any], dict[str, Any]]) -> Callable[[Any, int], Any]:
        return lambda value, depth: self._encode_parts(tag, parts(value), depth)

    def _encode_parts(self, tag: str, parts: dict[str, Any], depth: int) -> dict[str, Any]:
        encoded: dict[str, Any] = {TAG: tag}
        for name, part in parts.items():
            try:
                encoded[name] = self._encode(part, depth)
            except Unstorable as error:
                error.path = f".{name}{error.path}"
                raise
        return encoded

    def _encode_run(self, run: Run, depth: int) -> dict[str, Any]:
        """Write a run; as an argument, without a result that cannot be stored: `reason` says why, as in a run's row."""
        parts = run_parts(run)
        if depth > SHALLOW:
            return self._encode_parts("Run", parts if run.result is None else {**parts, "result": run.result}, depth)
        kept: dict[str, Any] = {}
        result, problem = self.keep(run.result, "result", depth)
        if result is not None:
            kept["result"] = json.loads(result)
        if problem is not None:
            parts.setdefault("reason", problem)
        if run.progress is not None:
            del parts["progress"]
            kept["progress"] = json.loads(self.keep_progress(run.progress, depth))
        return {**self._encode_parts("Run", parts, depth), **kept}

    def _decode(self, data: Any) -> Any:
        if type(data) is list:
            return [self._decode(item) for item in data]
        if type(data) is dict:
            return self._build({key: self._decode(item) for key, item in data.items()})
        return data

    def _build(self, data: dict[str, Any]) -> Any:
        """Turn a JSON object, what is in it being built already, into the value it stands for. It may be changed."""
        if TAG not in data:
            return data
        tag = data.pop(TAG)
        read = self._read.get(tag) if type(tag) is str else None
        if read is None:
            raise SerializationError(
                f"stored data of the type {show(tag)} cannot be read; if it is a class, register it with the job store"
            )
        try:
            return read(**data)
        except Exception as error:
            raise SerializationError(
                f"stored data of the type {show(tag)} cannot be read ({describe(error)}): {show(data)}"
            ) from error


def to_text(data: Any) -> str:
    """Return JSON data as one line of text, in the characters of UTF-8 rather than in escapes."""
    return _ENCODER.encode(data)


def _refuse(value: Any) -> NoReturn:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(value, Run):
        raise Unstorable(f"a {name} would come back as a plain Run; pass its id, by which get_run finds it")
    if isinstance(value, Enum) or is_dataclass(kind):
        raise Unstorable(f"the class {name} is not known to the job store; register it there, or pass plain values")
    base = next((base for base in _BASES if issubclass(kind, base)), None)
    if base is not None:
        raise Unstorable(
            f"a {name} would come back as a plain {base.__name__}, of which it is a subclass; convert it before"
        )
    raise Unstorable(
        f"a value of type {name} cannot be stored; pass what it can be found or made by (an id, a name, a path), "
        "or keep the job in a memory store"
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
