"""Turns measured values into the tables that are printed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.case import Question, Values

Measured = Mapping[str, Sequence[Values]]
"""Case → what each round found."""


def tables(question: Question, sizes: Mapping[str, int], measured: Measured) -> str:
    """Return the values of each case as median and spread, and the ratios, as text."""
    rows = [["case", "n", *(f"{metric} {unit}: median (min … max)" for metric, unit in question.units.items())]]
    rows += [
        [name, f"{sizes[name]:,}", *(_spread([values[metric] for values in rounds]) for metric in question.units)]
        for name, rounds in measured.items()
    ]
    ratios = [["ratio of medians", "metric", "", "goal"]]
    for ratio in question.ratios:
        if ratio.ours in measured and ratio.peer in measured:
            value = _median(measured, ratio.ours, ratio.metric) / _median(measured, ratio.peer, ratio.metric)
            ratios.append([f"{ratio.ours} ÷ {ratio.peer}", ratio.metric, f"{value:.2f}", ratio.goal])
    return "\n\n".join([f"== {question.title} ==", question.text.strip(), _aligned(rows), _aligned(ratios)]) + "\n"


def _median(measured: Measured, case: str, metric: str) -> float:
    return statistics.median(values[metric] for values in measured[case])


def _spread(values: Sequence[float]) -> str:
    return f"{_number(statistics.median(values))} ({_number(min(values))} … {_number(max(values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)
