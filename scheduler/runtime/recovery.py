"""The nodes of a store: this one beats, and the runs of those that have died are settled as lost."""

from __future__ import annotations

import logging

from scheduler.clock import Clock
from scheduler.core.settle import Ending, Outcome
from scheduler.runtime.announcer import Announcer
from scheduler.runtime.batch import LARGEST
from scheduler.runtime.endings import Endings, record_ended
from scheduler.runtime.link import Start, StoreLink
from scheduler.runtime.liveness import Liveness

logger = logging.getLogger(__name__)


class Recovery:
    """Looks after the nodes of each store, in the loop's thread."""

    def __init__(self, liveness: Liveness, announcer: Announcer, clock: Clock) -> None:
        self._liveness = liveness
        self._announcer = announcer
        self._clock = clock

    def due_at(self, link: StoreLink) -> float | None:
        """When to do so again, on the monotonic clock; None: no other node can be on this store."""
        return 0.0 if link.dead else self._liveness.due_at(link)

    def look_after_nodes(self, link: StoreLink) -> None:
        """Beat if it is time to, and record the runs of dead nodes as lost: some at a time, so that none else waits."""
        beat = self._liveness.due_at(link)
        if beat is not None and self._clock.monotonic() >= beat:
            dead = self._liveness.beat(link)
            for node in dead:
                if node not in link.dead:
                    logger.warning("Node %s is dead; its runs are lost", node)
            link.dead = dead
        if link.dead and not self._settle_lost(link, link.dead[0]):
            del link.dead[0]

    def _settle_lost(self, link: StoreLink, node: str) -> bool:
        """Settle some of a dead node's runs. Returns whether there may be more.

        Its row goes first: if it lives after all, it sees that it was given up, and takes no more runs under that id.
        """
        error = f"node {node} died before the function ended"
        endings = Endings(link.revocations)
        with link.store.turn() as turn:
            held = turn.held(node, LARGEST)
            lost = [(Start(run, job), Outcome(run.id, Ending.LOST, error=error)) for run, job in held]
            record_ended(turn, lost, endings)
            turn.forget(node)
        self._announcer.ended(link, endings)
        return len(held) == LARGEST
