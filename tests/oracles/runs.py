"""Runs of an oracle: over a sample of turns, or over all turns of all zones on many processes."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.oracles.tally import Tally
from tests.oracles.zones import Group, groups, new_years, sample, zone_names

Compare = Callable[..., Tally]
"""Called with a turn of the clock, a number that goes on from turn to turn, and `thorough`."""


@dataclass
class Report:
    """What a run compared, and what it found."""

    zones: int = 0
    groups: int = 0
    """Zones whose clocks do not show the same from 2000 to 2037."""
    turns: int = 0
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0


def over_a_sample(compare: Compare, count: int) -> Report:
    """Compare around the odd turns and `count` others."""
    began, report = time.monotonic(), Report()
    turns = sample(count)
    for number, turn in enumerate(turns):
        report.tally.add(compare(turn, number, thorough=False))
    report.zones = report.groups = len({turn.zone for turn in turns})
    report.turns, report.seconds = len(turns), time.monotonic() - began
    return report


def over_everything(compare: Compare, processes: int) -> Report:
    """Compare around every turn of every zone, and around each new year in zones without turns."""
    began, names = time.monotonic(), zone_names()
    found = groups(names)
    report = Report(len(names), len(found), sum(len(group.turns) for group in found))
    with multiprocessing.Pool(processes) as pool:
        for done, tally in enumerate(pool.imap_unordered(partial(in_group, compare), enumerate(found)), 1):
            report.tally.add(tally)
            report.seconds = time.monotonic() - began
            progress = f"{done} of {len(found)} groups of zones, {report.tally.fires:,} fire times"
            print(f"{report.seconds:6.0f} s: {progress}", file=sys.stderr, flush=True)
    return report


def in_group(compare: Compare, numbered: tuple[int, Group]) -> Tally:
    """Compare around every turn of one group of zones."""
    number, group = numbered
    tally = Tally()
    for at, turn in enumerate(group.turns or new_years(group.names[0]), number):
        tally.add(compare(turn, at, thorough=True))
    return tally
