"""What a driver raises comes as the store's errors, whatever it is doing at that moment."""

import sqlite3

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from scheduler.errors import StoreUnavailableError
from scheduler.jobstores.sql import driver
from scheduler.jobstores.sql.engines import translated


def test_what_a_closed_connection_raises_is_an_outage_too(postgresql_url):
    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        connection.connection.dbapi_connection.close()
        with pytest.raises(StoreUnavailableError, match="closed"), translated():
            driver.execute(connection, "SELECT 1")
        assert connection.invalidated
    engine.dispose()


class BrokenCursor(sqlite3.Cursor):
    broken = False

    def execute(self, statement, parameters=()):
        if "broken" in statement:
            self.broken = True
            raise sqlite3.OperationalError("the first error")
        return super().execute(statement, parameters)

    def close(self):
        if self.broken:
            raise sqlite3.ProgrammingError("the cursor cannot even be closed")
        super().close()


class BrokenConnection(sqlite3.Connection):
    def cursor(self, factory=BrokenCursor):
        return super().cursor(factory)


def test_a_cursor_that_cannot_be_closed_does_not_hide_why():
    engine = create_engine("sqlite://", connect_args={"factory": BrokenConnection})
    with engine.connect() as connection, pytest.raises(OperationalError, match="the first error"):
        driver.fetch(connection, "SELECT 'broken'")
    engine.dispose()
