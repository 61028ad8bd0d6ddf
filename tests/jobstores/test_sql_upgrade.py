"""Tables of the first version get what they lack when they are opened; what is in them stays as it is."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from scheduler.core.retry import RetryPolicy
from scheduler.core.run import Progress, RunState
from scheduler.errors import StoreUnavailableError
from scheduler.jobstores import SQLAlchemyJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import NODE, START, at, ids, make_job, make_run
from scheduler.triggers import AfterTrigger
from tests.jobstores.stores import opened

VERSION_1 = """
CREATE TABLE {at}jobs (
    id VARCHAR(255){key} NOT NULL, incarnation VARCHAR(64){key} NOT NULL, version BIGINT NOT NULL,
    executor VARCHAR(255){key} NOT NULL, next_run_time BIGINT, paused BOOLEAN NOT NULL, name TEXT NOT NULL,
    func TEXT NOT NULL, args TEXT NOT NULL, kwargs TEXT NOT NULL, "trigger" TEXT NOT NULL, rules TEXT NOT NULL,
    tags TEXT NOT NULL, executor_options TEXT NOT NULL, format INTEGER NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX {prefix}jobs_due ON {at}jobs (executor, next_run_time);
CREATE TABLE {at}meta (name VARCHAR(64){key} NOT NULL, value TEXT, PRIMARY KEY (name));
CREATE TABLE {at}nodes (
    id VARCHAR(255){key} NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, machine TEXT NOT NULL,
    birth TEXT NOT NULL, started_at BIGINT NOT NULL, heartbeat_at BIGINT NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE {at}runs (
    id VARCHAR(255){key} NOT NULL, job_id VARCHAR(255){key} NOT NULL, incarnation VARCHAR(64){key} NOT NULL,
    scheduled_time BIGINT NOT NULL, state VARCHAR(32) NOT NULL, attempt INTEGER NOT NULL,
    executor VARCHAR(255){key} NOT NULL, node VARCHAR(255){key}, ready_at BIGINT, started_at BIGINT,
    finished_at BIGINT, result TEXT, error TEXT, traceback TEXT, reason TEXT, count BIGINT NOT NULL, progress TEXT,
    PRIMARY KEY (id)
);
CREATE INDEX {prefix}runs_of_job ON {at}runs (job_id, scheduled_time);
CREATE INDEX {prefix}runs_open ON {at}runs (incarnation, scheduled_time) WHERE finished_at IS NULL;
CREATE INDEX {prefix}runs_waiting ON {at}runs (executor, ready_at, scheduled_time) WHERE ready_at IS NOT NULL;
INSERT INTO {at}meta VALUES ('version', '1');
INSERT INTO {at}jobs VALUES (
    'täglich', 'life-of-täglich', 2, 'default', 1704067260000000, false, '', 'builtins:print',
    '[1, {{"$type": "datetime", "value": "2024-01-01T00:00:00+00:00"}}]', '{{"a": [1]}}',
    '{{"kind": "interval", "version": 1, "minutes": 1, "start_date": "2024-01-01T00:00:00+00:00"}}',
    '{{"misfire_grace_time": null, "coalesce": true, "max_instances": 9, "retry": {{"max_retries": 2, "delay": 0.0,
      "backoff": 1.0, "max_delay": 3600.0, "jitter": 0.0, "on": null}}, "jitter": 1.5}}', '["t"]', '{{}}', 1
);
INSERT INTO {at}runs VALUES (
    '20240101T000001000000-life-of-täglich', 'täglich', 'life-of-täglich', 1704067201000000, 'SUCCESS', 1, 'default',
    'node-1', NULL, 1704067201000000, 1704067202000000, '{{"n": {{"$type": "tuple", "items": [1]}}}}', NULL, NULL, NULL,
    1, NULL
), (
    '20240101T000002000000-life-of-täglich', 'täglich', 'life-of-täglich', 1704067202000000, 'STARTED', 1, 'default',
    'node-1', NULL, 1704067202000000, NULL, NULL, NULL, NULL, NULL, 1, NULL
), (
    '20240101T000003000000-life-of-täglich', 'täglich', 'life-of-täglich', 1704067203000000, 'PENDING', 0, 'default',
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL
)
"""
"""The statements with which the first version made its tables, and rows that it wrote."""

JOB = make_job(
    "täglich",
    due=60,
    args=(1, START),
    kwargs={"a": [1]},
    max_instances=9,
    retry=RetryPolicy(max_retries=2),
    jitter=1.5,
    tags=("t",),
    version=2,
)
RUNS = [
    make_run(JOB, 1, RunState.SUCCESS, attempt=1, node=NODE, started_at=at(1), finished_at=at(2), result={"n": (1,)}),
    make_run(JOB, 2),
    make_run(JOB, 3, RunState.PENDING),
]


def make_version_1(url, prefix, schema=None):
    """Make the tables of the first version, with a job and its runs."""
    engine = create_engine(url, poolclass=NullPool)
    key = ' COLLATE "C"' if engine.dialect.name == "postgresql" else ""
    statements = VERSION_1.format(prefix=prefix, at=f'"{schema}".{prefix}' if schema else prefix, key=key)
    with engine.begin() as connection:
        for statement in statements.split(";\n"):
            connection.exec_driver_sql(statement)
    return engine


def shape(engine, prefix, schema=None):
    """Return names and types of all columns and indexes, and the version."""
    inspector = inspect(engine)
    found = {}
    for name in ("jobs", "runs", "nodes", "meta"):
        columns = inspector.get_columns(f"{prefix}{name}", schema=schema)
        found[name] = {column["name"]: (str(column["type"]), column["nullable"]) for column in columns}
        indexes = inspector.get_indexes(f"{prefix}{name}", schema=schema)
        found[f"{name} indexes"] = {index["name"]: index["column_names"] for index in indexes}
    with engine.connect() as connection:
        meta = f'"{schema}".{prefix}meta' if schema else f"{prefix}meta"
        found["version"] = connection.execute(text(f"SELECT value FROM {meta} WHERE name = 'version'")).all()
    return found


def check(store):
    """Check that what was there is there, and that what is new can be used."""
    assert store.get_jobs() == [JOB]
    assert store.get_runs(newest_first=False) == RUNS
    follower = make_job(
        "follower", due=None, trigger=AfterTrigger(JOB.id), overlap="queue", on_failure="builtins:print"
    )
    store.write_jobs(add=[follower])
    said = RUNS[1].evolved(progress=Progress("PROGRESS", {"done": 1}, at(2)))
    with store.turn() as turn:
        assert turn.progress([said], NODE) == {said.id}
    with store.turn() as turn:
        assert turn.finish([said.moved(RunState.SUCCESS, finished_at=at(3), cause="another run")], NODE) == {said.id}
        assert list(turn.followers([JOB.id])) == [(follower, 0)]
        assert turn.release([JOB.incarnation]) == 1
    assert store.get_run(said.id).cause == "another run"
    store.remove_job("follower")


def test_tables_of_the_first_version_become_those_of_this_one_and_keep_what_is_in_them(database):
    url, prefix = database
    engine = make_version_1(url, prefix)
    store = opened(url, prefix=prefix)
    check(store)
    store.close()
    upgraded = shape(engine, prefix)
    assert upgraded["version"] == [("2",)]
    with engine.begin() as connection:
        for name in ("jobs", "runs", "nodes", "meta"):
            connection.execute(text(f"DROP TABLE {prefix}{name}"))
    opened(url, prefix=prefix).close()
    assert shape(engine, prefix) == upgraded


def test_tables_that_were_upgraded_are_opened_like_any(database):
    url, prefix = database
    engine = make_version_1(url, prefix)
    opened(url, prefix=prefix).close()
    before = shape(engine, prefix)
    store = opened(url, prefix=prefix)
    check(store)
    store.close()
    assert shape(engine, prefix) == before


def test_tables_in_a_schema_are_upgraded_there_and_not_beside_it(postgresql):
    url, prefix = postgresql
    schema = f"{prefix}Own schema"
    admin = create_engine(url, poolclass=NullPool)
    with admin.begin() as connection:
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    engine = make_version_1(url, prefix, schema)
    make_version_1(url, prefix)
    store = opened(url, prefix=prefix, schema=schema)
    check(store)
    store.close()
    upgraded = shape(engine, prefix, schema)
    assert (upgraded["version"], shape(engine, prefix)["version"]) == ([("2",)], [("1",)])
    beside = opened(url, prefix=prefix)
    check(beside)
    beside.close()
    assert shape(engine, prefix) == upgraded
    with admin.begin() as connection:
        connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))


def test_threads_that_open_tables_of_the_first_version_at_once_upgrade_them_once(database):
    url, prefix = database
    make_version_1(url, prefix)
    stores = [SQLAlchemyJobStore(url, prefix=prefix) for _ in range(6)]
    barrier = threading.Barrier(len(stores))

    def open_and_read(store):
        barrier.wait()
        store.open(FakeClock(START))
        return store.get_jobs(), store.get_runs(newest_first=False)

    with ThreadPoolExecutor(len(stores)) as pool:
        assert list(pool.map(open_and_read, stores)) == [([JOB], RUNS)] * len(stores)
    check(stores[0])
    for store in stores:
        store.close()


OPEN_AND_ADD = """
import sys
from tests.jobstores.stores import opened
from scheduler.testing.jobstore_base import make_job
sys.stdin.readline()
opened(sys.argv[1], prefix=sys.argv[2]).write_jobs(add=[make_job(sys.argv[3])])
"""


def test_processes_that_open_tables_of_the_first_version_at_once_upgrade_them_once(database):
    url, prefix = database
    make_version_1(url, prefix)
    command, names = [sys.executable, "-c", OPEN_AND_ADD, str(url), prefix], ["a", "b", "c"]
    processes = [subprocess.Popen([*command, name], stdin=subprocess.PIPE, stderr=subprocess.PIPE) for name in names]
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1].decode() for process in processes] == ["", "", ""]
    store = opened(url, prefix=prefix)
    assert sorted(ids(store.get_jobs())) == [*names, JOB.id]
    store.close()


def test_a_process_of_the_first_version_that_runs_meanwhile_goes_on(database):
    url, prefix = database
    engine = make_version_1(url, prefix)
    with engine.connect() as older:
        opened(url, prefix=prefix).close()
        older.execute(text(f"UPDATE {prefix}jobs SET next_run_time = next_run_time + 1, version = version + 1"))
        older.execute(
            text(
                f"INSERT INTO {prefix}runs (id, job_id, incarnation, scheduled_time, state, attempt, executor, count) "
                "VALUES ('20240101T000004000000-x', 'x', 'x', 1704067204000000, 'SUCCESS', 1, 'default', 1)"
            )
        )
        older.commit()
    store = opened(url, prefix=prefix)
    assert store.get_job(JOB.id).version == 3
    assert len(store.get_runs()) == 4
    store.close()


def test_an_upgrade_that_fails_changes_nothing_and_can_be_repeated(database):
    url, prefix = database
    engine = make_version_1(url, prefix)
    before = shape(engine, prefix)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {prefix}jobs_following (in_the_way INTEGER)"))
    store = SQLAlchemyJobStore(url, prefix=prefix)
    with pytest.raises((StoreUnavailableError, ProgrammingError), match="already"):
        store.open(FakeClock(START))
    assert shape(engine, prefix) == before
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {prefix}jobs_following"))
    store.open(FakeClock(START))
    check(store)
    store.close()
