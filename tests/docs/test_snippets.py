"""Every Python block of the documentation runs: one page shares a namespace, top to bottom, in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, Block, blocks, name_of, pages

LIMIT = 60
"""Seconds that the snippets of one page may take."""


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page.read_text(encoding="utf-8")) if block.language == "python"]


def as_program(found: list[Block]) -> str:
    """Join blocks so that each line keeps the number it has in the page, which makes tracebacks point there."""
    lines: list[str] = []
    for block in found:
        lines += [""] * (block.line - 1 - len(lines))
        lines += block.code.splitlines()
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("page", [page for page in pages() if python_blocks(page)], ids=name_of)
def test_the_python_blocks_of_a_page_run_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    found = python_blocks(page)
    for block in found:
        compile(block.code, f"{name_of(page)}:{block.line}", "exec")
    program = tmp_path / f"{page.stem}_snippets.py"
    program.write_text(as_program([block for block in found if block.note != "not run"]), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, program.name]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{name_of(page)} (line numbers are those of the page):\n{done.stdout}{done.stderr}"


def test_a_block_that_is_not_run_says_why() -> None:
    silent = [
        f"{name_of(page)}:{block.line}"
        for page in pages()
        for block in python_blocks(page)
        if block.note == "not run" and not block.note_text
    ]
    assert silent == []


@pytest.mark.parametrize("command", ["run", "test"])
def test_the_readme_gives_each_command_as_one_line(command: str) -> None:
    found = blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    given = [block.code for block in found if block.note == "command" and block.note_text == command]
    assert [code.count("\n") for code in given] == [1]
