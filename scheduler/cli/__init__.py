"""The command line, a user of the public names like any other: `python -m scheduler --help`."""
