"""Takes events to listeners."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock, current_thread, main_thread
from typing import Any

from scheduler.core.events import Event
from scheduler.errors import InvalidSettingError
from scheduler.wording import show

logger = logging.getLogger(__name__)

Listener = Callable[[Any], object]


class EventBus:
    """Calls listeners in the order they were added, in the thread that publishes. One that raises is logged."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listeners: tuple[tuple[Listener, tuple[type[Event], ...]], ...] = ()
        self._by_type: dict[type[Event], tuple[Listener, ...]] = {}

    def add(self, callback: Listener, types: tuple[type[Event], ...]) -> None:
        """Call `callback` for events of these types and their subtypes; none given: for all."""
        if not callable(callback):
            raise InvalidSettingError(f"add_listener: the callback must be callable, not {show(callback)}")
        for entry in types:
            if not (isinstance(entry, type) and issubclass(entry, Event)):
                raise InvalidSettingError(
                    f"add_listener: {show(entry)} is not an event type; pass classes such as RunFailed"
                )
        with self._lock:
            self._listeners = (*self._listeners, (callback, types or (Event,)))
            self._by_type = {}

    def remove(self, callback: Listener) -> None:
        """Forget a listener. Raises InvalidSettingError if it was never added."""
        with self._lock:
            kept = tuple(entry for entry in self._listeners if entry[0] != callback)
            if len(kept) == len(self._listeners):
                raise InvalidSettingError(f"remove_listener: {show(callback)} is not a listener")
            self._listeners = kept
            self._by_type = {}

    def heard(self, kind: type[Event]) -> bool:
        """Tell whether anybody listens to this type, so that events nobody hears need not be built."""
        return bool(self._listeners) and bool(self._find(kind))

    def publish(self, event: Event) -> None:
        """Tell the listeners of the event's type."""
        for listener in self._find(type(event)):
            try:
                listener(event)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
                    raise
                logger.exception("Listener %r raised on %s", listener, type(event).__name__)

    def after_fork(self) -> None:
        """In the child of a fork: one of the parent's threads may have held the lock."""
        self._lock = Lock()

    def _find(self, kind: type[Event]) -> tuple[Listener, ...]:
        by_type = self._by_type
        found = by_type.get(kind)
        if found is None:
            found = tuple(callback for callback, types in self._listeners if issubclass(kind, types))
            by_type[kind] = found
        return found
