"""The cost of a fire does not grow with the number of stored jobs, nor with the history: no statement reads a table."""

import re

import pytest
from sqlalchemy import create_engine

from scheduler.core.plan import Plan
from scheduler.core.run import Progress, Reason, RunState
from scheduler.core.settle import begin, revoke
from scheduler.jobstores.sql import driver
from scheduler.jobstores.sql.rows import microseconds
from scheduler.testing.jobstore_base import NODE, START, at, make_job, make_run
from scheduler.testing.jobstore_nodes import make_node
from scheduler.triggers import AfterTrigger
from tests.jobstores.stores import opened

JOBS, RUNS = 2_000, 20_000

SMALL = re.compile(r"runs_(open|waiting)$")
"""The indexes that hold nothing but runs that have not ended; they may be read as a whole."""


@pytest.fixture
def crowded(database):
    """An engine and an open store with many jobs, long history, and statistics."""
    url, prefix = database
    engine = create_engine(url)
    store = opened(engine, prefix=prefix)
    idle = [make_job(f"idle-{number}", due=10_000 + number) for number in range(JOBS)]
    store.write_jobs(add=idle)
    skips = [make_run(idle[number % JOBS], -number, RunState.SKIPPED) for number in range(RUNS)]
    with store.turn() as turn:
        turn.record([Plan(idle[0], at(20_000), skips=tuple(skips))], [])
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    yield engine, store
    store.close()
    engine.dispose()


def drive(store):
    """Make every call of the engine's loop, in states in which each statement has work."""
    store.heartbeat(make_node(NODE), register=True)
    store.heartbeat(make_node(NODE), register=False)
    store.nodes()
    store.write_jobs(add=[make_job("job", coalesce=False, version=0), make_job("last")])
    store.write_jobs(update=[make_job("job", coalesce=False, version=0)])
    job, last = make_job("job", coalesce=False), make_job("last")
    run, end = make_run(job, 0), make_run(last, 0)
    queued = make_run(job, 1, RunState.PENDING)
    with store.turn() as turn:
        assert len(turn.claim({"default": 10, "unused": 5}, {"idle-0"}).jobs) == 2
        turn.record([Plan(job, at(60), starts=(run,), queued=(queued,)), Plan(last, None, starts=(end,))], [])
    with store.turn() as turn:
        turn.finish([one.moved(RunState.SUCCESS, finished_at=START) for one in (run, end)], NODE)
        turn.followers([job.id, last.id])
        turn.rehouse([job.incarnation])
        turn.release([job.incarnation])
        assert list(turn.remove_ended([job.id, last.id])) == [last.id]
        ((waiting, _),) = turn.claim({"default": 10}, ()).runs
        turn.record([], [begin(waiting, node=NODE, now=turn.now)])
        turn.next_due(["default", "unused"], {"idle-0"})
    with store.turn() as turn:
        assert len(turn.held(NODE, 10)) == 1
        turn.forget(NODE)
    store.holders()
    store.executors()
    store.next_due(["default"], ())
    store.get_run(run.id)
    store.get_job(job.id)
    store.get_runs(job.id, limit=5)
    store.get_runs(limit=5)
    store.remove_job(job.id)
    call_and_revoke(store)
    assert store.prune(at(5 - RUNS), 3) == 3
    assert store.prune_job("idle-1", 3, at(0), 2) == 2
    claim_damaged(store)


def call_and_revoke(store):
    """Call a job that another one follows, have it say how far it is, and revoke it."""
    job, follower = make_job("called", due=None), make_job("follower", due=None, trigger=AfterTrigger("called"))
    store.write_jobs(add=[follower])
    run = make_run(job, 0)
    with store.turn() as turn:
        turn.insert([run], [job])
    with store.turn() as turn:
        assert turn.active_job(job.id).active == 1
        assert turn.blockers([job.incarnation]) == {job.incarnation: [run.id]}
    with store.turn() as turn:
        assert turn.progress([run.evolved(progress=Progress("PROGRESS", {}, START))], NODE) == {run.id}
    assert store.held_by(NODE, [run.id]) == {run.id}
    with store.turn() as turn:
        turn.revoke(revoke(turn.open_run(run.id).run, Reason.CANCELLED, now=START))
        assert [entry.job for entry in turn.followers([job.id])] == [follower]
        assert list(turn.remove_ended([job.id])) == [job.id]
    store.remove_job(follower.id)


def claim_damaged(store):
    """Claim a job, and a waiting run of it, whose times are no times."""
    job = make_job("damaged")
    store.write_jobs(add=[job])
    run = make_run(job, 0)
    with store.turn() as turn:
        turn.record([Plan(job, at(-1), starts=(run,))], [])
        turn.finish([run.moved(RunState.RETRY, node=None, ready_at=START)], NODE)
    with store._engine.begin() as connection:
        for table, column in ((store._tables.jobs, "next_run_time"), (store._tables.runs, "ready_at")):
            connection.exec_driver_sql(
                f"UPDATE {table.name} SET {column} = {2**62} WHERE {column} <= {microseconds(START)}"
            )
    with store.turn() as turn:
        assert [len(found) for found in turn.claim({"default": 10, "unused": 5}, {"idle-0"})] == [1, 1]


def test_no_statement_of_the_loop_reads_a_whole_table(crowded, monkeypatch):
    engine, store = crowded
    statements = {}
    cursor_for = driver._cursor

    def noting(connection, statement, parameters):
        if re.match(r"WITH|SELECT|INSERT|UPDATE|DELETE", statement):
            many = bool(parameters) and engine.dialect.name == "sqlite" and isinstance(parameters[0], tuple)
            statements[statement] = parameters[0] if many else parameters
        return cursor_for(connection, statement, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(driver, "_cursor", noting)
        drive(store)
    assert len(statements) > 30
    scans = {}
    with engine.connect() as connection:
        for statement, parameters in statements.items():
            scans[statement] = SCANS[engine.dialect.name](connection, statement, parameters)
    assert {statement: found for statement, found in scans.items() if found} == {}


def _sqlite_scans(connection, statement, parameters):
    """Return the steps of SQLite's plan that walk through jobs or runs."""
    steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    found = []
    for *_, step in steps:
        match = re.match(r"SCAN (?:scheduler_jobs|scheduler_runs|r|j)\b(?: USING (?:COVERING )?INDEX (\S+))?", step)
        if match and not _is_first_of_ordered(step, statement) and not SMALL.search(match[1] or ""):
            found.append(step)
    return found


def _is_first_of_ordered(step, statement):
    """A list of the latest runs walks along the primary key and ends at its limit."""
    return "autoindex" in step and "ORDER BY id" in statement and "LIMIT" in statement


def _postgresql_scans(connection, statement, parameters):
    """Return the steps of PostgreSQL's plan that walk through jobs or runs."""
    ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchall()
    return [_describe(node) for node in _nodes(plan[0]["Plan"]) if _walks(node, statement)]


def _nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _walks(node, statement):
    if re.search(r"(jobs|runs)$", node.get("Relation Name", "")) is None:
        return False
    if node["Node Type"] in ("ModifyTable", "Bitmap Heap Scan"):
        return False
    index = node.get("Index Name", "")
    ordered = index.endswith("pkey") and "ORDER BY id" in statement and "LIMIT" in statement
    return not ("Index Cond" in node or SMALL.search(index) or ordered)


def _describe(node):
    return f"{node['Node Type']} of {node['Relation Name']} by {node.get('Index Name')}"


SCANS = {"sqlite": _sqlite_scans, "postgresql": _postgresql_scans}
