"""What was probably meant: the likeliest first, never slow, and worded once."""

from __future__ import annotations

import time

from netprobe.nearest import meant, nearest

KNOWN = ("check", "gate", "render", "catalog")


def test_the_likeliest_name_comes_first_and_a_strange_word_has_none() -> None:
    assert nearest("chekc", KNOWN) == ["check"]
    assert nearest("catalogue", KNOWN)[0] == "catalog"
    assert nearest("zzzz", KNOWN) == []
    assert nearest("chec", KNOWN, cutoff=0.99) == []
    assert len(nearest("a", [f"a{n}" for n in range(20)], most=2, cutoff=0.1)) == 2


def test_a_pasted_megabyte_is_compared_in_no_time() -> None:
    begin = time.process_time()
    nearest("check" * 200_000, [f"name-{n}" for n in range(500)])
    assert time.process_time() - begin < 1.0


def test_the_remedy_names_what_was_meant_and_what_helps_else() -> None:
    assert meant(["ohio", "oregon"], "list them") == "did you mean ohio or oregon? list them"
    assert meant(["ohio"]) == "did you mean ohio?"
    assert meant([], "list them") == "list them"
    assert meant([]) == ""
