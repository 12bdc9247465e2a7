"""The first bytes of a conversation, put in order; and a table of conversations that cannot grow without bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_MAX_PENDING = 32
_COST = 512
"""An assembler without content: its object, its dictionary, an empty prefix."""
_COST_OF_A_PIECE = 160
"""A piece that waits: an object, its place in a dictionary."""
_HALF = 1 << 31


class Assembler:
    """Puts pieces with offsets into one prefix; where they overlap, the first to come stays."""

    __slots__ = ("_limit", "_pending", "held", "prefix")

    def __init__(self, limit: int) -> None:
        self.prefix = bytearray()
        self.held = _COST
        """Bytes of memory that this one takes, about; from above."""
        self._limit = limit
        self._pending: dict[int, bytes] = {}

    @property
    def full(self) -> bool:
        """Whether no more is taken."""
        return len(self.prefix) >= self._limit

    def add(self, offset: int, data: bytes) -> bool:
        """Take a piece; whether the prefix grew."""
        if not data or self.full or not 0 <= offset < self._limit:
            return False
        if offset > len(self.prefix):
            if len(self._pending) < _MAX_PENDING and offset not in self._pending:
                piece = self._pending[offset] = data[: self._limit - offset]
                self.held += len(piece) + _COST_OF_A_PIECE
            return False
        before = len(self.prefix)
        self.prefix += data[before - offset : self._limit - offset]
        while self._pending:
            nearest = min(self._pending)
            if nearest > len(self.prefix):
                break
            piece = self._pending.pop(nearest)
            self.prefix += piece[len(self.prefix) - nearest :]
            self.held -= len(piece) + _COST_OF_A_PIECE
        self.held += len(self.prefix) - before
        return len(self.prefix) > before


def relative(sequence: int, start: int) -> int:
    """The distance between two TCP sequence numbers, negative where ``sequence`` lies before ``start``."""
    distance = (sequence - start) & 0xFFFFFFFF
    return distance - (1 << 32) if distance >= _HALF else distance


class BoundedTable(Generic[K, V]):
    """A dictionary of at most ``limit`` entries that forgets the one that was used least recently."""

    def __init__(self, limit: int, forget: Callable[[K, V], None] | None = None) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._limit = limit
        self._forget = forget
        self.forgotten = 0

    def get(self, key: K) -> V | None:
        """Look up and mark as used."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Add or replace."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            old_key, old = self._entries.popitem(last=False)
            self.forgotten += 1
            if self._forget is not None:
                self._forget(old_key, old)

    def pop(self, key: K) -> V | None:
        """Take out."""
        return self._entries.pop(key, None)

    def drain(self) -> list[tuple[K, V]]:
        """Take everything out, oldest first."""
        entries = list(self._entries.items())
        self._entries.clear()
        return entries

    def __len__(self) -> int:
        return len(self._entries)
