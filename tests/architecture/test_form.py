"""The form of the source: docstrings, sizes, names."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT, modules, path_of, pyproject, tree

FILE, CLASS, FUNCTION = 400, 300, 50
"""The most lines that each may have."""

SOURCES = sorted(path for folder in ("scheduler", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("module", [path for path in SOURCES if path.stat().st_size], ids=path_of)
def test_every_module_opens_with_a_docstring(module: Path) -> None:
    assert ast.get_docstring(tree(module))


@pytest.mark.parametrize("module", SOURCES, ids=path_of)
def test_files_classes_and_functions_stay_small(module: Path) -> None:
    long = [f"the file: {length}"] if (length := len(module.read_text(encoding="utf-8").splitlines())) > FILE else []
    limits = {ast.ClassDef: CLASS, ast.FunctionDef: FUNCTION, ast.AsyncFunctionDef: FUNCTION}
    for node in ast.walk(tree(module)):
        limit = limits.get(type(node))
        if limit and isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            long += [f"{node.name}: {lines}"] if lines > limit else []
    assert long == []


def test_no_module_shadows_the_standard_library_or_a_dependency() -> None:
    foreign = sys.stdlib_module_names | {"sqlalchemy", "tzlocal", "pytz", "rq", "redis", "celery", "psycopg", "pymysql"}
    names = {path.stem for path in modules()} | {path.parent.name for path in modules()}
    assert names & foreign == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["scheduler"]


def test_the_changelog_knows_the_version() -> None:
    released = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert released[0] == "Unreleased"
    assert len(released) == 1 or released[1] == pyproject()["project"]["version"]


def test_the_tests_have_the_same_names_each_time(request: pytest.FixtureRequest) -> None:
    """Workers that collect the tests side by side must agree on them, and addresses in memory differ."""
    assert [item.nodeid for item in request.session.items if re.search(r"\bat 0x[0-9a-f]+", item.nodeid)] == []
