"""Opening a SQL job store: what is made, what is refused, and what the error says."""

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import URL, create_engine, event, inspect, text
from sqlalchemy.pool import NullPool, StaticPool

from scheduler.errors import JobStoreError, SchemaVersionError, StoreUnavailableError
from scheduler.jobstores import SQLAlchemyJobStore
from scheduler.testing import FakeClock
from scheduler.testing.jobstore_base import ids, make_job
from tests.jobstores.stores import opened


def test_the_tables_have_the_prefix_and_a_version(database):
    url, prefix = database
    opened(url, prefix=prefix).close()
    engine = create_engine(url, poolclass=NullPool)
    names = {name for name in inspect(engine).get_table_names() if name.startswith(prefix)}
    assert names == {f"{prefix}{name}" for name in ("jobs", "runs", "nodes", "meta")}
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT name, value FROM {prefix}meta")).all() == [("version", "2")]


def test_stores_of_two_prefixes_do_not_meet(tmp_path):
    one, two = (opened(f"sqlite:///{tmp_path / 'jobs.db'}", prefix=prefix) for prefix in ("one_", "two_"))
    one.write_jobs(add=[make_job("job")])
    assert two.get_jobs() == []
    one.close()
    two.close()


def test_tables_of_a_newer_version_are_refused_and_not_touched(database):
    url, prefix = database
    opened(url, prefix=prefix).close()
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {prefix}meta SET value = '3'"))
        connection.execute(text(f"DROP TABLE {prefix}nodes"))
    store = SQLAlchemyJobStore(url, prefix=prefix)
    with pytest.raises(SchemaVersionError, match=r"version 3.*knows 2"):
        store.open(FakeClock())
    store.close()
    assert not inspect(engine).has_table(f"{prefix}nodes")


def test_threads_that_open_a_new_database_at_once_create_it_once(database):
    url, prefix = database
    stores = [SQLAlchemyJobStore(url, prefix=prefix) for _ in range(6)]
    barrier = threading.Barrier(len(stores))

    def open_and_add(number):
        barrier.wait()
        stores[number].open(FakeClock())
        stores[number].write_jobs(add=[make_job(f"job-{number}")])

    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(open_and_add, range(len(stores))))
    assert len(stores[0].get_jobs()) == len(stores)
    for store in stores:
        store.close()


OPEN_AND_ADD = """
import sys
from tests.jobstores.stores import opened
from scheduler.testing.jobstore_base import make_job
sys.stdin.readline()
opened(sys.argv[1], prefix=sys.argv[2]).write_jobs(add=[make_job(sys.argv[3])])
"""


