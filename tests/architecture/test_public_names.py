"""What users import is there, and importing it costs nothing that they did not ask for."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

from tests.architecture.source import ROOT

PUBLIC = {
    "scheduler": """
        Scheduler SchedulerState Health StoreHealth Job JobHandle Run RunState RetryPolicy JobDefaults JobDefinition
        RunHandle Attempt Progress Retry History CurrentRun current_run StuckRun
        Event JobEvent RunEvent SchedulerStarted SchedulerPaused SchedulerResumed SchedulerShutdown
        JobAdded JobModified JobRemoved JobBroken
        RunStarted RunProgress RunSucceeded RunFailed RunRetrying RunSkipped RunRevoked RunLost StoreUnavailable
        StoreRecovered
        SchedulerError InvalidJobError UnknownOptionError InvalidTriggerError SerializationError FunctionLookupError
        ConflictingIdError StaleJobError JobLookupError RunLookupError JobStoreLookupError ExecutorLookupError
        BrokenJobError SchedulerAlreadyRunningError SchedulerNotRunningError ExecutorStoppedError InvalidMoveError
        InvalidSettingError JobStoreError StoreUnavailableError SchemaVersionError
    """,
    "scheduler.triggers": """
        Trigger DateTrigger IntervalTrigger CronTrigger CalendarIntervalTrigger SolarTrigger
        AndTrigger OrTrigger ExcludingTrigger
    """,
    "scheduler.jobstores": "JobStore MemoryJobStore SQLAlchemyJobStore",
    "scheduler.executors": "Executor ThreadPoolExecutor AsyncIOExecutor ProcessPoolExecutor InlineExecutor",
    "scheduler.testing": "FakeClock VirtualTime JobStoreContract ExecutorContract TriggerLaws",
}

HEAVY = (
    "sqlalchemy",
    "asyncio",
    "tzlocal",
    "pytz",
    "psycopg",
    "pymysql",
    "ephem",
    "pytest",
    "concurrent.futures.process",
    "importlib.metadata",
)


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


def test_the_version_is_that_of_the_project() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    package = importlib.import_module("scheduler")
    try:
        installed = metadata.version("embedded-scheduler")
    except metadata.PackageNotFoundError:
        assert not hasattr(package, "__version__")
    else:
        assert package.__version__ == installed == declared


def test_the_version_is_asked_of_the_installed_package_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", {"embedded-scheduler": "1.2.3"}.__getitem__)
    assert importlib.import_module("scheduler").__version__ == "1.2.3"


def test_a_name_that_the_package_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'scheduler' has no attribute 'Schedular'"):
        importlib.import_module("scheduler").Schedular  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = f"import sys, scheduler; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
