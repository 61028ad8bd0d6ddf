"""Measurements, one file per question, with the peers in the same run: `python -m benchmarks --help`."""
