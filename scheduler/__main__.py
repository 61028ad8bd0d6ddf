"""Runs the command line: `python -m scheduler`."""

import sys

from scheduler.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
