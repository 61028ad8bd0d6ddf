"""The executor contract on every executor."""

from scheduler.executors import InlineExecutor, ThreadPoolExecutor
from scheduler.testing.executor_contract import ExecutorContract


class TestInline(ExecutorContract):
    workers = 0

    def make_executor(self):
        return InlineExecutor()


class TestThreads(ExecutorContract):
    workers = 3

    def make_executor(self):
        return ThreadPoolExecutor(3)


class TestOneThread(ExecutorContract):
    workers = 1

    def make_executor(self):
        return ThreadPoolExecutor(max_workers=1)
