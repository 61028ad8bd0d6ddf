"""How values and exceptions of other people's code are shown and kept: in bounds, and without raising."""

from __future__ import annotations

LONGEST = 200


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


def storable(text: str, longest: int | None = None) -> str:
    """Return the text as every database can keep it: NUL and lone surrogates, which some refuse, are escaped.

    Arguments:
        longest: the number of characters from which on the middle is left out; None: all are kept.
    """
    if longest is not None and len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}\n[… {len(text) - longest} characters left out …]\n{text[-half:]}"
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
