"""The order in which a person looks for names: numbers count as numbers, so ``ecs-a-2`` stands before ``ecs-a-16``.

For host names, addresses, servers, sites and files alike, wherever somebody reads them. What only a program compares
(digests, keys that must be equal) keeps the plain order of text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

_NUMBER = re.compile(r"([0-9]+)")
S = TypeVar("S", bound=str)
T = TypeVar("T")
Key = tuple[tuple[tuple[int, str], ...], str]


@functools.lru_cache(maxsize=1 << 14)
def key(text: str) -> Key:
    """What to sort a text by: its parts, numbers by their size and never through ``int``, whose digits are limited.

    The text itself comes last, so that ``07`` and ``7`` have one order, too.
    """
    return tuple(map(_part, _NUMBER.split(text))), text


def _part(part: str) -> tuple[int, str]:
    """A number by its length and then its digits; any other text after numbers of no length."""
    if not part.isdigit():
        return -1, part
    digits = part.lstrip("0")
    return len(digits), digits


def ordered(texts: Iterable[S]) -> list[S]:
    """The texts in that order."""
    return sorted(texts, key=key)


def items(table: Mapping[str, T]) -> list[tuple[str, T]]:
    """The items of a table in that order of their keys."""
    return sorted(table.items(), key=lambda item: key(item[0]))
