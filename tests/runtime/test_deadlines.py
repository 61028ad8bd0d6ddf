"""When attempts are to be looked at."""

from scheduler.runtime.deadlines import SPARE, Deadlines


class Awaited(set):
    def __call__(self, run_id, attempt):
        return (run_id, attempt) in self


def test_what_is_due_is_taken_out_in_the_order_of_time():
    awaited = Awaited({("a", 1), ("b", 1), ("c", 1)})
    deadlines = Deadlines(awaited)
    for at, run_id in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
        deadlines.add(at, run_id, 1)
    assert deadlines.next == 1.0
    assert list(deadlines.due(2.0)) == ["a", "b"]
    assert deadlines.next == 3.0
    assert list(deadlines.due(2.9)) == []


def test_attempts_that_have_ended_are_passed_over():
    awaited = Awaited({("a", 2)})
    deadlines = Deadlines(awaited)
    deadlines.add(1.0, "a", 1)
    deadlines.add(2.0, "a", 2)
    assert deadlines.next == 2.0
    awaited.clear()
    assert deadlines.next == float("inf")


def test_entries_of_attempts_that_have_ended_do_not_pile_up():
    awaited = Awaited()
    deadlines = Deadlines(awaited)
    for number in range(10 * SPARE):
        awaited.clear()
        awaited.update({(str(number), 1), ("first", 1)})
        deadlines.add(1e6 + number, str(number), 1)
        if number == 0:
            deadlines.add(2e6, "first", 1)
    assert len(deadlines) <= 2 * SPARE
    awaited.discard(("9999", 1))
    assert deadlines.next == 2e6
