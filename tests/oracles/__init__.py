"""Independent answers that the fire times of cron are compared with, in every zone: `python -m tests.oracles`."""
