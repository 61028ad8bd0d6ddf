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


_forkable: WeakSet[Forkable] = WeakSet()


def tell_of_forks(one: Forkable) -> None:
    """Have `after_fork` called in each child that is forked while `one` exists."""
    _forkable.add(one)


def _forked() -> None:
    for one in list(_forkable):
        try:
            one.after_fork()
        except Exception:
            logger.exception("%r could not be made ready for use after a fork", one)


if hasattr(os, "register_at_fork"):  # where there are forks
    os.register_at_fork(after_in_child=_forked)
