"""Functions that tests schedule; they write down that they were called."""

from typing import Any

calls: list[Any] = []
"""What `note` was called with, in order; emptied before each test."""

present: dict[str, Any] = {}
"""What a test lays down for the functions below to use; emptied before each test."""


def note(*args: Any, **kwargs: Any) -> int:
    calls.append((args, kwargs) if kwargs else args)
    return len(calls)


def one(number: int) -> int:
    return number + 1


def fail() -> None:
    raise ValueError("this job always fails")


def act() -> Any:
    """Do what the test wants done from inside a job."""
    return present["action"]()


async def awaited() -> None:
    calls.append("awaited")


class Clerk:
    @staticmethod
    def filed(*args: Any) -> None:
        calls.append(("filed", *args))

    @classmethod
    def signed(cls, *args: Any) -> None:
        calls.append((cls.__name__, *args))

    def method(self) -> None:
        calls.append("method")

    def __call__(self) -> None:
        calls.append("called")


NOT_CALLABLE = 7
