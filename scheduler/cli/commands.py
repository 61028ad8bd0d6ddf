"""Reads the arguments and calls the command that they name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from scheduler.cli.demo import demo

DEMO = """\
Show the scheduler at work on this machine, in about 15 seconds. A program with a scheduler on a SQLite file is started,
killed with SIGKILL in the middle of its work, left dead while fires are missed, and started again. Then each fire time
is compared with what is on record. Exits with 0 if every fire time has exactly one record, otherwise with 1."""


class _Parser(argparse.ArgumentParser):
    """Ends with status 2, and a hint, on wrong arguments."""

    def error(self, message: str) -> NoReturn:
        self.print_usage()
        self.exit(2, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments (None: those of this process) name and return the exit status."""
    parser = _Parser(prog="python -m scheduler", description="A job scheduler that lives inside your program.")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    show = commands.add_parser("demo", help="show a scheduler that is killed and goes on", description=DEMO)
    show.add_argument("--keep", action="store_true", help="keep the database and the files to look at them afterwards")
    options = parser.parse_args(arguments)
    return demo(keep=options.keep)
