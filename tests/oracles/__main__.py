"""Compares fire times of cron with those of a peer in the zones of this machine; fails where one has no explanation."""

from __future__ import annotations

import argparse
import os
import sys

from tests.oracles import cron, keywords, runs

ORACLES = {"cron": cron, "keywords": keywords}
SAMPLE = 24
"""Turns of the clock in a sample, beside the odd ones."""
SHOWN = 20
"""Unexplained differences that are printed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracles", description=__doc__)
    parser.add_argument(
        "oracle", choices=ORACLES, help="crontab lines beside cronsim, or keywords beside APScheduler 3"
    )
    parser.add_argument(
        "--all", action="store_true", help="around every turn of the clock from 2000 to 2037, not a sample"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="for --all (one for each core)")
    options = parser.parse_args()
    oracle = ORACLES[options.oracle]
    if options.all:
        report = runs.over_everything(oracle.compare, options.processes)
    else:
        report = runs.over_a_sample(oracle.compare, SAMPLE)
    print(table(report, [difference.name for difference in oracle.DIFFERENCES]))
    for line in report.tally.unexplained[:SHOWN]:
        print(f"unexplained: {line}")
    return 1 if report.tally.unexplained else 0


def table(report: runs.Report, reasons: list[str]) -> str:
    """The figures of a run, and the differences by reason."""
    figures = {
        "zones": report.zones,
        "of them with clocks of their own": report.groups,
        "turns of the clock": report.turns,
        "searches": report.tally.searches,
        "fire times compared": report.tally.fires,
        "seconds": round(report.seconds),
    }
    differences = {f"differs: {reason}": report.tally.differences[reason] for reason in reasons}
    rows = figures | differences | {"differs without a reason": len(report.tally.unexplained)}
    return "\n".join(f"{name:<58}{number:>14,}" for name, number in rows.items())


if __name__ == "__main__":
    sys.exit(main())
