"""Who may import what: the layers and bans of pyproject.toml, and the modules that alone may touch clocks."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import contracts, dotted, imports, modules, path_of, tree, within

LAYERS = [re.split(r"\s*\|\s*", layer) for layer in contracts("layers")[0]["layers"]]
FRONT = "scheduler.asynchronous"
"""Where the names of the package itself belong, as `scheduler/__init__.py` gathers them from here and below."""

LATE_IMPORTS = {
    "scheduler/__init__.py": {"importlib.metadata", "scheduler.asynchronous"},
    "scheduler/jobstores/__init__.py": {"scheduler.jobstores.sql.store"},
    "scheduler/assembly.py": {"scheduler.jobstores.sql.store"},
    "scheduler/executors/__init__.py": {"scheduler.executors.event_loop", "scheduler.executors.processes"},
    "scheduler/executors/current.py": {"asyncio", "concurrent.futures"},
    "scheduler/executors/threads.py": {"scheduler.executors.coroutines"},
    "scheduler/timezones.py": {"tzlocal", "pytz"},
    "scheduler/triggers/solar.py": {"ephem"},
    "scheduler/progress_bar.py": {"tqdm"},
    "scheduler/run_operations.py": {"asyncio"},
}
"""Where an import may wait until it is needed, because it is heavy or needs an extra; all others stand at the top."""

CLOCK_CALLS = {"time.time", "time.monotonic", "time.perf_counter", "datetime.now", "datetime.utcnow", "date.today"}
IGNORED = {line for one in contracts("layers") for entry in one["ignore_imports"] for line in (entry, f"{entry}.Run")}

OWN_CLOCK = ("scheduler/clock.py", "scheduler/cli/")
"""Who may read the machine's clock. The command line lives outside the scheduler's time."""


def layer_of(name: str) -> int | None:
    name = FRONT if name == "scheduler" else name
    return next((at for at, group in enumerate(LAYERS) if any(within(name, member) for member in group)), None)


@pytest.mark.parametrize("module", modules(), ids=path_of)
def test_a_module_imports_from_its_own_layer_or_those_below(module: Path) -> None:
    own = layer_of(dotted(module))
    assert own is not None
    name = FRONT if dotted(module) == "scheduler" else dotted(module)
    siblings = [member for member in LAYERS[own] if not within(name, member)]
    wrong = {
        used
        for used in imports(module)
        if f"{dotted(module)} -> {used}" not in IGNORED
        and (layer := layer_of(used)) is not None
        and (layer < own or any(within(used, member) for member in siblings))
    }
    assert wrong == set()


@pytest.mark.parametrize("contract", contracts("forbidden"), ids=lambda contract: contract["name"])
def test_what_pyproject_forbids_is_not_imported(contract: dict[str, list[str]]) -> None:
    wrong = {
        f"{path_of(module)} imports {name}"
        for module in modules()
        if any(within(dotted(module), source) for source in contract["source_modules"])
        for name in imports(module)
        if any(within(name, banned) for banned in contract["forbidden_modules"])
    }
    assert wrong == set()


def test_every_module_has_a_layer() -> None:
    assert [path_of(module) for module in modules() if layer_of(dotted(module)) is None] == []


def test_the_list_of_late_imports_is_up_to_date() -> None:
    actual = {path_of(module): imports(module) for module in modules()}
    unused = {path: names - actual.get(path, set()) for path, names in LATE_IMPORTS.items()}
    assert {path: names for path, names in unused.items() if names} == {}


@pytest.mark.parametrize("module", modules(), ids=path_of)
def test_imports_stand_at_the_top(module: Path) -> None:
    bodies = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = imports(module, (node for body in bodies for node in ast.walk(body)))
    allowed = LATE_IMPORTS.get(path_of(module), set())
    assert {name for name in late if not any(within(name, root) for root in allowed)} == set()


@pytest.mark.parametrize("module", modules(), ids=path_of)
def test_only_the_clock_reads_clocks(module: Path) -> None:
    if path_of(module).startswith(OWN_CLOCK):
        return
    used = {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
    reads = {name for name in used if any(name == call or name.endswith("." + call) for call in CLOCK_CALLS)}
    assert reads | {name for name in imports(module) if name in CLOCK_CALLS} == set()
