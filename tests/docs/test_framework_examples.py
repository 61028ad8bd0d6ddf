"""The page on frameworks shows the files that are run under their servers."""

from __future__ import annotations

import pytest

from tests.docs.markdown import ROOT, Block, blocks

PAGE = ROOT / "docs" / "guide" / "frameworks.md"
EXAMPLES = ROOT / "docs" / "examples"
NOT_SHOWN = {"django/gunicorn.conf.py", "django/manage.py"}
"""And the empty frame of a Django site."""

SHOWN = [block for block in blocks(PAGE.read_text(encoding="utf-8")) if block.note == "not run"]


def file_of(block: Block) -> str:
    return block.note_text.partition(",")[0]


@pytest.mark.parametrize("block", SHOWN, ids=file_of)
def test_a_program_on_the_page_is_the_file_that_is_tested(block: Block) -> None:
    assert block.code == (ROOT / file_of(block)).read_text(encoding="utf-8")


def test_every_example_is_on_the_page() -> None:
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.is_file()}
    wanted = {name for name in files if not name.startswith("django/project/") and "__" not in name}
    assert {file_of(block).removeprefix("docs/examples/") for block in SHOWN} == wanted - NOT_SHOWN
