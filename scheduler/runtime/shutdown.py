"""The order of a shutdown: runs end or are given up, that is recorded, and only then is what still runs told to end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from scheduler.executors.base import Executor
from scheduler.runtime.engine import Engine
from scheduler.runtime.link import StoreLink
from scheduler.runtime.loop import Loop
from scheduler.runtime.stopping import CALLS_ENDED, LOOP_ENDED, RECORDED, STORES_LEFT, Deadline, side_by_side
from scheduler.runtime.wakeup import Wakeup

logger = logging.getLogger(__name__)

LAST_WORDS = 5.0
"""Seconds for which a shutdown tries to record how the last runs ended, where the store does not answer."""

VIRTUAL_CHECK = 0.05
"""Seconds between the steps of a shutdown that waits for calls on a virtual clock, where nobody else takes steps."""


def shut_down(
    engine: Engine, loop: Loop | None, wakeup: Wakeup, deadline: Deadline, leave: Callable[[StoreLink], object]
) -> None:
    """Stop every part of a closed engine; one that fails or hangs keeps none of the others from it.

    What has not reported by the deadline is recorded as lost before it is told to end, so that what it does when it is
    told is never taken for the end of its work.

    Arguments:
        loop: what takes the engine's steps; None on a virtual clock.
        wakeup: set when there is something to do.
        leave: takes this node off a store, and closes that.
    """
    if loop is None:
        _record_on_virtual_clock(engine, wakeup, deadline)
    else:
        _record(engine, loop, deadline)
    _stop_executors(engine, deadline)
    links = list(engine.links.values())
    leaving = {f"taking leave of job store {link.alias!r}": partial(leave, link) for link in links}
    side_by_side(leaving, partial(deadline.left, STORES_LEFT))


def _record(engine: Engine, loop: Loop, deadline: Deadline) -> None:
    """Let the loop record what ends until the deadline, and then the rest as lost; then end the loop."""
    engine.landed.wait(deadline.left())
    engine.give_up()
    left = deadline.left(RECORDED)
    recorded = engine.recorded.wait(LAST_WORDS if left is None else min(LAST_WORDS, left))
    if not loop.stop(deadline.left(LOOP_ENDED)):
        logger.error("A call in the scheduler's own thread does not end; what ran here will be LOST")
    elif not recorded:
        _drop_unrecorded(engine)


def _record_on_virtual_clock(engine: Engine, wakeup: Wakeup, deadline: Deadline) -> None:
    """Do the same where nobody else takes steps, and no time passes in which a store may answer again."""
    if deadline.left() is None:
        _stop_executors(engine, deadline)  # they know whether calls can end while the clock stands still
    engine.step()
    while not engine.landed.is_set() and (left := deadline.left()):
        wakeup.wait(min(left, VIRTUAL_CHECK))
        engine.step()
    engine.give_up()
    while engine.step() == 0 and engine.active:  # a turn records a part of what is much
        pass
    _drop_unrecorded(engine)


def _drop_unrecorded(engine: Engine) -> None:
    if engine.active:
        logger.error("%d runs that ended could not be recorded; they will be LOST", engine.active)
        engine.drop_flights()


def _stop_executors(engine: Engine, deadline: Deadline) -> None:
    """Stop executors side by side, so that one time holds for all of them."""

    def stop(executor: Executor) -> None:
        executor.stop(deadline.left())

    executors = list(engine.executors.items())
    stopping = {f"stopping executor {alias!r}": partial(stop, executor) for alias, executor in executors}
    side_by_side(stopping, partial(deadline.grace, CALLS_ENDED))
