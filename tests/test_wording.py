"""What other people's values and exceptions look like in messages and in tables."""

import pytest

from scheduler.wording import LONGEST, describe, storable


class UnshowableError(Exception):
    def __str__(self):
        raise RuntimeError("not even that")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no"), "ValueError: no"),
        (ValueError(), "ValueError"),
        (KeyError("x"), "KeyError: 'x'"),
        (UnshowableError(), "UnshowableError: <its message cannot be shown>"),
        (ValueError("a\0b\ud800"), r"ValueError: a\x00b\ud800"),
        (ValueError("x" * 500), f"ValueError: {'x' * LONGEST}…"),
    ],
)
def test_an_exception_is_described_by_type_and_message(error, text):
    assert describe(error) == text


def test_as_much_of_a_message_is_kept_as_asked_for():
    assert describe(ValueError("x" * 500), 500) == f"ValueError: {'x' * 500}"


@pytest.mark.parametrize(
    ("text", "stored"),
    [("plain", "plain"), ("täglich ☂", "täglich ☂"), ("a\0b", r"a\x00b"), ("\ud800", r"\ud800"), ("ü\0", r"ü\x00")],
)
def test_text_is_stored_without_what_some_databases_refuse(text, stored):
    assert storable(text) == stored


def test_of_a_text_that_is_too_long_both_ends_are_kept():
    text = storable("a" * 900 + "b" * 900, 1_000)
    assert text == f"{'a' * 500}\n[… 800 characters left out …]\n{'b' * 500}"
    assert storable("b" * 1_000, 1_000) == "b" * 1_000
