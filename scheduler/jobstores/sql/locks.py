"""The queue before a database that lets one transaction write at a time, and the gate before one that forks upset."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager


class FairLock:
    """A lock that threads get in the order in which they asked for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds. Returns whether the lock is held now."""
        with self._guard:
            if not self._held:
                self._held = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            if turn.acquire(timeout=timeout):
                return True
        except BaseException:  # of a signal handler, Ctrl-C among them: nobody would give the turn back
            if not self._leave(turn):
                self.release()
            raise
        return not self._leave(turn)

    def _leave(self, turn: threading.Lock) -> bool:
        """Wait no more. Returns False where the lock was handed over meanwhile."""
        with self._guard:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True

    def release(self) -> None:
        """Hand the lock to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class Gate:
    """What threads pass through while they use a connection, and wait before while it is shut."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: Counter[int] = Counter()
        """Thread → how often it is inside."""
        self._shut = False

    @contextmanager
    def passage(self) -> Iterator[None]:
        """Be inside for the block. Who is inside already need not wait."""
        me = threading.get_ident()
        with self._changed:
            while self._shut and me not in self._inside:
                self._changed.wait()
            self._inside[me] += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[me] -= 1
                if not self._inside[me]:
                    del self._inside[me]
                    self._changed.notify_all()

    def shut(self, timeout: float) -> bool:
        """Let nobody in, and wait up to `timeout` seconds for others to leave. Returns whether nobody is inside."""
        me = threading.get_ident()
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: not self._inside.keys() - {me}, timeout)
            return not self._inside

    def open(self) -> None:
        """Let others in again."""
        with self._changed:
            self._shut = False
            self._changed.notify_all()
