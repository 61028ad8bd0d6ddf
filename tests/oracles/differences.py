"""Where a peer's fire times begin to differ, and the named reasons that explain it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.oracles.minutes import Rule, following
from tests.oracles.tally import Tally
from tests.oracles.zones import Turn

NEAR = timedelta(hours=26)
"""How far a fire time can be from the turn of the clock that confuses it."""


@dataclass(frozen=True)
class Case:
    """Where the fire times of an expression begin to differ."""

    expression: str
    rule: Rule
    zone: ZoneInfo
    turns: Sequence[Turn]
    """All turns of the clock in the zone."""
    agreed: datetime
    """The instant from which both looked for the next fire time, in UTC."""
    ours: datetime | None
    """In UTC."""
    theirs: datetime | None
    """In the zone."""
    endless: bool = False
    """Whether the peer's search does not end."""

    def __str__(self) -> str:
        theirs = "goes on for ever" if self.endless else self.shown(self.theirs)
        start, ours = self.shown(self.agreed), self.shown(self.ours)
        return f"{self.expression!r} in {self.zone} after {start}: {ours}; the peer: {theirs}"

    @property
    def near(self) -> list[Turn]:
        """The turns of the clock that are close to the difference."""
        moments = [self.agreed, *(fire.astimezone(UTC) for fire in (self.ours, self.theirs) if fire is not None)]
        return [turn for turn in self.turns if any(abs(turn.instant - moment) <= NEAR for moment in moments)]

    @property
    def backwards(self) -> bool:
        """Whether the peer's fire time is not after the instant that it was asked for."""
        return self.theirs is not None and self.theirs.astimezone(UTC) <= self.agreed

    @property
    def never_shown(self) -> bool:
        """Whether the peer's fire time is a wall time that the clock skips."""
        return self.theirs is not None and self.theirs.astimezone(UTC).astimezone(self.zone) != self.theirs

    @property
    def shown_again(self) -> bool:
        """Whether the peer's fire time is a wall time that the clock shows for the second time."""
        return self.theirs is not None and self.theirs.astimezone(UTC).astimezone(self.zone).fold == 1

    @property
    def turned_on_the_way(self) -> bool:
        """Whether the clock is turned between the start of the search and the later fire time."""
        fires = [fire.astimezone(UTC) for fire in (self.ours, self.theirs) if fire is not None]
        return any(self.agreed <= turn.instant <= max(fires) for turn in self.turns)

    def shown(self, instant: datetime | None) -> str:
        """The wall time at an instant, with its offset."""
        return "never" if instant is None else str(instant.astimezone(self.zone))


@dataclass(frozen=True)
class Difference:
    """One kind of difference: its name, what is behind it, and whether it explains a case."""

    name: str
    reason: str
    applies: Callable[[Case], bool]


def judge(case: Case, differences: Sequence[Difference], tally: Tally) -> None:
    """Note the first reason that explains a difference, or that there is none, or that the fire time is wrong."""
    last = case.ours or case.agreed + timedelta(days=3)
    expected = following(case.rule, case.zone, case.agreed, last)
    if case.ours != expected:
        tally.unexplained.append(f"{case}; by looking at each minute it is {case.shown(expected)}")
        return
    reason = next((difference.name for difference in differences if difference.applies(case)), None)
    if reason is None:
        tally.unexplained.append(f"{case}; there is no reason for this")
    else:
        tally.differences[reason] += 1
