"""What users import is there, and importing it costs nothing that they did not ask for."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

PUBLIC = {
    "scheduler": """
        Scheduler SchedulerState Health StoreHealth Job Run RunState RetryPolicy JobDefaults JobDefinition
        Event JobEvent RunEvent SchedulerStarted SchedulerPaused SchedulerResumed SchedulerShutdown
        JobAdded JobModified JobRemoved JobBroken
        RunStarted RunSucceeded RunFailed RunRetrying RunSkipped RunRevoked RunLost StoreUnavailable StoreRecovered
        SchedulerError InvalidJobError UnknownOptionError InvalidTriggerError SerializationError FunctionLookupError
        ConflictingIdError StaleJobError JobLookupError RunLookupError JobStoreLookupError ExecutorLookupError
        BrokenJobError SchedulerAlreadyRunningError SchedulerNotRunningError ExecutorStoppedError InvalidMoveError
        InvalidSettingError JobStoreError StoreUnavailableError SchemaVersionError
    """,
    "scheduler.triggers": "Trigger DateTrigger IntervalTrigger CronTrigger",
    "scheduler.jobstores": "JobStore MemoryJobStore SQLAlchemyJobStore",
    "scheduler.executors": "Executor ThreadPoolExecutor InlineExecutor",
    "scheduler.testing": "FakeClock VirtualTime JobStoreContract ExecutorContract",
}

HEAVY = ("sqlalchemy", "asyncio", "tzlocal", "pytz", "psycopg", "pymysql", "pytest", "concurrent.futures.process")


@pytest.mark.parametrize(("module", "name"), [(module, name) for module in PUBLIC for name in PUBLIC[module].split()])
def test_a_public_name_can_be_imported_from_where_it_is_documented(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("module", PUBLIC)
def test_star_imports_and_completion_see_the_public_names(module: str) -> None:
    assert set(PUBLIC[module].split()) <= set(importlib.import_module(module).__all__)


@pytest.mark.parametrize("module", ["scheduler.errors", "scheduler.core.events"])
def test_every_error_and_event_can_be_imported_from_the_package(module: str) -> None:
    defined = vars(importlib.import_module(module)).values()
    classes = {thing.__name__ for thing in defined if isinstance(thing, type) and thing.__module__ == module}
    assert classes <= set(importlib.import_module("scheduler").__all__)


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = f"import sys, scheduler; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
