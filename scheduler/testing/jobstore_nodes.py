"""The parts of the job store contract that are about nodes, about opening and closing, and about threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.core.node import Node
from scheduler.core.plan import Plan
from scheduler.core.run import RunState
from scheduler.testing.jobstore_base import NODE, OTHER_NODE, START, StoreTests, at, ids, make_job, make_run


def make_node(node_id: str, started_at: datetime = START) -> Node:
    """Return a node as its process would describe it."""
    return Node(
        id=node_id, host="höst", pid=4_000_000, machine="boot/1", birth="123", started_at=started_at, heartbeat_at=START
    )


class NodeTests(StoreTests):
    """`heartbeat`, `nodes`, `holders`, `held`, `held_by` and `forget`."""

    def test_a_registered_node_is_listed_and_beats_by_the_stores_time(self) -> None:
        node = make_node(NODE)
        self.clock.advance(3)
        assert self.store.heartbeat(node, register=True)
        assert self.store.nodes() == [replace(node, heartbeat_at=at(3))]
        self.clock.advance(4)
        assert self.store.heartbeat(node, register=False)
        assert self.store.nodes() == [replace(node, heartbeat_at=at(7))]

    def test_a_node_that_is_gone_is_told_so_and_not_written(self) -> None:
        assert not self.store.heartbeat(make_node(NODE), register=False)
        assert self.store.nodes() == []

    def test_nodes_are_listed_oldest_first(self) -> None:
        for number in (2, 1, 3):
            self.store.heartbeat(make_node(f"node-{number}", at(number)), register=True)
        assert [node.id for node in self.store.nodes()] == ["node-1", "node-2", "node-3"]

    def test_a_forgotten_node_is_gone(self) -> None:
        for node in (NODE, OTHER_NODE):
            self.store.heartbeat(make_node(node), register=True)
        with self.store.turn() as turn:
            turn.forget(NODE)
            turn.forget("nobody")
        assert [node.id for node in self.store.nodes()] == [OTHER_NODE]
        assert not self.store.heartbeat(make_node(NODE), register=False)

    def test_a_node_holds_its_started_runs_oldest_first(self) -> None:
        job = make_job("job", max_instances=9)
        mine = [make_run(job, seconds) for seconds in (3, 1, 2)]
        foreign, queued = make_run(job, 4, node=OTHER_NODE), make_run(job, 5, RunState.PENDING)
        ended, again = make_run(job, 6), make_run(job, 7)
        stored = self._add_with_runs(job, *mine, foreign, queued, ended, again)
        self._end(ended)
        self._retry(again, ready=100)
        with self.store.turn() as turn:
            held = turn.held(NODE, 10)
            assert [run.scheduled_time for run, _ in held] == [at(1), at(2), at(3)]
            assert [job for _, job in held] == [stored] * 3
            assert [run.scheduled_time for run, _ in turn.held(NODE, 2)] == [at(1), at(2)]
            assert turn.held("nobody", 10) == []

    def test_holders_are_the_nodes_with_started_runs_also_those_without_a_row(self) -> None:
        assert set(self.store.holders()) == set()
        job = make_job("job", max_instances=9)
        mine, foreign, ended = make_run(job, 1), make_run(job, 2, node=OTHER_NODE), make_run(job, 3, node="node-3")
        self._add_with_runs(job, mine, foreign, ended, make_run(job, 4, RunState.PENDING))
        self.store.heartbeat(make_node(OTHER_NODE), register=True)
        self.store.heartbeat(make_node("idle"), register=True)
        self._finish(ended.moved(RunState.SUCCESS, finished_at=at(5)), node="node-3")
        self._retry(mine, ready=100)
        assert set(self.store.holders()) == {OTHER_NODE}

    def test_holders_are_the_nodes_that_hold_runs_with_or_without_a_row(self) -> None:
        assert set(self.store.holders()) == set()
        self.store.heartbeat(make_node("idle"), register=True)
        job = make_job("job", max_instances=9)
        runs = [make_run(job, 1), make_run(job, 2), make_run(job, 3, node=OTHER_NODE), make_run(job, 4, node="third")]
        self._add_with_runs(job, *runs, make_run(job, 5, RunState.PENDING), make_run(job, 6, RunState.SKIPPED))
        self._end(runs[0])
        assert self._finish(runs[2].moved(RunState.LOST, finished_at=at(9)), node=OTHER_NODE)
        assert set(self.store.holders()) == {NODE, "third"}

    def test_of_some_runs_those_are_told_that_a_node_holds_still(self) -> None:
        job = make_job("job", max_instances=9)
        mine, foreign, waiting = make_run(job, 1), make_run(job, 2, node=OTHER_NODE), make_run(job, 3, RunState.PENDING)
        ended, again, unasked = make_run(job, 4), make_run(job, 5), make_run(job, 6)
        self._add_with_runs(job, mine, foreign, waiting, ended, again, unasked)
        self._end(ended)
        self._retry(again, ready=100)
        asked = ids([mine, foreign, waiting, ended, again, make_run(job, 7)])
        assert set(self.store.held_by(NODE, asked)) == {mine.id}
        assert set(self.store.held_by(OTHER_NODE, asked)) == {foreign.id}
        assert set(self.store.held_by("nobody", asked)) == set(self.store.held_by(NODE, [])) == set()

    def test_a_held_run_of_a_removed_job_has_no_job(self) -> None:
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        self.store.remove_job("job")
        self._add(make_job("job", incarnation="another life"))
        with self.store.turn() as turn:
            assert turn.held(NODE, 10) == [(run, None)]

    def test_the_runs_of_a_dead_node_are_lost_and_the_node_forgotten_in_one_turn(self) -> None:
        self.store.heartbeat(make_node(NODE), register=True)
        job = make_job("job")
        run = make_run(job)
        self._add_with_runs(job, run)
        with self.store.turn() as turn:
            ((held, _),) = turn.held(NODE, 10)
            assert turn.finish([held.moved(RunState.LOST, finished_at=turn.now, reason="lost")], NODE)
            turn.forget(NODE)
        assert self._run(run).state is RunState.LOST
        assert self._finish(run.moved(RunState.SUCCESS, finished_at=at(1))) == []


class LifeTests(StoreTests):
    """`open`, `close`, `after_fork`, `now`, and calls from many threads."""

    def test_the_time_is_that_of_a_virtual_clock(self) -> None:
        self.clock.advance(timedelta(days=1, microseconds=1))
        assert self.store.now() == START + timedelta(days=1, microseconds=1)
        with self.store.turn() as turn:
            assert turn.now == self.store.now()

    def test_opening_twice_does_nothing(self) -> None:
        self._add(make_job())
        self.store.open(self.clock)
        assert ids(self.store.get_jobs()) == ["job"]

    def test_a_closed_store_may_be_opened_again_and_its_jobs_stay(self) -> None:
        job = make_job()
        run = make_run(job)
        stored = self._add_with_runs(job, run)
        self.store.close()
        self.store.close()
        self.store.open(self.clock)
        assert self._job("job") == stored
        assert self._run(run) == run

    def test_a_store_that_a_fork_let_go_can_be_opened_and_used(self) -> None:
        self._add(make_job("old"))
        self.store.after_fork()
        self.store.open(self.clock)
        self._add(make_job("new"))
        assert "new" in ids(self.store.get_jobs())
        assert self._claimed()

    def test_two_threads_never_claim_the_same_job(self) -> None:
        jobs = [make_job(f"job-{number}", due=-number) for number in range(60)]
        self._add(*jobs)

        def claim_all(node: str) -> list[str]:
            claimed: list[str] = []
            misses = 0
            while misses < 3:
                with self.store.turn() as turn:
                    due = turn.claim({"default": 4}, ())
                    plans = [Plan(job, None, starts=(make_run(job, node=node),)) for job, _ in due.jobs]
                    turn.record(plans, [])
                claimed += [job.id for job, _ in due.jobs]
                misses = 0 if due.jobs else misses + 1
            return claimed

        claimed = _in_threads(claim_all, [NODE, OTHER_NODE])
        assert sorted(claimed[0] + claimed[1]) == sorted(ids(jobs))
        assert self._active_runs() == 60

    def test_many_threads_add_and_read_jobs_at_once(self) -> None:
        def add_and_read(thread: str) -> list[str]:
            own = [make_job(f"{thread}-{number}") for number in range(10)]
            for job in own:
                self._add(job)
                assert self._job(job.id) == job
            return ids(own)

        added = _in_threads(add_and_read, [f"thread-{number}" for number in range(8)])
        assert ids(self.store.get_jobs()) == sorted(job_id for thread in added for job_id in thread)


def _in_threads(call: Callable[[str], list[str]], arguments: list[str]) -> list[list[str]]:
    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(call, arguments, timeout=60))
