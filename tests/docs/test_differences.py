"""The page about time shows every difference to other programs that the comparisons allow, and no other."""

from __future__ import annotations

import re

import pytest

from tests.docs.markdown import ROOT
from tests.oracles import cron, keywords
from tests.oracles.differences import Difference

PAGE = ROOT / "docs" / "guide" / "time.md"


@pytest.mark.parametrize(
    ("heading", "differences"),
    [("cronsim", cron.DIFFERENCES), ("APScheduler 3", keywords.DIFFERENCES)],
    ids=["cronsim", "apscheduler"],
)
def test_the_page_shows_each_difference_with_its_reason(heading: str, differences: tuple[Difference, ...]) -> None:
    _, section = PAGE.read_text(encoding="utf-8").split(f"\n### {heading}\n")
    table = re.search(r"^\| Difference \| Why \|\n\|.*\n((?:\|.*\n)+)", section, flags=re.MULTILINE)
    assert table is not None
    assert table[1].splitlines() == [f"| {difference.name} | {difference.reason} |" for difference in differences]
