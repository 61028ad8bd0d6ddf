"""How far a run is, drawn on a terminal while somebody waits for it."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, Self

from scheduler.core.run import Run, RunState
from scheduler.errors import InvalidSettingError

LARGEST = 1e15
"""What a bar can show."""


class ProgressBar:
    """A bar on standard error for one run: what its function says it has `done` of a `total`. Nothing on no terminal.

    Raises InvalidSettingError if the library tqdm is not installed (the extra `progress`), also where it would draw
    nothing: what fails on a terminal should be seen to fail everywhere.
    """

    def __init__(self) -> None:
        try:
            from tqdm import tqdm  # type: ignore[import-untyped]
        except ImportError:
            raise InvalidSettingError(
                "progress=True needs the library tqdm, which is not installed: pip install embedded-scheduler[progress]"
            ) from None
        self._make = partial(tqdm, file=sys.stderr, disable=not sys.stderr.isatty(), dynamic_ncols=True)
        self._bar: Any = None
        """Made, and so drawn, with the first that there is to show."""

    def show(self, run: Run) -> None:
        """Draw how far the run is."""
        said = run.progress
        words = str(run.state if said is None or run.state.final else said.state)
        if self._bar is None:
            self._bar = self._make(desc=words)
        bar = self._bar
        done, total = (None, None) if said is None else (said.meta.get("done"), said.meta.get("total"))
        if _is_number(total):
            bar.total = total
        if _is_number(done):
            bar.n = done
        if run.state is RunState.SUCCESS and bar.total is not None:
            bar.n = bar.total
        bar.set_description_str(words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the bar as it is on the terminal."""
        if self._bar is not None:
            self._bar.close()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= LARGEST