def test_processes_that_open_a_new_database_at_once_create_it_once(database):
    url, prefix = database
    command = [sys.executable, "-c", OPEN_AND_ADD, url, prefix]
    names = ["a", "b", "c"]
    processes = [subprocess.Popen([*command, name], stdin=subprocess.PIPE, stderr=subprocess.PIPE) for name in names]
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert errors == ["", "", ""]
    store = opened(url, prefix=prefix)
    assert ids(store.get_jobs()) == names
    store.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("jobs.db", "is not a database URL"),
        ("", "is not a database URL"),
        ("nosuchdb://host/name", "'nosuchdb' is not a supported database; supported are postgresql, sqlite"),
        ("oracle://host/name", "'oracle' is not a supported database"),
        ("postgresql+pg8000://host/name", r"pip install embedded-scheduler\[postgresql\]"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_at_once(url, words):
    with pytest.raises(JobStoreError, match=words):
        SQLAlchemyJobStore(url)


def test_an_unreadable_url_does_not_show_its_password():
    with pytest.raises(JobStoreError) as caught:
        SQLAlchemyJobStore("postgresql://user:secret@host:port/name")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(SQLAlchemyJobStore("postgresql://user:secret@host/name"))


@pytest.mark.parametrize("prefix", ["", "1st_", "a b", "x" * 41, "drop;", None])
def test_a_prefix_that_is_no_name_is_refused(prefix):
    with pytest.raises(JobStoreError, match="prefix must be"):
        SQLAlchemyJobStore("sqlite://", prefix=prefix)


@pytest.mark.parametrize("schema", ["", 'a"b', "a?b", "100%s", "a\0b", "x" * 64, 5])
def test_a_schema_that_statements_could_not_name_is_refused(schema):
    with pytest.raises(JobStoreError, match="schema must be"):
        SQLAlchemyJobStore("postgresql://host/name", schema=schema)


@pytest.mark.parametrize("timeout", [0, -1, 3601, "5"])
def test_a_timeout_out_of_range_is_refused(timeout):
    with pytest.raises(JobStoreError, match="timeout must be"):
        SQLAlchemyJobStore("sqlite://", timeout=timeout)


def test_a_missing_directory_is_named(tmp_path):
    store = SQLAlchemyJobStore(f"sqlite:///{tmp_path}/missing/jobs.db")
    with pytest.raises(StoreUnavailableError, match=rf"no directory '{tmp_path}/missing'; create it"):
        store.open(FakeClock())


def test_a_missing_schema_is_named(postgresql):
    url, prefix = postgresql
    store = SQLAlchemyJobStore(url, prefix=prefix, schema="no such schema")
    with pytest.raises(JobStoreError, match="no schema 'no such schema'; create it"):
        store.open(FakeClock())
    store.close()


def test_the_tables_can_live_in_a_schema_of_their_own(postgresql):
    url, prefix = postgresql
    schema = f"{prefix}Own schema"
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    store = opened(url, prefix=prefix, schema=schema)
    store.write_jobs(add=[make_job("job")])
    assert ids(store.get_jobs()) == ["job"]
    store.close()
    with engine.begin() as connection:
        assert connection.execute(text(f'SELECT count(*) FROM "{schema}".{prefix}jobs')).scalar() == 1
        connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))


def test_a_server_that_does_not_answer_is_unavailable():
    store = SQLAlchemyJobStore("postgresql://user@127.0.0.1:1/name", timeout=1)
    with pytest.raises(StoreUnavailableError, match="refused"):
        store.open(FakeClock())
    store.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "jobs.db").write_text("this is not a database " * 100)
    store = SQLAlchemyJobStore(f"sqlite:///{tmp_path / 'jobs.db'}")
    with pytest.raises(StoreUnavailableError, match="not a database"):
        store.open(FakeClock())
    store.close()


def test_a_file_that_somebody_else_has_locked_is_unavailable(sqlite_url, tmp_path):
    opened(sqlite_url).close()
    other = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = SQLAlchemyJobStore(sqlite_url, timeout=0.05)
    with pytest.raises(StoreUnavailableError, match="locked"):
        store.open(FakeClock())
    other.execute("ROLLBACK")
    store.open(FakeClock())
    store.close()
    other.close()


