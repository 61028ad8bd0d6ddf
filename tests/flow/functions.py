"""Functions that a database can keep, and what they were called with."""

CALLS = []


def note(*args):
    CALLS.append(args)
    return len(CALLS)


def fail(*args):
    CALLS.append(args)
    raise ValueError("as it was told")


def fail_until(attempts):
    CALLS.append((attempts,))
    if len(CALLS) < attempts:
        raise ConnectionError("not yet")
    return "done"


def return_what_no_database_keeps():
    return object()
