"""Who is alive: by heartbeats on the store's clock, and at once by the process where that can be seen."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from scheduler.core.node import Node
from scheduler.jobstores import MemoryJobStore
from scheduler.runtime.link import StoreLink
from scheduler.runtime.liveness import Liveness, ProcessIdentity, new_node_id, this_process
from scheduler.testing import FakeClock

INTERVAL, TIMEOUT = 5.0, 20.0

ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked up in /proc")


class SharedMemoryStore(MemoryJobStore):
    """A memory store that several nodes use."""

    shared = True


class Peer:
    """A node's liveness, and its link."""

    def __init__(self, store, clock, process):
        self.liveness = Liveness(process, clock, INTERVAL, TIMEOUT)
        self.link = StoreLink("default", store, new_node_id(process))

    def beat(self):
        return self.liveness.beat(self.link)


ELSEWHERE = ProcessIdentity(host="elsewhere", pid=1, machine="", birth="")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    store = SharedMemoryStore()
    store.open(clock)
    return store


@pytest.fixture
def peers(store, clock):
    return [Peer(store, clock, ELSEWHERE) for _ in range(2)]


def pass_time(clock, seconds, *beating):
    """Let time pass in intervals, in which some nodes beat. Returns whom they found dead."""
    found = []
    for _ in range(int(seconds / INTERVAL)):
        clock.advance(INTERVAL)
        for peer in beating:
            found += peer.beat()
    return found


def test_nodes_that_beat_are_not_dead(clock, peers):
    for peer in peers:
        assert peer.beat() == []
    assert pass_time(clock, 300, *peers) == []


def test_a_node_is_dead_once_its_heartbeat_is_older_than_the_time_out(clock, peers):
    one, other = peers
    one.beat()
    other.beat()
    assert pass_time(clock, TIMEOUT, one) == []
    assert pass_time(clock, INTERVAL, one) == [other.link.node]


def test_a_node_that_starts_finds_at_once_who_died_long_ago(clock, store, peers):
    peers[0].beat()
    clock.advance(TIMEOUT + 1)
    assert Peer(store, clock, ELSEWHERE).beat() == [peers[0].link.node]


def test_a_node_whose_row_is_gone_goes_on_under_a_new_id(clock, store, peers):
    peer = peers[0]
    peer.beat()
    before = peer.link.node
    with store.turn() as turn:
        turn.forget(before)
    clock.advance(INTERVAL)
    peer.beat()
    assert peer.link.node != before
    assert [node.id for node in store.nodes()] == [peer.link.node]


def test_a_node_that_was_late_itself_gives_the_others_time_to_beat(clock, peers):
    one, other = peers
    one.beat()
    other.beat()
    clock.advance(10 * TIMEOUT)
    assert one.beat() == []
    assert pass_time(clock, TIMEOUT - INTERVAL, one) == []
    assert pass_time(clock, INTERVAL, one) == [other.link.node]


@pytest.mark.parametrize("jump_to", ["2030-01-01T00:00:00+00:00", "2001-01-01T00:00:00+00:00"])
def test_a_clock_that_was_set_gives_the_others_time_to_beat(clock, peers, jump_to):
    one, other = peers
    one.beat()
    other.beat()
    clock.advance(INTERVAL)
    clock.jump_to(jump_to)
    assert one.beat() == []
    assert pass_time(clock, 5 * TIMEOUT, other, one) == []
    assert pass_time(clock, TIMEOUT + INTERVAL, one) == [other.link.node]


def test_beats_are_due_at_once_then_every_interval_and_only_on_shared_stores(clock, peers):
    peer = peers[0]
    assert peer.liveness.due_at(peer.link) == 0.0
    clock.advance(3)
    peer.beat()
    assert peer.liveness.due_at(peer.link) == 3 + INTERVAL
    assert peer.liveness.beats_on("default")
    peer.liveness.forget("default")
    assert not peer.liveness.beats_on("default")
    assert peer.liveness.due_at(StoreLink("memory", MemoryJobStore(), "node")) is None


# processes


def identity_of_an_ended_process():
    """What a real process said of itself; it has ended and was reaped."""
    program = "from scheduler.runtime.liveness import this_process as it; p = it(); print(p.machine, p.birth)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    words, _ = process.communicate(timeout=60)
    machine, birth = words.split()
    return ProcessIdentity("here", process.pid, machine, birth)


def register(store, clock, process):
    node = Node(
        id="the other",
        host=process.host,
        pid=process.pid,
        machine=process.machine,
        birth=process.birth,
        started_at=clock.now(),
        heartbeat_at=clock.now(),
    )
    store.heartbeat(node, register=True)


@ON_LINUX
def test_a_process_of_this_machine_that_has_ended_is_dead_at_once(clock, store):
    register(store, clock, identity_of_an_ended_process())
    assert Peer(store, clock, this_process()).beat() == ["the other"]


@ON_LINUX
@pytest.mark.parametrize(
    ("changes", "dead"),
    [
        ({}, False),
        ({"birth": "1"}, True),
        ({"birth": "1", "machine": "another machine"}, False),
        ({"birth": "1", "machine": ""}, False),
        ({"birth": ""}, False),
    ],
    ids=["alive", "its pid was reused", "elsewhere", "it cannot be told where", "it cannot be told since when"],
)
def test_a_pid_is_believed_only_where_and_while_it_means_that_process(clock, store, changes, dead):
    register(store, clock, replace(this_process(), **changes))
    assert bool(Peer(store, clock, this_process()).beat()) is dead


@ON_LINUX
def test_a_zombie_is_dead(clock, store):
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    register(store, clock, replace(this_process(), pid=process.pid))
    assert Peer(store, clock, this_process()).beat() == ["the other"]
    process.wait()


def test_where_processes_cannot_be_looked_up_only_heartbeats_count(clock, store):
    register(store, clock, ELSEWHERE)
    nowhere = Peer(store, clock, replace(this_process(), machine=""))
    assert nowhere.beat() == []


def test_node_ids_differ_within_one_process():
    process = this_process()
    assert process.pid == os.getpid()
    assert len({new_node_id(process) for _ in range(100)}) == 100


def test_heartbeats_are_in_utc(clock, store, peers):
    peers[0].beat()
    [node] = store.nodes()
    assert node.heartbeat_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert node.heartbeat_at.utcoffset().total_seconds() == 0


def test_a_node_whose_loop_is_held_up_lives_on_by_its_pulse(clock, peers):
    one, other = peers
    one.beat()
    other.beat()
    for _ in range(20):
        clock.advance(INTERVAL / 2)
        other.liveness.pulse(other.link)
        assert one.beat() == []


def test_a_pulse_writes_nothing_while_the_loop_beats_itself_or_has_never_beaten(clock, store, peers):
    peer = peers[0]
    peer.liveness.pulse(peer.link)
    assert store.nodes() == []
    peer.beat()
    (before,) = store.nodes()
    clock.advance(INTERVAL)
    assert peer.liveness.pulse(peer.link) == INTERVAL / 2
    assert store.nodes() == [before]
