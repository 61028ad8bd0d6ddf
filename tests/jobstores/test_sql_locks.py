"""The queue before a database that lets one transaction write at a time."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scheduler.jobstores.sql.locks import FairLock


def test_threads_get_the_lock_in_the_order_in_which_they_asked():
    lock = FairLock()
    order = []

    def take(number):
        assert lock.acquire(30)
        order.append(number)
        lock.release()

    assert lock.acquire(0)
    with ThreadPoolExecutor(5) as pool:
        for number in range(5):
            pool.submit(take, number)
            while len(lock._waiting) <= number:
                pass
        lock.release()
    assert order == [0, 1, 2, 3, 4]


def test_a_lock_that_is_held_is_not_given_in_time():
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    lock.release()
    assert lock.acquire(0)


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX")
def test_who_is_interrupted_while_waiting_leaves_the_queue():
    lock = FairLock()
    assert lock.acquire(0)

    def interrupt():
        while not lock._waiting:
            pass
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                lock.acquire(30)
    finally:
        signal.signal(signal.SIGINT, before)
    lock.release()
    assert lock.acquire(0)
