"""The contract of executors as tests: run it on an executor of your own to see whether schedulers can rely on it."""

from __future__ import annotations

from scheduler.testing.executor_endings import CancelTests, RoomTests
from scheduler.testing.executor_life import CheckTests, ForkTests, LifeTests
from scheduler.testing.executor_outcomes import OutcomeTests

__all__ = ["ExecutorContract"]


class ExecutorContract(OutcomeTests, RoomTests, CancelTests, LifeTests, ForkTests, CheckTests):
    """Every sentence of `scheduler.executors.base`, as tests for pytest.

    A subclass says how to make an executor, and how many calls it makes at a time; the suite starts and stops it:

        from scheduler.testing import ExecutorContract

        class TestMyExecutor(ExecutorContract):
            workers = 2                 # 0: it makes its calls within `submit`

            def make_executor(self):
                return MyExecutor(threads=2)

    Three attributes say what else is special about it: `plain_functions = False` where it takes coroutine functions
    only, `same_process = False` where results have to be pickled, `ends_calls = True` where calls that are cancelled
    do end, whatever they do. The calls may be made in other processes of this machine.

    A test that fails names the sentence that does not hold. Call `pytest.register_assert_rewrite("scheduler.testing")`
    in your conftest.py, before the import, to see the values as well.
    """
