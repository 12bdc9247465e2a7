"""The small helpers of sentences, as their readers meet them."""

from __future__ import annotations

import pytest

from netprobe.diagnosis.words import agree, count, duration, listing


@pytest.mark.parametrize(
    ("verb", "of_one"),
    [
        ("end", "ends"),
        ("fail", "fails"),
        ("pass", "passes"),
        ("finish", "finishes"),
        ("reach", "reaches"),
        ("go", "goes"),
        ("are", "is"),
        ("have", "has"),
        ("do", "does"),
    ],
)
def test_a_verb_agrees_with_the_number_of_hosts(verb: str, of_one: str) -> None:
    assert agree(1, verb) == of_one
    assert agree(2, verb) == agree(40, verb) == verb


def test_lists_are_cut_where_they_would_not_be_read() -> None:
    assert listing([]) == "nothing"
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing(["a", "b", "c", "d"]) == "a, b, c and d"
    assert listing([f"h{number}" for number in range(40)]) == "h0, h1, h2 and 37 more"


def test_counts_and_times() -> None:
    assert [count(1, "try", "tries"), count(2, "try", "tries"), count(2, "name")] == ["1 try", "2 tries", "2 names"]
    assert [duration(0.71), duration(52), duration(250), duration(7300), duration(400_000)] == [
        "0.7 s",
        "52 s",
        "4 minutes 10 s",
        "2.0 hours",
        "4.6 days",
    ]
