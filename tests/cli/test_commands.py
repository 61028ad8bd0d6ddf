"""The command line answers wrong arguments with status 2 and a hint."""

from __future__ import annotations

import pytest

from scheduler.cli.commands import main


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "required: command"),
        (["dmeo"], "choose from"),
        (["demo", "--kepe"], "--kepe"),
        (["demo", "more"], "more"),
    ],
)
def test_wrong_arguments_end_with_status_2_and_a_hint(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert hint in (told := capsys.readouterr().err)
    assert "--help" in told


@pytest.mark.parametrize(("arguments", "told"), [(["--help"], "demo"), (["demo", "--help"], "--keep")])
def test_help_tells_what_there_is(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert told in capsys.readouterr().out
