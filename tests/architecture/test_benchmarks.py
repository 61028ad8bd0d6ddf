"""The benchmarks stay in working order; what they measure is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.__main__ import QUESTIONS
from benchmarks.report import tables
from tests.architecture.source import ROOT

OURS = [("fires", case) for case in QUESTIONS["fires"].cases if "ours" in case.name]
OURS += [
    ("cron", case)
    for case in QUESTIONS["cron"].cases
    if case.name in ("*/10 * * * * *, Berlin: ours", "last fri, UTC: cronsim")
]


@pytest.mark.parametrize(("title", "case"), OURS, ids=lambda value: getattr(value, "name", value))
def test_a_case_measures_at_a_small_size(title, case) -> None:
    command = [sys.executable, "-m", "benchmarks", "--measure", title, case.name, "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert all(value > 0 for value in json.loads(done.stdout).values())


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_ratios_name_cases_and_metrics_that_exist(question) -> None:
    names = {case.name for case in question.cases}
    for ratio in question.ratios:
        assert {ratio.ours, ratio.peer} <= names
        assert ratio.metric in question.units


def test_the_table_shows_median_spread_and_ratio() -> None:
    question = QUESTIONS["fires"]
    ours, peer = "memory: ours, history kept", "memory: APScheduler 3"
    measured = {ours: [{"rate": 300.0}, {"rate": 100.0}, {"rate": 200.0}], peer: [{"rate": 50.0}]}
    lines = tables(question, {ours: 10, peer: 10}, measured).splitlines()
    assert any("200 (100 … 300)" in line for line in lines)
    assert any("÷" in line and "4.00" in line for line in lines)
