from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netprobe import naming
from netprobe.errors import UsageError
from tests.support.cli import netprobe


def test_labels_keep_their_order_and_their_blanks_inside() -> None:
    found = naming.parse(["site=fra", " rack = 7 b ", "data-centre=eu=1"])
    assert list(found.items()) == [("site", "fra"), ("rack", "7 b"), ("data-centre", "eu=1")]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["fra"], "is not KEY=VALUE"),
        (["=fra"], "has a key that is not of a-z"),
        (["Site=fra"], "has a key that is not of a-z"),
        (["7=fra"], "has a key that is not of a-z"),
        ([f"{'k' * 64}=fra"], "has a key that is not of a-z"),
        (["site="], "has an empty value"),
        (["site= "], "has an empty value"),
        ([f"site={'f' * 129}"], "more than 128 characters"),
        (["site=f\x1b[31mra"], "control characters"),
        (["site=f\u202era"], "control characters"),
        (["site=fra", "site=ams"], "the label site is given already"),
        (["data-centre=1", "data.centre=2"], "the label data-centre is given already"),
        ([f"k{number}=v" for number in range(33)], "one label more than the 32"),
    ],
)
def test_what_is_no_label_is_refused_in_one_line(texts: list[str], reason: str) -> None:
    with pytest.raises(UsageError, match=re.escape(reason)) as caught:
        naming.parse(texts)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@given(st.lists(st.text(max_size=40), max_size=40))
def test_whatever_is_given_labels_are_words_with_printable_values_or_refused(texts: list[str]) -> None:
    try:
        found = naming.parse(texts)
    except UsageError:
        return
    for key, value in found.items():
        assert re.fullmatch(r"[a-z][a-z0-9_.-]*", key)
        assert value.strip() == value != ""
        assert all(ord(character) >= 32 for character in value)
    assert len({naming.as_word(key) for key in found}) == len(found)


def test_a_wrong_label_ends_a_check_before_a_packet_leaves() -> None:
    done = netprobe("check", "-r", "us-east-2", "--label", "site")
    assert (done.code, done.out) == (2, "")
    assert done.err == "netprobe: site: is not KEY=VALUE; write for example --label site=fra --label rack=7\n"
