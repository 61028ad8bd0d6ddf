"""The runner: measures each case in a fresh process, several rounds interleaved, and prints medians and ratios."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks import cron, fires, lateness
from benchmarks.case import Case, Question, Values
from benchmarks.report import tables

QUESTIONS = {module.QUESTION.title: module.QUESTION for module in (fires, lateness, cron)}
ROOT = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"questions to answer: {', '.join(QUESTIONS)} (all)")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: to see that all of it works")
    parser.add_argument("--rounds", type=int, help="how often each case is measured (5, with --quick 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measured values to FILE")
    parser.add_argument("--measure", nargs=3, metavar=("QUESTION", "CASE", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        title, name, size = options.measure
        case = next(case for case in QUESTIONS[title].cases if case.name == name)
        print(json.dumps(case.measure(int(size))))
        return 0
    for name in options.names:
        if name not in QUESTIONS:
            parser.error(f"no question is called {name!r}; there are {', '.join(QUESTIONS)}")
    rounds = options.rounds or (2 if options.quick else 5)
    found = {
        name: answer(QUESTIONS[name], quick=options.quick, rounds=rounds) for name in options.names or list(QUESTIONS)
    }
    if options.json:
        machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
        document = {"machine": machine, "questions": found}
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def answer(question: Question, *, quick: bool, rounds: int) -> dict[str, list[Values]]:
    """Measure what can be measured here, print the tables, and return the values."""
    cases = [case for case in question.cases if case.needs is None or importlib.util.find_spec(case.needs)]
    sizes = {case.name: case.quick if quick else case.size for case in cases}
    found: dict[str, list[Values]] = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            print(f"{question.title}: round {number + 1} of {rounds}: {case.name}", file=sys.stderr, flush=True)
            found[case.name].append(in_a_fresh_process(question, case, sizes[case.name]))
    print(tables(question, sizes, found), flush=True)
    missing = sorted({case.needs for case in question.cases if case not in cases and case.needs})
    if missing:
        print(
            f"Left out, because it is not installed: {', '.join(missing)}. Install the extra: pip install '.[bench]'\n"
        )
    return found


def in_a_fresh_process(question: Question, case: Case, size: int) -> Values:
    command = [sys.executable, "-m", "benchmarks", "--measure", question.title, case.name, str(size)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"{question.title}: {case.name} failed:\n{done.stderr}")
    values: Values = json.loads(done.stdout.splitlines()[-1])
    return values


if __name__ == "__main__":
    sys.exit(main())
