"""Errors are one printable line with value, reason and remedy, whatever was given."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netprobe import errors
from netprobe.errors import (
    CannotExpressError,
    InvalidHostnameError,
    NetprobeError,
    RefusedRegionError,
    UnknownRegionError,
    UnreadableFileError,
    UsageError,
    printable,
)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("us-east-2", "us-east-2"),
        ("München, Zürich", "München, Zürich"),
        ("a\nb\tc\rd\x00", r"a\nb\tc\rd\x00"),
        ("\x1b]0;title\x07\x1b[2J", r"\x1b]0;title\x07\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202ecba", r"abc\u202ecba"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        ("", ""),
    ],
)
def test_printable_escapes_whatever_could_move_a_cursor(text: str, safe: str) -> None:
    assert printable(text) == safe


def test_printable_cuts() -> None:
    assert printable("x" * 200) == "x" * 200
    assert printable("x" * 201) == "x" * 199 + "…"
    assert printable("\x1b" * 10**6, limit=10) == r"\x1b\x1b\…"
    assert len(printable("\U000e0001" * 50, limit=20)) == 20


@given(st.text(max_size=300), st.integers(5, 250))
@settings(max_examples=200)
def test_printable_is_safe_bounded_and_idempotent(text: str, limit: int) -> None:
    safe = printable(text, limit)
    assert len(safe) <= limit
    assert not any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in safe)
    assert printable(safe, limit) == safe
    safe.encode("utf-8")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (InvalidHostnameError, 2),
        (UnknownRegionError, 2),
        (RefusedRegionError, 2),
        (UnreadableFileError, 2),
    ],
)
def test_a_users_mistake_names_value_reason_and_remedy(kind: type[UsageError], code: int) -> None:
    error = kind("va\x1blue", "the reason", "the remedy")
    assert str(error) == r"va\x1blue: the reason; the remedy"
    assert (error.value, error.reason, error.remedy) == (r"va\x1blue", "the reason", "the remedy")
    assert error.exit_code == code
    assert isinstance(error, UsageError)
    assert isinstance(error, NetprobeError)


def test_what_a_device_cannot_say_is_no_usage_error() -> None:
    error = CannotExpressError(("first", "second"))
    assert error.problems == ("first", "second")
    assert str(error) == "first; second"
    assert error.exit_code == 1
    assert not isinstance(error, UsageError)


def test_a_password_in_a_url_is_never_quoted() -> None:
    error = UsageError("http://user:s3cr3t@proxy.example:3128", "reason", "remedy")
    assert "s3cr3t" not in str(error)
    assert "s3cr3t" not in repr(error)
    assert "s3cr3t" not in error.value
    assert "proxy.example:3128" in error.value


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("http://user:secret@proxy:3128", "http://***@proxy:3128"),
        ("x http://a:b@c d https://e:f@g/", "x http://***@c d https://***@g/"),
        ("http://user:p@ss:w/rd@proxy", "http://***@proxy"),
        ("http://proxy:3128", "http://proxy:3128"),
        ("mail user@example.com", "mail user@example.com"),
    ],
)
def test_redacted_takes_credentials_out_of_urls(text: str, safe: str) -> None:
    assert errors.redacted(text) == safe


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    kinds = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, NetprobeError)]
    assert kinds
    for kind in kinds:
        assert kind.__name__ in errors.__doc__
        assert kind.__doc__
