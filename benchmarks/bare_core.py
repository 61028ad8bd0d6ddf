"""The least that a durable history costs on SQLite: the rows of n fires, written in batches by bare SQLAlchemy."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)

BATCH = 500

tables = MetaData()
jobs = Table(
    "jobs",
    tables,
    Column("id", String(191), primary_key=True),
    Column("func", String(500)),
    Column("trigger", String(500)),
    Column("args", String(500)),
    Column("next_run_time", BigInteger, index=True),
    Column("version", Integer),
    Column("incarnation", String(64)),
)
runs = Table(
    "runs",
    tables,
    Column("id", String(100), primary_key=True),
    Column("job_id", String(191), index=True),
    Column("scheduled_time", BigInteger),
    Column("state", String(20)),
    Column("node", String(64)),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("result", String(500)),
)


class Rows:
    """A file with `size` due jobs."""

    def __init__(self, url: str, size: int) -> None:
        self.engine = create_engine(url)
        event.listen(self.engine, "connect", _durable)
        tables.create_all(self.engine)
        job = {"func": "benchmarks.fires:no_op", "trigger": '["date"]', "args": "[]", "next_run_time": 1, "version": 1}
        with self.engine.begin() as connection:
            connection.execute(
                insert(jobs), [{**job, "id": f"job-{n}", "incarnation": f"{n:032x}"} for n in range(size)]
            )

    def fire_all(self) -> None:
        """One transaction a batch: record what ended, claim what is due, record what begins."""
        begun: list[dict[str, Any]] = []
        while True:
            with self.engine.begin() as connection:
                _finish(connection, begun)
                begun = _begin(connection)
            if not begun:
                return


def _durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _finish(connection: Connection, begun: list[dict[str, Any]]) -> None:
    if not begun:
        return
    ended = [{"b_id": run["id"]} for run in begun]
    where = runs.c.id == bindparam("b_id")
    connection.execute(update(runs).where(where).values(state="SUCCESS", finished_at=2, result="null"), ended)
    connection.execute(delete(jobs).where(jobs.c.id == bindparam("b_id")), [{"b_id": run["job_id"]} for run in begun])


def _begin(connection: Connection) -> list[dict[str, Any]]:
    due = connection.execute(select(jobs).where(jobs.c.next_run_time <= 1).order_by(jobs.c.next_run_time).limit(BATCH))
    begun = [
        {"id": f"20260101T000000000000-{job.incarnation}", "job_id": job.id, "scheduled_time": 1, "state": "STARTED"}
        | {"node": "node", "started_at": 1}
        for job in due
    ]
    if begun:
        advance = update(jobs).where(jobs.c.id == bindparam("b_id"), jobs.c.version == 1)
        connection.execute(advance.values(next_run_time=None, version=2), [{"b_id": run["job_id"]} for run in begun])
        connection.execute(insert(runs), begun)
    return begun
