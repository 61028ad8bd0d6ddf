"""The queue before a database that lets one transaction write at a time."""

from concurrent.futures import ThreadPoolExecutor

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
