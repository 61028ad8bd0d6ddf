"""Runs a server for as long as its standard input is open, then ends it and removes its folder.

The tests hold the other end of the pipe, so nothing is left behind even where they are killed.

    python keeper.py FOLDER USER COMMAND…        USER: whom to run the command as; "" for the present one
"""

import contextlib
import shutil
import signal
import subprocess
import sys

STOP_TIMEOUT = 10.0
"""Seconds that a server has to end after being asked."""


def main(folder: str, user: str, *command: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        with open(f"{folder}/log", "wb") as log:
            server = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                restore_signals=True,
                preexec_fn=restore,
                **as_user(user),
            )
        sys.stdin.read()
        server.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_TIMEOUT)
        server.kill()
        server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def restore() -> None:
    """Undo what the server would inherit: ignored signals stay ignored across exec."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def as_user(user: str) -> dict[str, object]:
    """Return how to start a process as somebody else."""
    return {"user": user, "group": user_group(user), "extra_groups": []} if user else {}


def user_group(user: str) -> int:
    """Return a user's own group."""
    import pwd  # not on Windows, where nobody else is asked for

    return pwd.getpwnam(user).pw_gid


if __name__ == "__main__":
    main(*sys.argv[1:])
