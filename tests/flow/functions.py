"""Functions that a database can keep, and what they were called with."""

from scheduler import Retry, current_run

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


def again(*args, **options):
    """Ask for another attempt, as the options say."""
    CALLS.append(args)
    raise Retry("not yet", **options)


def again_at(eta):
    CALLS.append((eta,))
    raise Retry(eta=eta)


def tell_cause():
    return current_run().cause


def fail_once(*args):
    CALLS.append(args)
    if len(CALLS) == 1:
        raise ValueError("as it was told")
    return len(CALLS)


def note_run(run):
    """A callback."""
    CALLS.append((run.id, run.state, run.result, run.error))


def fail_on_run(run):
    """A callback that fails."""
    CALLS.append((run.id,))
    raise ValueError("the callback, as it was told")
