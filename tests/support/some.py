"""What a test goes through, which must not be nothing: a loop over nothing asserts nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def some(things: Iterable[T]) -> list[T]:
    """The same things, of which there is one at least (``tests/test_hollow.py`` asks for it)."""
    found = list(things)
    assert found, "there is nothing to look at, so that nothing would be asserted"
    return found
