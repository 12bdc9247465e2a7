"""The order in which pytest's workers get the tests: none is lost, and what takes long begins a slice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.support import order

ROOT = Path(__file__).resolve().parent.parent
LONG = [file for files in order.FIRST for file in files]


@dataclass(frozen=True)
class One:
    nodeid: str


def slices(tests: list[One], workers: int) -> list[list[One]]:
    """What xdist's ``worksteal`` hands out at the beginning: to each an equal part of what is left."""
    left, found = list(tests), []
    for number in range(workers):
        size = len(left) // (workers - number)
        found.append(left[:size])
        del left[:size]
    return found


@given(st.lists(st.sampled_from([*LONG, "tests/test_a.py", "tests/test_b.py"])), st.integers(1, 8))
def test_every_test_is_kept_once(files: list[str], workers: int) -> None:
    tests = [One(f"{file}::test_{number}") for number, file in enumerate(files)]
    ordered = order.in_order(tests, workers)
    assert sorted(ordered, key=tests.index) == tests
    others = [test for test in tests if test.nodeid.partition("::")[0] not in LONG]
    assert [test for test in ordered if test in others] == others


def test_each_group_begins_a_slice() -> None:
    files = [*(f"tests/test_{number}.py" for number in range(900)), *reversed(LONG)]
    ordered = order.in_order([One(f"{file}::test") for file in files], 6)
    begins = [[test.nodeid.partition("::")[0] for test in one] for one in slices(ordered, 6)]
    found = [one[: len(expected)] for expected, one in zip(order.FIRST, begins, strict=False)]
    assert found == [list(expected) for expected in order.FIRST]


def test_with_two_workers_the_groups_share_them() -> None:
    ordered = order.in_order([One(f"{file}::test") for file in ("tests/test_a.py",) * 40 + tuple(LONG)], 2)
    first, second = slices(ordered, 2)
    assert first[0].nodeid.startswith(order.FIRST[0][0])
    assert second[0].nodeid.startswith(order.FIRST[1][0])


def test_what_is_named_exists() -> None:
    assert [file for file in LONG if not (ROOT / file).is_file()] == []
    assert len(set(LONG)) == len(LONG)
