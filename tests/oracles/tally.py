"""What comparisons found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Numbers of comparisons, and what differed."""

    searches: int = 0
    """Expressions and instants from which fire times were searched."""
    fires: int = 0
    """Pairs of fire times."""
    differences: Counter[str] = field(default_factory=Counter)
    """By the names of their reasons."""
    unexplained: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.searches += other.searches
        self.fires += other.fires
        self.differences += other.differences
        self.unexplained += other.unexplained
