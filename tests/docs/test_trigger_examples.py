"""The triggers that the documentation shows keep the laws of triggers."""

from __future__ import annotations

import ast
import sys
from types import ModuleType

import pytest

from scheduler.testing import TriggerLaws
from tests.docs.markdown import ROOT, blocks

EXAMPLES = [
    ("docs/guide/own-triggers.md", "TestLeapDay"),
    ("docs/guide/own-triggers.md", "TestLater"),
    ("docs/guide/own-triggers.md", "TestQuarterEnd"),
    ("docs/guide/own-triggers.md", "TestEveryMinutes"),
    ("docs/guide/testing.md", "TestEveryNthWeek"),
]
LAWS = [name for name in vars(TriggerLaws) if name.startswith("test_")]


def suite(page: str, name: str) -> type[TriggerLaws]:
    """Return the suite that a page shows, from its imports, constants and classes up to there."""
    code = "".join(
        block.code for block in blocks((ROOT / page).read_text(encoding="utf-8")) if block.language == "python"
    )
    wanted: list[ast.stmt] = []
    for node in ast.parse(code).body:
        constant = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("UTC", "EPOCH", "berlin")
        if constant or isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef):
            wanted.append(node)
        if isinstance(node, ast.ClassDef) and node.name == name:
            break
    module = ModuleType(f"example_of_{name}")
    sys.modules[module.__name__] = module  # where pickling looks for the classes
    exec(compile(ast.Module(wanted, []), page, "exec"), vars(module))
    return vars(module)[name]


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda example: example[1])
def example(request: pytest.FixtureRequest) -> type[TriggerLaws]:
    return suite(*request.param)


@pytest.mark.parametrize("law", LAWS)
def test_the_example_of_a_trigger_keeps_every_law(example: type[TriggerLaws], law: str) -> None:
    laws = example()
    laws.setup_method()
    getattr(laws, law)()
