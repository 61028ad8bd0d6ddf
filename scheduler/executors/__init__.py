"""Executors: the contract and its implementations."""

from scheduler.executors.base import Call, Executor
from scheduler.executors.inline import InlineExecutor
from scheduler.executors.threads import ThreadPoolExecutor

__all__ = ["Call", "Executor", "InlineExecutor", "ThreadPoolExecutor"]
