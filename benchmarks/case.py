"""What a question consists of: cases that are measured, and ratios that answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Values = Mapping[str, float]
"""What one measurement found: metric → value."""


@dataclass(frozen=True)
class Case:
    """One thing to measure. Each measurement runs in a fresh process."""

    name: str
    measure: Callable[[int], Values]
    size: int
    """How much work one measurement does; what is counted, the question's docstring says."""
    quick: int
    """The size for `--quick`."""
    needs: str | None = None
    """The module of a peer without which the case is left out."""


@dataclass(frozen=True)
class Ratio:
    """One line of the answer: how `ours` compares with `peer` in a metric."""

    ours: str
    peer: str
    metric: str
    goal: str = ""


@dataclass(frozen=True)
class Question:
    """A question, its cases, and the ratios that answer it."""

    title: str
    text: str
    """The module's docstring: the workload, and how to read the numbers."""
    units: Mapping[str, str]
    """Metric → unit."""
    cases: tuple[Case, ...]
    ratios: tuple[Ratio, ...]
