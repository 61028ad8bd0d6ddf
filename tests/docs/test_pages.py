"""What the pages say about the code and about each other is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scheduler.core.run import MOVES, RunState
from tests.docs.markdown import ROOT, anchors, links, name_of, pages

DESIGN = ROOT / "docs" / "design" / "index.md"


def test_the_state_table_of_the_design_page_is_the_table_of_moves() -> None:
    rows = re.findall(r"^\| `([A-Z]+)` \| (.*?) \|", DESIGN.read_text(encoding="utf-8"), flags=re.MULTILINE)
    table = {state: set(re.findall(r"`([A-Z]+)`", following)) for state, following in rows}
    assert table == {state.value: {follower.value for follower in MOVES[state]} for state in RunState}


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    dead = [target for target in links(page.read_text(encoding="utf-8")) if not resolves(page, target)]
    assert dead == []


def resolves(page: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in anchors(file.read_text(encoding="utf-8"))


def test_every_page_of_the_documentation_can_be_reached_from_its_index() -> None:
    todo, reached = [ROOT / "docs" / "index.md"], set()
    while todo:
        page = todo.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        local = (target.partition("#")[0] for target in links(page.read_text(encoding="utf-8")) if ":" not in target)
        todo += [(page.parent / path).resolve() for path in local if path]
    assert [name_of(page) for page in pages() if page.is_relative_to(ROOT / "docs") and page not in reached] == []
