"""How values and exceptions of other people's code are shown and kept: in bounds, and without raising."""

from __future__ import annotations

import re

LONGEST = 200

_CUT = re.compile(r"\n\[… (\d{1,3}(?:,\d{3}){0,4}) characters left out …\]\n")
"""The mark of what was left out when a text was cut before."""


def show(value: object) -> str:
    """Return the value's repr, cut to a readable length."""
    try:
        return shorten(repr(value))
    except Exception:
        return f"<an object of the class {type(value).__qualname__}>"


def shorten(text: str, longest: int = LONGEST) -> str:
    """Return the text, cut to a readable length."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def describe(error: BaseException, longest: int | None = LONGEST) -> str:
    """Return type and message of an exception as text that every database can keep: its `__str__` may raise as well.

    Arguments:
        longest: how many characters of the message are kept; None: all.
    """
    try:
        message = str(error) if longest is None else shorten(str(error), longest)
    except BaseException:
        message = "<its message cannot be shown>"
    name = type(error).__qualname__
    return storable(f"{name}: {message}" if message else name)


def cut(text: str, longest: int) -> str:
    """Return the text without its middle where it is longer than that, and in its place, how much was left out."""
    half = longest // 2
    if len(text) <= longest:
        return text
    middle = text[half:-half]
    left_out = len(middle) + sum(int(mark[1].replace(",", "")) - len(mark[0]) for mark in _CUT.finditer(middle))
    return f"{text[:half]}\n[… {left_out:,} characters left out …]\n{text[-half:]}"


def storable(text: str, longest: int | None = None) -> str:
    """Return the text as every database can keep it: NUL and lone surrogates, which some refuse, are escaped.

    Arguments:
        longest: the number of characters from which on the middle is left out; None: all are kept.
    """
    if longest is not None:
        text = cut(text, longest)
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