def test_a_file_that_cannot_be_written_is_unavailable(tmp_path):
    path = tmp_path / "jobs.db"
    opened(f"sqlite:///{path}").close()
    url = URL.create("sqlite", database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    store = SQLAlchemyJobStore(url)
    with pytest.raises(StoreUnavailableError, match="readonly"):
        store.open(FakeClock())
    store.close()


def test_a_store_that_is_not_open_says_so(sqlite_url):
    store = SQLAlchemyJobStore(sqlite_url)
    with pytest.raises(StoreUnavailableError, match=r"not open; give it to a Scheduler, or call open\(clock\) first"):
        store.get_jobs()
    with pytest.raises(StoreUnavailableError, match="not open"):
        store.now()
    opened_store = opened(sqlite_url)
    opened_store.close()
    with pytest.raises(StoreUnavailableError, match="not open"), opened_store.turn():
        pass


def test_a_given_engine_is_not_disposed_of(sqlite_url):
    engine = create_engine(sqlite_url)
    store = opened(engine)
    with engine.connect() as connection:
        store.close()
        assert connection.execute(text("SELECT count(*) FROM scheduler_jobs")).scalar() == 0
    assert engine.pool.checkedin() == 1
    engine.dispose()


def begin_at_once(engine):
    """Make transactions real, as SQLAlchemy's documentation advises for savepoints in SQLite."""

    @event.listens_for(engine, "connect")
    def leave_it_to_us(connection, record):
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({}, None),
        ({"isolation_level": "AUTOCOMMIT"}, None),
        ({"poolclass": NullPool}, None),
        ({"connect_args": {"timeout": 10}}, begin_at_once),
    ],
)
def test_a_given_sqlite_engine_may_have_settings_of_its_own(sqlite_url, options, settings):
    engine = create_engine(sqlite_url, **options)
    if settings:
        settings(engine)
    store = opened(engine)
    store.write_jobs(add=[make_job("kept", due=None)])

    def turn_that_fails():
        with store.turn() as turn:
            assert list(turn.remove_ended(["kept"])) == ["kept"]
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        turn_that_fails()
    assert ids(store.get_jobs()) == ["kept"]
    other = opened(sqlite_url, timeout=0.05)
    with store.turn(), pytest.raises(StoreUnavailableError, match="locked"):
        other.remove_all_jobs()
    other.close()
    store.close()
    engine.dispose()


def test_a_given_engine_whose_threads_have_a_database_each_is_refused():
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False})
    with pytest.raises(JobStoreError, match="StaticPool"):
        opened(engine)
    engine.dispose()


def test_a_given_engine_in_memory_works_with_one_connection():
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    store = opened(engine)
    store.write_jobs(add=[make_job("job")])
    assert not store.shared
    store.close()
    store.open(FakeClock())
    assert ids(store.get_jobs()) == ["job"]
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "shared"),
    [
        ("sqlite://", False),
        ("sqlite:///:memory:", False),
        ("sqlite:///file:name?mode=memory&uri=true", False),
        ("sqlite:///jobs.db", True),
        ("postgresql://host/name", True),
    ],
)
def test_only_databases_outside_this_process_are_shared(url, shared):
    store = SQLAlchemyJobStore(url)
    assert (store.shared, store.persistent) == (shared, True)


def test_a_given_server_engine_that_commits_each_statement_is_refused(postgresql):
    url, prefix = postgresql
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with pytest.raises(JobStoreError, match="AUTOCOMMIT"):
        opened(engine, prefix=prefix)
    engine.dispose()


def test_a_file_of_ours_is_safe_against_power_cuts_and_lets_readers_go_on(sqlite_url):
    store = opened(sqlite_url)
    with store._engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]
    store.close()


def test_calls_on_a_server_are_limited_in_time(postgresql):
    url, prefix = postgresql
    store = opened(url, prefix=prefix, timeout=2)
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    with store._engine.connect() as connection:
        limits = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    assert limits == ["2s", "6s", "6s"]
    store.close()


FILES = 12

OPEN_EACH = """
import sys
from scheduler.jobstores import SQLAlchemyJobStore
from scheduler.testing import FakeClock

for line in sys.stdin:
    store = SQLAlchemyJobStore(line.strip(), timeout=30)
    store.open(FakeClock())
    store.close()
    print("opened", flush=True)
"""


def test_a_new_sqlite_file_may_be_opened_by_many_at_the_same_instant(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    openers = [subprocess.Popen([sys.executable, "-c", OPEN_EACH], **pipes) for _ in range(4)]
    answers = []
    for number in range(FILES):
        for opener in openers:
            opener.stdin.write(f"sqlite:///{tmp_path / f'{number}.db'}\n")
            opener.stdin.flush()
        answers += [opener.stdout.readline() for opener in openers]
    for opener in openers:
        opener.communicate(timeout=60)
    assert answers == ["opened\n"] * FILES * len(openers)
