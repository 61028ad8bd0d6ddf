"""How values and exceptions of other people's code are shown in messages: short, and without raising."""

from __future__ import annotations

LONGEST = 200


def show(value: object) -> str:
    """Return the value's repr, cut to a readable length."""
    try:
        return shorten(repr(value))
    except Exception:
        return f"<an object of the class {type(value).__qualname__}>"


def shorten(text: str) -> str:
    """Return the text, cut to a readable length."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def describe(error: BaseException) -> str:
    """Return type and message of an exception."""
    try:
        return f"{type(error).__name__}: {shorten(str(error))}"
    except Exception:
        return type(error).__name__
