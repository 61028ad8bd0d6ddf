"""What a fork does: in the child, everything that the parent's threads drive has stopped, and locks nobody holds."""

from __future__ import annotations

import logging
import os
from typing import Protocol
from weakref import WeakSet

logger = logging.getLogger(__name__)


class Forkable(Protocol):
    """What has threads, locks or signal handlers that do not outlive a fork."""

    def after_fork(self) -> None:
        """In the child: let go of what is the parent's."""


class Pausable(Protocol):
    """What must not be in the middle of something, or have something open, while the process forks."""

    def before_fork(self) -> None:
        """Come to rest."""

    def after_fork_in_parent(self) -> None:
        """Go on."""


_forkable: WeakSet[Forkable] = WeakSet()
_pausable: WeakSet[Pausable] = WeakSet()


def tell_of_forks(one: Forkable) -> None:
    """Have `after_fork` called in each child that is forked while `one` exists."""
    _forkable.add(one)


def pause_for_forks(one: Pausable) -> None:
    """Have `before_fork` and `after_fork_in_parent` called around each fork while `one` exists."""
    _pausable.add(one)


def _call_each(all_of_them: WeakSet[Forkable] | WeakSet[Pausable], method: str) -> None:
    for one in list(all_of_them):
        try:
            getattr(one, method)()
        except Exception:
            logger.exception("%s of %r failed", method, one)


if hasattr(os, "register_at_fork"):  # where there are forks
    os.register_at_fork(
        before=lambda: _call_each(_pausable, "before_fork"),
        after_in_parent=lambda: _call_each(_pausable, "after_fork_in_parent"),
        after_in_child=lambda: _call_each(_forkable, "after_fork"),
    )
