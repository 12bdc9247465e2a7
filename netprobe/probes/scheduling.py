"""Slots and side-by-side work, without the turns of the event loop that nobody waits for.

trio gives way on every acquire and opens a nursery for one task as for a hundred. A check does both for every host, and
a turn of the loop costs as much as parsing an answer. Every probe gives way often enough by itself: it waits for the
network.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

T = TypeVar("T")


class Slots:
    """So many at once: take a place with ``async with``. A checkpoint only where none is free.

    Args:
        total: how many places there are.
    """

    def __init__(self, total: int) -> None:
        self._limiter = trio.CapacityLimiter(total)

    @property
    def taken(self) -> int:
        """The places that are taken."""
        return self._limiter.borrowed_tokens

    async def __aenter__(self) -> None:
        try:
            self._limiter.acquire_nowait()
        except trio.WouldBlock:
            await self._limiter.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._limiter.release()


async def side_by_side(work: Callable[[T], Awaitable[None]], items: Sequence[T]) -> None:
    """Do the same with every item at the same time; with a single one, in this task.

    Args:
        work: what to do with one.
        items: the items.
    """
    if len(items) == 1:
        await work(items[0])
        return
    async with trio.open_nursery() as nursery:
        for item in items:
            nursery.start_soon(work, item)
