"""The executor that the documentation shows in full is one that schedulers can rely on."""

from __future__ import annotations

from typing import Any

from scheduler.executors import Executor
from scheduler.testing import ExecutorContract
from tests.docs.markdown import ROOT, blocks

PAGE = ROOT / "docs" / "guide" / "executors.md"


def example() -> type[Executor]:
    (code,) = [block.code for block in blocks(PAGE.read_text(encoding="utf-8")) if "class OneAtATime" in block.code]
    namespace: dict[str, Any] = {}
    exec(compile(code, PAGE.name, "exec"), namespace)
    return namespace["OneAtATime"]


class TestTheExampleOfAnExecutor(ExecutorContract):
    workers = 1

    def make_executor(self) -> Executor:
        return example()()
