"""Words of a line: the same as the standard library's, and linear in the line."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import shellwords
from tests.support.bounded import within


@given(st.text(alphabet="ab \t\r\n'\"\\\u00a0é$#;", max_size=40))
def test_the_same_words_as_shlex(text: str) -> None:
    try:
        expected = shlex.split(text)
    except ValueError:
        with pytest.raises(ValueError, match="no closing quotation"):
            shellwords.split(text)
    else:
        assert shellwords.split(text) == expected


LONG = 1_000_000


@pytest.mark.parametrize("line", ["a" * LONG, f"'{'a' * LONG}'", '"' + r"\a" * LONG + '"', "a'b'" * LONG])
def test_a_line_of_megabytes_takes_no_time(line: str) -> None:
    with within(cpu_seconds=10):
        assert len(shellwords.split(line)) == 1


def test_a_quote_that_never_closes_takes_no_time() -> None:
    with within(cpu_seconds=10), pytest.raises(ValueError, match="no closing quotation"):
        shellwords.split("a 'b' " * LONG + "'")
