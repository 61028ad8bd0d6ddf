"""Who is alive on a shared store: this node's heartbeat, and the nodes that have died."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.clock import Clock
from scheduler.core.node import Node
from scheduler.runtime.link import StoreLink


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """This process, in terms that another process on the same machine can check."""

    host: str
    pid: int
    machine: str
    birth: str


def this_process() -> ProcessIdentity:
    """Return the identity of this process. `machine` is empty where processes cannot look each other up."""
    pid = os.getpid()
    return ProcessIdentity(socket.gethostname(), pid, _machine(), _birth(pid))


def new_node_id(process: ProcessIdentity) -> str:
    """Return an id that no other node has had."""
    return f"{process.host}-{process.pid}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class _Beat:
    """This node's last heartbeat on a store."""

    next_at: float
    """When the next one is due, on the monotonic clock."""
    time: datetime
    """The store's time."""
    judge_at: float
    """From when on heartbeats of others may be judged, on the monotonic clock."""


class Liveness:
    """Beats for this node, and finds nodes that have died.

    Arguments:
        process: what this process is.
        clock: tells when the next beat is due.
        interval: seconds between heartbeats.
        timeout: seconds after which a node without a heartbeat is dead.
    """

    def __init__(self, process: ProcessIdentity, clock: Clock, interval: float, timeout: float) -> None:
        self.process = process
        self._clock = clock
        self._interval = interval
        self._timeout = timeout
        self._beats: dict[str, _Beat] = {}

    def identify(self) -> None:
        """Note which process this is now: it may have been forked since the last look."""
        self.process = this_process()

    def due_at(self, link: StoreLink) -> float | None:
        """Return the monotonic time of the next beat on this store; None where none is needed."""
        if not link.store.shared:
            return None
        last = self._beats.get(link.alias)
        return 0.0 if last is None else last.next_at

    def beat(self, link: StoreLink) -> list[str]:
        """Write the heartbeat and return the ids of nodes that have died.

        A node that finds itself declared dead goes on under a new id. One that was late itself, or sees that the
        store's clock has jumped, condemns nobody for being late until the others have had time to beat: they may have
        been frozen with it, and are not to blame for the clock.
        """
        monotonic = self._clock.monotonic()
        last = self._beats.get(link.alias)
        now = link.store.now()
        if last is None or not link.store.heartbeat(self._node(link), register=False):
            if last is not None:
                link.node = new_node_id(self.process)
            link.store.heartbeat(self._node(link), register=True)
        judge_at = 0.0 if last is None else last.judge_at
        if last is not None and self._is_out_of_step(last, monotonic, now):
            judge_at = monotonic + self._timeout
        self._beats[link.alias] = _Beat(monotonic + self._interval, now, judge_at)
        judges = monotonic >= judge_at
        holders = set(link.store.holders())
        nodes = link.store.nodes()
        dead = [
            node.id
            for node in nodes
            if node.id != link.node and (self._gone(node) or (judges and self._is_stale(node, now)))
        ]
        # Holders were asked for first, so those without a row have left it; one that was declared dead between its beat
        # and its turn may have taken runs after that.
        return dead + sorted(holders - {node.id for node in nodes})

    def pulse(self, link: StoreLink) -> float:
        """Beat in place of a loop that is held up, lest others take the node for dead while its runs go on.

        Called by a thread of its own. Returns after how many seconds to look again.
        """
        last = self._beats.get(link.alias)
        if last is not None and self._clock.monotonic() > last.next_at + self._interval / 4:
            with suppress(Exception):  # the loop tells of a store that fails
                link.store.heartbeat(self._node(link), register=False)
        return self._interval / 2

    def beats_on(self, alias: str) -> bool:
        """Whether this node has a row in that store."""
        return alias in self._beats

    def forget(self, alias: str) -> None:
        """Stop beating on a store that was removed."""
        self._beats.pop(alias, None)

    def after_fork(self) -> None:
        """In the child of a fork: it is another process, and has not beaten anywhere."""
        self.identify()
        self._beats = {}

    def anybody(self, link: StoreLink) -> bool:
        """Tell whether any node lives on a store, as its row says; for a client, which writes no heartbeats itself."""
        now = link.store.now()
        return any(not self._is_stale(node, now) and not self._gone(node) for node in link.store.nodes())

    def _is_out_of_step(self, last: _Beat, monotonic: float, now: datetime) -> bool:
        """Tell whether since the last beat a whole interval was missed, or the store's clock was set."""
        return monotonic > last.next_at + self._interval or abs(now - last.time) > timedelta(seconds=2 * self._interval)

    def _is_stale(self, node: Node, now: datetime) -> bool:
        """Tell whether a heartbeat is too old, or from a time before the store's clock was set back."""
        return abs(now - node.heartbeat_at) > timedelta(seconds=self._timeout)

    def _node(self, link: StoreLink) -> Node:
        now = link.store.now()
        process = self.process
        return Node(
            id=link.node,
            host=process.host,
            pid=process.pid,
            machine=process.machine,
            birth=process.birth,
            started_at=now,
            heartbeat_at=now,
        )

    def _gone(self, node: Node) -> bool:
        """Tell whether a node was a process of this machine that is no more: no need to wait for its time-out."""
        machine = self.process.machine
        return bool(machine) and node.machine == machine and bool(node.birth) and _birth(node.pid) != node.birth


def _machine() -> str:
    """Return boot and pid namespace: where both are equal, a pid means the same (Linux; proc(5), namespaces(7))."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _birth(pid: int) -> str:
    """Return when a process began, in clock ticks since boot; empty if there is none. A zombie has died too."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
