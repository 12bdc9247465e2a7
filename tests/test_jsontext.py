"""JSON that is shown: the same value to every reader, and nothing in it that a terminal obeys."""

from __future__ import annotations

import json
import tracemalloc
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from netprobe import jsontext


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Co", "Zl", "Zp"])))
def test_every_text_comes_back_and_controls_nothing(text: str) -> None:
    shown = jsontext.encode({"text": text}).decode()
    assert json.loads(shown) == {"text": text}
    controls = {c for c in shown if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"}
    assert controls <= {"\n"}


def test_what_a_person_reads_stays_readable() -> None:
    assert "Société 東京" in jsontext.encode(["Société 東京"]).decode()
    assert r"\u009b" in jsontext.encode(["\x9b31m"]).decode()
    assert r"\u202e" in jsontext.encode(["\u202e"]).decode()
    assert r"\udb40\udc01" in jsontext.encode(["\U000e0001"]).decode()


def test_a_large_document_is_never_text_as_a_whole() -> None:
    value = ["\u2026 " + "x" * 98 for _ in range(100_000)]
    tracemalloc.start()
    try:
        shown = jsontext.encode(value)
        largest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert json.loads(shown) == value
    assert largest < 3.2 * len(shown)
