"""How much of what peers write about themselves a run keeps, however long it takes and whoever it meets.

A peer chooses what its certificates and its answers say, and one that says something else at every connection must not
fill the memory. So each kind of text has a room that holds for the whole run, all its processes together. An ordinary
run takes a small part of each; what no longer fits is kept in brief, and the report says so.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TypeVar

import msgspec

MOST_ALIKE = 1024
"""Texts that are kept once for all that say the same; AWS's services have some dozens."""
H = TypeVar("H", bound=Hashable)


class Room(msgspec.Struct):
    """One kind of text.

    Attributes:
        size: characters that a whole run keeps of it.
        left: characters that this process may still keep; all of them at first.
        refused: how many texts no longer fitted.
    """

    size: int
    left: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        """A room begins empty."""
        self.left = self.size

    def takes(self, characters: int) -> bool:
        """Whether there is room for a text, which then is taken."""
        if characters > self.left:
            self.refused += 1
            return False
        self.left -= characters
        return True


chains = Room(4 << 20)
"""Certificates as a report shows them. All regions behind an interceptor take a quarter."""
brief_chains = Room(2 << 20)
"""The same in brief, once the first room is full."""
answers = Room(8 << 20)
"""Heads of HTTP answers; 20,000 of a service's own, if no two were alike."""
_ALL = (chains, brief_chains, answers)
_alike: dict[Hashable, Hashable] = {}


def begin_run() -> None:
    """Give a new run the whole of every room."""
    for room in _ALL:
        room.left, room.refused = room.size, 0
    _alike.clear()


def share(count: int) -> None:
    """Leave the same to each of ``count`` processes."""
    for room in _ALL:
        room.left //= count


def refused() -> tuple[int, ...]:
    """How many texts of each kind did not fit, for the process that puts the parts of a run together."""
    return tuple(room.refused for room in _ALL)


def adopt(counts: Sequence[int]) -> None:
    """Add what did not fit in another process of this run."""
    for room, count in zip(_ALL, counts, strict=True):
        room.refused += count


def shared(value: H) -> H:
    """A value that was kept before and says the same, so that it is kept once; else the value itself."""
    known = _alike.get(value)
    if known is not None:
        return known  # type: ignore[return-value]
    if len(_alike) < MOST_ALIKE:
        _alike[value] = value
    return value


def is_shared(value: Hashable) -> bool:
    """Whether a value that says the same is kept already."""
    return value in _alike


def notes() -> Iterator[str]:
    """Say in the report what was left out of it."""
    if chains.refused:
        alone = f", {brief_chains.refused} of them by their fingerprints and dates" if brief_chains.refused else ""
        yield (
            f"{chains.refused} chains of certificates are shown in brief{alone}: peers wrote more into theirs than the "
            f"{chains.size >> 20} million characters that a run keeps; look at fewer regions at a time to see all"
        )
    if answers.refused:
        yield (
            f"{answers.refused} HTTP answers are shown without their headers: peers wrote more into theirs than the "
            f"{answers.size >> 20} million characters that a run keeps; look at fewer regions at a time to see all"
        )
