"""Helpers of tests in which somebody waits for runs, in threads and in event loops."""

import threading

SOON = 20.0
"""Seconds after which a test gives up on what should happen at once."""


def in_thread(call):
    """Run `call` in a thread; returns a function that waits for what it returned or raised."""
    answer = []

    def run():
        try:
            answer.append(call())
        except BaseException as error:
            answer.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result():
        thread.join(SOON)
        return answer[0]

    return result


async def awaited(handle):
    return await handle
